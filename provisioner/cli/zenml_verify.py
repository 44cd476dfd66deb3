"""`stackwright connector verify`: the ZenML servers that hold a connector try it."""

from typing import TYPE_CHECKING, Any

import click

from provisioner import text
from provisioner.cli import zenml_target
from provisioner.cli.options import answer, json_option, open_registry, story
from provisioner.errors import CHECK_SAID_NO, CheckError

if TYPE_CHECKING:
    from provisioner.registry import Registration

# What a server says of AWS's refusal -> what to do. The first that is found counts.
_REMEDIES = (
    (
        "ZENML_ENABLE_IMPLICIT_AUTH_METHODS",
        "set ZENML_ENABLE_IMPLICIT_AUTH_METHODS=true on the ZenML server",
    ),
    (
        "AssumeRole",
        "the server's identity may not assume the role: name it as `access.principal` in stack.yaml, and let "
        "its own policy allow sts:AssumeRole on it",
    ),
    ("Unable to locate credentials", "the server has no AWS identity of its own: give it a role, or a key"),
    (
        "InvalidClientTokenId",
        "the key that the server holds is gone: `stackwright zenml add NAME` with a new one",
    ),
    (
        "SignatureDoesNotMatch",
        "the secret that the server holds is not that of the key: `stackwright zenml add NAME` with both",
    ),
    ("specify a region", "set AWS_DEFAULT_REGION on the ZenML server"),
)


@click.command()
@click.argument("name")
@zenml_target.ca_file_option
@json_option
def command(name: str, as_json: bool) -> int:
    """Have every ZenML server that holds a connector log in to AWS by it; NAME may be a stack's, too.

    \b
    Example:
      stackwright connector verify churn-dev
    """
    held = _held(name)
    if not held:
        raise CheckError(
            f"no ZenML server holds a connector of {name!r}",
            hint="`stackwright zenml add STACK` puts its stack into one; `stackwright doctor STACK` tries "
            "the role from here",
            field="name",
        )
    checks = [check for registration in held for check in _verify(registration)]
    rows = [[_mark(c["ok"]), c["stack"], c["resource_type"], c["message"]] for c in checks]
    answer({"name": name, "checks": checks}, text.table(rows, indent=0), as_json=as_json)
    failed = [c for c in checks if not c["ok"]]
    for hint in dict.fromkeys(c["next"] for c in failed if c["next"]):
        story(f"Next: {hint}")
    return CHECK_SAID_NO if failed else 0


def _mark(ok: bool) -> str:
    return "ok" if ok else "FAILED"


def _held(name: str) -> "list[Registration]":
    """The registrations of a stack of this name, or of all stacks that use the connector."""
    from provisioner.cli import connector

    registry = open_registry()
    stack = registry.usable(name)
    if stack and stack.status in ("deleting", "deleted"):
        raise CheckError(
            f"{name} is {stack.status}: its role is gone, and no connector logs in by it",
            hint=f"`stackwright zenml remove {name}` takes it out of ZenML",
            field="name",
        )
    stacks = next((c.stacks for c in connector.read() if c.name == name), (name,))
    return [r for stack in dict.fromkeys((name, *stacks)) for r in registry.registrations_of(stack)]


def _verify(registration: "Registration") -> list[dict[str, Any]]:
    server = zenml_target.opened(registration.server)
    story(f"Waiting for ZenML {registration.server}")
    checks = []
    for key, id_ in registration.ids.items():
        if key.startswith("connector:"):
            for verdict in server.verify(id_):
                found = ", ".join(verdict.resource_ids) or "logged in"
                checks.append(
                    {
                        "server": registration.server,
                        "stack": registration.stack,
                        "resource_type": verdict.resource_type or key.split(":")[1],
                        "ok": not verdict.error,
                        "message": verdict.error or found,
                        "next": _remedy(verdict.error),
                    }
                )
    return checks


def _remedy(error: str) -> str:
    return next((words for sign, words in _REMEDIES if sign in error), "") if error else ""
