"""Checks of what is reused: in the region, the partition and the account of the stack."""

from collections.abc import Iterator

from provisioner import arn, regions
from provisioner.preflight.row import Case, Row, Seen
from provisioner.spec import Wish


def _reused(case: Case) -> list[tuple[str, Wish]]:
    wishes = [w for w in case.plan.spec.components if w.reuse]
    return [(f"components.{w.component.type}.reuse", w) for w in wishes]


def _region(case: Case) -> Iterator[Seen]:
    region = case.plan.spec.region
    for path, wish in _reused(case):
        found = arn.parse(wish.reuse).region
        if found not in ("", region):
            yield Seen(
                subject=path,
                message=f"{wish.reuse} is in {found}, the stack in {region}",
                fix=f"set region: {found}, or build a new one",
            )


def _partition(case: Case) -> Iterator[Seen]:
    region = case.plan.spec.region
    for path, wish in _reused(case):
        if arn.parse(wish.reuse).partition != regions.partition(region).name:
            yield Seen(
                subject=path,
                message=f"{wish.reuse} is in partition {arn.parse(wish.reuse).partition}",
                fix=f"a stack in {region} can reuse only its own partition's resources",
            )


def _role(case: Case) -> Iterator[Seen]:
    if any(not w.reuse for w in case.plan.spec.components):
        for path, wish in _reused(case):
            if arn.parse(wish.reuse).service == "iam":
                yield Seen(
                    subject=path,
                    message="a reused role is not changed: it may lack rights on what this stack builds",
                )


def _accounts(case: Case) -> Iterator[Seen]:
    """A bucket's ARN tells no account; the others must agree, for no role is passed across accounts."""
    named = {arn.parse(w.reuse).account for _, w in _reused(case)} - {""}
    if len(named) > 1:
        yield Seen(
            subject="components",
            message=f"what is reused is in several accounts: {', '.join(sorted(named))}",
        )


def _network_region(case: Case) -> Iterator[Seen]:
    network, region = case.plan.spec.network, case.plan.spec.region
    found = arn.parse(network.vpc).region if network and network.vpc.startswith("arn:") else region
    if found != region:
        yield Seen(subject="network.vpc", message=f"the VPC is in {found}, the stack in {region}")


ROWS = (
    Row(
        id="reuse-region",
        severity="error",
        why="a stack reaches only what is in its own region",
        look=_region,
    ),
    Row(
        id="reuse-partition",
        severity="error",
        why="partitions share nothing, not even names",
        look=_partition,
    ),
    Row(
        id="reuse-role",
        severity="warning",
        why="the first job would fail with AccessDenied",
        look=_role,
        fix="`stackwright scan` says what the role trusts; compare its policies with the plan's",
    ),
    Row(
        id="reuse-accounts",
        severity="error",
        why="no role is passed and no cluster joined across accounts",
        look=_accounts,
        fix="a stack holds resources of one account",
    ),
    Row(
        id="network-region",
        severity="error",
        why="a VPC belongs to one region",
        look=_network_region,
        fix="choose a VPC of the stack's region, or `vpc: new`",
    ),
)
