"""A scan and the difference between two, in the form that was asked for: table, JSON, CSV, Markdown, HTML."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from provisioner import printable, text
from provisioner.cli.options import print_page, print_text, story
from provisioner.cli.suggesting import in_words
from provisioner.errors import SpecError
from provisioner.scan import saved
from provisioner.scan.difference import unanswered
from provisioner.scan.report import Report, make, told, why_not

_NOT_IN_CSV = (
    "CSV has resources alone: --format table, json, markdown and html tell the suggested stacks ({})."
)
_ENDINGS = {"markdown": "md", "html": "html"}
_NARROWEST = 24
# A role that lacks everything would fill the screen; the other forms have it whole.
_LONGEST = 80


def show(answer: Mapping[str, Any], form: str) -> None:
    """Prints a scan's JSON answer."""
    if form == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    elif form == "csv":
        click.echo(as_csv(answer), nl=False)
        if answer.get("suggestions"):
            story(_NOT_IN_CSV.format(len(answer["suggestions"])))
    elif form == "table":
        report = make(answer)
        print_text(as_text(report, width=_width()))
        if report.sight:
            print_text(f"\nnot whole: {'; '.join(report.sight)}")
        if answer.get("suggestions"):
            print_text("\n" + in_words(answer["suggestions"]))
    else:
        _page("scan", form, report=make(answer))


def show_difference(value: Mapping[str, Any], form: str) -> None:
    if form == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    elif form == "table":
        print_text(difference_text(value))
    else:
        _page("scan_diff", form, diff=value, unanswered=unanswered(value))


def read(path: str) -> Mapping[str, Any]:
    """A saved scan; raises SpecError for what is none."""
    try:
        answer = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}", field="file") from None
    except ValueError as error:
        raise SpecError(f"{path} is not JSON: {error}", hint=_SAVE, field="file") from None
    return saved.check(answer, path)


_SAVE = "`stackwright scan --json > scan.json` writes one"


def _page(name: str, form: str, **values: Any) -> None:
    from provisioner import render

    print_page(render.page(f"{name}.{_ENDINGS[form]}", **values), form)


def _width() -> int:
    """The terminal's width; a file or a pipe has no edge."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


# Tables

HEAD = ("kind", "name", "region", "fits as", "verdict", "stack", "why not")


def as_text(report: Report, *, width: int = 0) -> str:
    """Resources by kind, cut to the width; 0 cuts nothing."""
    rows = [row for kind in report.kinds for row in map(_row, kind.resources)]
    if not rows:
        return "nothing found that could be a stack component"
    shown = _dropped([list(HEAD), *rows], ("stack", "region"))
    return text.table(_cut(shown, width) if width else shown, indent=0)


def _row(resource: Mapping[str, Any]) -> list[str]:
    row = [
        resource["kind"],
        resource["name"],
        resource["region"],
        ", ".join(resource["component_types"]),
        resource["fitness"]["verdict"],
        resource["tags"].get("stackwright:stack", ""),
        ", ".join(_short(words, _LONGEST) for words in why_not(resource)),
    ]
    return [printable.line(cell) for cell in row]


def _dropped(rows: list[list[str]], names: Sequence[str]) -> list[list[str]]:
    """Without the columns that say nothing: all empty, or the same everywhere."""
    idle = {n for n, name in enumerate(rows[0]) if name in names and len({row[n] for row in rows[1:]}) == 1}
    return [[cell for n, cell in enumerate(row) if n not in idle] for row in rows]


def _cut(rows: list[list[str]], width: int) -> list[list[str]]:
    """The last column first, then the widest others, until a line fits."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    spare = width - 2 * (len(widths) - 1) - sum(widths[:-1])
    widths[-1] = max(min(widths[-1], spare), _NARROWEST)
    while sum(widths) + 2 * (len(widths) - 1) > width and max(widths[:-1]) > _NARROWEST:
        widths[widths[:-1].index(max(widths[:-1]))] -= 1
    return [[_short(cell, most) for cell, most in zip(row, widths, strict=True)] for row in rows]


def _short(cell: str, most: int) -> str:
    return cell if len(cell) <= most else cell[: most - 1] + "…"


COLUMNS = (
    *("account", "region", "kind", "name", "arn", "component_types", "verdict", "not_ok", "unknown"),
    *("tags_known", "tags"),
)


def as_csv(answer: Mapping[str, Any]) -> str:
    """One line per resource; checks by id, tags as JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_csv_row, answer["resources"]))
    return buffer.getvalue()


def _csv_row(resource: Mapping[str, Any]) -> list[str]:
    checks = resource["fitness"]["checks"]
    cells = [
        *(resource[key] for key in ("account", "region", "kind", "name", "arn")),
        " ".join(resource["component_types"]),
        resource["fitness"]["verdict"],
        " ".join(c["id"] for c in checks if c["ok"] is False),
        " ".join(c["id"] for c in checks if c["ok"] is None),
        "yes" if resource["tags_known"] else "no",
        _json(resource["tags"]),
    ]
    return [_harmless(printable.line(cell)) for cell in cells]


def _json(tags: Mapping[str, str]) -> str:
    """Compact JSON in which nothing is left that must be spelt out."""
    text = json.dumps(tags, ensure_ascii=False, sort_keys=True)
    return "".join(c if printable.line(c) == c else json.dumps(c)[1:-1] for c in text)


def _harmless(cell: str) -> str:
    """A spreadsheet takes these for the beginning of a formula; names and tags are anybody's."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell


def difference_text(value: Mapping[str, Any]) -> str:
    lines = [printable.line(line) for part in _PARTS for line in part(value)] or ["no difference"]
    return "\n".join([*lines, *_untold(value)])


def _news(value: Mapping[str, Any]) -> Iterator[str]:
    for sign, key in (("+", "new"), ("-", "gone")):
        for resource in value[key]:
            yield f"{sign} {_named(resource)}  {resource['fitness']['verdict']}"


def _changes(value: Mapping[str, Any]) -> Iterator[str]:
    for entry in value["changed"]:
        yield f"~ {_named(entry['resource'])}"
        for change in entry["changes"]:
            yield f"    {change['what']}: {told(change['before'])} → {told(change['after'])}"


def _open(value: Mapping[str, Any]) -> Iterator[str]:
    for entry in value["not_comparable"]:
        yield f"? {_named(entry['resource'])}  not seen {entry['not_seen']}"
    for cell in value["cells"]:
        place = f"{cell['account']} {cell['region']} {cell['service']}"
        yield f"? {place}: {cell['before']} → {cell['after']}" + (f"  {cell['note']}" if cell["note"] else "")


_PARTS = (_news, _changes, _open)


def _untold(value: Mapping[str, Any]) -> Iterator[str]:
    words = unanswered(value)
    if words:
        yield f"? {words}" + ("; --json lists them" if value["unanswered"] else "")


def _named(resource: Mapping[str, Any]) -> str:
    return f"{resource['kind']} {resource['name']} ({resource['account']} {resource['region']})"
