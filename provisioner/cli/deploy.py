"""`stackwright deploy`."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from provisioner import text
from provisioner.cli import zenml_target
from provisioner.cli.options import (
    answer,
    clock,
    confirm,
    json_option,
    now,
    profile_option,
    random_id,
    read_spec,
    spec_options,
    story,
    yes_option,
)
from provisioner.cli.planning import draft
from provisioner.cli.preparing import bootstrap_option, prepared
from provisioner.moment import stamp
from provisioner.preflight.row import COULD_NOT_LOOK

if TYPE_CHECKING:
    from provisioner.aws.cloudformation import StackState
    from provisioner.cli.cloud import Cloud
    from provisioner.cli.planning import Draft
    from provisioner.spec import Spec


@click.command()
@spec_options
@click.option(
    "--allow-removal",
    is_flag=True,
    help="Also take away a bucket, repository or MLflow that the spec no longer has.",
    show_envvar=True,
)
@click.option(
    "--take-over",
    is_flag=True,
    help="Also update a stack that this registry does not know.",
    show_envvar=True,
)
@click.option(
    "--reuse-unchecked",
    is_flag=True,
    help="Do not look at what is reused, as a bucket of another account.",
    show_envvar=True,
)
@click.option(
    "--unchecked",
    is_flag=True,
    help="Do not ask AWS beforehand for quotas, machine types and names.",
    show_envvar=True,
)
@bootstrap_option
@zenml_target.zenml_options
@profile_option
@yes_option
@json_option
def command(
    path: str,
    preset: str,
    name: str,
    region: str,
    allow_removal: bool,
    take_over: bool,
    reuse_unchecked: bool,
    unchecked: bool,
    bootstrap: bool | None,
    profile: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Create or update the stack, wait for it, register it. Run it again after an interruption.

    \b
    Example:
      stackwright deploy --yes
    """
    from provisioner import deploy, finish
    from provisioner.cli.cloud import open_cloud
    from provisioner.cli.following import interruptible, shown
    from provisioner.cli.stack import as_answer, stack_text

    drafted = draft(read_spec(path=path, preset=preset, name=name, region=region))
    drafted.check()
    spec = drafted.plan.spec
    cloud = open_cloud(spec.region, profile)
    cloud.registry.usable(spec.name)
    account = cloud.account
    wishes = deploy.Wishes(allow_removal=allow_removal, take_over=take_over)
    state = deploy.look(
        drafted.plan, stacks=cloud.stacks, registry=cloud.registry, account=account, wishes=wishes
    )
    cloud.registry.usable(spec.name, state.id if state else "")
    if not reuse_unchecked:
        _check_reused(spec, cloud)
    if not unchecked:
        drafted = _asked(drafted, cloud, state, reuse_unchecked=reuse_unchecked)
        drafted.check()
    made = state is not None and state.verdict != "gone"
    zenml_target.ready(spec.register, spec=spec, stack_id=state.id if state and made else "")
    story(text.plan(drafted.as_dict()))
    confirm(f"\n{_question(spec.name, state)} in account {account}, {spec.region}?", yes=yes)
    with interruptible(f"`stackwright wait {spec.name}`"), shown(len(drafted.template.resources)) as on_event:
        deploy.run(
            drafted.plan,
            drafted.template,
            stacks=cloud.stacks,
            registry=cloud.registry,
            account=account,
            estimate=drafted.cost,
            clock=clock(),
            on_event=on_event,
            wishes=wishes,
            tell=story,
        )
    stack = finish.with_credentials(
        spec.name,
        doors=cloud.for_proof(),
        registry=cloud.registry,
        now=now(),
        random_id=random_id,
        region=spec.region,
    )
    stack = prepared(stack, cloud, yes=yes, wanted=bootstrap)
    zenml_target.registered(stack, cloud.registry, wish=spec.register, profile=profile)
    answer(as_answer(stack, cloud.registry), stack_text(stack, cloud.registry), as_json=as_json)


def _asked(drafted: "Draft", cloud: "Cloud", state: "StackState | None", *, reuse_unchecked: bool) -> "Draft":
    """The draft with what only AWS can tell, before anything is made."""
    from provisioner.aws.answers import Answers
    from provisioner.template import Template

    made = state is not None and state.verdict not in ("draft", "gone")
    live = Template(body=cloud.stacks.template(state.id)).resources if state and made else {}
    asked = drafted.asked(Answers(cloud.session).ask, live)
    hidden = [f for f in asked.findings if f.message.startswith(COULD_NOT_LOOK)]
    if hidden:
        ids = ", ".join(sorted({f.id for f in hidden}))
        story(f"Could not look beforehand: {ids}. `stackwright plan --online` says why.")
    findings = [f for f in asked.findings if f not in hidden]
    if reuse_unchecked:
        findings = [f for f in findings if not f.subject.endswith(".reuse")]
    return replace(asked, findings=findings)


def _check_reused(spec: "Spec", cloud: "Cloud") -> None:
    """An ARN with a typing mistake would grant pipelines a stranger's bucket: each must be there and fit."""
    from provisioner import found
    from provisioner.cli.register import look_up

    for wish in spec.components:
        if wish.reuse:
            found.check_fit_as(wish.component, look_up(wish.reuse, cloud), region=spec.region)


def _question(name: str, state: "StackState | None") -> str:
    if state is None or state.verdict == "draft":
        return f"Create {name}"
    renamed = f" (called {state.name} in the console)" if state.name != name else ""
    return f"Update the existing stack {name}{renamed} made at {stamp(state.created_at)}"
