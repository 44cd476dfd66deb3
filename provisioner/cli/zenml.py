"""`stackwright zenml login|logout|status|add|remove`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from provisioner import text
from provisioner.cli import zenml_target
from provisioner.cli.options import (
    answer,
    confirm,
    json_option,
    open_registry,
    profile_option,
    story,
    yes_option,
)
from provisioner.cli.stack_name import name_argument
from provisioner.errors import PARTLY_DONE, CheckError, RefusedError, SpecError

if TYPE_CHECKING:
    from provisioner.registry import Registration, Registry


@click.group()
def command() -> None:
    """Log in to a ZenML server, see what it can do, put registered stacks into it.

    \b
    Example:
      stackwright zenml login https://zenml.example.com
      stackwright zenml status https://zenml.example.com
      stackwright zenml add churn-dev --zenml-url https://zenml.example.com
    """


@command.command()
@click.argument("url")
@click.option("--username", default="", help="Log in with a user's password, not a key.", show_envvar=True)
@click.option(
    "--token", "is_token", is_flag=True, help="What is given is a token, not a key.", show_envvar=True
)
@zenml_target.ca_file_option
@json_option
def login(url: str, username: str, is_token: bool, as_json: bool) -> None:
    """Keep a login in this machine's keyring, once the server takes it.

    The key (of a service account: `zenml service-account create`), token or password is asked for, or read
    from stdin: it has no option, because options are seen by all users of a machine.

    \b
    Example:
      stackwright zenml login https://zenml.example.com
      stackwright zenml login https://zenml.example.com < key.txt
    """
    from provisioner.cli import zenml_login
    from provisioner.zenml.server import Credential

    url = zenml_target.checked_url(url)
    kind: Any = "password" if username else "token" if is_token else "api_key"
    zenml_login.check_keeps(kind)
    credential = Credential(
        kind=kind, secret=zenml_login.checked(_secret(kind), "what came in", kind), username=username
    )
    server = zenml_target.opened(url, credential)
    who = server.log_in()
    zenml_login.keep(url, credential)
    value = {"server": url, "version": server.version, "login": kind, "user": who}
    answer(value, f"logged in to {url} (ZenML {server.version}) as {who}", as_json=as_json)


def _secret(kind: str) -> str:
    """Asked for on a terminal, without showing it; read from a pipe elsewhere."""
    words = {"api_key": "API key", "token": "Token", "password": "Password"}[kind]
    given = str(click.prompt(words, hide_input=True, err=True)) if sys.stdin.isatty() else sys.stdin.read()
    if not given.strip():
        raise SpecError(f"no {words} came in", hint="type it, or pipe it in: `… < key.txt`")
    return given


@command.command()
@click.argument("url")
@json_option
def logout(url: str, as_json: bool) -> None:
    """Forget the login that the keyring holds for a server.

    \b
    Example:
      stackwright zenml logout https://zenml.example.com
    """
    from provisioner.cli import zenml_login

    url = zenml_target.checked_url(url)
    done = zenml_login.forget(url)
    said = f"forgot the login of {url}" if done else f"the keyring has no login of {url}"
    answer({"server": url, "forgotten": done}, said, as_json=as_json)


@command.command()
@click.argument("url", required=False)
@click.option("--region", default="us-east-1", help="Region to try connectors in.", show_envvar=True)
@zenml_target.ca_file_option
@json_option
def status(url: str | None, region: str, as_json: bool) -> int:
    """Say what servers are, whether the login works, what they lack, and which of our stacks they hold.

    \b
    Example:
      stackwright zenml status https://zenml.example.com
    """
    registry = open_registry()
    others = {s.name for s in registry.stacks()} - {s.name for s in registry.usable_stacks()}
    held = [r for r in registry.registrations() if r.stack not in others]
    named = zenml_target.checked_url(url) if url else zenml_target.choices().url
    holding = [] if url else [r.server for r in held]
    wanted = dict.fromkeys([*holding, *([named] if named else [])])
    found = [_standing(server, region) for server in wanted]
    for known in found:
        known["stacks"] = [_stack(r, registry, known) for r in held if r.server == known["server"]]
    empty = "no ZenML server holds a stack of this registry; name one: `stackwright zenml status URL`"
    answer({"servers": found}, "\n".join(_status_text(f) for f in found) or empty, as_json=as_json)
    return PARTLY_DONE if any(f["error"] for f in found) else 0


def _standing(url: str, region: str) -> dict[str, Any]:
    """What can be asked, as far as the server lets us; an error is an answer."""
    from provisioner.cli import zenml_login
    from provisioner.zenml import capabilities

    known: dict[str, Any] = {
        "server": url,
        "version": "",
        "user": "",
        "login": zenml_login.source(url),
        "aws_connector": None,
        "implicit": None,
        "missing": [],
        "error": "",
        "hint": "",
    }
    story(f"Waiting for {url}")
    try:
        server = zenml_target.opened(url)
        known["version"] = server.version
        known["missing"] = [f.words for f in capabilities.missing(server.version)]
        known["user"] = server.log_in()
        known["aws_connector"] = server.has_aws()
        known["implicit"] = known["aws_connector"] and server.allows_implicit(region)
    except RefusedError as error:
        known |= {"error": error.message, "hint": error.hint}
    return known


def _stack(held: "Registration", registry: "Registry", known: dict[str, Any]) -> dict[str, str]:
    """A stack that a server holds, and whether it is there still, where the server could be asked."""
    from provisioner.zenml import engine

    stack = registry.stack(held.stack)
    there, called = "unknown", ""
    if stack and not known["error"]:
        server = zenml_target.opened(held.server)
        there, called = engine.standing(zenml_target.plain(stack, registry), held, server=server)
    return {"name": held.stack, "status": held.status, "there": there, "called": called}


def _status_text(found: dict[str, Any]) -> str:
    yes = {True: "yes", False: "no", None: "unknown"}
    rows = [
        ["version", found["version"] or "unknown"],
        ["login", f"{found['user'] or 'nobody'}, from {found['login']}"],
        ["AWS connector", yes[found["aws_connector"]]],
        ["own identity for connectors (implicit)", yes[found["implicit"]]],
        *(["lacks", words] for words in found["missing"]),
        *([f"stack {s['name']}", _stack_text(s)] for s in found["stacks"]),
        *([key, found[key]] for key in ("error", "hint") if found[key]),
    ]
    return f"{found['server']}\n{text.table(rows)}"


def _stack_text(stack: dict[str, str]) -> str:
    words = f"{stack['status']}, there: {stack['there']}"
    if stack["called"] in ("", stack["name"]):
        return words
    back = f"`stackwright zenml add {stack['name']}` gives it our name again"
    return f"{words}, where somebody calls it {stack['called']}: {back}"


@command.command()
@name_argument
@zenml_target.zenml_options
@profile_option
@json_option
def add(name: str, profile: str, as_json: bool) -> None:
    """Put a registered stack into a ZenML server, or bring what is there up to date.

    \b
    Example:
      stackwright zenml add churn-dev --zenml-url https://zenml.example.com
    """
    from provisioner.cli.stack import find

    registry = open_registry()
    stack = find(registry, name)
    servers = zenml_target.named_urls(stack, registry)
    if not servers:
        raise SpecError("no ZenML server is named", hint="--zenml-url https://…", field="zenml-url")
    if stack.status != "registered":
        raise CheckError(
            f"{name} is {stack.status}, and only a proved stack goes into ZenML",
            hint=f"`stackwright stack delete {name}` forgets it"
            if stack.status in ("deleting", "deleted")
            else f"`stackwright finish {name}`, with credentials of account {stack.account}",
            field="name",
        )
    zenml_target.registered(stack, registry, servers=servers, profile=profile)
    _answer_registrations(name, as_json=as_json)


@command.command()
@click.argument("name")
@click.option(
    "--forget", is_flag=True, help="Only here: the server is gone, or was never asked.", show_envvar=True
)
@zenml_target.ca_file_option
@yes_option
@json_option
def remove(name: str, forget: bool, yes: bool, as_json: bool) -> None:
    """Take a stack out of the ZenML servers that hold it; it stays in our own registry, and in AWS.

    \b
    Example:
      stackwright zenml remove churn-dev
    """
    registry = open_registry()
    registry.usable(name)
    held = registry.registrations_of(name)
    if not held:
        raise SpecError(f"no ZenML server holds {name!r}", hint="`stackwright zenml status`", field="name")
    for line in zenml_target.words(name, registry):
        story(f"  {line}" + (", here only" if forget else ""))
    confirm("Do this?", yes=yes)
    if forget:
        for registration in held:
            registry.forget_registration(name, registration.server)
    else:
        zenml_target.unregistered(name, registry)
    _answer_registrations(name, as_json=as_json)


def _answer_registrations(name: str, *, as_json: bool) -> None:
    registry = open_registry()
    stack = registry.stack(name)
    held = zenml_target.as_answer(stack, registry) if stack else []
    lines = [f"{name} is in ZenML {r['server']}: {r['status']}" for r in held]
    answer(
        {"name": name, "registrations": held},
        "\n".join(lines) or f"{name} is in no ZenML server",
        as_json=as_json,
    )
