"""moto's answers, written faster: it looks for six kinds of names anew for each member of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from moto.core.model import Shape
from moto.core.serialize import (
    AttributePickerContext,
    BaseXMLSerializer,
    ResponseSerializer,
    XFormedAttributePicker,
)
from moto.core.utils import MISSING  # type: ignore[attr-defined]  # its own import
from moto.core.utils import get_value as look_up

# moto's own.
search, write = ResponseSerializer.get_value, BaseXMLSerializer._serialize_body


def teach() -> None:
    """Let every answer of moto be written with names that are found once per shape."""
    ResponseSerializer.get_value = get_value  # type: ignore[assignment, method-assign]  # no seam
    BaseXMLSerializer._serialize_body = write_body  # type: ignore[assignment, method-assign]  # no seam


def get_value(serializer: ResponseSerializer, value: Any, key: str, shape: Shape) -> Any:
    """What moto's own search finds."""
    picker = serializer._value_picker
    if type(picker) is not XFormedAttributePicker:
        return search(serializer, value, key, shape)
    held = (look_up(value, name, MISSING) for name in names_of(shape, key, value))
    found = next((it for it in held if it is not MISSING), None)
    path = f"{'.'.join(serializer.path)}.{key}" if picker.response_transformers else ""
    for ending, transform in picker.response_transformers.items():
        if path.endswith(ending):
            return transform(found)
    return found


def names_of(shape: Shape, key: str, value: Any) -> tuple[str, ...]:
    """Under which names objects like this one may hold the member, in moto's order."""
    # Kept with the shape: as moto's models live, and not longer. Aliases stand in the objects' class.
    known: dict[object, tuple[str, ...]] = shape.__dict__.setdefault("_stackwright_names", {})
    at = (key, type(value), getattr(shape, "parent", None))
    if at not in known:
        asked = AttributePickerContext(obj=value, key=key, shape=shape)
        known[at] = tuple(dict.fromkeys(XFormedAttributePicker().get_possible_keys(asked)))
    return known[at]


def write_body(serializer: BaseXMLSerializer, body: Mapping[str, Any]) -> str:
    """What moto's own writer, made for any XML, writes."""
    return "".join(part for name, value in body.items() for part in elements(name, value))


def elements(name: str, value: Any) -> Iterator[str]:
    """A value as elements of that name: a list is several, keys that begin with @ are attributes."""
    if isinstance(value, list):
        for item in value:
            yield from elements(name, item)
    elif isinstance(value, Mapping):
        attributes = (f" {key[1:]}={quoteattr(str(it))}" for key, it in value.items() if key.startswith("@"))
        inner = (part for key, it in value.items() if not key.startswith("@") for part in elements(key, it))
        yield element(name + "".join(attributes), name, "".join(inner))
    else:
        yield element(name, name, escape(text_of(value)))


def element(opening: str, name: str, inner: str) -> str:
    return f"<{opening}>{inner}</{name}>" if inner else f"<{opening}/>"


def text_of(value: Any) -> str:
    """A scalar as XML spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
