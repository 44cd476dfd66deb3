"""`stackwright cost estimate|diff|compare|actual|usage`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from provisioner import cost_text
from provisioner.cli import cost_actual, cost_compare
from provisioner.cli.cost_answer import format_option, show
from provisioner.cli.options import SPEC_FILE, default_region, json_option, read_spec, story
from provisioner.errors import CHECK_SAID_NO, SpecError

if TYPE_CHECKING:
    from cost_estimates.model import Estimate
    from cost_estimates.template import Stack

Command = TypeVar("Command", bound=Callable[..., Any])
Level = Literal["low", "typical", "high"]


@click.group()
def command() -> None:
    """Estimate, compare and check the cost of any CloudFormation template, offline.

    \b
    Example:
      stackwright cost estimate
      stackwright cost estimate template.yaml --region eu-west-1 --usage team
      stackwright cost diff before.json after.json --format markdown
    """


command.add_command(cost_compare.compare)
command.add_command(cost_actual.actual)


def template_options(command: Command) -> Command:
    """Where, how much used and with which parameters a template is estimated."""
    for option in (
        click.option("--parameter", "parameters", multiple=True, metavar="K=V", help="A template parameter."),
        click.option(
            "--usage",
            default="",
            help="idle | light | team | heavy, or a YAML file of usage keys.",
            show_envvar=True,
        ),
        click.option(
            "--region", default="", help="AWS region; default: the spec's, AWS_REGION.", show_envvar=True
        ),
    ):
        command = option(command)
    return command


@command.command()
@click.argument("template", default="")
@template_options
@click.option("--budget", type=float, default=None, help="USD a month; exit 3 above it.", show_envvar=True)
@click.option(
    "--fail-on",
    type=click.Choice(["low", "typical", "high"]),
    default="typical",
    show_default=True,
    help="The month that must be within the budget.",
    show_envvar=True,
)
@format_option
@json_option
def estimate(
    template: str,
    region: str,
    usage: str,
    parameters: tuple[str, ...],
    budget: float | None,
    fail_on: Level,
    format_: str,
    as_json: bool,
) -> int:
    """What a template costs per month; without one, what stack.yaml here does.

    TEMPLATE is a file, or the output directory of `cdk synth`.

    \b
    Example:
      stackwright cost estimate --budget 200
      stackwright cost estimate cdk.out --region eu-west-1 --format html > cost.html
    """
    from cost_estimates import drivers

    found = _estimate(template, region, usage, parameters)
    value: dict[str, Any] = {**found.as_dict(), "drivers": [d.as_dict() for d in drivers.top(found)]}
    if budget is not None:
        value["budget"] = _budget(value, budget, fail_on)
    show("cost_estimate", value, cost_text.estimate, format_, as_json)
    if budget is None or not value["budget"]["exceeded"]:
        return 0
    if as_json or format_ != "table":
        story(cost_text.budget(value["budget"]).strip(), color="red")
    return CHECK_SAID_NO


@command.command()
@click.argument("old")
@click.argument("new")
@template_options
@format_option
@json_option
def diff(
    old: str, new: str, region: str, usage: str, parameters: tuple[str, ...], format_: str, as_json: bool
) -> None:
    """What a change costs: two templates, resource by resource.

    \b
    Example:
      stackwright cost diff before.json after.json --region eu-west-1
      stackwright cost diff before.json after.json --format markdown > comment.md
    """
    from cost_estimates import diff as diffs

    given = dict(_pair(p) for p in parameters)
    sides = [_read(Path(name)) for name in (old, new)]
    _check_declared(given, sides)
    before, after = (_estimate_of(side, region, usage, _declared(given, side)) for side in sides)
    value = {"a": old, "b": new, **diffs.make(before, after).as_dict()}
    show("cost_diff", value, cost_text.diff, format_, as_json)


@command.command()
@click.option("--template", required=True, help="A template, or the output directory of `cdk synth`.")
@click.option("--region", default="", help="AWS region; default: AWS_REGION.", show_envvar=True)
@click.option(
    "--profile", default="light", show_default=True, help="idle | light | team | heavy.", show_envvar=True
)
@click.option("--parameter", "parameters", multiple=True, metavar="K=V", help="A template parameter.")
def usage(template: str, region: str, profile: str, parameters: tuple[str, ...]) -> None:
    """A usage file for a template: every key that changes its price, with its reasoning.

    \b
    Example:
      stackwright cost usage --template template.yaml > usage.yaml
      stackwright cost estimate template.yaml --usage usage.yaml
    """
    from cost_estimates.model import CostError
    from cost_estimates.usage_file import usage_file
    from provisioner.cli import price_books

    given = dict(_pair(p) for p in parameters)
    try:
        text = usage_file(
            _read(Path(template)),
            region or default_region(),
            profile,
            parameters=given,
            book=price_books.load(),
        )
    except CostError as error:
        raise SpecError(error.message, hint=error.hint, field=error.field) from None
    click.echo(text, nl=False)


def _estimate(template: str, region: str, usage: str, parameters: tuple[str, ...]) -> "Estimate":
    """Of a template, or of the spec here with its own usage and parameters."""
    from provisioner.cli import planning

    given = dict(_pair(p) for p in parameters)
    if template:
        return _estimate_of(_read(Path(template)), region, usage, given)
    spec = read_spec(path=SPEC_FILE, preset="", name="", region=region)
    drafted = planning.draft(spec)
    return planning.estimated(
        drafted.template.body,
        spec.region,
        usage=_usage(usage) or spec.usage,
        parameters={**drafted.plan.parameters, **given},
    )


def _estimate_of(
    stacks: "Sequence[Stack]", region: str, usage: str, parameters: Mapping[str, str]
) -> "Estimate":
    from provisioner.cli import planning

    return planning.estimated(
        stacks, region or default_region(), usage=_usage(usage) or "light", parameters=parameters
    )


def _read(path: Path) -> "Sequence[Stack]":
    from cost_estimates.assembly import read_templates
    from cost_estimates.model import CostError

    try:
        return read_templates(path)
    except CostError as error:
        raise SpecError(error.message, hint=error.hint, field=error.field or "template") from None


def _declared(given: Mapping[str, str], stacks: "Sequence[Stack]") -> dict[str, str]:
    """A parameter that one of two templates lacks is meant for the other."""
    known = {name for stack in stacks for name in stack.body.get("Parameters") or {}}
    return {name: value for name, value in given.items() if name in known}


def _check_declared(given: Mapping[str, str], sides: "Sequence[Sequence[Stack]]") -> None:
    known = {name for side in sides for name in _declared(given, side)}
    for name in given:
        if name not in known:
            raise SpecError(f"neither template has a parameter {name}", field=f"parameters.{name}")


def _budget(value: Mapping[str, Any], limit: float, level: Level) -> dict[str, Any]:
    if not limit >= 0:
        raise SpecError(f"a budget of {limit} is none", hint="give USD a month", field="budget")
    usd = value["total"][level]
    return {
        "limit_usd": limit,
        "level": level,
        "usd": usd,
        "exceeded": usd > limit,
        "unknown": value["unknown"],
    }


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
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{given} is not YAML: {error}", field="usage") from None
