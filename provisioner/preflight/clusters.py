"""Checks of clusters: combinations that EKS would refuse after the click, with the nearest that it takes."""

from collections.abc import Iterator
from datetime import date, timedelta
from ipaddress import ip_network

from provisioner import instances
from provisioner.preflight.row import Case, Row, Seen
from provisioner.spec import Wish

# Regions get new machines: a table older than this refuses nobody, and `plan --online` asks AWS.
_FRESH = timedelta(days=540)
# Nobody on the internet has them; EKS refuses them. Not those of documentation, which examples are made of.
_NOT_PUBLIC = tuple(
    ip_network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
# EKS takes so many addresses for the API of one cluster.
_MOST_CIDRS = 40


def _built(case: Case) -> Iterator[tuple[str, Wish]]:
    for wish in case.plan.spec.components:
        if not wish.reuse and wish.component.network and "public_access_cidrs" in wish.options:
            yield f"components.{wish.component.type}.options", wish


def _gpu(case: Case) -> Iterator[Seen]:
    region = case.plan.spec.region
    if case.today - date.fromisoformat(instances.as_of()) > _FRESH:
        return
    for path, wish in _built(case):
        type_ = str(wish.options.get("gpu_instance_type", ""))
        if type_ and instances.offered(type_, region) is False:
            there = ", ".join(instances.nearest(type_, region))
            elsewhere = ", ".join(instances.regions_with(type_))
            yield Seen(
                subject=f"{path}.gpu.instance_type",
                message=f"EC2 sells no {type_} in {region}, as of {instances.as_of()}",
                fix=f"choose {there}" if there else f"it is sold in {elsewhere}",
            )


def _counts(case: Case) -> Iterator[Seen]:
    for path, wish in _built(case):
        low, wanted, high = (int(str(wish.options.get(f"node_{k}", 0))) for k in ("min", "desired", "max"))
        if not low <= wanted <= high:
            yield Seen(
                subject=f"{path}.node",
                message=f"min {low}, desired {wanted}, max {high}",
                fix=f"desired: {min(max(wanted, low), max(low, high))}, max: {max(low, wanted, high)}",
            )


def _reserved_cidrs(case: Case) -> Iterator[Seen]:
    for path, wish in _built(case):
        given = wish.options["public_access_cidrs"]
        for cidr in given if isinstance(given, tuple) else ():
            if not cidr[:1].isdigit():
                continue  # a placeholder, which another check names
            found = ip_network(cidr, strict=False)
            if any(found.overlaps(block) for block in _NOT_PUBLIC):
                yield Seen(
                    subject=f"{path}.public_access_cidrs",
                    message=f"{cidr} is no address that anybody has on the internet",
                )


def _many_cidrs(case: Case) -> Iterator[Seen]:
    for path, wish in _built(case):
        given = wish.options["public_access_cidrs"]
        if isinstance(given, tuple) and len(given) > _MOST_CIDRS:
            yield Seen(
                subject=f"{path}.public_access_cidrs", message=f"{len(given)} of at most {_MOST_CIDRS}"
            )


def _twice(case: Case) -> Iterator[Seen]:
    seen: set[str] = set()
    for wish in case.plan.spec.components:
        if wish.reuse and wish.component.manifests and wish.reuse in seen:
            yield Seen(
                subject=f"components.{wish.component.type}.reuse",
                message="the same cluster is reused twice, and would get two entries for one role",
                fix=f"write `{wish.component.type}: {wish.component.flavor}`: it shares the other's cluster",
            )
        seen |= {wish.reuse} - {""}


ROWS = (
    Row(
        id="gpu-not-sold-here",
        severity="error",
        why="pods that ask for a GPU would wait for ever",
        look=_gpu,
    ),
    Row(
        id="node-counts",
        severity="error",
        why="EKS refuses a node group that wants more than its most, or less than its least",
        look=_counts,
    ),
    Row(
        id="cidr-not-public",
        severity="error",
        why="EKS takes public addresses only; machines of the VPC reach the API by its private one anyway",
        look=_reserved_cidrs,
        fix="write the address under which you appear on the internet",
    ),
    Row(
        id="too-many-cidrs",
        severity="error",
        why="EKS takes no more for the API of one cluster",
        look=_many_cidrs,
        fix="join neighbours to a shorter prefix, /8 at the shortest",
    ),
    Row(
        id="cluster-twice",
        severity="error",
        why="EKS has one access entry per role and cluster: the stack would be rolled back",
        look=_twice,
    ),
)
