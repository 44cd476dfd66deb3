"""`stackwright scan`."""

import json
from typing import TYPE_CHECKING, Any

import click

from provisioner import text
from provisioner.cli.options import answer, aws_options, json_option, story
from provisioner.errors import PARTLY_DONE

if TYPE_CHECKING:
    from provisioner.cli.cloud import Cloud
    from provisioner.scan.engine import Scan
    from provisioner.scan.table import Cell, Row


@click.command()
@aws_options
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
def command(region: str, profile: str, policy: bool, fail_on: str, as_json: bool) -> int:
    """Find the buckets, repositories and roles of an account that can serve as stack components.

    \b
    Example:
      stackwright scan --region eu-central-1
      stackwright scan --policy > scan-policy.json
    """
    from provisioner.scan.table import ROWS
    from provisioner.scan.table import policy as needed

    if policy:
        click.echo(json.dumps(needed(ROWS), indent=2))
        return 0
    from provisioner.cli.cloud import open_cloud

    cloud = open_cloud(region, profile)
    story(f"Scanning account {cloud.account}, {cloud.session.region}:")
    found = run(cloud, ROWS)
    answer(found.as_dict(), scan_text(found), as_json=as_json)
    if found.partly:
        story(f"{found.not_seen} cells could not be seen; `stackwright scan --policy` is what a scan needs.")
    return PARTLY_DONE if found.partly and fail_on == "partial" else 0


def run(cloud: "Cloud", rows: "tuple[Row, ...]") -> "Scan":
    """The rows of one account and region."""
    import time

    from provisioner.aws.reader import Reader
    from provisioner.scan.engine import scan

    def on_cell(cell: "Cell") -> None:
        note = f"  {cell.note}" if cell.note else ""
        story(f"  {cell.service:<8} {cell.state:<12} {cell.count:>4} in {cell.calls} calls{note}")

    return scan(
        accounts=[cloud.account],
        regions=[cloud.session.region],
        rows=rows,
        read=Reader(lambda _: cloud.session.impatient).read,
        clock=time.monotonic,
        on_cell=on_cell,
    )


def scan_text(found: "Scan") -> str:
    value: dict[str, Any] = found.as_dict()
    if not value["resources"]:
        return "nothing found that could be a stack component"
    rows = [["kind", "name", "fits as", "verdict", "stack", "why not"]]
    for resource in value["resources"]:
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
