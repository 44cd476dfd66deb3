"""What a made stack answers: Ref and GetAtt of its resources, imports, and its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.emulator.intrinsics import Scope, resolve, text
from provisioner.emulator.refusal import invalid
from provisioner.emulator.stack import Resource


def look_up(resources: Mapping[str, Resource], name: str, attribute: str | None) -> Any:
    """Ref or GetAtt of a made resource."""
    resource = resources[name]
    if attribute is None:
        return resource.physical_id
    if attribute not in resource.attributes:
        raise invalid(
            f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt",
        )
    return resource.attributes[attribute]


def imported(name: str, exports: Mapping[str, str]) -> str:
    """The value of another stack's export."""
    if name not in exports:
        raise invalid(f"No export named {name} found.")
    return exports[name]


def render_output(
    name: str, item: Mapping[str, Any], scope: Scope, taken: Mapping[str, str]
) -> dict[str, str]:
    """One output as DescribeStacks shows it."""
    value = resolve(item["Value"], scope)
    if isinstance(value, Mapping | list):
        raise invalid(
            "Template format error: Output "
            + name
            + " is malformed. The Value field of every Outputs member "
            "must evaluate to a String.",
        )
    shown = {"OutputKey": name, "OutputValue": str(text(value))}
    if "Description" in item:
        shown["Description"] = str(item["Description"])
    if "Export" in item:
        export = str(resolve(item["Export"]["Name"], scope))
        if export in taken:
            raise invalid(f"Export with name {export} is already exported by another stack")
        shown["ExportName"] = export
    return shown
