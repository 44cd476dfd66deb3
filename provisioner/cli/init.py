"""`stackwright init`."""

import sys
from pathlib import Path

import click

from provisioner import spec as specs
from provisioner.cli.options import SPEC_FILE, answer, default_name, default_region, json_option, story
from provisioner.errors import SpecError


@click.command()
@click.option(
    "--preset", default="", help=f"{' | '.join(specs.PRESETS)}; asked for on a terminal.", show_envvar=True
)
@click.option("--name", default="", help="Stack name; default: this folder's.", show_envvar=True)
@click.option(
    "--region", default="", help="AWS region; default: AWS_REGION, the profile's.", show_envvar=True
)
@click.option(
    "-f", "--file", "path", default=SPEC_FILE, show_default=True, help="Where to write.", show_envvar=True
)
@click.option("--force", is_flag=True, help="Replace a file that exists.", show_envvar=True)
@json_option
def command(preset: str, name: str, region: str, path: str, force: bool, as_json: bool) -> None:
    """Write stack.yaml.

    \b
    Example:
      stackwright init --preset sagemaker --region eu-central-1
    """
    asks = sys.stdin.isatty() and not preset
    if asks:
        preset = click.prompt(
            "Preset", default=specs.DEFAULT_PRESET, type=click.Choice(list(specs.PRESETS)), err=True
        )
        name = name or click.prompt("Name", default=default_name(), err=True)
        region = region or click.prompt("Region", default=default_region(), err=True)
    spec = specs.preset(
        preset or specs.DEFAULT_PRESET, name=name or default_name(), region=region or default_region()
    )
    _write(Path(path), _text(spec, preset or specs.DEFAULT_PRESET), force)
    answer(spec.as_dict(), f"wrote {path}: {spec.name} in {spec.region}", as_json=as_json)
    story("Next: `stackwright plan` shows resources, permissions and cost. It calls nothing.")


def _write(path: Path, text: str, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SpecError(
            f"{path} exists", hint="--force replaces it, --file names another", field="file"
        ) from None
    except OSError as error:
        raise SpecError(f"{path} cannot be written: {error.strerror}", field="file") from None


def _text(spec: specs.Spec, preset: str) -> str:
    from provisioner import render

    components = [(w.component, specs.option_lines(w)) for w in spec.components]
    return render.page("stack.yaml", spec=spec, preset=preset, components=components)
