"""`stackwright init`."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from provisioner import spec as specs
from provisioner.cli import suggesting
from provisioner.cli.options import SPEC_FILE, answer, default_name, default_region, json_option, story
from provisioner.component import Option
from provisioner.errors import RefusedError, SpecError
from provisioner.scan import suggest


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
@click.option(
    "--from-scan",
    "source",
    metavar="[SCAN.json]",
    is_flag=False,
    flag_value=suggesting.LAST,
    default="",
    help="Reuse what a scan found: its JSON file, or without one the last scan.",
    show_envvar=True,
)
@click.option(
    "--suggestion",
    "number",
    type=click.IntRange(min=1),
    help="Which of the scan's suggested stacks; default: the best.",
    show_envvar=True,
)
@click.option("--force", is_flag=True, help="Replace a file that exists.", show_envvar=True)
@json_option
def command(
    preset: str,
    name: str,
    region: str,
    path: str,
    source: str,
    number: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write stack.yaml.

    \b
    Example:
      stackwright init --preset sagemaker --region eu-central-1
      stackwright init --from-scan --suggestion 2
    """
    if source:
        _check_alone(preset, region)
        _from_scan(source, number or 1, name=name, path=path, force=force, as_json=as_json)
        return
    if number:
        raise SpecError("--suggestion needs --from-scan", hint="add it", field="suggestion")
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
    if sys.stdin.isatty():
        spec = _filled(spec)
    made_from = f'made from the preset "{preset or specs.DEFAULT_PRESET}"'
    _write(Path(path), _text(spec, made_from), force)
    answer(spec.as_dict(), f"wrote {path}: {spec.name} in {spec.region}", as_json=as_json)
    story("Next: `stackwright plan` shows resources, permissions and cost. It calls nothing.")


def _filled(spec: specs.Spec) -> specs.Spec:
    """The spec with what only the user can know, as far as they tell it now."""
    for wish in spec.components:
        for option in wish.component.options:
            if option.placeholder:
                spec = _ask(spec, wish.component.type, option)
    return spec


def _ask(spec: specs.Spec, type_: str, option: Option) -> specs.Spec:
    """Asks until the value is allowed; the placeholder may stay, and no link is made while it does."""
    click.echo(f"{type_} {option.name}: {option.doc}", err=True)
    default = _own_address() if option.placeholder.endswith("/32") else ""
    while True:
        told = click.prompt(option.name, default=default or option.placeholder, err=True)
        try:
            return specs.with_option(spec, type_, option.name, [part.strip() for part in told.split(",")])
        except SpecError as error:
            story(f"  {error.message}; {error.hint}", color="yellow")


def _own_address() -> str:
    """This machine's address as a block of one, if the user wants it looked up and that works."""
    from provisioner.aws import address

    if not click.confirm(f"Ask {address.URL} for this machine's address?", default=True, err=True):
        return ""
    try:
        return f"{address.own()}/32"
    except RefusedError as error:
        story(f"  {error.message}", color="yellow")
        return ""


def _check_alone(preset: str, region: str) -> None:
    for given, field in ((preset, "preset"), (region, "region")):
        if given:
            raise SpecError(
                f"--{field} means nothing with --from-scan: the suggestion has its own",
                hint=f"leave out --{field}",
                field=field,
            )


def _from_scan(source: str, number: int, *, name: str, path: str, force: bool, as_json: bool) -> None:
    """What was found is reused, the rest built, each with the reason why."""
    suggestion, scan = suggesting.find(number, source)
    spec = specs.parse(suggest.wish(suggestion, name=name or default_name()))
    made_from = f"suggestion {number} of {scan.words}, for account {suggestion['account']}"
    _write(Path(path), _text(spec, made_from, suggestion.get("why", {})), force)
    answer(spec.as_dict(), f"wrote {path}: {spec.name} in {spec.region}", as_json=as_json)
    story(
        f"Next: `stackwright plan` shows what is built and what it costs; `deploy` asks account"
        f" {suggestion['account']} whether what is reused is still there."
    )


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


def _text(spec: specs.Spec, made_from: str, why: Mapping[str, str] | None = None) -> str:
    from provisioner import render

    reasons = why or {}
    components = [
        (w, [] if w.reuse else specs.option_lines(w), _one_line(reasons.get(w.component.type, "")))
        for w in spec.components
    ]
    return render.page("stack.yaml", spec=spec, made_from=_one_line(made_from), components=components)


def _one_line(words: object) -> str:
    """Names and tags are anybody's: a line's end would end the comment, and YAML takes no control marks."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(words)).split())
