"""`stackwright cost estimate`."""

from pathlib import Path
from typing import Any

import click

from provisioner import text
from provisioner.cli.options import SPEC_FILE, answer, default_region, json_option, read_spec
from provisioner.errors import SpecError


@click.group()
def command() -> None:
    """Estimate any CloudFormation template, offline.

    \b
    Example:
      stackwright cost estimate
      stackwright cost estimate template.yaml --region eu-west-1 --usage team
    """


@command.command()
@click.argument("template", default="")
@click.option("--region", default="", help="AWS region; default: the spec's, AWS_REGION.", show_envvar=True)
@click.option(
    "--usage", default="", help="idle | light | team | heavy, or a YAML file of usage keys.", show_envvar=True
)
@click.option("--parameter", "parameters", multiple=True, metavar="K=V", help="A parameter of the template.")
@json_option
def estimate(template: str, region: str, usage: str, parameters: tuple[str, ...], as_json: bool) -> None:
    """What a template costs per month; without one, what stack.yaml here does."""
    from provisioner.cli import planning

    given = dict(_pair(p) for p in parameters)
    if template:
        body = _read(Path(template))
        value = planning.estimate(
            body, region or default_region(), usage=_usage(usage) or "light", parameters=given
        )
    else:
        spec = read_spec(path=SPEC_FILE, preset="", name="", region=region)
        drafted = planning.draft(spec)
        value = planning.estimate(
            drafted.template.body,
            spec.region,
            usage=_usage(usage) or spec.usage,
            parameters={**drafted.plan.parameters, **given},
        )
    answer(value, text.cost(value), as_json=as_json)


def _read(path: Path) -> Any:
    from cost_estimates.estimate import read_template
    from cost_estimates.model import CostError

    try:
        return read_template(path.read_text(encoding="utf-8"))
    except CostError as error:
        raise SpecError(error.message, hint=error.hint, field=error.field or "template") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}", field="template") from None


def _pair(text_: str) -> tuple[str, str]:
    key, found, value = text_.partition("=")
    if not found or not key:
        raise SpecError(f"parameter {text_!r} is not KEY=VALUE", field="parameter")
    return key, value


def _usage(given: str) -> Any:
    """A profile's name, or the mapping in a file."""
    if not given or not Path(given).is_file():
        return given
    import yaml

    try:
        return yaml.safe_load(Path(given).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SpecError(f"{given} is not YAML: {error}", field="usage") from None
