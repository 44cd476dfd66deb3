"""`stackwright plan`."""

import click

from provisioner import text
from provisioner.cli.options import answer, json_option, open_session, profile_option, read_spec, spec_options
from provisioner.cli.planning import draft
from provisioner.errors import CHECK_SAID_NO
from provisioner.preflight import Ask


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
@click.option(
    "--online",
    is_flag=True,
    help="Also ask AWS: quotas, names, and whether what is named is there. Reads only.",
    show_envvar=True,
)
@profile_option
@json_option
def command(
    path: str, preset: str, name: str, region: str, fail_on: str, online: bool, profile: str, as_json: bool
) -> int:
    """Show resources, permissions, cost and findings. Calls nothing; writes nothing but its cache.

    A template that no preset ships is made once and kept there, where the cache can be written.

    \b
    Example:
      stackwright plan
      stackwright plan --online
      stackwright plan --preset minimal --json | jq .cost.total
    """
    spec = read_spec(path=path, preset=preset, name=name, region=region)
    drafted = draft(spec, ask=_asking(spec.region, profile) if online else None)
    value = drafted.as_dict()
    answer(value, text.plan(value), as_json=as_json)
    bars = {"error": ("error",), "warning": ("error", "warning"), "never": ()}
    return CHECK_SAID_NO if any(f.severity in bars[fail_on] for f in drafted.findings) else 0


def _asking(region: str, profile: str) -> Ask:
    from provisioner.aws.answers import Answers

    return Answers(open_session(region, profile)).ask
