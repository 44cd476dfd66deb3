"""Whether a saved scan has what showing and comparing it needs; more is welcome."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from provisioner.errors import SpecError

_Is = Callable[[object], bool]


def check(answer: object, name: str) -> Mapping[str, Any]:
    """The scan's JSON answer; raises SpecError that names the field which is missing or of another kind."""
    flaw = next(_flaws(answer, _SCAN, ""), None)
    if flaw:
        raise SpecError(
            f"{name} is not the JSON answer of a scan: {flaw}",
            hint="`stackwright scan --json > scan.json` writes one",
            field="file",
        )
    scan: Mapping[str, Any] = answer  # type: ignore[assignment]  # the shape says so
    return scan


def _flaws(value: object, shape: Any, path: str) -> Iterator[str]:
    """What is not as its shape says; `key?` may be missing, `*` is any key."""
    if isinstance(shape, dict):
        yield from _of_object(value, shape, path)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for number, item in enumerate(value):
            yield from _flaws(item, shape[0], f"{path}[{number}]")
    elif isinstance(shape, tuple):
        if value not in shape:
            yield f"{path} is none of {', '.join(shape)}"
    elif not _KINDS[shape](value):
        yield f"{path} is no {shape}"


def _of_object(value: object, shape: Mapping[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path or 'it'} is no object"
        return
    lead = f"{path}." if path else ""
    for name, inner in shape.items():
        key = name.rstrip("?")
        if name == "*":
            for each, item in value.items():
                yield from _flaws(item, inner, f"{lead}{each}")
        elif key in value:
            yield from _flaws(value[key], inner, f"{lead}{key}")
        elif key == name:
            yield f"{lead}{key} is missing"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: Mapping[str, _Is] = {
    "text": lambda value: isinstance(value, str),
    "number": _is_number,
    "count": lambda value: _is_number(value) and isinstance(value, int) and value >= 0,
    "price": lambda value: value is None or _is_number(value),
    "yes or no": lambda value: isinstance(value, bool),
    "answer": lambda value: value is None or isinstance(value, bool),
}
_CHECK = {
    "id": "text",
    "ok": "answer",
    "severity": ("error", "warning", "info"),
    "reason": "text",
    "detail?": "text",
}
_SCAN = {
    "cells": [
        {
            **dict.fromkeys(("account", "region", "service", "state", "note"), "text"),
            "count": "count",
            "gaps?": "count",
        }
    ],
    "resources": [
        {
            **dict.fromkeys(("arn", "account", "region", "kind", "name"), "text"),
            "component_types": ["text"],
            "fitness": {"verdict": ("fit", "unfit", "unknown"), "checks": [_CHECK]},
            "tags": {"*": "text"},
            "tags_known": "yes or no",
        }
    ],
    "suggestions?": [
        {
            **dict.fromkeys(("account", "region"), "text"),
            "rank": "count",
            "score": "number",
            "components": {"*": "text"},
            "flavors": {"orchestrator": "text", "*": "text"},
            "missing": ["text"],
            "monthly_usd": "price",
            "why": {"*": "text"},
            "checks?": [_CHECK],
        }
    ],
    "notes?": {"*": "text"},
    "summary": {
        "resources": "count",
        "calls": "count",
        "seconds": "number",
        "not_seen": "count",
        "partly_seen?": "count",
        "gaps?": "count",
    },
}
