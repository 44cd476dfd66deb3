"""Answers as files for people: pages made from `templates/`, which ships inside the wheel."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from provisioner import charts, cost_text
from provisioner.package_data import templates
from provisioner.scan import report as scan_report
from provisioner.text import usd

FILTERS: Mapping[str, Any] = {
    "usd": usd,
    "amount": cost_text.amount,
    "break_even_words": cost_text.break_even_words,
    "budget": cost_text.budget,
    "cell": cost_text.cell,
    "change": cost_text.change,
    "change_chart": charts.of_diff,
    "compare_notes": cost_text.compare_notes,
    "component_chart": charts.of_estimate,
    "digits": cost_text.digits,
    "line_chart": charts.lines,
    "side": cost_text.side,
    "stale": cost_text.stale,
    "told": scan_report.told,
    "unknown": cost_text.unknown,
    "why_not": scan_report.why_not,
    "work_words": cost_text.work_words,
}


def page(name: str, **values: Any) -> str:
    """The page `templates/NAME.j2`, filled in; HTML pages escape every value."""
    return _environment(autoescape=name.endswith(".html")).get_template(f"{name}.j2").render(**values)


@cache
def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates()),
        autoescape=autoescape,  # noqa: S701 - on for every HTML page
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals["states"] = scan_report.STATES
    return environment
