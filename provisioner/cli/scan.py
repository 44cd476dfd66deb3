"""`stackwright scan`."""

import json
from typing import TYPE_CHECKING, Any

import click

from provisioner import text
from provisioner.cli.options import json_option, story
from provisioner.errors import PARTLY_DONE

if TYPE_CHECKING:
    from provisioner.cli.cloud import Cloud
    from provisioner.scan.engine import Scan
    from provisioner.scan.table import Row


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
            "--details",
            default="20",
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


@click.command()
@_places
@_pace
@click.option("--policy", is_flag=True, help="Print the read-only IAM policy a scan needs, and stop.")
@click.option(
    "--fail-on",
    type=click.Choice(["partial", "never"]),
    default="partial",
    show_default=True,
    help="Exit 5 when something could not be seen.",
    show_envvar=True,
)
@json_option
def command(policy: bool, fail_on: str, as_json: bool, resume: bool, **wish: Any) -> int:
    """Find what accounts already have that can serve as stack components.

    \b
    Example:
      stackwright scan --region eu-central-1
      stackwright scan --organization --region all
      stackwright scan --resume
      stackwright scan --policy > scan-policy.json
    """
    from provisioner.scan.table import ROWS
    from provisioner.scan.table import policy as needed

    if policy:
        click.echo(json.dumps(needed(ROWS), indent=2))
        return 0
    from provisioner.cli import scanning

    with scanning.run(scanning.wish(ROWS, **wish), ROWS, resume=resume) as found:
        return _answered(found, fail_on=fail_on, as_json=as_json)


def _answered(found: "Scan", *, fail_on: str, as_json: bool) -> int:
    from provisioner.cli import scanning

    if as_json:
        for piece in found.as_json():
            click.echo(piece, nl=False)
    else:
        click.echo(scan_text(found))
    if found.partly:
        story(
            f"{found.not_seen:,} cells could not be seen; `stackwright scan --policy` is what a scan needs."
        )
        for line in scanning.not_seen(found):
            story(line)
    return PARTLY_DONE if found.partly and fail_on == "partial" else 0


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
        on_cell=lambda cell: story(cell_line(cell)),
    )


def scan_text(found: "Scan") -> str:
    from provisioner.scan.engine import resource as judged

    if not found.resources:
        return "nothing found that could be a stack component"
    rows = [["kind", "name", "fits as", "verdict", "stack", "why not"]]
    resource: Any
    for resource in map(judged, found.resources):
        failed = [c for c in resource["fitness"]["checks"] if c["ok"] is not True and c["severity"] != "info"]
        why = ", ".join(f"{'not ' if c['ok'] is False else 'unknown: '}{c['id']}" for c in failed)
        rows.append(
            [
                resource["kind"],
                resource["name"],
                ", ".join(resource["component_types"]),
                resource["fitness"]["verdict"],
                resource["tags"].get("stackwright:stack", ""),
                why,
            ]
        )
    return text.table(rows, indent=0)
