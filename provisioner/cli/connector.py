"""`stackwright connector list|show|verify`."""

import click

from provisioner import connectors, text
from provisioner.cli import zenml_verify
from provisioner.cli.options import answer, json_option, open_registry
from provisioner.cli.stack import visible
from provisioner.connectors import Connector
from provisioner.errors import CheckError


@click.group()
def command() -> None:
    """List and show how the credentials of registered stacks are obtained; no secret is kept here.

    \b
    Example:
      stackwright connector list
    """


command.add_command(zenml_verify.command, "verify")


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every way into an account that a registered stack has."""
    found = read()
    rows = [["name", "type", "method", "trust", "account", "stacks"]]
    rows += [[c.name, c.type, c.auth_method, c.trust, c.account, ", ".join(c.stacks)] for c in found]
    empty = "no registered stack has an access role; `stackwright deploy` and `finish` register some"
    value = {"connectors": [c.as_dict() for c in found]}
    answer(value, text.table(rows, indent=0) if found else empty, as_json=as_json)


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """One connector: its role, who may assume it, and what its stacks reach through it."""
    found = find(name)
    told = (
        ("role_arn", found.role_arn),
        ("trust", found.trust),
        ("external_id", found.external_id),
        ("secret_arn", found.secret_arn),
        ("data_key", found.data_key),
    )
    rows = [["access", key, value] for key, value in told if value]
    rows += [["opens", *where] for where in found.resources.items()]
    head = f"{found.name}: {found.type} by {found.auth_method}, account {found.account}"
    answer(found.as_dict(), "\n".join([head, text.table(rows)]), as_json=as_json)


def read() -> list[Connector]:
    """The connectors of the stacks that this user may use."""
    registry = open_registry()
    return connectors.of_stacks(visible(registry), registry.components())


def find(name: str) -> Connector:
    """The connector of this name; raises CheckError that names the others."""
    found = read()
    known = ", ".join(c.name for c in found) or "none"
    for connector in found:
        if connector.name == name:
            return connector
    raise CheckError(f"there is no connector {name!r}", hint=f"known: {known}", field="name")
