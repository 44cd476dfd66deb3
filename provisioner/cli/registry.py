"""`stackwright registry status|export|import|backup`."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from provisioner import text
from provisioner.cli.options import answer, json_option, open_registry, story
from provisioner.enrolments import NEWEST
from provisioner.errors import CheckError, SpecError
from provisioner.registry import archive

_SQLITE = b"SQLite format 3\x00"


@click.group()
def command() -> None:
    """Look after the registry itself: where it is, what is in it, copies of it.

    It is a file unless STACKWRIGHT_REGISTRY says otherwise: another file, or a PostgreSQL for a team.

    \b
    Example:
      stackwright registry status
      stackwright registry export team.json
      STACKWRIGHT_REGISTRY=postgresql://ml@db.example.com/stackwright stackwright registry import team.json
    """


@command.command()
@json_option
def status(as_json: bool) -> None:
    """Where the registry is, its schema's revision, how much is in it, and as whom you see it."""
    registry = open_registry()
    counts = archive.count(registry.database)
    value = {
        "place": registry.database.place,
        "kind": "sqlite" if registry.database.is_file else "postgresql",
        "revision": NEWEST,
        "counts": counts,
        "user": registry.seat.user,
        "groups": [*registry.seat.groups],
        "directory": registry.seat.directory,
    }
    rows = [[name.replace("_", " "), str(n)] for name, n in counts.items()]
    who = f"{registry.seat.user}{''.join(f' +{g}' for g in registry.seat.groups)}"
    head = f"{value['place']}: {value['kind']}, revision {NEWEST}, as {who}"
    answer(value, f"{head}\n{text.table(rows)}", as_json=as_json)


@command.command()
@click.argument("file")
@json_option
def export(file: str, as_json: bool) -> None:
    """Write everything into one JSON document, FILE or - for stdout; `import` reads it on any database.

    It holds external ids and account numbers, no credentials: the file is for its owner alone.
    """
    document = archive.read(open_registry().database)
    words = json.dumps(document, indent=1, ensure_ascii=False)
    if file == "-":
        click.echo(words)
        return
    with _new(file) as path:
        path.write_text(words + "\n", encoding="utf-8")
    _tell("exported", file, {name: len(rows) for name, rows in document["tables"].items()}, as_json)


@command.command("import")
@click.argument("file")
@json_option
def import_(file: str, as_json: bool) -> None:
    """Add everything that an export holds, or nothing where a name stands for another thing here.

    What is there already just so is left alone: again is the same.
    """
    document = _read(file)
    _tell("imported", file, archive.write(open_registry().database, document), as_json)


@command.command()
@click.argument("file")
@json_option
def backup(file: str, as_json: bool) -> None:
    """Copy the registry while others use it: a file as a file, a PostgreSQL as an export."""
    database = open_registry().database
    with _new(file) as path:
        if database.is_file:
            database.copy_to(path)
        else:
            path.write_text(json.dumps(archive.read(database), ensure_ascii=False) + "\n", encoding="utf-8")
    _tell("copied", file, archive.count(database), as_json)
    reader = f"STACKWRIGHT_REGISTRY={file} uses it"
    story(reader if database.is_file else f"`stackwright registry import {file}` reads it")


def _tell(done: str, file: str, counts: dict[str, int], as_json: bool) -> None:
    told = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n) or "nothing"
    answer({done: file, "counts": counts}, f"{done} {told}: {file}", as_json=as_json)


@contextmanager
def _new(file: str) -> Iterator[Path]:
    """A new file for its owner alone, gone again where writing it fails; raises CheckError or SpecError."""
    path = Path(file)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise CheckError(f"{file} exists already", hint="choose another name", field="file") from None
    except OSError as error:
        raise SpecError(f"{file} cannot be written: {error.strerror}", field="file") from None
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _read(file: str) -> Any:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise SpecError(f"{file} cannot be read: {error.strerror}", field="file") from None
    if content.startswith(_SQLITE):
        raise SpecError(
            f"{file} is a registry itself, no export of one",
            hint=f"STACKWRIGHT_REGISTRY={file} uses it; `stackwright registry export` there makes an export",
            field="file",
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise SpecError(f"{file} is no JSON", field="file") from None
