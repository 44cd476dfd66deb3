"""Checks of the region: what it lacks, what nobody knows about it, what its partition means."""

from collections.abc import Iterator

from provisioner import regions, zones
from provisioner.preflight.row import Case, Row, Seen


def _unknown(case: Case) -> Iterator[Seen]:
    region = case.plan.spec.region
    if regions.missing_types(region) is None:
        yield Seen(
            subject=region,
            message="no published list of resource types for this region: a type may be missing",
        )


def _missing(case: Case) -> Iterator[Seen]:
    region = case.plan.spec.region
    for type_ in sorted(case.template.types & (regions.missing_types(region) or frozenset())):
        yield Seen(subject=type_, message=f"CloudFormation has no such type in {region}")


def _zones(case: Case) -> Iterator[Seen]:
    network, region = case.plan.shape.network, case.plan.spec.region
    if network and network.vpc == "new" and len(zones.of(region)) < network.zones:
        known = len(zones.of(region))
        yield Seen(
            subject=region,
            message=f"{network.zones} zones are asked for, and the ids of {known} are known here",
        )


def _partition(case: Case) -> Iterator[Seen]:
    name = regions.partition(case.plan.spec.region).name
    if name != "aws":
        yield Seen(
            subject=case.plan.spec.region,
            message="ZenML's AWS connector writes arn:aws: and asks the commercial STS: "
            f"it does not reach {name}",
        )


ROWS = (
    Row(
        id="region-unknown",
        severity="warning",
        why="a type that the region lacks fails the whole template, even behind a condition",
        look=_unknown,
        fix="deploy once in a test account, or choose another region",
    ),
    Row(
        id="type-missing",
        severity="error",
        why="CloudFormation validates every type before it makes anything",
        look=_missing,
        fix="choose another region or flavor",
    ),
    Row(
        id="zones-unknown",
        severity="error",
        why="subnets are placed by zone id, and EKS refuses some zones",
        look=_zones,
        fix="name an existing VPC under network, or choose another region",
    ),
    Row(
        id="zenml-partition",
        severity="warning",
        why="a stack that no ZenML server can use is worth little to its users",
        look=_partition,
        fix="use the stack without a connector, with the credentials of where it runs",
    ),
)
