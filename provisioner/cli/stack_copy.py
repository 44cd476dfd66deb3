"""`stackwright stack copy`."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from provisioner import arn as arns
from provisioner import copying
from provisioner.cli.options import aws_options, json_option, now, open_registry, story
from provisioner.cli.stack_export import exported
from provisioner.cli.zenml_target import zenml_options
from provisioner.components import find
from provisioner.errors import CheckError, SpecError

if TYPE_CHECKING:
    from provisioner.export.stack import ExportedStack
    from provisioner.registry import RegisteredComponent
    from provisioner.scan.table import Found


@click.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("name", metavar="TO")
@click.argument("given", metavar="ARN...", nargs=-1, required=True)
@click.option("--unfit", is_flag=True, help="Take what failed a fitness check, too.", show_envvar=True)
@aws_options
@zenml_options
@json_option
def command(
    source: str, name: str, given: tuple[str, ...], unfit: bool, region: str, profile: str, as_json: bool
) -> None:
    """Register a stack like another, of other resources: dev to prod.

    The copy has the other's slots and flavors, filled with the resources that you name: all of one
    account and region, and each looked at with that account's credentials. An ARN fills every slot that it
    fits; TYPE=ARN says which one. Nothing in AWS is made or changed.

    \b
    Example:
      stackwright stack copy churn-dev churn-prod --profile prod arn:aws:s3:::churn-prod \\
        arn:aws:ecr:eu-central-1:444455556666:repository/churn orchestrator=arn:aws:iam::444455556666:role/ml
    """
    from provisioner import found as founds
    from provisioner.cli import register
    from provisioner.cli.cloud import open_cloud

    model = exported(source, open_registry())
    register.check_stack_name(name)
    if name == source:
        raise SpecError("a copy needs a name of its own", hint="name another stack", field="name")
    chosen = copying.slots(model, given)
    account, stated = _place(chosen)
    cloud = open_cloud(region or stated or model.region, profile)
    if account and account != cloud.account:
        raise CheckError(
            f"the resources are of account {account}, and the credentials are of {cloud.account}",
            hint="--profile chooses others",
            field="profile",
        )
    resources = [register.look_up(text, cloud) for text in dict.fromkeys(chosen.values())]
    if not unfit:
        _check_fit(chosen, resources, model, cloud.session.region)
    made = founds.components(resources, stack=name, now=now(), chosen=chosen)
    made += _local(name, model, made)
    register.keep(name, made, cloud, as_json=as_json)
    story(f"`stackwright stack diff {source} {name}` says how they differ.")


def _place(chosen: "dict[str, str]") -> tuple[str, str]:
    """The account and region that the ARNs state, where they do; raises CheckError for more than one."""
    parsed = [arns.parse(text) for text in chosen.values()]
    accounts = list(dict.fromkeys(a.account for a in parsed if a.account))
    places = list(dict.fromkeys(a.region for a in parsed if a.region))
    for kind, several in (("accounts", accounts), ("regions", places)):
        if len(several) > 1:
            raise CheckError(
                f"the resources are of {kind} {' and '.join(several)}",
                hint="a stack holds resources of one account and region",
                field="arn",
            )
    return "".join(accounts), "".join(places)


def _check_fit(
    chosen: "dict[str, str]", resources: "list[Found]", model: "ExportedStack", region: str
) -> None:
    """As `register` does: raises CheckError with the reasons of the first that is unfit for its slot."""
    from provisioner import found as founds

    seen = {resource.arn: resource for resource in resources}
    for type_, text in chosen.items():
        facts = find(type_, model.parts[type_].flavor)
        if facts and text in seen:
            way_out = "--unfit takes it all the same"
            founds.check_fit_as(facts, seen[text], region=region, way_out=way_out)


def _local(
    name: str, model: "ExportedStack", made: "list[RegisteredComponent]"
) -> "list[RegisteredComponent]":
    """What runs on the user's machine is the same everywhere."""
    held = {part.type for part in made}
    return [
        replace(made[0], name=f"{name}.{type_}", type=type_, flavor="local", outputs={}, config={})
        for type_ in copying.local(model)
        if type_ not in held
    ]
