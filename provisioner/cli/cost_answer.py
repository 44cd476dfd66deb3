"""Cost answers in the form that was asked for: table, JSON, Markdown or HTML."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from provisioner.cli.options import answer, print_page

Command = TypeVar("Command", bound=Callable[..., Any])
ENDINGS = {"markdown": "md", "html": "html"}


def format_option(command: Command) -> Command:
    option = click.option(
        "--format",
        "format_",
        type=click.Choice(["table", "json", "markdown", "html"]),
        default="table",
        show_default=True,
        help="How to answer; --json is short for json.",
        show_envvar=True,
    )
    return option(command)


def show(
    page: str, value: Mapping[str, Any], table: Callable[[Mapping[str, Any]], str], form: str, as_json: bool
) -> None:
    """Prints the answer: `page` names its templates, `table` makes its plain text."""
    if as_json or form in ("json", "table"):
        answer(value, "" if as_json else table(value), as_json=as_json or form == "json")
        return
    from provisioner import render

    print_page(render.page(f"{page}.{ENDINGS[form]}", cost=value), form)
