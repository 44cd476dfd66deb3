"""`stackwright synth`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from provisioner.cli.options import answer, json_option, read_spec, spec_options, story
from provisioner.cli.planning import Draft, draft
from provisioner.errors import SpecError

if TYPE_CHECKING:
    from provisioner.deploy_policy import DeployPolicy


@click.command()
@spec_options
@click.option("-o", "--output", default=".", show_default=True, help="Folder to write to.", show_envvar=True)
@click.option(
    "--policy",
    is_flag=True,
    help="The IAM policies instead: who deploys, who looks after it, and the stack's own roles. "
    "On stdout, or one file each in the folder of -o.",
    show_envvar=True,
)
@click.option("--account", default="", help="With --policy: account to name in ARNs.", show_envvar=True)
@json_option
def command(
    path: str, preset: str, name: str, region: str, output: str, policy: bool, account: str, as_json: bool
) -> None:
    """Write the CloudFormation template, exactly one file: NAME.template.json.

    \b
    Example:
      stackwright synth -o build
      stackwright synth --policy --account 111122223333 -o build
    """
    drafted = draft(read_spec(path=path, preset=preset, name=name, region=region))
    if policy:
        source = click.get_current_context().get_parameter_source("output")
        folder = "" if source is ParameterSource.DEFAULT else output
        _answer_policy(_policy(drafted, account), output=folder, as_json=as_json)
        return
    target = Path(output) / f"{drafted.plan.spec.name}.template.json"
    _write(target, drafted.template.text + "\n")
    value = {
        "path": str(target),
        "sha256": drafted.template.sha256,
        "bytes": drafted.template.size,
        "parameters": dict(drafted.plan.parameters),
    }
    answer(value, str(target), as_json=as_json)


def _policy(drafted: Draft, account: str) -> "DeployPolicy":
    if account and not (account.isascii() and account.isdigit() and len(account) == 12):
        raise SpecError(f"{account!r} is not an AWS account", hint="twelve digits", field="account")
    return drafted.deploy_policy(account)


def _answer_policy(policy: "DeployPolicy", *, output: str, as_json: bool) -> None:
    value = policy.as_dict()
    if output:
        texts = {f"{piece['name']}.json": piece["document"] for piece in value["setup"] + value["ongoing"]}
        texts[f"{policy.name}-run-time.json"] = value["run_time"]
        value = {**value, "paths": [str(_written(Path(output) / n, t)) for n, t in texts.items()]}
    text = "\n".join(value["paths"]) if output else json.dumps(value, indent=1, ensure_ascii=False)
    answer(value, text, as_json=as_json)
    for line in policy.words:
        story(f"{line}.")


def _written(target: Path, value: Any) -> Path:
    _write(target, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    return target


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
