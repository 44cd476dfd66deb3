"""The YAML that `zenml stack import` reads."""

from typing import Any

import yaml

from provisioner.components import find
from provisioner.export.format import Format
from provisioner.export.stack import ExportedStack, Part

# `zenml stack import` refuses a file of another version, unless told --ignore-version-mismatch.
VERSION = "0.98.0"
# The registry keeps texts; ZenML compares what it imports with what it has, and there these are booleans.
_BOOLEANS = ("use_spot", "disable_step_based_settings")


def render(stack: ExportedStack) -> str:
    value = {
        "zenml_version": VERSION,
        "stack_name": stack.name,
        "components": {
            type_: [_component(stack, type_, part)]
            for type_, part in stack.parts.items()
            if _flavor(type_, part)
        },
    }
    comments = "".join(f"# {line}\n" for line in [*stack.head(), *_left_out(stack), *_credentials(stack)])
    return comments + yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


def _component(stack: ExportedStack, type_: str, part: Part) -> dict[str, Any]:
    return {
        "name": f"{stack.name}.{type_}",
        "type": type_,
        "flavor": _flavor(type_, part),
        "configuration": {k: v == "true" if k in _BOOLEANS else v for k, v in part.config.items()},
    }


def _flavor(type_: str, part: Part) -> str:
    """ZenML's name of the flavor; empty where ZenML cannot use the component."""
    facts = find(type_, part.flavor)
    return facts.zenml_flavor if facts and not facts.outside_zenml else ""


def _left_out(stack: ExportedStack) -> list[str]:
    return [
        f"{type_} {part.flavor} is left out: ZenML has no such flavor, or cannot use it"
        for type_, part in stack.parts.items()
        if not _flavor(type_, part)
    ]


def _credentials(stack: ExportedStack) -> list[str]:
    """`zenml stack import` carries no connector: how components get their credentials afterwards."""
    if not stack.role_arn or stack.access.get("external_id"):
        return ["it is used with the credentials of whoever runs a pipeline"]
    connected = [t for t, part in stack.parts.items() if part.flavor != "local" and _flavor(t, part)]
    return [
        "connectors are not in such a file; for the access role, afterwards:",
        f"  zenml service-connector register {stack.name} --type aws --auth-method implicit"
        f" --role_arn={stack.role_arn} --region={stack.region}",
        *(
            f"  zenml {t.replace('_', '-')} connect {stack.name}.{t} --connector {stack.name}"
            for t in connected
        ),
    ]


FORMAT = Format(
    name="zenml",
    words="stack YAML for `zenml stack import`",
    render=render,
    use="zenml stack import {name} -f {file}",
)
