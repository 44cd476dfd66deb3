"""Checks of machines that SkyPilot starts: its file, its network, and how many an account may run."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from provisioner.preflight.row import Case, Question, Row, Seen
from provisioner.spec import Wish


class Quota(NamedTuple):
    """Service Quotas' codes for running machines of some families, in vCPUs."""

    families: str
    on_demand: str
    spot: str
    words: str


# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
QUOTAS = (
    Quota("p", "L-417A185B", "L-7212CCBC", "P"),
    Quota("g|gr|vt", "L-DB2E81BA", "L-3819A6DF", "G and VT"),
    Quota("[acdhimrtz]|im|is", "L-1216C47A", "L-34B43A08", "standard"),
)
_TYPE = re.compile(r"([a-z]+)\d[a-z0-9-]*\.(?:(nano|micro|small|medium|large)|(\d*)xlarge)")
_SPOT_ROLE: Question = ("linked-role", "spot.amazonaws.com")


def _built(case: Case) -> Iterator[tuple[str, Wish]]:
    for wish in case.plan.spec.components:
        if "ssh_cidrs" in wish.options:
            yield f"components.{wish.component.type}", wish


def vcpus(type_: str) -> int | None:
    """How many a machine has, as the names of x86 machines say it; None where they do not."""
    found = _TYPE.fullmatch(type_)
    if found is None:
        return None
    return 4 * int(found[3] or 1) if found[2] is None else 2


def _quota(wish: Wish) -> tuple[Quota, Question] | None:
    found = _TYPE.fullmatch(str(wish.options["instance_type"]))
    for quota in QUOTAS if found else ():
        if found and re.fullmatch(quota.families, found[1]):
            code = quota.spot if wish.options["use_spot"] else quota.on_demand
            return quota, ("quota", "ec2", code)
    return None


def _quota_asks(case: Case) -> list[Question]:
    return [found[1] for _, wish in _built(case) if (found := _quota(wish))]


def _quota_low(case: Case) -> Iterator[Seen]:
    for path, wish in _built(case):
        type_, found = str(wish.options["instance_type"]), _quota(wish)
        allowed, wanted = case.answers[found[1]] if found else None, vcpus(type_)
        if found and allowed is not None and wanted is not None and allowed < wanted:
            kind = "spot" if wish.options["use_spot"] else "on-demand"
            yield Seen(
                subject=f"{path}.options.instance_type",
                message=f"{type_} has {wanted} vCPUs; {allowed:g} of {kind} {found[0].words} machines are "
                "allowed",
                fix=f"ask for more at Service Quotas (ec2 {found[1][2]}), or choose a smaller machine",
            )


def _file(case: Case) -> Iterator[Seen]:
    for path, _ in _built(case):
        yield Seen(
            subject=path,
            message="SkyPilot takes profile, group and network from ~/.sky/config.yaml alone",
        )


def _by_name(case: Case) -> Iterator[Seen]:
    network = case.plan.spec.network
    for _ in _built(case):
        if network and network.vpc != "new":
            yield Seen(
                subject="network.vpc",
                message=f"SkyPilot finds {network.vpc.rpartition('/')[2]} by its Name tag, which no template "
                "can read",
            )


def _public(case: Case) -> Iterator[Seen]:
    for path, _ in _built(case):
        yield Seen(
            subject=f"{path}.options.ssh_cidrs",
            message="Machines have public addresses, at 0.005 USD an hour each; only SSH is let in, and only "
            "from these addresses",
        )


def _spot_asks(case: Case) -> list[Question]:
    return [_SPOT_ROLE for _, wish in _built(case) if wish.options["use_spot"]]


def _spot(case: Case) -> Iterator[Seen]:
    for _ in _spot_asks(case):
        if case.answers[_SPOT_ROLE] is False:
            yield Seen(subject="spot.amazonaws.com", message="no spot machine was ever started here")


ROWS = (
    Row(
        id="client-file",
        severity="info",
        why="without it SkyPilot tries to make a role with FullAccess, and is refused",
        look=_file,
        fix="`stackwright stack show NAME` prints the file; docs/ec2.md says where it goes",
    ),
    Row(
        id="vpc-by-name",
        severity="warning",
        why="SkyPilot looks for no id, and starts nothing",
        look=_by_name,
        fix="write its Name tag, which no other VPC may have, as vpc_name into the file that finish prints",
    ),
    Row(
        id="public-machines",
        severity="info",
        why="SkyPilot works by SSH, from where pipelines are started",
        look=_public,
    ),
    Row(
        id="quota-machines",
        severity="warning",
        why="new accounts often may run no machine of a kind at all",
        look=_quota_low,
        asks=_quota_asks,
    ),
    Row(
        id="spot-role",
        severity="info",
        why="spot machines need a role that AWS makes at the first one",
        look=_spot,
        asks=_spot_asks,
        fix="nothing to do: the access role may have it made",
    ),
)
