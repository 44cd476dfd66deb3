"""Answers as files for people: pages made from `templates/`, which ships inside the wheel."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from provisioner.text import usd


def page(name: str, **values: Any) -> str:
    """The page `templates/NAME.j2`, filled in; HTML pages escape every value."""
    return _environment(autoescape=name.endswith(".html")).get_template(f"{name}.j2").render(**values)


def folder() -> Path:
    """Where the pages are: inside the wheel, or beside the package in a checkout."""
    shipped = Path(str(files("provisioner"))) / "templates"
    return shipped if shipped.is_dir() else shipped.parent.parent / "templates"


@cache
def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder()),
        autoescape=autoescape,  # noqa: S701 - on for every HTML page
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Any] = {"usd": usd}
    environment.filters.update(filters)
    return environment
