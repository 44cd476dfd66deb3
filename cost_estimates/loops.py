"""Fn::ForEach written out: the resources that a loop over known values makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

LOOP = "Fn::ForEach::"
_MOST = 1_000  # resources of one template: CloudFormation takes 500


def expand(resources: Mapping[str, Any], resolve: Callable[[Any], Any]) -> Mapping[str, Any]:
    """The resources with every loop written out whose collection is known; others stay as they are."""
    if not any(str(name).startswith(LOOP) for name in resources):
        return resources
    return dict(_expanded(resources, resolve))


def _expanded(resources: Mapping[str, Any], resolve: Callable[[Any], Any]) -> Iterator[tuple[str, Any]]:
    for name, body in resources.items():
        rounds = _rounds(body, resolve) if str(name).startswith(LOOP) else None
        if rounds is None:
            yield name, body
            continue
        for written in rounds:
            yield from _expanded(written, resolve)


def _rounds(loop: Any, resolve: Callable[[Any], Any]) -> list[Mapping[str, Any]] | None:
    """The body of `[identifier, collection, body]` for each value, or None where it cannot be known."""
    if not (isinstance(loop, list) and len(loop) == 3 and isinstance(loop[0], str)):
        return None
    identifier, collection, body = loop
    values = resolve(collection)
    if not isinstance(body, Mapping) or not isinstance(values, list) or len(values) > _MOST:
        return None
    if not all(isinstance(value, str | int) for value in values):
        return None
    return [_written(body, identifier, str(value)) for value in values]


def _written(part: Any, identifier: str, value: str) -> Any:
    if isinstance(part, str):
        alphanumeric = "".join(filter(str.isalnum, value))
        return part.replace(f"${{{identifier}}}", value).replace(f"&{{{identifier}}}", alphanumeric)
    if isinstance(part, list):
        return [_written(item, identifier, value) for item in part]
    if not isinstance(part, Mapping):
        return part
    if part == {"Ref": identifier}:
        return value
    return {_written(key, identifier, value): _written(item, identifier, value) for key, item in part.items()}
