"""What differs between two stacks, value by value; what is equal is not told."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.component import TYPES
from provisioner.export.stack import ACCESS_KEYS, ExportedStack, Part

_PLACE = ("account", "region")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value on both sides; empty where a side has none. `component` is "" for the stack's own."""

    component: str
    key: str
    a: str
    b: str

    def as_dict(self) -> dict[str, str]:
        return dict(vars(self))


def make(a: ExportedStack, b: ExportedStack) -> list[Difference]:
    """Where, then how credentials are obtained, then component by component. Names differ always."""
    found = [
        *_compare("", _place(a), _place(b), _PLACE),
        *_compare("access", a.access, b.access, ACCESS_KEYS),
    ]
    for type_ in TYPES:
        mine, theirs = _values(a.parts.get(type_)), _values(b.parts.get(type_))
        found += _compare(type_, mine, theirs, dict.fromkeys([*mine, *theirs]))
    return found


def as_answer(a: ExportedStack, b: ExportedStack) -> dict[str, Any]:
    return {"a": a.name, "b": b.name, "differences": [d.as_dict() for d in make(a, b)]}


def _compare(
    component: str, a: Mapping[str, str], b: Mapping[str, str], keys: Iterable[str]
) -> Iterator[Difference]:
    for key in keys:
        if a.get(key, "") != b.get(key, ""):
            yield Difference(component=component, key=key, a=a.get(key, ""), b=b.get(key, ""))


def _place(stack: ExportedStack) -> dict[str, str]:
    return {"account": stack.account, "region": stack.region}


def _values(part: Part | None) -> dict[str, str]:
    """A component's values under the keys that people see."""
    if part is None:
        return {}
    return {
        "flavor": part.flavor,
        # Nobody built and nobody found what is local.
        **({"origin": part.origin} if part.flavor != "local" else {}),
        **{f"outputs.{key}": value for key, value in part.outputs.items()},
        **{f"config.{key}": value for key, value in part.config.items()},
    }
