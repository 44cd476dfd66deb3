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
        "--no-bootstrap",
        is_flag=True,
        help="Leave the cluster of an eks stack as it is.",
        show_envvar=True,
    )
    return flag(command)


def prepared(stack: "RegisteredStack", cloud: "Cloud", *, yes: bool, skip: bool) -> "RegisteredStack":
    """The stack with its clusters prepared, as far as the user agrees; raises what the engine raises."""
    from provisioner import bootstrap

    targets = bootstrap.targets_of(cloud.registry.components_of(stack))
    if not targets or skip:
        if skip and stack.status == "needs_bootstrap":
            story(f"Pipelines cannot run yet. Next: `stackwright finish {stack.name}`.")
        return stack
    if stack.status == "registered" and cloud.account != stack.account:
        return stack  # prepared already, and only its own account could look
    doors = cloud.for_bootstrap()
    bootstrap.check_account(stack, doors.caller_arn)
    outlooks = [bootstrap.look(target, doors) for target in targets]
    waiting = [o for o in outlooks if not o.is_done]
    if waiting:
        _announce(waiting)
        confirm("Do this?", yes=yes)
    for outlook in waiting:
        bootstrap.apply(outlook, doors=doors, tell=story)
    cloud.registry.set_bootstrapped(stack.name)
    return cloud.registry.stack(stack.name) or stack


def _announce(outlooks: "list[Outlook]") -> None:
    for outlook in outlooks:
        story(f"In cluster {outlook.cluster.name}:")
        for number, words in enumerate(outlook.words, 1):
            story(f"  {number}. {words}")
