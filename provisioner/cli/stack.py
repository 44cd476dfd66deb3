"""`stackwright stack list|show|set|delete`."""

from typing import Any

import click

from provisioner import components, text
from provisioner.cli import stack_copy, stack_diff, stack_export, zenml_target
from provisioner.cli.component import origin_text
from provisioner.cli.options import answer, confirm, json_option, open_registry, story, yes_option
from provisioner.enrolments import stamp
from provisioner.errors import CheckError
from provisioner.registry import RegisteredStack, Registry


@click.group()
def command() -> None:
    """List, show, switch and forget registered stacks.

    \b
    Example:
      stackwright stack list
      stackwright stack set churn-prod
    """


command.add_command(stack_export.command)
command.add_command(stack_diff.command)
command.add_command(stack_copy.command)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every registered stack."""
    registry = open_registry()
    stacks = registry.stacks()
    active = registry.active()
    rows = [["", "name", "status", "account", "region", "components"]]
    for stack in stacks:
        components = registry.components_of(stack).values()
        flavors = ", ".join(f"{c.type} {c.flavor}" for c in components)
        rows.append(
            [
                "*" if stack.name == active else "",
                stack.name,
                stack.status,
                stack.account,
                stack.region,
                flavors,
            ]
        )
    empty = "no stack is registered; `stackwright deploy`, `link` or `register` makes one"
    value = {"stacks": [as_answer(s, registry) for s in stacks]}
    answer(value, text.table(rows, indent=0) if stacks else empty, as_json=as_json)


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """One stack with its components and their values."""
    registry = open_registry()
    stack = find(registry, name)
    answer(as_answer(stack, registry), stack_text(stack, registry), as_json=as_json)


@command.command("set")
@click.argument("name")
@json_option
def set_(name: str, as_json: bool) -> None:
    """Make a stack the active one."""
    registry = open_registry()
    stack = find(registry, name)
    if stack.status != "registered":
        raise CheckError(
            f"{name} is {stack.status} and cannot be active",
            hint=f"with credentials of account {stack.account}: `stackwright finish {name}`"
            if stack.status in ("unverified", "needs_bootstrap")
            else "`stackwright stack list` shows the others",
        )
    registry.set_active(name)
    answer(as_answer(stack, registry), f"{name} is active", as_json=as_json)
    if registry.registrations_of(name):
        # Which stack is active is a setting of ZenML's client; its server has no such thing.
        story(f"For ZenML's own client: `zenml stack set {name}`.")


@command.command()
@click.argument("name")
@zenml_target.ca_file_option
@yes_option
@json_option
def delete(name: str, yes: bool, as_json: bool) -> None:
    """Forget a stack. Nothing in AWS is touched: `stackwright destroy` does that."""
    registry = open_registry()
    stack = find(registry, name)
    story(f"{name} will be forgotten; its resources in account {stack.account} stay and may cost money.")
    for line in zenml_target.words(name, registry):
        story(f"  {line}")
    confirm("Forget it?", yes=yes)
    zenml_target.unregistered(name, registry)
    registry.unregister(stack)
    answer({"deleted": name}, f"forgot {name}", as_json=as_json)


def find(registry: Registry, name: str) -> RegisteredStack:
    """The stack of this name; raises CheckError that names the others."""
    stack = registry.stack(name)
    if stack is None:
        known = ", ".join(s.name for s in registry.stacks()) or "none"
        raise CheckError(f"no stack {name!r} is registered", hint=f"registered: {known}", field="name")
    return stack


def as_answer(stack: RegisteredStack, registry: Registry) -> dict[str, Any]:
    """The `stack` answer of the JSON contract."""
    return {
        "name": stack.name,
        "account": stack.account,
        "region": stack.region,
        "active": registry.active() == stack.name,
        "status": stack.status,
        "components": {
            type_: {
                "flavor": c.flavor,
                "origin": c.origin,
                "outputs": dict(c.outputs),
                "config": dict(c.config),
            }
            for type_, c in registry.components_of(stack).items()
        },
        "client_files": client_files(stack, registry),
        "connector": dict(stack.connector),
        "estimate": dict(stack.estimate),
        "template_sha256": stack.template_sha256,
        "stack_id": stack.stack_id,
        "registrations": zenml_target.as_answer(stack, registry),
        "created_at": stamp(stack.created_at),
    }


def stack_text(stack: RegisteredStack, registry: Registry) -> str:
    active = ", active" if registry.active() == stack.name else ""
    head = f"{stack.name}: {stack.status}{active}, account {stack.account}, {stack.region}"
    rows = [
        [type_, component.flavor, origin_text(component), name, value]
        for type_, component in registry.components_of(stack).items()
        for name, value in (component.outputs or {"": ""}).items()
    ]
    if stack.connector:
        rows.append(["access", "aws", "built", "role_arn", stack.connector.get("role_arn", "")])
    return "\n".join([head, text.table(rows), *_files_text(client_files(stack, registry))])


def client_files(stack: RegisteredStack, registry: Registry) -> dict[str, str]:
    """What tools on the user's machine must be told: path -> text."""
    parts = registry.components_of(stack)
    outputs = {type_: part.outputs for type_, part in parts.items()}
    known = [c for type_, part in parts.items() if (c := components.find(type_, part.flavor))]
    return {path: words for c in known for path, words in c.client_files(outputs).items()}


def _files_text(files: dict[str, str]) -> list[str]:
    return [f"\nWrite {path}, without which nothing starts:\n\n{words}" for path, words in files.items()]
