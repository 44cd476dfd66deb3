"""Every resource of every stack, nested ones included, with the meters that run for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cost_estimates.intrinsics import Unresolved
from cost_estimates.model import CostError, nearest
from cost_estimates.rules import RULES, Charge, Missing, Rule, Situation
from cost_estimates.template import STACK, Resource, Stack, Template


class Metered(NamedTuple):
    """A resource and the meters that run for it; `path` is its logical id, with its stacks before it."""

    path: str
    resource: Resource
    rule: Rule | None
    charges: tuple[Charge | Missing, ...]


def meter(
    template: Mapping[str, Any] | Sequence[Stack],
    region: str,
    parameters: Mapping[str, str],
    situation: Situation,
) -> list[Metered]:
    """Every resource of every stack with the meters that run for it."""
    if isinstance(template, Mapping) or not _is_stacks(template):
        return _meter_all(Template(template, region, parameters), "", situation)  # type: ignore[arg-type]  # it is checked there
    metered = []
    _check_declared(template, parameters)
    for stack in template:
        prefix = f"{stack.name}/" if len(template) > 1 else ""
        given = _declared(stack.body, parameters)
        metered += _meter_all(Template(stack.body, region, given, stack.nested), prefix, situation)
    return metered


def _is_stacks(template: Any) -> bool:
    return isinstance(template, Sequence) and bool(template) and all(isinstance(s, Stack) for s in template)


def _check_declared(stacks: Sequence[Stack], parameters: Mapping[str, Any]) -> None:
    """A parameter that no stack has is refused; each stack gets those that it has."""
    declared = {name for stack in stacks for name in _parameter_names(stack.body)}
    for name in parameters:
        if name not in declared:
            close = nearest(name, declared) or sorted(declared) or ["none at all"]
            raise CostError(
                f"no template has a parameter {name}",
                hint=f"there is {', '.join(close)}",
                field=f"parameters.{name}",
            )


def _declared(body: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = _parameter_names(body)
    return {name: value for name, value in parameters.items() if name in names}


def _parameter_names(body: Mapping[str, Any]) -> Mapping[str, Any]:
    section = body.get("Parameters")
    return section if isinstance(section, Mapping) else {}


def _meter_all(template: Template, prefix: str, situation: Situation) -> list[Metered]:
    try:
        return [one for resource in template.resources() for one in _meter(resource, prefix, situation)]
    except RecursionError as error:
        raise CostError("the template's values are nested too deeply", field="Resources") from error


def _meter(resource: Resource, prefix: str, situation: Situation) -> Iterator[Metered]:
    rule = RULES.get(resource.type)
    charges = tuple(rule.charges(resource, situation)) if rule else ()
    path = prefix + resource.logical_id
    yield Metered(path=path, resource=resource, rule=rule, charges=charges)
    inner = resource.template.nested.get(resource.logical_id) if resource.type == STACK else None
    if isinstance(inner, Stack):
        template = Template(inner.body, resource.template.region, _handed_down(resource, inner), inner.nested)
        yield from _meter_all(template, f"{path}/", situation)


def _handed_down(stack: Resource, inner: Stack) -> dict[str, Any]:
    """The parameters of a nested stack. What only AWS knows stays open, and names nothing in there."""
    given = stack.read("Parameters", {})
    values = _declared(inner.body, given if isinstance(given, Mapping) else {})
    return {
        name: Unresolved(words=value.words) if isinstance(value, Unresolved) else value
        for name, value in values.items()
    }
