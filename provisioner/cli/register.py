"""`stackwright register`."""

import re
from typing import TYPE_CHECKING

import click

from provisioner import arn as arns
from provisioner import spec as specs
from provisioner.cli.options import answer, aws_options, json_option, now, story
from provisioner.component import TYPES
from provisioner.components import for_arn
from provisioner.errors import CheckError, SpecError

if TYPE_CHECKING:
    from provisioner.cli.cloud import Cloud
    from provisioner.scan.table import Found


@click.command()
@click.argument("arns_", metavar="ARN...", nargs=-1, required=True)
@click.option("--stack", default="", help="Join them to a stack of this name.", show_envvar=True)
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Only as this component type.")
@click.option("--unfit", is_flag=True, help="Register what failed a fitness check, too.", show_envvar=True)
@aws_options
@json_option
def command(
    arns_: tuple[str, ...],
    stack: str,
    types: tuple[str, ...],
    unfit: bool,
    region: str,
    profile: str,
    as_json: bool,
) -> None:
    """Take resources that exist into the registry, as components or as a whole stack.

    \b
    Example:
      stackwright register arn:aws:s3:::team-artifacts
      stackwright register ARN ARN ARN --stack churn-shared
    """
    from provisioner import found as founds
    from provisioner.cli.cloud import open_cloud
    from provisioner.cli.stack import as_answer, stack_text

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
    made = founds.stack(stack, components, now=now())
    cloud.registry.register(made, components)
    answer(as_answer(made, cloud.registry), stack_text(made, cloud.registry), as_json=as_json)
    story(f"Next: `stackwright stack set {stack}` makes it the active one.")


def _check_wish(arns_: tuple[str, ...], stack: str) -> None:
    """Raises SpecError before anything is called."""
    if stack and not re.fullmatch(specs.NAME, stack, re.ASCII):
        raise SpecError(
            f"stack {stack!r} is not allowed",
            hint=f"a lower-case letter, then at most 30 of a-z, 0-9 and -: {specs.legal_name(stack)}",
            field="stack",
        )
    for text in arns_:
        if not any(for_arn(text)):
            raise SpecError(
                f"{text!r} is no resource that a component could be",
                hint="`stackwright scan --json` lists ARNs that fit",
                field="arn",
            )


def look_up(text: str, cloud: "Cloud") -> "Found":
    """The resource as a scan sees it; raises CheckError where it is absent or hidden."""
    from provisioner.cli.scan import run
    from provisioner.scan.table import ROWS, only

    arn = arns.parse(text)
    story(f"Looking for {text} in account {cloud.account}, {cloud.session.region}:")
    scanned = run(cloud, tuple(only(row, arn) for row in ROWS if row.service == arn.service))
    if scanned.resources:
        return scanned.resources[0]
    # A bucket that does not tell its region is in no cell, and the cell's note says so.
    if scanned.partly or any(cell.note for cell in scanned.cells):
        notes = "; ".join(f"{c.service} {c.state} {c.note}" for c in scanned.cells)
        raise CheckError(
            f"I could not look for {text}: {notes}", hint="`stackwright scan --policy`", field="arn"
        )
    raise CheckError(
        f"there is no {text} in account {cloud.account}, {cloud.session.region}",
        hint="check --region and the credentials; a role counts only where SageMaker may assume it",
        field="arn",
    )
