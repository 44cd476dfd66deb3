"""Checks of the region: what it lacks, what nobody knows about it, what its partition means."""

from collections.abc import Iterator, Mapping

from provisioner import regions, zones
from provisioner.component import Component, Value, holds
from provisioner.components import find, flavors
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
        yield Seen(
            subject=type_,
            message=f"CloudFormation has no such type in {region}",
            fix=" or ".join(_nearest(case, type_)),
        )


def _nearest(case: Case, missing: str) -> Iterator[str]:
    """What to change so that the region has every type: an option, a flavor, or the region itself."""
    wishes = [w for w in case.plan.spec.components if not w.reuse and missing in w.component.resource_types]
    for wish in wishes:
        component, path = wish.component, f"components.{wish.component.type}"
        for option in (o for o in component.options if o.shapes == "value"):
            others = [c for c in option.choices if c != wish.options[option.name]]
            changed = [{**component.structure(wish.options), option.name: c} for c in others]
            yield from (
                f"set {path}.options.{option.name}: {structure[option.name]}"
                for structure in changed
                if not _lacks(component, structure, case.plan.spec.region)
            )
        rest = [find(component.type, f) for f in flavors(component.type) if f != component.flavor]
        yield from (
            f"set {path}: {other.flavor}"
            for other in rest
            if other and not other.beside and not _lacks(other, other.structure({}), case.plan.spec.region)
        )
    if near := _near(case.plan.spec.region, case.template.types):
        yield f"set region: {near}"


def _lacks(component: Component, structure: Mapping[str, Value], region: str) -> bool:
    types = {t for t in component.resource_types if holds(component.types_when.get(t, ""), structure)}
    return bool(types & (regions.missing_types(region) or frozenset()))


def _near(region: str, types: set[str]) -> str:
    """The region that has every type: of this partition, and of this continent where one is."""
    partition = regions.partition(region)
    known = [name for name in regions.names() if regions.partition(name) == partition]
    whole = [name for name in known if (lack := regions.missing_types(name)) is not None and not lack & types]
    return min(whole, key=lambda name: (name.partition("-")[0] != region.partition("-")[0], name), default="")


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
