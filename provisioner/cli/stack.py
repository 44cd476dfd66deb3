"""`stackwright stack list|show|set|share|delete`."""

from typing import Any

import click

from provisioner import components, text
from provisioner.cli import stack_copy, stack_diff, stack_export, zenml_target
from provisioner.cli.component import origin_text
from provisioner.cli.options import answer, confirm, json_option, open_registry, story, yes_option
from provisioner.errors import CheckError, SpecError
from provisioner.moment import stamp
from provisioner.registry import RegisteredStack, Registry, Snapshot
from provisioner.sharing import EVERYBODY, may_use


@click.group()
def command() -> None:
    """List, show, switch, share and forget registered stacks.

    \b
    Example:
      stackwright stack list
      stackwright stack set churn-prod
      stackwright stack share churn-prod --group data-science
    """


command.add_command(stack_export.command)
command.add_command(stack_diff.command)
command.add_command(stack_copy.command)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every registered stack that you may use; * marks the active one."""
    registry = open_registry()
    held = registry.snapshot()
    stacks = visible(held)
    rows = [["", "name", "status", "account", "region", "owner", "components"]]
    rows += [["*" if s.name == held.active() else "", *_row(s, held)] for s in stacks]
    empty = "no stack is registered; `stackwright deploy`, `link` or `register` makes one"
    value = {"stacks": [as_answer(s, held) for s in stacks], "active": _active(registry)}
    answer(value, text.table(rows, indent=0) if stacks else empty, as_json=as_json)
    for name in zenml_target.lacking(stacks, registry):
        story(f"stack.yaml puts {name} into ZenML, and no server holds it: `stackwright zenml add {name}`.")
    hidden = len(held.stacks()) - len(stacks)
    if hidden:
        story(f"Not shared with {registry.seat.user}: {hidden} more.")


def _row(stack: RegisteredStack, registry: Snapshot) -> list[str]:
    flavors = ", ".join(f"{c.type} {c.flavor}" for c in registry.components_of(stack).values())
    owner = stack.owner + ("".join(f" +{g}" for g in stack.groups))
    return [stack.name, stack.status, stack.account, stack.region, owner, flavors]


def _active(registry: Registry) -> dict[str, str]:
    """The active stack, and whether this directory or the user's default says so."""
    here, name = registry.active_here(), registry.active()
    return {
        "stack": name,
        "from": "directory" if here else "default" if name else "",
        "directory": registry.seat.directory,
    }


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
@click.option(
    "--global",
    "everywhere",
    is_flag=True,
    help="For every directory without one of its own.",
    show_envvar=True,
)
@json_option
def set_(name: str, everywhere: bool, as_json: bool) -> None:
    """Make a stack the active one of this project.

    A project is the nearest folder upwards with a stack.yaml or .git, else this folder. Where none was set,
    the default holds: your first registered stack, or what --global says.
    """
    registry = open_registry()
    stack = find(registry, name)
    if stack.status != "registered":
        raise CheckError(
            f"{name} is {stack.status} and cannot be active",
            hint=f"with credentials of account {stack.account}: `stackwright finish {name}`"
            if stack.status in ("unverified", "needs_bootstrap")
            else "`stackwright stack list` shows the others",
        )
    if everywhere:
        registry.set_active(name)
    else:
        registry.set_active_here(name)
    where = "by default" if everywhere else f"in {registry.seat.directory}"
    answer(as_answer(stack, registry), f"{name} is active {where}", as_json=as_json)
    if registry.active() != name:
        story(f"{registry.seat.directory} keeps its own: {registry.active()}.")
    if registry.registrations_of(name):
        # Which stack is active is a setting of ZenML's client; its server has no such thing.
        story(f"For ZenML's own client: `zenml stack set {name}`.")


@command.command()
@click.argument("name")
@click.option("--group", "groups", multiple=True, help="Its members may use the stack.", show_envvar=True)
@click.option("--everybody", is_flag=True, help="Everybody may use it.", show_envvar=True)
@click.option("--nobody", is_flag=True, help="Only its owner may use it again.", show_envvar=True)
@json_option
def share(name: str, groups: tuple[str, ...], everybody: bool, nobody: bool, as_json: bool) -> None:
    """Say who may use a stack besides its owner: exactly these groups from now on.

    \b
    Example:
      stackwright stack share churn-prod --group data-science --group platform
    """
    if bool(groups) + everybody + nobody != 1:
        raise SpecError("say with whom", hint="--group NAME, --everybody or --nobody", field="group")
    registry = open_registry()
    stack = find(registry, name)
    if stack.owner not in ("", registry.seat.user):
        raise CheckError(f"{name} is {stack.owner}'s to share", hint=f"ask {stack.owner}", field="name")
    stack = registry.share(stack, (EVERYBODY,) if everybody else groups)
    who = "everybody" if everybody else ", ".join(groups) or "nobody"
    answer(as_answer(stack, registry), f"{name} of {stack.owner} is shared with {who}", as_json=as_json)


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
    """The stack of this name; raises CheckError that names the others, or whose it is."""
    stack = registry.usable(name)
    if stack is None:
        known = ", ".join(s.name for s in visible(registry)) or "none"
        raise CheckError(f"no stack {name!r} is registered", hint=f"registered: {known}", field="name")
    return stack


def visible(registry: Registry | Snapshot) -> list[RegisteredStack]:
    """The stacks that this user may use."""
    return [s for s in registry.stacks() if may_use(registry.seat, owner=s.owner, groups=s.groups)]


def as_answer(stack: RegisteredStack, registry: Registry | Snapshot) -> dict[str, Any]:
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
        "owner": stack.owner,
        "groups": [*stack.groups],
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
    told = [(key, stack.connector.get(key, "")) for key in ("role_arn", "secret_arn", "data_key")]
    rows += [["access", "aws", "built", key, value] for key, value in told if value]
    rows += [["ZenML", r.status, "", "server", r.server] for r in registry.registrations_of(stack.name)]
    return "\n".join([head, text.table(rows), *_files_text(client_files(stack, registry))])


def client_files(stack: RegisteredStack, registry: Registry | Snapshot) -> dict[str, str]:
    """What tools on the user's machine must be told: path -> text."""
    parts = registry.components_of(stack)
    outputs = {type_: part.outputs for type_, part in parts.items()}
    known = [c for type_, part in parts.items() if (c := components.find(type_, part.flavor))]
    return {path: words for c in known for path, words in c.client_files(outputs).items()}


def _files_text(files: dict[str, str]) -> list[str]:
    return [f"\nWrite {path}, without which nothing starts:\n\n{words}" for path, words in files.items()]
