"""`stackwright register`."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from provisioner import arn as arns
from provisioner import spec as specs
from provisioner.cli import suggesting, zenml_target
from provisioner.cli.options import answer, aws_options, default_name, json_option, now, story
from provisioner.component import TYPES
from provisioner.components import for_arn
from provisioner.errors import CheckError, SpecError
from provisioner.scan import suggest

if TYPE_CHECKING:
    from provisioner.cli.cloud import Cloud
    from provisioner.registry import RegisteredComponent
    from provisioner.scan.table import Found


@click.command()
@click.argument("arns_", metavar="ARN...", nargs=-1)
@click.option("--stack", default="", help="Join them to a stack of this name.", show_envvar=True)
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Only as this component type.")
@click.option("--unfit", is_flag=True, help="Register what failed a fitness check, too.", show_envvar=True)
@click.option(
    "--suggestion",
    "number",
    type=click.IntRange(min=1),
    help="Register this stack of those that `scan --suggest` told; --stack defaults to this folder's name.",
    show_envvar=True,
)
@click.option(
    "--from",
    "source",
    metavar="SCAN.json",
    default=suggesting.LAST,
    show_default=True,
    help="The scan that suggested it: a file of `scan --suggest --json`, or the last scan.",
    show_envvar=True,
)
@zenml_target.zenml_options
@aws_options
@json_option
def command(
    arns_: tuple[str, ...],
    stack: str,
    types: tuple[str, ...],
    unfit: bool,
    number: int | None,
    source: str,
    region: str,
    profile: str,
    as_json: bool,
) -> None:
    """Take resources that exist into the registry, as components or as a whole stack.

    \b
    Example:
      stackwright register arn:aws:s3:::team-artifacts
      stackwright register ARN ARN ARN --stack churn-shared
      stackwright register --suggestion 1 --stack churn-shared
    """
    from provisioner import found as founds
    from provisioner.cli.cloud import open_cloud

    _check_choice(arns_, types, number, source)
    if number is not None:
        _register_suggestion(
            number,
            source,
            stack or default_name(),
            unfit=unfit,
            region=region,
            profile=profile,
            as_json=as_json,
        )
        return
    _check_wish(arns_, stack)
    stated = [r for r in (arns.parse(a).region for a in arns_) if r]
    cloud = open_cloud(region or (stated[0] if stated else ""), profile)
    resources = [look_up(text, cloud) for text in arns_]
    if not unfit:
        founds.check_fit(resources, region=cloud.session.region)
    components = founds.components(resources, types=types, stack=stack, now=now())
    if not stack:
        for component in components:
            cloud.registry.register_component(component)
        names = [c.name for c in components]
        answer({"components": [c.as_dict() for c in components]}, "\n".join(names), as_json=as_json)
        return
    keep(stack, components, cloud, as_json=as_json)


def keep(stack: str, components: "list[RegisteredComponent]", cloud: "Cloud", *, as_json: bool) -> None:
    """Join the components to a stack of the registry, and of a ZenML server that is asked for."""
    from provisioner import found as founds
    from provisioner.cli.stack import as_answer, stack_text

    made = founds.stack(stack, components, now=now())
    cloud.registry.usable(stack)
    zenml_target.ready(specs.Register())
    cloud.registry.register(made, components)
    zenml_target.registered(made, cloud.registry)
    answer(as_answer(made, cloud.registry), stack_text(made, cloud.registry), as_json=as_json)
    story(f"Next: `stackwright stack set {stack}` makes it the active one.")


def _check_choice(arns_: tuple[str, ...], types: tuple[str, ...], number: int | None, source: str) -> None:
    if number is None and source != suggesting.LAST:
        raise SpecError("--from needs --suggestion", hint="add its number", field="suggestion")
    if number is None and not arns_:
        raise SpecError(
            "nothing is named",
            hint="name ARNs, or --suggestion with its number; `stackwright scan --suggest` tells both",
            field="arn",
        )
    if number is not None and (arns_ or types):
        raise SpecError(
            "--suggestion names all that it takes", hint="leave out ARNs and --type", field="suggestion"
        )


def _register_suggestion(
    number: int, source: str, stack: str, *, unfit: bool, region: str, profile: str, as_json: bool
) -> None:
    """Look at each part once more, and register them as they are now."""
    from provisioner import found as founds
    from provisioner.cli.cloud import open_cloud

    suggestion, _ = suggesting.find(number, source)
    _check_complete(suggestion, source)
    chosen: dict[str, str] = dict(suggestion["components"])
    _check_wish(tuple(chosen.values()), stack)
    if region not in ("", suggestion["region"]):
        raise SpecError(
            f"suggestion {number} is of {suggestion['region']}", hint="leave out --region", field="region"
        )
    cloud = open_cloud(suggestion["region"], profile)
    if cloud.account != suggestion["account"]:
        raise CheckError(
            f"suggestion {number} is of account {suggestion['account']}, and the credentials are of"
            f" {cloud.account}",
            hint="--profile chooses others",
            field="suggestion",
        )
    resources = [look_up(text, cloud) for text in dict.fromkeys(chosen.values())]
    if not unfit:
        _check_slots(chosen, resources, cloud.session.region)
    keep(stack, founds.components(resources, stack=stack, now=now(), chosen=chosen), cloud, as_json=as_json)


def _check_complete(suggestion: Mapping[str, Any], source: str) -> None:
    """Raises CheckError where something has to be built or set up first."""
    unready = suggest.unready(suggestion)
    if unready:
        file = "" if source == suggesting.LAST else f" {source}"
        raise CheckError(
            f"suggestion {suggestion['rank']} is not ready: " + ", ".join(unready),
            hint=f"`stackwright init --from-scan{file} --suggestion {suggestion['rank']}` writes the"
            " stack.yaml that builds it",
            field="suggestion",
        )


def _check_slots(chosen: Mapping[str, str], resources: "list[Found]", region: str) -> None:
    from provisioner import found as founds

    for resource in resources:
        for component in for_arn(resource.arn):
            if chosen.get(component.type) == resource.arn:
                way_out = "--unfit registers it all the same"
                founds.check_fit_as(component, resource, region=region, way_out=way_out)


def _check_wish(arns_: tuple[str, ...], stack: str) -> None:
    """Raises SpecError before anything is called."""
    if stack:
        check_stack_name(stack)
    for text in arns_:
        if not for_arn(text):
            raise SpecError(
                f"{text!r} is no resource that a component could be",
                hint="`stackwright scan --json` lists ARNs that fit",
                field="arn",
            )


def check_stack_name(name: str) -> None:
    """Raises SpecError for a name that no stack could be built under."""
    if not re.fullmatch(specs.NAME, name, re.ASCII):
        raise SpecError(
            f"stack {name!r} is not allowed",
            hint=f"a lower-case letter, then at most 30 of a-z, 0-9 and -: {specs.legal_name(name)}",
            field="stack",
        )


def look_up(text: str, cloud: "Cloud") -> "Found":
    """The resource as a scan sees it; raises CheckError where it is absent or hidden."""
    from provisioner.cli.scan import run
    from provisioner.scan.table import ROWS, only

    arn = arns.parse(text)
    story(f"Looking for {text} in account {cloud.account}, {cloud.session.region}:")
    rows = [row for row in ROWS if row.service == arn.service]
    # SageMaker's things have a row each.
    rows = rows or [row for row in ROWS if row.api == arn.service]
    scanned = run(cloud, tuple(only(row, arn) for row in rows))
    if scanned.resources:
        return scanned.resources[0]
    # A bucket that does not tell its region is in no cell, and the cell's note says so.
    if scanned.partly or any(cell.note for cell in scanned.cells):
        notes = "; ".join(f"{c.service} {c.state} {c.note}" for c in scanned.cells)
        raise CheckError(
            f"I could not look for {text}: {notes}", hint="`stackwright scan --policy`", field="arn"
        )
    if arn.service == "iam":
        _check_role(text, cloud)
    raise CheckError(
        f"there is no {text} in account {cloud.account}, {cloud.session.region}",
        hint="check --region and the credentials; a role counts only where SageMaker may assume it",
        field="arn",
    )


def _check_role(text: str, cloud: "Cloud") -> None:
    """A role that is there, and that a scan passes over, is not trusted to SageMaker; raises CheckError."""
    from provisioner.aws.answers import Answers

    question = ("role", text)
    role = Answers(cloud.session).ask({question})[question]
    if isinstance(role, Mapping) and role.get("Arn") == text:
        raise CheckError(
            f"{text} does not trust sagemaker.amazonaws.com: SageMaker could not assume it",
            hint="let its trust policy name sagemaker.amazonaws.com, with aws:SourceAccount",
            field="arn",
        )
