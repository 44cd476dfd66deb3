"""CloudFormation intrinsic functions: a template value and a scope make a plain value."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioner.emulator.refusal import invalid
from provisioner.emulator.template import PLACEHOLDER, attribute_target

NO_VALUE: Final = object()
ALWAYS: Final = {"Fn::Equals": ["", ""]}


def _no_lookup(name: str, attribute: str | None) -> Any:
    raise invalid(f"Template format error: Unresolved resource dependencies [{name}]")


def _no_import(name: str) -> str:
    raise invalid(f"No export named {name} found.")


def _no_zones(region: str) -> list[str]:
    return []


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What names mean: parameters and pseudo parameters, conditions, mappings, made resources."""

    parameters: Mapping[str, Any]
    conditions: Mapping[str, bool] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    lookup: Callable[[str, str | None], Any] = _no_lookup
    export: Callable[[str], str] = _no_import
    zones: Callable[[str], list[str]] = _no_zones


def resolve(value: Any, scope: Scope) -> Any:
    """The value with every intrinsic function replaced by what it says."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            [(key, argument)] = value.items()
            if key in _FUNCTIONS:
                return _FUNCTIONS[key](argument, scope)
        pairs = ((key, resolve(item, scope)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not NO_VALUE}
    if isinstance(value, list):
        items = (resolve(item, scope) for item in value)
        return [item for item in items if item is not NO_VALUE]
    return value


def choose_branches(value: Any, conditions: Mapping[str, bool]) -> Any:
    """The value with every Fn::If replaced by its chosen branch, and nothing else resolved."""
    match value:
        case {"Fn::If": [str(name), yes, no], **rest} if not rest:
            return choose_branches(yes if conditions[name] else no, conditions)
        case Mapping():
            return {key: choose_branches(item, conditions) for key, item in value.items()}
        case list():
            return [choose_branches(item, conditions) for item in value]
    return value


def evaluate_conditions(section: Mapping[str, Any], scope: Scope) -> dict[str, bool]:
    """Condition name to its truth; conditions may use one another in any order."""
    known: dict[str, bool] = {}
    for name in section:
        _evaluate_condition(name, section, scope, known, ())
    return known


def _evaluate_condition(
    name: str, section: Mapping[str, Any], scope: Scope, known: dict[str, bool], path: tuple[str, ...]
) -> bool:
    if name in path:
        raise invalid(f"Circular dependency between conditions: [{', '.join(path)}]")
    if name not in section:
        raise invalid(
            f"Template format error: Unresolved condition dependency {name} in the Conditions block"
        )
    if name not in known:
        for needed in _conditions_named(section[name]):
            _evaluate_condition(needed, section, scope, known, (*path, name))
        known[name] = truth(section[name], _with_conditions(scope, known))
    return known[name]


def _conditions_named(value: Any) -> list[str]:
    match value:
        case {"Condition": str(name), **rest} if not rest:
            return [name]
        case Mapping():
            return [name for item in value.values() for name in _conditions_named(item)]
        case list():
            return [name for item in value for name in _conditions_named(item)]
    return []


def _with_conditions(scope: Scope, conditions: Mapping[str, bool]) -> Scope:
    return Scope(
        parameters=scope.parameters, conditions=conditions, mappings=scope.mappings, lookup=scope.lookup
    )


def check_rules(section: Mapping[str, Any], scope: Scope) -> None:
    """Refuse parameters that break one of the template's Rules."""
    for name, rule in section.items():
        if not truth(rule.get("RuleCondition", ALWAYS), scope):
            continue
        for row in rule["Assertions"]:
            if not truth(row["Assert"], scope):
                raise invalid(f"Rule {name} failed: {row.get('AssertDescription', 'assertion is false')}")


def truth(value: Any, scope: Scope) -> bool:
    """A condition expression as a boolean."""
    match value:
        case {"Fn::Equals": [left, right]}:
            return bool(text(resolve(left, scope)) == text(resolve(right, scope)))
        case {"Fn::And": list(items)}:
            return all(truth(item, scope) for item in items)
        case {"Fn::Or": list(items)}:
            return any(truth(item, scope) for item in items)
        case {"Fn::Not": [item]}:
            return not truth(item, scope)
        case {"Fn::Contains": [haystack, needle]}:
            return bool(resolve(needle, scope) in resolve(haystack, scope))
        case {"Fn::EachMemberEquals": [members, wanted]}:
            return all(text(item) == text(resolve(wanted, scope)) for item in resolve(members, scope))
        case {"Fn::EachMemberIn": [members, haystack]}:
            return set(resolve(members, scope)) <= set(resolve(haystack, scope))
        case {"Condition": str(name)}:
            return scope.conditions[name]
    raise invalid(
        "Template format error: Conditions can only be boolean operations on parameters and other conditions"
    )


def text(value: Any) -> Any:
    """A scalar the way CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _ref(name: Any, scope: Scope) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in scope.parameters:
        return scope.parameters[name]
    return scope.lookup(name, None)


def _get_att(target: Any, scope: Scope) -> Any:
    name, attribute = attribute_target(target)
    return scope.lookup(name, resolve(attribute, scope))


def _sub(argument: Any, scope: Scope) -> str:
    pattern, local = argument if isinstance(argument, list) else (argument, {})
    known = {name: resolve(value, scope) for name, value in local.items()}

    def fill(name: str) -> str:
        head, _, attribute = name.partition(".")
        if name in known:
            value = known[name]
        elif attribute:
            value = scope.lookup(head, attribute)
        else:
            value = _ref(head, scope)
        if not isinstance(value, str | int | float):
            raise invalid("Template error: every Fn::Sub placeholder must resolve to a string")
        return str(text(value))

    filled = PLACEHOLDER.sub(lambda found: fill(found[1].strip()), pattern)
    return filled.replace("${!", "${")


def _join(argument: Any, scope: Scope) -> str:
    delimiter, items = argument
    values = resolve(items, scope)
    if not isinstance(values, list) or any(isinstance(item, Mapping | list) for item in values):
        raise invalid(
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a "
            "list of strings to be joined or a function that returns a list of strings"
        )
    return str(delimiter).join(str(text(item)) for item in values)


def _if(argument: Any, scope: Scope) -> Any:
    name, yes, no = argument
    return resolve(yes if scope.conditions[name] else no, scope)


def _select(argument: Any, scope: Scope) -> Any:
    index, items = (resolve(part, scope) for part in argument)
    try:
        return items[int(index)]
    except (IndexError, ValueError):
        raise invalid(
            f"Template error: Fn::Select cannot select nonexistent value at index {index}"
        ) from None


def _split(argument: Any, scope: Scope) -> list[str]:
    delimiter, value = argument
    return str(resolve(value, scope)).split(delimiter)


def _find_in_map(argument: Any, scope: Scope) -> Any:
    name, first, second = (resolve(part, scope) for part in argument[:3])
    if name not in scope.mappings:
        raise invalid(
            f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
        )
    try:
        return scope.mappings[name][text(first)][text(second)]
    except KeyError:
        raise invalid(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


def _value_of(argument: Any, scope: Scope) -> Any:
    name, attribute = argument
    if f"{name}.{attribute}" not in scope.told:
        raise invalid("Template format error: Fn::ValueOf stands in rules only")
    return scope.told[f"{name}.{attribute}"]


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(str(resolve(argument, scope)).encode()).decode()


def _get_azs(argument: Any, scope: Scope) -> list[str]:
    return scope.zones(resolve(argument, scope) or scope.parameters["AWS::Region"])


def _cidr(argument: Any, scope: Scope) -> list[str]:
    block, count, bits = (resolve(part, scope) for part in argument)
    network = ipaddress.ip_network(block)
    subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
    return [str(subnet) for subnet, _ in zip(subnets, range(int(count)), strict=False)]


def _import_value(argument: Any, scope: Scope) -> str:
    return scope.export(resolve(argument, scope))


_FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::ValueOf": _value_of,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
