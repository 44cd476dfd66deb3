"""What an update would change: the body of a change set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.emulator.intrinsics import Scope, resolve
from provisioner.emulator.outputs import render_output
from provisioner.emulator.stack import Blueprint, Resource, Stack
from provisioner.emulator.types import TYPES

# Policies alone are no change: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
SILENT = frozenset({"DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy", "DependsOn"})
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"


def changes(stack: Stack, plan: Blueprint) -> list[dict[str, Any]]:
    """The Changes list of DescribeChangeSet."""
    scope = foresight(stack, plan)
    rows = [_change(name, stack, plan, scope) for name in plan.order]
    gone = [r for name, r in stack.resources.items() if name not in plan.resources and r.exists]
    rows.extend(_row("Remove", resource, resource.definition) for resource in gone)
    return [{"Type": "Resource", "ResourceChange": row} for row in rows if row]


def differs(stack: Stack, plan: Blueprint) -> bool:
    """Is there anything to do: a resource, the stack's tags or an output?"""
    if stack.wish is None:
        return True
    if changes(stack, plan) or stack.wish.tags != plan.wish.tags:
        return True
    scope = foresight(stack, plan)
    return stack.outputs != [render_output(name, item, scope, {}) for name, item in plan.outputs.items()]


def foresight(stack: Stack, plan: Blueprint) -> Scope:
    """The plan's scope before anything is made: what is not known yet is marked."""

    def look_up(name: str, attribute: str | None) -> Any:
        resource = stack.resources.get(name)
        if resource is None or not resource.exists:
            return LATER
        return resource.physical_id if attribute is None else resource.attributes.get(attribute, LATER)

    return replace(
        plan.scope, lookup=look_up, export=lambda name: LATER, zones=lambda region: [LATER, LATER, LATER]
    )


def _change(name: str, stack: Stack, plan: Blueprint, scope: Scope) -> dict[str, Any] | None:
    definition, before = plan.resources[name], stack.resources.get(name)
    if before is None or not before.exists:
        return _row("Add", Resource(logical_id=name, type=definition["Type"]), definition)
    properties = resolve(definition.get("Properties", {}), scope)
    names = sorted(
        key for key in {*properties, *before.properties} if properties.get(key) != before.properties.get(key)
    )
    tagged = TYPES[before.type].tagging != "none" and stack.wish and stack.wish.tags != plan.wish.tags
    if (
        names
        or tagged
        or definition["Type"] != before.type
        or _metadata(definition) != _metadata(before.definition)
    ):
        return _modified(before, definition, names, bool(tagged))
    return None


def _metadata(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    return {k: v for k, v in definition.items() if k not in SILENT and k not in ("Properties", "Condition")}


def _row(action: str, resource: Resource, definition: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "Action": action,
        "LogicalResourceId": resource.logical_id,
        "ResourceType": definition["Type"],
        "Scope": [],
        "Details": [],
    }
    if resource.physical_id:
        row["PhysicalResourceId"] = resource.physical_id
    if action == "Remove":
        row["PolicyAction"] = "Delete" if definition.get("DeletionPolicy", "Delete") == "Delete" else "Retain"
    return row


def _modified(
    before: Resource, definition: Mapping[str, Any], names: list[str], tagged: bool
) -> dict[str, Any]:
    replaced = definition["Type"] != before.type or set(names) & TYPES[before.type].create_only
    scope = [word for word, holds in (("Properties", names), ("Tags", tagged)) if holds]
    return {
        **_row("Modify", before, definition),
        "Replacement": "True" if replaced else "False",
        "Scope": scope or ["Metadata"],
        "Details": [_detail(before.type, name) for name in names],
    }


def _detail(type_name: str, name: str) -> dict[str, Any]:
    recreated = "Always" if name in TYPES[type_name].create_only else "Never"
    return {
        "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreated},
        "Evaluation": "Static",
        "ChangeSource": "DirectModification",
    }
