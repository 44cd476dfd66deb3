"""`stackwright scan`."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from provisioner import printable
from provisioner.cli.options import Command, json_option, story
from provisioner.errors import CHECK_SAID_NO, PARTLY_DONE, SpecError
from provisioner.scan.index import ENGINES, Engine

if TYPE_CHECKING:
    from provisioner.cli.cloud import Cloud
    from provisioner.scan.engine import Scan
    from provisioner.scan.table import Row

FORMS = ("table", "json", "csv", "markdown", "html")
# Pieces of JSON, about 100 kB.
_AT_ONCE = 100


def _places(command: Any) -> Any:
    """Where a scan looks: accounts and regions."""
    for option in (
        click.option(
            "--region",
            "regions",
            multiple=True,
            help="AWS region, as often as you like; `all` is every region that an account has switched on.",
            show_envvar=True,
        ),
        click.option(
            "--profile",
            "profiles",
            multiple=True,
            help="AWS profile; several are several accounts.",
            show_envvar=True,
        ),
        click.option(
            "--organization",
            is_flag=True,
            help="Every active account of the organization, by --role-name.",
            show_envvar=True,
        ),
        click.option(
            "--account",
            "accounts",
            multiple=True,
            help="Account id to look into by --role-name, as often as you like.",
            show_envvar=True,
        ),
        click.option(
            "--skip-account",
            "skip_accounts",
            multiple=True,
            help="Account id to leave out, of --organization above all, as often as you like.",
            show_envvar=True,
        ),
        click.option(
            "--role-name",
            default="stackwright-scan",
            show_default=True,
            help="Role to assume in each account.",
            show_envvar=True,
        ),
        click.option(
            "--role-arn",
            "role_arns",
            multiple=True,
            help="Role to assume, as often as you like.",
            show_envvar=True,
        ),
        click.option("--external-id", default="", help="External id of the roles.", show_envvar=True),
    ):
        command = option(command)
    return command


def _pace(command: Any) -> Any:
    """How far a scan goes, and how fast."""
    for option in (
        click.option(
            "--service",
            "services",
            multiple=True,
            help="Look for this alone (s3, ecr, eks, …), as often as you like; without it, for everything.",
            show_envvar=True,
        ),
        click.option(
            "--engine",
            type=click.Choice(ENGINES),
            default="direct",
            show_default=True,
            help="Ask everywhere, or spare the places that AWS Config or Resource Explorer prove empty.",
            show_envvar=True,
        ),
        click.option(
            "--aggregator",
            metavar="[REGION/]NAME",
            default="",
            help="Of --engine config; not needed where there is one alone.",
            show_envvar=True,
        ),
        click.option(
            "--view",
            metavar="ARN",
            default="",
            help="Of --engine resource-explorer; default: the region's default view.",
            show_envvar=True,
        ),
        click.option(
            "--details",
            default="10",
            show_default=True,
            help="How many resources of a cell are looked into, the likeliest first: a number, all or none.",
            show_envvar=True,
        ),
        click.option(
            "--resume",
            is_flag=True,
            help="Go on with the last scan: what it did not reach or could not see.",
            show_envvar=True,
        ),
        click.option(
            "--cell-deadline",
            "seconds_per_cell",
            type=click.FloatRange(min=1),
            default=300.0,
            show_default=True,
            help="Seconds after which one service in one region is given up.",
            show_envvar=True,
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            default=32,
            show_default=True,
            help="Cells that are read at a time.",
            show_envvar=True,
        ),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@_places
@_pace
@click.option(
    "--suggest",
    "suggests",
    is_flag=True,
    help="Say which whole stacks could be made of what is found, and what the missing parts would cost.",
    show_envvar=True,
)
@click.option(
    "--policy",
    is_flag=True,
    help="Print the read-only IAM policy that a scan needs, of --service where it is given, and stop.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMS, "cloudformation", "caller"]),
    default="table",
    show_default=True,
    help="How to answer. With --policy: json, cloudformation (a role that holds it, for a StackSet) or "
    "caller (what assumes that role in every account).",
    show_envvar=True,
)
@click.option(
    "--fail-on",
    type=click.Choice(["partial", "never"]),
    default="partial",
    show_default=True,
    help="Exit 5 when something could not be seen.",
    show_envvar=True,
)
@json_option
def command(
    policy: bool, form: str, fail_on: str, as_json: bool, resume: bool, suggests: bool, **wish: Any
) -> int:
    """Find what accounts already have that can serve as stack components.

    \b
    Example:
      stackwright scan --region eu-central-1 --suggest
      stackwright scan --organization --region all --format html > scan.html
      stackwright scan --resume
      stackwright scan --policy --format cloudformation > scan-role.json
      stackwright scan diff monday.json friday.json
    """
    if click.get_current_context().invoked_subcommand:
        return 0
    from provisioner.scan.table import ROWS

    form = "json" if as_json else form
    if policy:
        from provisioner.cli.scan_wish import named

        rows = named(ROWS, wish["services"])
        click.echo(json.dumps(_policy(form, rows, wish["engine"], wish["role_name"]), indent=2))
        return 0
    if form not in FORMS:
        raise SpecError(f"--format {form} belongs to --policy", hint=" | ".join(FORMS), field="form")
    from provisioner.cli import scanning

    with scanning.run(scanning.wish(ROWS, suggests=suggests, **wish), ROWS, resume=resume) as found:
        if suggests:
            found = _with_suggestions(found)
        return _answered(found, fail_on=fail_on, form=form)


def _policy(form: str, rows: "Sequence[Row]", engine: Engine, role_name: str) -> Mapping[str, object]:
    from provisioner.scan import policy

    if form == "cloudformation":
        return policy.role_template(rows, engine)
    if form == "caller":
        return policy.caller_policy(role_name=role_name, engine=engine)
    if form not in ("table", "json"):
        raise SpecError(
            f"a policy has no --format {form}", hint="json, cloudformation or caller", field="form"
        )
    return policy.policy(rows, engine)


def _with_suggestions(found: "Scan") -> "Scan":
    from dataclasses import replace

    from provisioner.cli import suggesting

    suggestions = suggesting.of_scan(found)
    if not suggestions:
        story(suggesting.NONE)
    return replace(found, suggestions=suggestions)


def _answered(found: "Scan", *, fail_on: str, form: str) -> int:
    from provisioner.cli import scanning

    if form == "json":
        pieces = found.as_json()
        while some := "".join(islice(pieces, _AT_ONCE)):
            click.echo(some, nl=False)
    else:
        from provisioner.cli import scan_answer

        scan_answer.show(found.as_dict(), form)
    if found.partly:
        for line in scanning.not_seen(found):
            story(printable.line(line))
    return PARTLY_DONE if found.partly and fail_on == "partial" else 0


def _form_option(*forms: str) -> Callable[[Command], Command]:
    return click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default="table",
        show_default=True,
        help="How to answer; --json is short for json.",
        show_envvar=True,
    )


@command.command("show")
@click.argument("path", metavar="SCAN.json")
@_form_option(*FORMS)
@json_option
def show(path: str, form: str, as_json: bool) -> None:
    """Show a saved scan in another form; calls nothing.

    \b
    Example:
      stackwright scan --json > scan.json
      stackwright scan show scan.json --format html > scan.html
    """
    from provisioner.cli import scan_answer

    scan_answer.show(scan_answer.read(path), "json" if as_json else form)


@command.command("diff")
@click.argument("before", metavar="BEFORE.json")
@click.argument("after", metavar="AFTER.json")
@_form_option("table", "json", "markdown", "html")
@click.option(
    "--fail-on",
    type=click.Choice(["any", "partial", "never"]),
    default="any",
    show_default=True,
    help="any: exit 3 on a difference, else 5 if something could not be compared; partial: only the latter.",
    show_envvar=True,
)
@json_option
def diff(before: str, after: str, form: str, fail_on: str, as_json: bool) -> int:
    """What is new, gone and changed between two saved scans; calls nothing.

    \b
    Example:
      stackwright scan diff monday.json friday.json
      stackwright scan diff monday.json friday.json --format markdown >> report.md
    """
    from provisioner.cli import scan_answer
    from provisioner.scan import difference

    value = difference.diff(scan_answer.read(before), scan_answer.read(after))
    scan_answer.show_difference(value, "json" if as_json else form)
    if fail_on == "any" and difference.differs(value):
        return CHECK_SAID_NO
    return PARTLY_DONE if fail_on != "never" and difference.partly(value) else 0


def run(cloud: "Cloud", rows: "tuple[Row, ...]") -> "Scan":
    """The rows of one account and region, for a verb that needs to know of a few things."""
    import time

    from provisioner.aws.reader import Reader
    from provisioner.cli.scanning import cell_line
    from provisioner.scan.engine import scan

    return scan(
        accounts=[cloud.account],
        regions=[cloud.session.region],
        rows=rows,
        read=Reader(lambda _: cloud.session.impatient).read,
        clock=time.monotonic,
        on_cell=lambda cell: story(printable.line(cell_line(cell))),
    )
