"""CloudFormation parameters: what was given, checked against what the template declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.emulator import patterns
from provisioner.emulator.refusal import invalid

Declarations = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Given:
    """One entry of the request's Parameters list."""

    name: str
    value: str | None = None
    use_previous: bool = False


def check(
    declared: Declarations, given: list[Given], previous: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Parameter name to its text, defaults filled in; raises ValidationError in AWS's words."""
    unknown = [entry.name for entry in given if entry.name not in declared]
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {entry.name: _value(entry, previous or {}) for entry in given}
    defaults = {name: str(_text(d["Default"])) for name, d in declared.items() if "Default" in d}
    missing = [name for name in declared if name not in values and name not in defaults]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    chosen = {name: values.get(name, defaults.get(name, "")) for name in declared}
    for name, text in chosen.items():
        _check_value(name, text, declared[name])
    return chosen


def typed(declared: Declarations, values: Mapping[str, str]) -> dict[str, str | list[str]]:
    """What `Ref` of each parameter gives: text, or a list for the list types."""
    return {name: _typed(text, declared[name]["Type"]) for name, text in values.items()}


def shown(declared: Declarations, values: Mapping[str, str]) -> dict[str, str]:
    """What Describe calls may show: NoEcho values are masked."""
    return {name: "****" if is_no_echo(declared[name]) else text for name, text in values.items()}


def is_no_echo(declaration: Mapping[str, Any]) -> bool:
    """Is the parameter declared NoEcho?"""
    return str(_text(declaration.get("NoEcho", False))) == "true"


def _value(entry: Given, previous: Mapping[str, str]) -> str:
    if not entry.use_previous:
        if entry.value is None:
            raise invalid(f"Parameters: [{entry.name}] must have values")
        return entry.value
    if entry.value is not None:
        raise invalid(
            f"Invalid input for parameter key {entry.name}. Cannot specify usePreviousValue as true for a "
            "parameter key and also set its value"
        )
    if entry.name not in previous:
        raise invalid(
            f"Invalid input for parameter key {entry.name}. Cannot specify usePreviousValue as true for a "
            "parameter key not in the previous template"
        )
    return previous[entry.name]


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _is_list(kind: str) -> bool:
    return "CommaDelimitedList" in kind or "List<" in kind


def _typed(text: str, kind: str) -> str | list[str]:
    return [part.strip() for part in text.split(",")] if _is_list(kind) else text


def _check_value(name: str, text: str, declaration: Mapping[str, Any]) -> None:
    kind = declaration["Type"]
    parts = _typed(text, kind)
    for part in parts if isinstance(parts, list) else [parts]:
        for rule, holds in _RULES.items():
            if rule in declaration and not holds(part, declaration[rule]):
                raise invalid(_words(name, rule, declaration))
        if "Number" in kind and not _is_number(part):
            raise invalid(f"Parameter '{name}' must be a number")


def _words(name: str, rule: str, declaration: Mapping[str, Any]) -> str:
    if "ConstraintDescription" in declaration:
        return f"Parameter {name} failed to satisfy constraint: {declaration['ConstraintDescription']}"
    return f"Parameter '{name}' {_WORDS[rule].format(declaration[rule])}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) is not None


# A text that is no number fails "must be a number" afterwards, so bounds let it pass.
_RULES: Mapping[str, Callable[[str, Any], bool]] = {
    "AllowedValues": lambda text, allowed: text in [str(_text(value)) for value in allowed],
    "AllowedPattern": lambda text, pattern: patterns.matches(pattern, text),
    "MinLength": lambda text, bound: len(text) >= int(bound),
    "MaxLength": lambda text, bound: len(text) <= int(bound),
    "MinValue": lambda text, bound: not _is_number(text) or float(text) >= float(bound),
    "MaxValue": lambda text, bound: not _is_number(text) or float(text) <= float(bound),
}
_WORDS: Mapping[str, str] = {
    "AllowedValues": "must be one of AllowedValues",
    "AllowedPattern": "must match pattern {}",
    "MinLength": "must contain at least {} characters",
    "MaxLength": "must contain at most {} characters",
    "MinValue": "must be a number not less than {}",
    "MaxValue": "must be a number not greater than {}",
}
