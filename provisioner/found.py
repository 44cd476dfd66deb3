"""Found things become components and stacks by the same Outputs mapping as built ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from provisioner import arn, fit
from provisioner.component import Component, Outputs
from provisioner.components import find, for_arn
from provisioner.errors import CheckError
from provisioner.scan.table import GLOBAL

if TYPE_CHECKING:
    from provisioner.registry import RegisteredComponent, RegisteredStack
    from provisioner.scan.table import Found


def check_fit(resources: "Iterable[Found]", *, region: str) -> None:
    """Raises CheckError with the reasons of the first unfit resource."""
    for resource in resources:
        for component in for_arn(resource.arn):
            check_fit_as(component, resource, region=region, way_out="--unfit registers it all the same")


def check_fit_as(
    component: Component,
    resource: "Found",
    *,
    region: str,
    way_out: str = "--reuse-unchecked does not look",
) -> None:
    """Raises CheckError where the resource is unfit for this slot; `way_out` is how to insist."""
    fitness = fit.check(component, resource, region=region)
    if fitness.verdict == "unfit":
        failed = [c.reason for c in fitness.checks if c.ok is False and c.severity == "error"]
        raise CheckError(
            f"{resource.name} is unfit as {component.type}: it does not hold that " + "; ".join(failed),
            hint=f"mend it, or {way_out}",
            field=resource.arn,
        )


def components(
    resources: "Sequence[Found]",
    *,
    types: Sequence[str] = (),
    stack: str,
    now: datetime,
    chosen: Mapping[str, str] | None = None,
) -> "list[RegisteredComponent]":
    """One component per resource and slot it fits; for a stack, named after it and complete.

    `chosen` says which ARN takes which type, where a resource could take more.
    """
    slots = [
        (component, resource)
        for resource in resources
        for component in for_arn(resource.arn)
        if (not types or component.type in types)
        and (chosen is None or chosen.get(component.type) == resource.arn)
    ]
    outputs: dict[str, Outputs] = {c.type: dict(c.outputs_of(arn.parse(r.arn))) for c, r in slots}
    made = [_component(c, r, outputs, stack, now) for c, r in slots]
    if stack:
        _check_one_each(slots)
        made += _local_orchestrator(made, stack, now)
    return made


def stack(name: str, components: "Sequence[RegisteredComponent]", *, now: datetime) -> "RegisteredStack":
    """A stack of found components; raises CheckError where they do not go together."""
    from provisioner.registry import RegisteredStack

    types = {c.type for c in components}
    if "artifact_store" not in types:
        raise CheckError(
            f"a stack of {', '.join(sorted(types)) or 'nothing'} needs artifact_store",
            hint="add the ARN of a bucket; --type limits what is taken",
        )
    for part in components:
        facts = find(part.type, part.flavor)
        for need in facts.needs if facts else ():
            if need not in types:
                raise CheckError(
                    f"a stack with {part.type} {part.flavor} needs {need}",
                    hint=f"add an ARN to take as {need}",
                )
    # A role is of no region: it goes with every stack of its account.
    home = {c.region for c in components if c.region != GLOBAL}
    places = {(c.account, region) for c in components for region in ({c.region} - {GLOBAL} or home)}
    if len(places) > 1:
        raise CheckError(
            "the resources are in " + " and ".join(f"{a} {r}" for a, r in sorted(places)),
            hint="a stack holds resources of one account and region",
        )
    account, region = places.pop()
    return RegisteredStack(
        name=name,
        account=account,
        region=region,
        status="registered",
        components={c.type: c.name for c in components},
        created_at=now,
    )


def _component(
    facts: Component, resource: "Found", outputs: Mapping[str, Outputs], stack: str, now: datetime
) -> "RegisteredComponent":
    from provisioner.registry import RegisteredComponent

    complete = all(need in outputs for need in facts.needs)
    return RegisteredComponent(
        name=f"{stack or resource.name.rpartition('/')[2]}.{facts.type}",
        type=facts.type,
        flavor=facts.flavor,
        origin="found",
        account=resource.account,
        region=resource.region,
        outputs=outputs[facts.type],
        # What a role's configuration says depends on the bucket of its stack.
        config=dict(facts.register_config(outputs)) if complete else {},
        created_at=now,
    )


def _check_one_each(slots: "Sequence[tuple[Component, Found]]") -> None:
    seen: dict[str, str] = {}
    for component, resource in slots:
        if component.type in seen:
            raise CheckError(
                f"{seen[component.type]} and {resource.name} are both {component.type}",
                hint="a stack has one of each; --type limits what a resource is taken for",
            )
        seen[component.type] = resource.name


def _local_orchestrator(
    made: "Sequence[RegisteredComponent]", stack: str, now: datetime
) -> "list[RegisteredComponent]":
    """Every stack has an orchestrator; where none was found, pipelines run where they are started."""

    if not made or any(c.type == "orchestrator" for c in made):
        return []
    return [
        replace(
            made[0],
            name=f"{stack}.orchestrator",
            type="orchestrator",
            flavor="local",
            outputs={},
            config={},
            created_at=now,
        )
    ]
