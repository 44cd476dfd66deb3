"""`stackwright status`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import click

from provisioner.cli import zenml_target
from provisioner.cli.options import answer, aws_options, json_option, story
from provisioner.cli.stack_name import name_argument
from provisioner.enrolments import Status
from provisioner.errors import CheckError
from provisioner.moment import stamp

if TYPE_CHECKING:
    from provisioner.aws.cloudformation import StackState
    from provisioner.cli.cloud import Cloud
    from provisioner.registry import RegisteredStack, Registry


@click.command()
@name_argument
@zenml_target.ca_file_option
@aws_options
@json_option
def command(name: str, region: str, profile: str, as_json: bool) -> None:
    """Say how a stack stands: in CloudFormation, in the registry, and what to do next.

    \b
    Example:
      stackwright status churn-dev
    """
    from provisioner.cli.cloud import open_cloud_of

    cloud = open_cloud_of(name, region, profile)
    name = cloud.name_of(name)
    value = look(name, cloud)
    lines = [
        f"{key}: {value[key]}" for key in ("cloudformation", "enrolment", "registry", "reason") if value[key]
    ]
    lines += [f"ZenML {r['server']}: {r['status']}" for r in value["registrations"]]
    answer(value, f"{name}\n" + "\n".join(f"  {line}" for line in lines), as_json=as_json)
    if value["next"]:
        story(f"Next: {value['next']}")


def look(name: str, cloud: "Cloud") -> dict[str, Any]:
    """Where a stack stands; a registered stack whose CloudFormation stack is gone is marked so."""
    from provisioner import deploy, proof

    known = cloud.registry.stack(name)
    if known:
        proof.check_place(known, account=cloud.account, region=cloud.session.region)
    state = find_state(name, cloud)
    opened = cloud.registry.enrolments_of(name)
    if state is None and known is None and not opened:
        raise CheckError(
            f"neither a link nor a stack is called {name!r}", hint="check --region", field="name"
        )
    if known and known.stack_id and (state is None or state.verdict == "gone"):
        known = _gone(known, cloud.registry)
        opened = cloud.registry.enrolments_of(name)
    registrations = zenml_target.as_answer(known, cloud.registry) if known else []
    reason = deploy.first_failure(cloud.stacks, state) if state and state.verdict == "failed" else ""
    return {
        "name": name,
        "cloudformation": state.status if state else "absent",
        "stack_id": state.id if state else "",
        "enrolment": opened[0].status if opened else "",
        "start_by": stamp(opened[0].start_by) if opened else "",
        "registry": known.status if known else "",
        "registrations": registrations,
        "reason": reason,
        "next": _next(name, state, known, opened[0].status if opened else "", registrations)
        or _into_zenml(known, cloud.registry),
    }


def _into_zenml(known: "RegisteredStack | None", registry: "Registry") -> str:
    """What is left to do where all else is done, and a ZenML server has not all that it should have."""
    if known is None or known.status != "registered":
        return ""
    halfway = [r.server for r in registry.registrations_of(known.name) if r.status != "registered"]
    if halfway:
        return f"`stackwright zenml add {known.name}`: ZenML {', '.join(halfway)} has not all of it"
    if zenml_target.lacking([known], registry):
        return f"`stackwright zenml add {known.name}`: stack.yaml puts it into ZenML, and no server holds it"
    return ""


def _gone(known: "RegisteredStack", registry: "Registry") -> "RegisteredStack | None":
    """Marked as deleted, and out of the ZenML servers: those that were away are asked each time again."""
    if known.status not in ("deleting", "deleted"):
        registry.set_status(known.name, "deleted")
    for used in registry.enrolments_of(known.name):
        if used.stack_id == known.stack_id and used.status != "deleted":
            registry.update_enrolment(replace(used, status="deleted"))
    zenml_target.gone(known.name, registry)
    return registry.stack(known.name)


def find_state(name: str, cloud: "Cloud") -> "StackState | None":
    """The CloudFormation stack of a name: by id, by its newest enrolment, by name.

    A stack of found resources has none; one of the same name is another's.
    """
    known = cloud.registry.stack(name)
    if known:
        return cloud.stacks.describe(known.stack_id) if known.stack_id else None
    opened = cloud.registry.enrolments_of(name)
    found = cloud.stacks.find(name=name, enrolment_ids=[e.id for e in opened])
    return found or cloud.stacks.describe(name)


def _next(
    name: str,
    state: "StackState | None",
    known: "RegisteredStack | None",
    enrolment: Status | Literal[""],
    registrations: list[dict[str, Any]],
) -> str:
    from provisioner import deploy

    if known and known.status == "deleted" and registrations:
        servers = ", ".join(r["server"] for r in registrations)
        return (
            f"ZenML {servers} still has it: `stackwright status {name}` tries once more; where the server "
            f"is gone for good, `stackwright zenml remove {name} --forget`"
        )
    if known and known.status == "deleted" and (state is None or state.verdict == "gone"):
        return f"the CloudFormation stack is gone: `stackwright stack delete {name}` forgets it"
    if known and known.status == "deleting":
        return f"`stackwright destroy {name}` goes on"
    if known and not known.stack_id:
        return f"`stackwright doctor {name}` tries what it holds"
    if state is None:
        again = "`stackwright deploy`, or `stackwright link` for a new link"
        return "open the link and create the stack, or `stackwright deploy`" if enrolment == "open" else again
    if enrolment == "failed" and not known:
        return (
            f"its proof failed: delete it in the console if it is not yours, or `stackwright destroy {name}`"
        )
    return {
        "busy": f"`stackwright wait {name}`",
        "draft": "`stackwright deploy` goes on with it",
        "failed": deploy.remedy(state),
        "gone": "",
        "done": "" if known and known.status == "registered" else f"`stackwright finish {name}`",
    }[state.verdict]
