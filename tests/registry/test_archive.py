"""A registry as a document: the same from either database, whole or not at all."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provisioner.enrolments import NEWEST
from provisioner.errors import CheckError, SpecError
from provisioner.registry import Registry, archive
from provisioner.registry.tables import METADATA
from provisioner.sharing import Seat
from tests.registry.values import (
    NOW,
    STACK_ID,
    component,
    enrolment,
    publication,
    registration,
    stack,
)

ANN = Seat(user="ann", host="laptop", directory="/home/ann/churn")


def fill(place: Path | str) -> Registry:
    """A registry with something in every table that it writes itself."""
    registry = Registry(place, seat=ANN)
    part = component(outputs={"bucket_name": "zürich 'quoted'"})
    registry.register(stack("churn", part), [part])
    registry.share(stack("churn", part, owner="ann"), ["ml"])
    registry.register_component(component("team.container_registry", flavor="ecr"))
    registry.set_active("churn")
    registry.set_active_here("churn")
    registry.record_registration(registration(ids={"artifact_store": "1"}))
    registry.record_publication(publication())
    for n, minutes in enumerate([5, 0, 0]):
        opened = NOW + timedelta(minutes=minutes)
        registry.open_enrolment(enrolment(id=str(9 - n), opened_at=opened, stack_id=STACK_ID))
    return registry


def through_json(document: Any) -> Any:
    return json.loads(json.dumps(document))


def test_everything_goes_from_a_file_to_postgresql_and_back(path: Path, url: str) -> None:
    first = archive.read(fill(path).database)
    middle, last = Registry(url), Registry(path.with_name("last.db"))
    written = archive.write(middle.database, through_json(first))
    archive.write(last.database, through_json(archive.read(middle.database)))
    assert first == archive.read(middle.database) == archive.read(last.database)
    assert written == {name: len(rows) for name, rows in first["tables"].items()}
    assert [e.id for e in middle.enrolments_of("churn")] == ["9", "7", "8"]
    assert Registry(url, seat=ANN).active_here() == "churn"


def test_a_document_holds_every_table(registry: Registry) -> None:
    document = archive.read(registry.database)
    assert document == {
        "format": "stackwright-registry",
        "revision": NEWEST,
        "tables": {name: [] for name in sorted(METADATA.tables)},
    }
    assert archive.count(registry.database) == dict.fromkeys(sorted(METADATA.tables), 0)


def test_importing_twice_adds_nothing(place: Path | str) -> None:
    registry = fill(place)
    document = archive.read(registry.database)
    assert archive.write(registry.database, document) == dict.fromkeys(METADATA.tables, 0)
    assert archive.read(registry.database) == document


def test_a_name_of_another_thing_is_told_and_nothing_is_imported(place: Path | str, tmp_path: Path) -> None:
    document = archive.read(fill(tmp_path / "theirs.db").database)
    registry = Registry(place, seat=ANN)
    registry.register(stack("churn", stack_id="another"), [])
    registry.open_enrolment(enrolment(id="8", name="another"))
    before = archive.read(registry.database)
    with pytest.raises(CheckError) as caught:
        archive.write(registry.database, document)
    assert caught.value.message == ("the registry holds others of these names: enrolment 8, stack churn")
    assert archive.read(registry.database) == before


def test_of_many_names_the_first_are_told(registry: Registry, tmp_path: Path) -> None:
    theirs = Registry(tmp_path / "theirs.db")
    for n in range(12):
        theirs.register_component(component(f"c{n:02}.artifact_store"))
        registry.register_component(component(f"c{n:02}.artifact_store", region="us-east-1"))
    with pytest.raises(CheckError, match=r"component c00.artifact_store, .*c09.artifact_store and 2 more$"):
        archive.write(registry.database, archive.read(theirs.database))


def test_a_document_of_an_older_revision_has_what_came_later_by_default(registry: Registry) -> None:
    row = stack().as_dict()
    old = {k: v for k, v in row.items() if k not in ("owner", "groups")}
    document = {"format": archive.FORMAT, "revision": "0001", "tables": {"stacks": [old]}}
    assert archive.write(registry.database, document) == {"stacks": 1}
    assert registry.stacks() == [stack()]


def of(table: str, *rows: Any) -> Any:
    return {"format": archive.FORMAT, "revision": NEWEST, "tables": {table: [*rows]}}


ENROLMENT = enrolment().row()
STACK = stack().as_dict()
BAD: dict[str, tuple[Any, str]] = {
    "a list": ([], "this is no exported registry"),
    "something else": ({"format": "other"}, "this is no exported registry"),
    "a newer one": (
        of("stacks") | {"revision": "0999"},
        f"this was exported by a newer stackwright: its schema is 0999, and {NEWEST} is known here",
    ),
    "no tables": (of("stacks") | {"tables": []}, "this exported registry is damaged: tables"),
    "another table": (of("sqlite_master"), "this exported registry is damaged: tables"),
    "no rows": (
        {"format": archive.FORMAT, "revision": NEWEST, "tables": {"stacks": {}}},
        "this exported registry is damaged: stacks[0]: not a row of this table",
    ),
    "another column": (
        of("stacks", STACK | {"x; DROP TABLE stacks": ""}),
        "this exported registry is damaged: stacks[0]: not a row of this table",
    ),
    "a column less": (
        of("stacks", STACK, {"name": "other"}),
        "this exported registry is damaged: stacks[1]: account is missing",
    ),
    "a number for a text": (
        of("stacks", STACK | {"name": 1}),
        "this exported registry is damaged: stacks[0]: name is no text",
    ),
    "a list for an object": (
        of("stacks", STACK | {"components": []}),
        "this exported registry is damaged: stacks[0]: components is no JSON object",
    ),
    "a time that is none": (
        of("stacks", STACK | {"created_at": "yesterday"}),
        "this exported registry is damaged: stacks[0]: Invalid isoformat string: 'yesterday'",
    ),
    "a name twice": (of("stacks", STACK, STACK), "this exported registry is damaged: a name twice in stacks"),
    **{
        f"{column} {value!r}": (
            of("stacks", STACK | {column: value}),
            f"this exported registry is damaged: stacks[0]: {column} cannot be {value!r}",
        )
        for column, value in (
            ("name", "../churn"),
            ("name", "-x"),
            ("name", ""),
            ("status", "fine"),
            ("account", "12"),
            ("region", "Mars"),
            ("stack_id", "arn:aws:s3:::b"),
        )
    },
    "a name that moves a cursor": (
        of("stacks", STACK | {"name": "churn\x1b[2J"}),
        "this exported registry is damaged: stacks[0]: name holds control characters",
    ),
    "a value that moves a cursor": (
        of("components", component().as_dict() | {"outputs": {"bucket_name": "\x1b]0;x"}}),
        "this exported registry is damaged: components[0]: outputs.bucket_name holds control characters",
    ),
    "a stack of another account than its id": (
        of("stacks", STACK | {"account": "444455556666"}),
        "this exported registry is damaged: stacks[0]: account is 444455556666, "
        "and stack_id says 111122223333",
    ),
    "a role that is none": (
        of("stacks", STACK | {"connector": {"role_arn": "me"}}),
        "this exported registry is damaged: stacks[0]: connector.role_arn is no ARN: 'me'",
    ),
    "a component of a kind that there is not": (
        of("components", component().as_dict() | {"type": "toaster"}),
        "this exported registry is damaged: components[0]: type cannot be 'toaster'",
    ),
    "a component from nowhere": (
        of("components", component().as_dict() | {"origin": "heaven"}),
        "this exported registry is damaged: components[0]: origin cannot be 'heaven'",
    ),
    "an enrolment that is fine": (
        of("enrolments", ENROLMENT | {"status": "fine"}),
        "this exported registry is damaged: enrolments[0]: status cannot be 'fine'",
    ),
    "a server that is a command": (
        of("registrations", registration().as_dict() | {"server": "file:///etc"}),
        "this exported registry is damaged: registrations[0]: server cannot be 'file:///etc'",
    ),
    "a spec that is no JSON": (
        of("enrolments", ENROLMENT | {"spec": "[]"}),
        "this exported registry is damaged: enrolments[0]: spec is no JSON object",
    ),
}


@pytest.mark.parametrize(("document", "message"), BAD.values(), ids=BAD)
def test_what_is_no_document_is_refused_and_changes_nothing(path: Path, document: Any, message: str) -> None:
    registry = Registry(path)
    with pytest.raises(SpecError) as caught:
        archive.write(registry.database, document)
    assert caught.value.message == message
    assert archive.count(registry.database) == dict.fromkeys(sorted(METADATA.tables), 0)


def test_what_is_copied_while_others_write_is_whole(path: Path, tmp_path: Path) -> None:
    registry = fill(path)
    with registry.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM stacks")
        registry.database.copy_to(tmp_path / "copy.db")
    assert archive.read(Registry(tmp_path / "copy.db").database)["tables"]["stacks"] != []
    assert (registry.stacks(), (tmp_path / "copy.db").stat().st_mode & 0o777) == ([], 0o600)
