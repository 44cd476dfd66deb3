"""`stackwright wait`."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import answer, aws_options, clock, json_option, now, story
from provisioner.cli.stack_name import name_argument
from provisioner.errors import CheckError, RefusedError

if TYPE_CHECKING:
    from provisioner.cli.cloud import Cloud


@click.command()
@name_argument
@click.option("--timeout", default=60, show_default=True, help="Minutes to wait.", show_envvar=True)
@aws_options
@json_option
def command(name: str, timeout: int, region: str, profile: str, as_json: bool) -> None:
    """Wait until a stack is there and done, telling its events. Ends on failure with the first cause.

    \b
    Example:
      stackwright wait churn-dev && stackwright finish churn-dev
    """
    from provisioner import deploy
    from provisioner.cli.cloud import open_cloud_of
    from provisioner.cli.following import interruptible, shown
    from provisioner.cli.status import find_state, look

    cloud = open_cloud_of(name, region, profile)
    name = cloud.name_of(name)
    known = cloud.registry.stack(name)
    if known and not known.stack_id:
        raise CheckError(
            f"{name} holds found resources and has no CloudFormation stack to wait for",
            hint=f"`stackwright doctor {name}` tries what it holds",
            field="name",
        )
    if look(name, cloud)["registry"] == "deleted":
        raise CheckError(
            f"the CloudFormation stack of {name} is deleted",
            hint=f"`stackwright stack delete {name}` forgets it",
            field="name",
        )
    if known is None:
        _check_expected(name, cloud)
    deadline = now() + timedelta(minutes=timeout)
    ticking = clock()
    state = find_state(name, cloud)
    while state is None:
        if now() > deadline:
            raise RefusedError(
                f"no stack {name} after {timeout} minutes", hint="open the link, then wait again"
            )
        story("waiting for somebody to open the link …")
        ticking.sleep(max(ticking.interval, 5.0))
        state = find_state(name, cloud)
    resources = cloud.stacks.template(state.id).get("Resources", {})
    with interruptible(f"`stackwright wait {name}`"), shown(len(resources)) as on_event:
        deploy.follow(cloud.stacks, state.id, clock=ticking, on_event=on_event, deadline=deadline)
    value = look(name, cloud)
    answer(value, f"{name}: {value['cloudformation']}", as_json=as_json)
    if value["next"]:
        story(f"Next: {value['next']}")


def _check_expected(name: str, cloud: "Cloud") -> None:
    """Raises CheckError where none of the name's enrolments is for this account: nothing will appear here."""
    accounts = {e.expected_account for e in cloud.registry.enrolments_of(name, cloud.session.region)}
    if accounts and not accounts & {"", cloud.account}:
        raise CheckError(
            f"{name} is expected in account {' or '.join(sorted(accounts))}, "
            f"these credentials are of {cloud.account}",
            hint="use credentials of that account",
            field="profile",
        )
