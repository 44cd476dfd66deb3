"""`stackwright status`."""

from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.options import answer, aws_options, json_option, story
from provisioner.enrolments import stamp
from provisioner.errors import CheckError

if TYPE_CHECKING:
    from provisioner.aws.cloudformation import StackState
    from provisioner.cli.cloud import Cloud


@click.command()
@click.argument("name")
@aws_options
@json_option
def command(name: str, region: str, profile: str, as_json: bool) -> None:
    """Say how a stack stands: in CloudFormation, in the registry, and what to do next.

    \b
    Example:
      stackwright status churn-dev
    """
    from provisioner.cli.cloud import open_cloud, region_of

    cloud = open_cloud(region_of(name, region), profile)
    value = look(name, cloud)
    lines = [
        f"{key}: {value[key]}" for key in ("cloudformation", "enrolment", "registry", "reason") if value[key]
    ]
    answer(value, f"{name}\n" + "\n".join(f"  {line}" for line in lines), as_json=as_json)
    if value["next"]:
        story(f"Next: {value['next']}")


def look(name: str, cloud: "Cloud") -> dict[str, Any]:
    """Where a stack stands; a registered stack whose CloudFormation stack is gone is marked so."""
    from provisioner import deploy

    state = find_state(name, cloud)
    known = cloud.registry.stack(name)
    opened = cloud.registry.enrolments_of(name)
    if state is None and known is None and not opened:
        raise CheckError(
            f"neither a link nor a stack is called {name!r}", hint="check --region", field="name"
        )
    gone = known is not None and known.stack_id and (state is None or state.verdict == "gone")
    if gone and known and known.status not in ("deleting", "deleted"):
        cloud.registry.set_status(name, "deleted")
        known = cloud.registry.stack(name)
    reason = deploy.first_failure(cloud.stacks, state) if state and state.verdict == "failed" else ""
    return {
        "name": name,
        "cloudformation": state.status if state else "absent",
        "stack_id": state.id if state else "",
        "enrolment": opened[0].status if opened else "",
        "start_by": stamp(opened[0].start_by) if opened else "",
        "registry": known.status if known else "",
        "reason": reason,
        "next": _next(name, state, known.status if known else ""),
    }


def find_state(name: str, cloud: "Cloud") -> "StackState | None":
    """The CloudFormation stack of a name: by id, by its newest enrolment, by name."""
    known = cloud.registry.stack(name)
    if known and known.stack_id:
        return cloud.stacks.describe(known.stack_id)
    opened = cloud.registry.enrolments_of(name)
    found = cloud.stacks.find(name=name, enrolment_ids=[e.id for e in opened])
    return found or cloud.stacks.describe(name)


def _next(name: str, state: "StackState | None", registered: str) -> str:
    if registered == "deleted":
        return f"the CloudFormation stack is gone: `stackwright stack delete {name}` forgets it"
    if state is None:
        return "open the link and create the stack, or `stackwright deploy`"
    return {
        "busy": f"`stackwright wait {name}`",
        "draft": "`stackwright deploy` goes on with it",
        "failed": f"`stackwright destroy {name}`, then deploy again",
        "gone": "",
        "done": "" if registered == "registered" else f"`stackwright finish {name}`",
    }[state.verdict]
