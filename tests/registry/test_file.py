"""A registry in a file: two doors to the same tables, and files that are none."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.enrolments import QuickRegistry
from provisioner.errors import RefusedError
from provisioner.registry import Registry
from tests.registry.values import ID, component, enrolment, publication, stack


@pytest.mark.parametrize("opened_first", ["sqlite3", "sqlalchemy"])
def test_either_door_reads_what_the_other_wrote(path: Path, opened_first: str) -> None:
    if opened_first == "sqlalchemy":
        Registry(path)
    QuickRegistry(path).open_enrolment(enrolment(name="zürich+ml"))
    assert Registry(path).enrolment(ID) == enrolment(name="zürich+ml")


# The tables


def columns(path: Path, table: str) -> list[tuple[Any, ...]]:
    """(position, name, type, not null, place in the primary key) of every column."""
    with sqlite3.connect(path) as database:
        rows = database.execute(f"PRAGMA table_info({table})").fetchall()
    return [(position, name, type_, notnull, key) for position, name, type_, notnull, _, key in rows]


@pytest.mark.parametrize("table", ["enrolments", "publications"])
def test_both_doors_make_the_same_tables(tmp_path: Path, table: str) -> None:
    Registry(tmp_path / "sqlalchemy.db")
    QuickRegistry(tmp_path / "sqlite3.db").record_publication(publication())
    assert columns(tmp_path / "sqlite3.db", table) == columns(tmp_path / "sqlalchemy.db", table) != []


# A registry that cannot be used

DOORS: dict[str, Callable[[Path], object]] = {
    "sqlalchemy": Registry,
    "opening an enrolment": lambda path: QuickRegistry(path).open_enrolment(enrolment()),
    "finding a template": lambda path: QuickRegistry(path).publication(sha256="", region=""),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("damage", ["not a database", "a folder", "a file in the way"])
def test_a_registry_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, door: Callable[[Path], object], damage: str
) -> None:
    path = tmp_path / "home" / "registry.db"
    if damage == "a file in the way":
        path.parent.write_text("x")
    elif damage == "a folder":
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.write_bytes(b"hello, I am no database at all. " * 64)
    with pytest.raises(RefusedError) as caught:
        door(path)
    assert caught.value.message.startswith(f"{path} cannot be used as a registry: ")
    assert caught.value.hint == "move the file away, or set STACKWRIGHT_HOME to another folder"
    assert caught.value.exit_code == 4


def test_a_registry_that_breaks_while_it_is_open_is_refused_by_name(path: Path) -> None:
    registry = Registry(path)
    registry.register(stack(), [])
    path.write_bytes(b"hello, I am no database any more. " * 64)
    with pytest.raises(RefusedError):
        registry.stacks()
    with pytest.raises(RefusedError):
        registry.set_active("churn")


@pytest.mark.parametrize("value", ["{not json", "[]", "null", ""])
@pytest.mark.parametrize("column", ["stacks.components", "components.outputs", "enrolments.spec"])
def test_a_row_that_is_no_json_object_is_refused_by_name(path: Path, column: str, value: str) -> None:
    registry = Registry(path)
    registry.register(stack("churn", component()), [component()])
    registry.open_enrolment(enrolment())
    table, _, name = column.partition(".")
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE {table} SET {name} = ?", (value,))
    with pytest.raises(RefusedError) as caught:
        _ = (registry.stacks(), registry.components(), registry.enrolment(ID))
    assert caught.value.message.startswith(f"{path} cannot be used as a registry: ")


@pytest.mark.parametrize("door", list(DOORS.values()), ids=list(DOORS))
def test_a_new_registry_is_for_its_owner_alone(path: Path, door: Callable[[Path], object]) -> None:
    door(path)
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
