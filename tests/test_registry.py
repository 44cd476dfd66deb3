"""The registry: every write whole or not at all, and two doors to the same tables."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from provisioner import enrolments
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.enrolments import Enrolment, Publication
from provisioner.errors import CheckError, RefusedError
from provisioner.registry import RegisteredComponent, RegisteredStack, Registration, Registry, with_status

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ID = "0123456789abcdef0123456789abcdef"
STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/churn/1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "registry.db"


@pytest.fixture
def registry(path: Path) -> Registry:
    return Registry(path)


def component(name: str = "churn.artifact_store", **changes: Any) -> RegisteredComponent:
    plain = RegisteredComponent(
        name=name,
        type=name.rpartition(".")[2],
        flavor="s3",
        origin="built",
        account="111122223333",
        region="eu-central-1",
        outputs={"bucket_name": "b", "bucket_arn": "arn:aws:s3:::b"},
        config={"path": "s3://b"},
        created_at=NOW,
    )
    return replace(plain, **changes)


def stack(name: str = "churn", *parts: RegisteredComponent, **changes: Any) -> RegisteredStack:
    plain = RegisteredStack(
        name=name,
        account="111122223333",
        region="eu-central-1",
        status="registered",
        components={part.type: part.name for part in parts},
        created_at=NOW,
        stack_id=STACK_ID,
        template_sha256="ab" * 32,
        connector={"type": "aws", "role_arn": "arn:aws:iam::111122223333:role/a"},
        estimate={"total": {"typical": 1.5}},
    )
    return replace(plain, **changes)


def enrolment(**changes: Any) -> Enrolment:
    spec = specs.preset("minimal", name="churn", region="eu-central-1")
    plain = enrolments.make(
        plan=plans.make(spec),
        template_sha256="ab" * 32,
        estimate={"total": {"typical": 1.5}},
        now=NOW,
        random_id=lambda: ID,
    )
    return replace(plain, **changes)


def held(registry: Registry) -> tuple[list[RegisteredStack], list[RegisteredComponent], str]:
    return registry.stacks(), registry.components(), registry.active()


# Stacks and components


def test_what_is_registered_is_read_back_whole(registry: Registry) -> None:
    part = component()
    registry.register(stack("churn", part), [part])
    assert held(registry) == ([stack("churn", part)], [part], "")
    assert registry.stack("churn") == stack("churn", part)
    assert registry.component(part.name) == part
    assert registry.components_of(stack("churn", part)) == {"artifact_store": part}


def test_a_fresh_registry_holds_nothing(registry: Registry) -> None:
    assert held(registry) == ([], [], "")
    assert (registry.stack("x"), registry.component("x"), registry.enrolment("x")) == (None, None, None)


def test_registering_twice_ends_the_same(registry: Registry) -> None:
    part = component()
    for _ in range(2):
        registry.register(stack("churn", part), [part])
    assert held(registry) == ([stack("churn", part)], [part], "")


def test_a_name_taken_by_another_stack_is_refused_and_nothing_is_written(registry: Registry) -> None:
    part = component()
    registry.register(stack("churn", part), [part])
    before = held(registry)
    other = component(outputs={"bucket_name": "evil"})
    with pytest.raises(CheckError) as caught:
        registry.register(stack("churn", other, stack_id="another"), [other])
    assert caught.value.message == (
        "a stack 'churn' is registered already (account 111122223333, eu-central-1)"
    )
    assert (caught.value.field, caught.value.exit_code) == ("name", 3)
    assert held(registry) == before


def found_stack(bucket: str) -> tuple[RegisteredStack, list[RegisteredComponent]]:
    part = component(origin="found", outputs={"bucket_name": bucket}, config={"path": f"s3://{bucket}"})
    return stack("churn", part, stack_id="", connector={}, estimate={}, template_sha256=""), [part]


def test_a_found_stack_never_replaces_one_that_holds_other_things(registry: Registry) -> None:
    registry.register(*found_stack("one"))
    before = held(registry)
    with pytest.raises(CheckError) as caught:
        registry.register(*found_stack("two"))
    assert (caught.value.message, caught.value.field) == (
        "a stack 'churn' is registered already (account 111122223333, eu-central-1)",
        "name",
    )
    assert held(registry) == before
    registry.register(*found_stack("one"))
    assert held(registry) == before


def test_a_found_stack_never_replaces_a_built_one_nor_the_other_way_round(registry: Registry) -> None:
    part = component(outputs={"bucket_name": "one"})
    registry.register(stack("churn", part), [part])
    with pytest.raises(CheckError, match="'churn' is registered already"):
        registry.register(*found_stack("one"))
    assert held(registry) == ([stack("churn", part)], [part], "")
    registry.unregister(stack("churn", part))
    registry.register(*found_stack("one"))
    with pytest.raises(CheckError, match="'churn' is registered already"):
        registry.register(stack("churn", part), [part])
    assert registry.stacks() == [found_stack("one")[0]]


def test_the_name_of_a_deleted_stack_is_free(registry: Registry) -> None:
    registry.register(stack("churn", status="deleted"), [])
    registry.register(stack("churn", stack_id="new"), [])
    assert registry.stacks() == [stack("churn", stack_id="new")]


def test_stack_components_and_enrolment_are_one_transaction(registry: Registry) -> None:
    registry.open_enrolment(enrolment())
    part = component()
    unwritable = stack("churn", part, estimate={"total": object()})
    closed = with_status(enrolment(), "registered", stack_id=STACK_ID)
    with pytest.raises(sa.exc.StatementError):
        registry.register(unwritable, [part], closed)
    assert held(registry) == ([], [], "")
    assert registry.enrolment(ID) == enrolment()
    registry.register(stack("churn", part), [part], closed)
    assert registry.enrolment(ID) == closed


def test_a_component_registered_twice_is_one(registry: Registry) -> None:
    registry.register_component(component())
    registry.register_component(component(created_at=NOW + timedelta(days=1)))
    assert [c.name for c in registry.components()] == ["churn.artifact_store"]


def test_another_component_of_the_same_name_is_refused(registry: Registry) -> None:
    registry.register_component(component())
    with pytest.raises(CheckError) as caught:
        registry.register_component(component(account="444455556666"))
    assert caught.value.message == (
        "a component 'churn.artifact_store' is registered already and is another one"
    )
    assert registry.components() == [component()]


def test_unregistering_forgets_a_stack_and_what_it_built(registry: Registry) -> None:
    part = component()
    registry.open_enrolment(enrolment(stack_id=STACK_ID, status="registered"))
    registry.register(stack("churn", part), [part])
    registry.set_active("churn")
    registry.unregister(stack("churn", part))
    assert held(registry) == ([], [], "")
    assert registry.enrolment(ID) == enrolment(stack_id=STACK_ID, status="deleted")


def test_unregistering_a_found_stack_forgets_the_components_it_introduced(registry: Registry) -> None:
    local = component("churn.orchestrator", flavor="local", origin="found", outputs={}, config={})
    own = component(origin="found")
    registry.register(stack("churn", own, local, stack_id=""), [own, local])
    registry.unregister(stack("churn", own, local, stack_id=""))
    assert held(registry) == ([], [], "")


def test_a_component_is_forgotten_unless_a_stack_uses_it(registry: Registry) -> None:
    shared, alone = component("team.artifact_store", origin="found"), component("other.artifact_store")
    for name in ("one", "two"):
        registry.register(stack(name, shared, stack_id=name), [shared])
    registry.register_component(alone)
    registry.forget_component("other.artifact_store")
    with pytest.raises(CheckError) as caught:
        registry.forget_component("team.artifact_store")
    assert (caught.value.message, caught.value.hint) == (
        "team.artifact_store is used by one, two",
        "`stackwright stack delete one` forgets the stack first",
    )
    assert registry.components() == [shared]


def test_unregistering_keeps_what_another_stack_uses_and_what_was_registered_alone(
    registry: Registry,
) -> None:
    shared, own = component("churn.artifact_store"), component("churn.orchestrator")
    found = component("team.container_registry", origin="found")
    first = stack("churn", shared, own, found)
    second = stack("other", shared, stack_id="other")
    registry.register(first, [shared, own, found])
    registry.register(second, [shared])
    registry.set_active("other")
    registry.unregister(first)
    assert held(registry) == ([second], [shared, found], "other")


def test_unregistering_twice_ends_the_same(registry: Registry) -> None:
    registry.register(stack(), [])
    registry.unregister(stack())
    registry.unregister(stack())
    assert held(registry) == ([], [], "")


def test_one_stack_is_active(registry: Registry) -> None:
    registry.set_active("churn")
    registry.set_active("other")
    assert registry.active() == "other"


def test_a_status_is_changed_alone(registry: Registry) -> None:
    registry.register(stack(), [])
    registry.set_status("churn", "deleting")
    assert registry.stacks() == [stack(status="deleting")]


# Copies on servers


def registration(
    stack: str = "churn", server: str = "https://zenml.example.com", **changes: Any
) -> Registration:
    plain = Registration(stack=stack, server=server, status="registering", updated_at=NOW)
    return replace(plain, **changes)


def test_a_copy_on_a_server_is_kept_beside_the_stack_and_forgotten_alone(registry: Registry) -> None:
    done = registration(
        status="registered", remote_id="9f", ids={"artifact_store": "1a", "connector:aws": "2b"}
    )
    elsewhere, other = registration(server="https://b.example.com"), registration("other")
    for r in (registration(), done, other, elsewhere):
        registry.record_registration(r)
    assert registry.registrations() == [elsewhere, done, other]
    assert registry.registrations_of("churn") == [elsewhere, done]
    registry.forget_registration("churn", done.server)
    registry.forget_registration("nobody", done.server)
    assert registry.registrations() == [elsewhere, other]


# Enrolments, by either door


def test_an_enrolment_carries_what_its_link_carries() -> None:
    made = enrolment(expected_account="111122223333")
    assert made.parameters == {
        "ArtifactStoreNoncurrentDays": "30",
        "ArtifactStoreAbortUploadDays": "7",
        "ContainerRegistryUntaggedDays": "14",
        "ContainerRegistryEmptyOnDelete": "false",
        "EnrolmentId": ID,
    }
    assert (made.start_by, made.finish_by) == (NOW + timedelta(hours=1), NOW + timedelta(hours=24))


def test_only_a_shape_with_an_external_id_gets_one() -> None:
    access = {"trust": "principal", "principal": "arn:aws:iam::111122223333:role/ml"}
    spec = specs.preset("minimal", name="churn", region="eu-central-1").as_dict() | {"access": access}
    ids = iter(["a" * 32, "b" * 32])
    made = enrolments.make(
        plan=plans.make(specs.parse(spec)),
        template_sha256="",
        estimate={},
        now=NOW,
        random_id=lambda: next(ids),
    )
    assert (made.parameters["EnrolmentId"], made.parameters["ExternalId"]) == ("a" * 32, "b" * 32)


@pytest.mark.parametrize("opened_first", ["sqlite3", "sqlalchemy"])
def test_either_door_reads_what_the_other_wrote(path: Path, opened_first: str) -> None:
    if opened_first == "sqlalchemy":
        Registry(path)
    enrolments.open_enrolment(path, enrolment(name="zürich+ml"))
    assert Registry(path).enrolment(ID) == enrolment(name="zürich+ml")


def test_an_enrolment_is_opened_once(path: Path) -> None:
    enrolments.open_enrolment(path, enrolment())
    with pytest.raises(sqlite3.IntegrityError):
        enrolments.open_enrolment(path, enrolment(name="other"))
    assert Registry(path).enrolment(ID) == enrolment()


def test_the_newest_enrolment_of_a_name_comes_first(registry: Registry) -> None:
    for n, minutes in enumerate([0, 5, 5]):
        registry.open_enrolment(enrolment(id=str(n), opened_at=NOW + timedelta(minutes=minutes)))
    registry.open_enrolment(enrolment(id="us", region="us-east-1"))
    assert [e.id for e in registry.enrolments_of("churn", "eu-central-1")] == ["2", "1", "0"]
    assert [e.id for e in registry.enrolments_of("churn", "us-east-1")] == ["us"]
    assert registry.enrolments_of("other") == []


def test_an_enrolment_is_updated_by_its_id(registry: Registry) -> None:
    registry.open_enrolment(enrolment())
    registry.open_enrolment(enrolment(id="other"))
    registry.update_enrolment(with_status(enrolment(), "failed"))
    assert registry.enrolment(ID) == enrolment(status="failed")
    assert registry.enrolment("other") == enrolment(id="other")


def test_a_publication_is_found_by_hash_and_region(path: Path) -> None:
    made = Publication(
        sha256="ab", region="eu-central-1", url="https://x", account="111122223333", published_at=NOW
    )
    assert enrolments.find_publication(path, sha256="ab", region="eu-central-1") is None
    for url in ("https://old", "https://x"):
        enrolments.record_publication(path, replace(made, url=url))
    assert enrolments.find_publication(path, sha256="ab", region="eu-central-1") == made
    assert enrolments.find_publication(path, sha256="ab", region="us-east-1") is None


# The tables


def columns(path: Path, table: str) -> list[tuple[Any, ...]]:
    """(position, name, type, not null, place in the primary key) of every column."""
    with sqlite3.connect(path) as database:
        rows = database.execute(f"PRAGMA table_info({table})").fetchall()
    return [(position, name, type_, notnull, key) for position, name, type_, notnull, _, key in rows]


@pytest.mark.parametrize("table", ["enrolments", "publications"])
def test_both_doors_make_the_same_tables(tmp_path: Path, table: str) -> None:
    Registry(tmp_path / "sqlalchemy.db")
    enrolments.find_publication(tmp_path / "sqlite3.db", sha256="", region="")
    assert columns(tmp_path / "sqlite3.db", table) == columns(tmp_path / "sqlalchemy.db", table) != []


# Several at once

WRITER = """
import sys
from pathlib import Path
from test_registry import component, enrolment, enrolments, stack, Registry
me, path = sys.argv[1], Path(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for n in range(15):
    enrolments.open_enrolment(path, enrolment(id=f"{me}{n}"))
    part = component(f"{me}{n}.artifact_store")
    Registry(path).register(stack(f"{me}{n}", part, stack_id=me), [part])
try:
    Registry(path).register(stack("same", stack_id=me), [])
    print("won")
except Exception as error:
    print(type(error).__name__)
"""


def test_two_processes_write_at_once_and_one_of_them_gets_a_name(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, me, str(path)],
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for me in "ab"
    ]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    ended = sorted(writer.communicate(timeout=60)[0] for writer in writers)
    registry = Registry(path)
    assert ended == ["CheckError\n", "won\n"]
    assert len(registry.stacks()) == len(registry.components()) + 1 == 31
    assert len(registry.enrolments_of("churn")) == 30


def test_a_name_taken_between_check_and_write_is_seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one process is about to write, no other can."""
    first, second = Registry(path), Registry(path)
    with first.database.writing() as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked"), sqlite3.connect(path, timeout=0) as db:
            db.execute("DELETE FROM stacks")
        connection.execute(sa.text("INSERT INTO active_stacks VALUES ('', '', '', 'first')"))
        assert second.active() == ""
    assert second.active() == "first"


# A registry that cannot be used

DOORS: dict[str, Callable[[Path], object]] = {
    "sqlalchemy": Registry,
    "opening an enrolment": lambda path: enrolments.open_enrolment(path, enrolment()),
    "finding a template": lambda path: enrolments.find_publication(path, sha256="", region=""),
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


def test_a_registry_that_breaks_while_it_is_open_is_refused_by_name(registry: Registry, path: Path) -> None:
    registry.register(stack(), [])
    path.write_bytes(b"hello, I am no database any more. " * 64)
    with pytest.raises(RefusedError):
        registry.stacks()
    with pytest.raises(RefusedError):
        registry.set_active("churn")


def test_a_stack_never_replaces_a_component_that_is_not_its_own(registry: Registry) -> None:
    registry.register_component(component(origin="found", outputs={"bucket_name": "old"}))
    before = held(registry)
    with pytest.raises(CheckError, match=r"'churn.artifact_store' is registered already and is another one"):
        registry.register(stack("churn", component()), [component()])
    assert held(registry) == before


def test_a_stack_replaces_its_own_components(registry: Registry) -> None:
    registry.register(stack("churn", component()), [component()])
    changed = component(outputs={"bucket_name": "c", "bucket_arn": "arn:aws:s3:::c"})
    registry.register(stack("churn", changed), [changed])
    assert registry.components() == [changed]


@pytest.mark.parametrize("value", ["{not json", "[]", "null", ""])
@pytest.mark.parametrize("column", ["stacks.components", "components.outputs", "enrolments.spec"])
def test_a_row_that_is_no_json_object_is_refused_by_name(
    registry: Registry, path: Path, column: str, value: str
) -> None:
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
