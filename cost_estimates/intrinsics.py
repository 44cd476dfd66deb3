"""CloudFormation's intrinsic functions, as far as a value can be known before deployment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAP_WITH_DEFAULT = 4  # arguments of Fn::FindInMap, with the language extensions
_SUB = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """A value that only AWS knows; `logical_id` where it points at a resource of the scope."""

    words: str
    logical_id: str = ""


NO_VALUE = object()  # AWS::NoValue


class Scope(Protocol):
    """The template that an intrinsic stands in."""

    mappings: Mapping[str, Any]

    def ref(self, name: str) -> Any: ...
    def holds(self, condition: str) -> bool | Unresolved: ...
    def resolve(self, value: Any) -> Any: ...
    def resolve_shallow(self, value: Any) -> Any: ...


def child(value: Any, key: str) -> Any:
    """One step of a path: a key of a mapping, or a position in a list."""
    if isinstance(value, list):
        return value[int(key)] if key.isdecimal() and int(key) < len(value) else None
    return value.get(key) if isinstance(value, dict) else None


def truth(value: Any) -> bool:
    return str(value).lower() == "true"


def _ref(scope: Scope, argument: Any) -> Any:
    return scope.ref(argument)


def _get_att(scope: Scope, argument: Any) -> Unresolved:
    parts = argument.split(".", 1) if isinstance(argument, str) else list(argument)
    return Unresolved(words=f"known only once {parts[0]} exists", logical_id=str(parts[0]))


def _if(scope: Scope, argument: Any) -> Any:
    condition, yes, no = argument
    holds = scope.holds(condition)
    if isinstance(holds, Unresolved):
        return Unresolved(words=f"under condition {condition}, which is open")
    return scope.resolve_shallow(yes if holds else no)


def _sub(scope: Scope, argument: Any) -> Any:
    text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    values = {}
    for name in _SUB.findall(text):
        if name.startswith("!"):
            values[name] = f"${{{name[1:]}}}"
            continue
        value = scope.resolve(own[name]) if name in own else _sub_name(scope, name)
        if isinstance(value, Unresolved):
            return value
        values[name] = str(value)
    return _SUB.sub(lambda match: values[match[1]], text)


def _sub_name(scope: Scope, name: str) -> Any:
    return _get_att(scope, name) if "." in name else scope.ref(name)


def _join(scope: Scope, argument: Any) -> Any:
    separator, parts = argument
    values = scope.resolve(parts)
    if not isinstance(values, list):
        return values if isinstance(values, Unresolved) else Unresolved(words="a join of no list")
    unknown = next((value for value in values if isinstance(value, Unresolved)), None)
    return unknown or separator.join(str(value) for value in values)


def _select(scope: Scope, argument: Any) -> Any:
    index, values = (scope.resolve(part) for part in argument)
    unknown = next((part for part in (index, values) if isinstance(part, Unresolved)), None)
    if unknown:
        return unknown
    chosen = child(values, str(index)) if isinstance(values, list) else None
    return Unresolved(words=f"item {index} of a list without it") if chosen is None else chosen


def _split(scope: Scope, argument: Any) -> Any:
    separator, text = (scope.resolve(part) for part in argument)
    if isinstance(text, Unresolved):
        return text
    return str(text).split(separator) if isinstance(separator, str) and separator else [text]


def _find_in_map(scope: Scope, argument: Any) -> Any:
    name, *keys = (scope.resolve(part) for part in argument[:3])
    value: Any = scope.mappings.get(name) if isinstance(name, str) else None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    if value is None and len(argument) == MAP_WITH_DEFAULT:
        return scope.resolve(child(argument[3], "DefaultValue"))
    return Unresolved(words=f"missing from mapping {name}") if value is None else value


def _equals(scope: Scope, argument: Any) -> Any:
    left, right = (scope.resolve(part) for part in argument)
    unknown = next((side for side in (left, right) if isinstance(side, Unresolved)), None)
    return unknown or str(left) == str(right)


def _condition(scope: Scope, argument: Any) -> Any:
    # In a policy statement the same word holds a mapping.
    return scope.holds(argument) if _is_text(argument) else {"Condition": argument}


def _not(scope: Scope, argument: Any) -> Any:
    value = scope.resolve(argument[0])
    return value if isinstance(value, Unresolved) else not truth(value)


def _and(scope: Scope, argument: Any) -> Any:
    return _decide(scope, argument, decisive=False)


def _or(scope: Scope, argument: Any) -> Any:
    return _decide(scope, argument, decisive=True)


def _decide(scope: Scope, argument: Any, *, decisive: bool) -> Any:
    """One decisive part settles an And (false) or an Or (true), whatever the open parts are."""
    values = [scope.resolve(part) for part in argument]
    known = [truth(value) for value in values if not isinstance(value, Unresolved)]
    if decisive in known:
        return decisive
    return not decisive if len(known) == len(values) else Unresolved(words="an open condition")


def _length(scope: Scope, argument: Any) -> Any:
    value = scope.resolve(argument)
    if isinstance(value, Unresolved):
        return value
    return len(value) if isinstance(value, list) else Unresolved(words="the length of no list")


def _only_aws_knows(name: str) -> Callable[[Scope, Any], Unresolved]:
    return lambda scope, argument: Unresolved(words=f"{name}, known only to AWS")


INTRINSICS: Mapping[str, Callable[[Scope, Any], Any]] = {
    "Ref": _ref,
    "Condition": _condition,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::FindInMap": _find_in_map,
    "Fn::Equals": _equals,
    "Fn::Not": _not,
    "Fn::And": _and,
    "Fn::Or": _or,
    "Fn::Length": _length,
    "Fn::Base64": lambda scope, argument: scope.resolve(argument),
    **{
        name: _only_aws_knows(name)
        for name in (
            *("Fn::ImportValue", "Fn::GetAZs", "Fn::Cidr", "Fn::Transform", "Fn::GetStackOutput"),
            "Fn::ToJsonString",
        )
    },
}


def _is_text(argument: Any) -> bool:
    return isinstance(argument, str)


def _is_list_of(*sizes: int) -> Callable[[Any], bool]:
    return lambda argument: isinstance(argument, list) and len(argument) in sizes


def _is_choice(argument: Any) -> bool:
    return _is_list_of(3)(argument) and _is_text(argument[0])


def _is_join(argument: Any) -> bool:
    return _is_list_of(2)(argument) and _is_text(argument[0])


def _is_sub(argument: Any) -> bool:
    if _is_list_of(2)(argument):
        return _is_text(argument[0]) and isinstance(argument[1], Mapping)
    return _is_text(argument)


def _is_attribute(argument: Any) -> bool:
    return _is_text(argument) or (_is_list_of(2)(argument) and _is_text(argument[0]))


_ARGUMENTS: Mapping[str, Callable[[Any], bool]] = {
    "Ref": _is_text,
    "Fn::GetAtt": _is_attribute,
    "Fn::If": _is_choice,
    "Fn::Sub": _is_sub,
    "Fn::Join": _is_join,
    "Fn::Select": _is_list_of(2),
    "Fn::Split": _is_list_of(2),
    "Fn::FindInMap": _is_list_of(3, 4),
    "Fn::Equals": _is_list_of(2),
    "Fn::Not": _is_list_of(1),
    "Fn::And": _is_list_of(*range(1, 11)),
    "Fn::Or": _is_list_of(*range(1, 11)),
}


def accepts(name: str, argument: Any) -> bool:
    """Whether an intrinsic has the argument that CloudFormation wants of it."""
    return name not in _ARGUMENTS or _ARGUMENTS[name](argument)
