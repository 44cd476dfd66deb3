"""`stackwright synth`."""

from pathlib import Path

import click

from provisioner.cli.options import answer, json_option, read_spec, spec_options
from provisioner.cli.planning import draft
from provisioner.errors import SpecError


@click.command()
@spec_options
@click.option("-o", "--output", default=".", show_default=True, help="Folder to write to.", show_envvar=True)
@json_option
def command(path: str, preset: str, name: str, region: str, output: str, as_json: bool) -> None:
    """Write the CloudFormation template, exactly one file: NAME.template.json.

    \b
    Example:
      stackwright synth -o build
    """
    drafted = draft(read_spec(path=path, preset=preset, name=name, region=region))
    target = Path(output) / f"{drafted.plan.spec.name}.template.json"
    _write(target, drafted.template.text + "\n")
    value = {
        "path": str(target),
        "sha256": drafted.template.sha256,
        "bytes": drafted.template.size,
        "parameters": dict(drafted.plan.parameters),
    }
    answer(value, str(target), as_json=as_json)


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpecError(
            f"{target} cannot be written: {error.strerror or error}",
            hint="-o names a folder to write to",
            field="output",
        ) from None
