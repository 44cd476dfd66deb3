"""`stackwright stack diff`."""

from pathlib import Path
from typing import Any

import click

from provisioner import difference, text
from provisioner.cli.options import answer, json_option, open_registry
from provisioner.cli.stack_export import exported
from provisioner.errors import CHECK_SAID_NO, SpecError
from provisioner.export.stack import ExportedStack, parse


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--fail-on",
    type=click.Choice(("any", "never")),
    default="never",
    show_default=True,
    help="any: exit 3 where something differs.",
    show_envvar=True,
)
@json_option
def command(a: str, b: str, fail_on: str, as_json: bool) -> int:
    """Say what differs between two stacks, and nothing that is equal.

    Each is a registered stack's name, or a file of `stack export`, told by a dot or a slash in its name.

    \b
    Example:
      stackwright stack diff churn-dev churn-prod
      stackwright stack diff churn-dev ./yesterday.json --fail-on any
    """
    value = difference.as_answer(_stack(a), _stack(b))
    answer(value, _text(value), as_json=as_json)
    return CHECK_SAID_NO if value["differences"] and fail_on == "any" else 0


def _stack(name: str) -> ExportedStack:
    return _read(Path(name)) if "." in name or "/" in name else exported(name, open_registry())


def _read(path: Path) -> ExportedStack:
    """An exported file, JSON or YAML; raises SpecError."""
    import yaml

    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).partition("\n")[0]
        raise SpecError(f"{path} cannot be read: {reason}", field="file") from None
    if not isinstance(value, dict):
        raise SpecError(
            f"{path} is no exported stack",
            hint="`stackwright stack export NAME --format json -o FILE` writes one",
            field="file",
        )
    return parse(value, source=str(path))


def _text(value: dict[str, Any]) -> str:
    if not value["differences"]:
        return f"{value['a']} and {value['b']} do not differ"
    rows = [["", "", value["a"], value["b"]]]
    rows += [
        [d["component"] or "stack", d["key"], d["a"] or "-", d["b"] or "-"] for d in value["differences"]
    ]
    return text.table(rows, indent=0)
