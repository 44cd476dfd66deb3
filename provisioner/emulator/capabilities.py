"""Which capabilities a template needs to be acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.emulator.refusal import AwsError, invalid
from provisioner.emulator.template import Template
from provisioner.emulator.types import TYPES


def check_capabilities(template: Template, given: Iterable[str]) -> None:
    """Refuse what was not acknowledged, and transforms altogether: nothing here runs them."""
    acknowledged = set(given)
    if _has_transform(template.document):
        _require("CAPABILITY_AUTO_EXPAND", acknowledged)
        raise invalid("The emulator runs no transforms or macros.")
    needed = needed_capability(template)
    if needed == "CAPABILITY_NAMED_IAM" or (needed and "CAPABILITY_NAMED_IAM" not in acknowledged):
        _require(needed, acknowledged)


def needed_capability(template: Template) -> str:
    """CAPABILITY_IAM, CAPABILITY_NAMED_IAM or nothing."""
    rows = [(TYPES[r["Type"]], r.get("Properties", {})) for r in template.resources.values()]
    iam = [(kind, properties) for kind, properties in rows if kind.needs_iam_capability]
    if any(kind.is_named(properties) for kind, properties in iam):
        return "CAPABILITY_NAMED_IAM"
    return "CAPABILITY_IAM" if iam else ""


def _require(capability: str, acknowledged: set[str]) -> None:
    if capability not in acknowledged:
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{capability}]")


def _has_transform(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "Fn::Transform" in value or "Transform" in value or any(map(_has_transform, value.values()))
    return isinstance(value, list) and any(map(_has_transform, value))
