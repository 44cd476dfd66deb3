"""`stackwright component list|show|delete`."""

import click

from provisioner import text
from provisioner.cli.options import answer, confirm, json_option, open_registry, story, yes_option
from provisioner.errors import CheckError
from provisioner.registry import RegisteredComponent, Registry
from provisioner.sharing import may_use


@click.group()
def command() -> None:
    """List, show and forget registered components.

    \b
    Example:
      stackwright component show churn-dev.artifact_store
      stackwright component delete team-artifacts.artifact_store
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every registered component, built or found."""
    components = _visible(open_registry())
    rows = [["name", "type", "flavor", "origin", "account", "region"]]
    rows += [[c.name, c.type, c.flavor, origin_text(c), c.account, c.region] for c in components]
    empty = (
        "no component is registered; `stackwright scan` finds some, `stackwright register ARN` takes one in"
    )
    answer(
        {"components": [c.as_dict() for c in components]},
        text.table(rows, indent=0) if components else empty,
        as_json=as_json,
    )


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """One component with its values and the configuration that ZenML takes."""
    component = _find(open_registry(), name)
    rows = [["output", k, v] for k, v in component.outputs.items()]
    rows += [["config", k, v] for k, v in component.config.items()]
    place = f"{component.account} {component.region}"
    head = f"{name}: {component.type} {component.flavor}, {origin_text(component)}, {place}"
    answer(component.as_dict(), "\n".join([head, *([text.table(rows)] if rows else [])]), as_json=as_json)


@command.command()
@click.argument("name")
@yes_option
@json_option
def delete(name: str, yes: bool, as_json: bool) -> None:
    """Forget a component that no stack uses. Nothing in AWS is touched."""
    registry = open_registry()
    component = _find(registry, name)
    story(f"{name} will be forgotten; what it stands for in account {component.account} stays.")
    confirm("Forget it?", yes=yes)
    registry.forget_component(name)
    answer({"deleted": name}, f"forgot {name}", as_json=as_json)


def origin_text(component: RegisteredComponent) -> str:
    """Built or found, for people; "-" for what nobody built and nobody found."""
    return component.origin if component.flavor != "local" else "-"


def _find(registry: Registry, name: str) -> RegisteredComponent:
    """The component of this name; raises CheckError that names the others."""
    component = registry.component(name)
    if component is None:
        known = ", ".join(c.name for c in _visible(registry)) or "none"
        raise CheckError(f"no component {name!r} is registered", hint=f"registered: {known}", field="name")
    users = [s for s in registry.stacks() if name in s.components.values()]
    if users and not any(may_use(registry.seat, owner=s.owner, groups=s.groups) for s in users):
        registry.usable(users[0].name)
    return component


def _visible(registry: Registry) -> list[RegisteredComponent]:
    """The components of stacks that this user may use, and those of no stack."""
    own = {c for s in registry.usable_stacks() for c in s.components.values()}
    others = {c for s in registry.stacks() for c in s.components.values()} - own
    return [c for c in registry.components() if c.name not in others]
