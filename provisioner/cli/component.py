"""`stackwright component list|show`."""

import click

from provisioner import text
from provisioner.cli.options import answer, json_option, open_registry
from provisioner.errors import CheckError


@click.group()
def command() -> None:
    """List and show registered components.

    \b
    Example:
      stackwright component show churn-dev.artifact_store
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every registered component, built or found."""
    components = open_registry().components()
    rows = [["name", "type", "flavor", "origin", "account", "region"]]
    rows += [[c.name, c.type, c.flavor, c.origin, c.account, c.region] for c in components]
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
    registry = open_registry()
    component = registry.component(name)
    if component is None:
        known = ", ".join(c.name for c in registry.components()) or "none"
        raise CheckError(f"no component {name!r} is registered", hint=f"registered: {known}", field="name")
    rows = [["output", k, v] for k, v in component.outputs.items()]
    rows += [["config", k, v] for k, v in component.config.items()]
    place = f"{component.account} {component.region}"
    head = f"{name}: {component.type} {component.flavor}, {component.origin}, {place}"
    answer(component.as_dict(), head + "\n" + text.table(rows), as_json=as_json)
