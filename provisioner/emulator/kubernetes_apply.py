"""Server-side apply: who set which field, and what happens when two want it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

Path = tuple[str, ...]
Object = dict[str, Any]
# What the server itself writes, and what names an object: nobody owns these.
UNOWNED = (
    ("apiVersion",),
    ("kind",),
    *(("metadata", name) for name in ("name", "namespace", "uid", "creationTimestamp", "resourceVersion")),
    ("metadata", "generation"),
    ("metadata", "managedFields"),
    ("status",),
)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that can have an owner; a list is one field."""
    if any(path[: len(prefix)] == prefix for prefix in UNOWNED):
        return
    if isinstance(value, Mapping) and (value or not path):
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    else:
        yield path, value


def shown(path: Path) -> str:
    """A field as conflicts name it, e.g. `.metadata.labels.app`."""
    return "".join(f".{part}" for part in path)


def at(value: Any, path: Path) -> Any:
    """The field's value, or None."""
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def conflicts(
    before: Object, owners: Mapping[str, set[Path]], manager: str, wanted: Object
) -> list[tuple[str, Path]]:
    """Fields that other managers own with another value, as (manager, path)."""
    fields = dict(leaves(wanted))
    return [
        (other, path)
        for other, owned in owners.items()
        if other != manager
        for path in sorted(owned)
        if path in fields and at(before, path) != fields[path]
    ]


def applied(before: Object, gone: set[Path], wanted: Object) -> Object:
    """The object with the wanted fields, without those in `gone`."""
    after = deepcopy(before)
    for path in gone:
        _remove(after, path)
    for path, value in leaves(wanted):
        _put(after, path, value)
    return after


def merged(before: Any, patch: Any) -> Any:
    """RFC 7386: null takes a field away."""
    if not isinstance(patch, Mapping) or not isinstance(before, Mapping):
        return {k: v for k, v in patch.items() if v is not None} if isinstance(patch, Mapping) else patch
    after = dict(before)
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = merged(after.get(key, {}), value) if isinstance(value, Mapping) else value
    return after


def fields_v1(paths: set[Path]) -> Object:
    """Owned fields as `managedFields` shows them."""
    made: Object = {}
    for path in sorted(paths):
        place = made
        for part in path:
            place = place.setdefault(f"f:{part}", {})
    return made


def _put(value: Object, path: Path, item: Any) -> None:
    for part in path[:-1]:
        inner = value.get(part)
        if not isinstance(inner, dict):
            inner = value[part] = {}
        value = inner
    if path:
        value[path[-1]] = deepcopy(item)


def _remove(value: Object, path: Path) -> None:
    parent = at(value, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
        if not parent and len(path) > 1:
            _remove(value, path[:-1])
