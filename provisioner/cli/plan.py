"""`stackwright plan`."""

import click

from provisioner import text
from provisioner.cli.options import answer, json_option, read_spec, spec_options
from provisioner.cli.planning import draft
from provisioner.errors import CHECK_SAID_NO


@click.command()
@spec_options
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="Exit 3 on findings of this severity.",
    show_envvar=True,
)
@json_option
def command(path: str, preset: str, name: str, region: str, fail_on: str, as_json: bool) -> int:
    """Show resources, permissions, cost and findings. Calls nothing; writes nothing but its cache.

    A template that no preset ships is made once and kept there, where the cache can be written.

    \b
    Example:
      stackwright plan
      stackwright plan --preset minimal --json | jq .cost.total
    """
    drafted = draft(read_spec(path=path, preset=preset, name=name, region=region))
    value = drafted.as_dict()
    answer(value, text.plan(value), as_json=as_json)
    bars = {"error": ("error",), "warning": ("error", "warning"), "never": ()}
    return CHECK_SAID_NO if any(f.severity in bars[fail_on] for f in drafted.findings) else 0
