"""`stackwright stack export`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner import export
from provisioner.cli.options import answer, json_option, open_registry, profile_option, story
from provisioner.errors import CheckError, SpecError
from provisioner.export.stack import ClusterPlace, ExportedStack, parse

if TYPE_CHECKING:
    from provisioner.registry import Registry


@click.command("export")
@click.argument("name")
@click.option(
    "--format",
    "format_",
    type=click.Choice(export.NAMES),
    default="env",
    show_default=True,
    help="; ".join(f"{f.name}: {f.words}" for f in export.FORMATS) + ".",
    show_envvar=True,
)
@click.option("-o", "--output", default="", help="File to write; default: stdout.", show_envvar=True)
@click.option("--force", is_flag=True, help="Replace a file that exists.", show_envvar=True)
@profile_option
@json_option
def command(name: str, format_: str, output: str, force: bool, profile: str, as_json: bool) -> None:
    """Write a stack down for other tools. No file holds a secret; only `kubernetes` asks AWS.

    \b
    Example:
      stackwright stack export churn-dev --format env -o churn.env
      stackwright stack export churn-dev --format zenml -o churn-dev.yaml
      stackwright stack export churn-dev --format kubernetes -o ~/.kube/churn-dev
    """
    stack = exported(name, open_registry())
    format_row = export.find(format_)
    export.check(stack, format_row)
    _tell_standing(stack)
    if format_row.clusters:
        stack = stack.with_clusters(_places(stack, profile))
    text = format_row.render(stack)
    if output:
        _write(Path(output).expanduser(), text, force=force)
    value = {"name": stack.name, "format": format_, "file": output, "text": text}
    answer(value, f"wrote {output}" if output else text.rstrip("\n"), as_json=as_json)
    story("Next: " + format_row.use.format(name=stack.name, file=output or "FILE"))


def exported(name: str, registry: "Registry") -> ExportedStack:
    """The stack as a value; raises CheckError that names the others."""
    from provisioner.cli.stack import as_answer, find

    return parse(as_answer(find(registry, name), registry))


def _tell_standing(stack: ExportedStack) -> None:
    if stack.status in ("deleting", "deleted"):
        raise CheckError(
            f"{stack.name} is {stack.status}: nothing of it can be used",
            hint="`stackwright stack list` shows the others",
            field="name",
        )
    if stack.status == "unverified":
        story(f"{stack.name} is unverified: nobody has proved whose these values are.", color="yellow")


def _places(stack: ExportedStack, profile: str) -> tuple[ClusterPlace, ...]:
    """Where the clusters are; raises RefusedError, or CheckError for credentials of another account."""
    from provisioner.cli.cloud import open_cloud_of

    cloud = open_cloud_of(stack.name, stack.region, profile)
    found = [cloud.clusters.describe(name) for name in stack.cluster_names]
    return tuple(ClusterPlace(name=c.name, arn=c.arn, endpoint=c.endpoint, ca=c.ca) for c in found)


def _write(path: Path, text: str, *, force: bool) -> None:
    """A file of the user's is never lost: what a kubeconfig holds may be all there is."""
    try:
        if path.exists() and not force and path.read_text(encoding="utf-8") != text:
            raise SpecError(f"{path} exists", hint="--force replaces it", field="output")
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be written: {error}", field="output") from None
