"""What verbs do about a stack whose cluster must be prepared: print it, ask, do it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner.cli.options import confirm, story

if TYPE_CHECKING:
    from provisioner.bootstrap import Outlook
    from provisioner.cli.cloud import Cloud
    from provisioner.registry import RegisteredStack

Command = TypeVar("Command", bound=Callable[..., Any])


def bootstrap_option(command: Command) -> Command:
    flag = click.option(
        "--bootstrap/--no-bootstrap",
        default=None,
        help="Prepare the cluster of an eks stack, again too, or leave it; without: where it was not yet.",
        show_envvar=True,
    )
    return flag(command)


def prepared(
    stack: "RegisteredStack", cloud: "Cloud", *, yes: bool, wanted: bool | None
) -> "RegisteredStack":
    """The stack with its clusters prepared, as far as the user agrees; raises what the engine raises."""
    from provisioner import bootstrap

    targets = bootstrap.targets_of(cloud.registry.components_of(stack))
    waits = stack.status == "needs_bootstrap"
    if not targets or wanted is False or not (waits or wanted):
        if targets and waits:
            story(f"Pipelines cannot run yet. Next: `stackwright finish {stack.name}`.")
        return stack
    doors = cloud.for_bootstrap()
    bootstrap.check_account(stack, doors.caller_arn)
    outlooks = [bootstrap.look(target, doors) for target in targets]
    waiting = [o for o in outlooks if not o.is_done]
    if waiting:
        _announce(waiting)
        confirm("Do this?", yes=yes)
    for outlook in waiting:
        bootstrap.apply(outlook, doors=doors, tell=story)
    if waits:
        cloud.registry.set_bootstrapped(stack.name)
    return cloud.registry.stack(stack.name) or stack


def _announce(outlooks: "list[Outlook]") -> None:
    for outlook in outlooks:
        story(f"In cluster {outlook.cluster.name}:")
        for number, words in enumerate(outlook.words, 1):
            story(f"  {number}. {words}")
