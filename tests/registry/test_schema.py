"""The schema: made at once or by migrations it is the same, and an old registry loses nothing."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from provisioner.enrolments import NEWEST, REVISIONS, QuickRegistry
from provisioner.errors import RefusedError
from provisioner.registry import Registry
from provisioner.registry.database import Database
from provisioner.registry.schema import _upgrade
from provisioner.registry.tables import METADATA
from tests.registry.conftest import open_quickly
from tests.registry.values import component, enrolment, held, publication, stack

OLD = (Path(__file__).parent / "before_revisions.sql").read_text()


@pytest.fixture
def old(path: Path) -> Path:
    """A registry that was written before revisions were counted."""
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.executescript(OLD)
    return path


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as database:
        return [*database.iterdump()]


def columns(registry: Registry) -> Any:
    """Table -> its columns, types, defaults and keys, as the database tells them."""
    with registry.database.reading() as connection:
        look = sa.inspect(connection)
        return {
            name: (
                sorted(
                    (c["name"], str(c["type"]), c["nullable"], str(c["default"]))
                    for c in look.get_columns(name)
                ),
                look.get_pk_constraint(name)["constrained_columns"],
            )
            for name in sorted(look.get_table_names())
        }


def in_steps(place: Path | str) -> Registry:
    """A registry as migrations alone make it."""
    database = Database(place)
    database.make_private()
    with database.writing() as connection:
        _upgrade(connection)
    return Registry(place)


def test_the_program_knows_every_revision_in_order() -> None:
    scripts = ScriptDirectory(str(files("provisioner") / "migrations"))
    assert tuple(reversed([s.revision for s in scripts.walk_revisions()])) == REVISIONS


def test_migrations_lead_to_what_the_tables_say(registry: Registry) -> None:
    with registry.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [d for d in compare_metadata(context, METADATA) if "number" not in str(d)]
    assert differences == []


def test_a_new_registry_is_as_if_it_had_come_through_every_migration(tmp_path: Path) -> None:
    assert columns(in_steps(tmp_path / "one" / "r.db")) == columns(Registry(tmp_path / "two" / "r.db"))


def test_so_it_is_in_postgresql(url: str, postgresql: Any) -> None:
    assert columns(in_steps(url)) == columns(Registry(postgresql.registry_url()))


def rows(path: Path, table: str) -> list[Any]:
    with sqlite3.connect(path) as database:
        return database.execute(f"SELECT * FROM {table}").fetchall()


def test_an_old_registry_is_brought_up_to_date_without_loss(old: Path) -> None:
    before = rows(old, "enrolments")
    registry = Registry(old)
    part, outputs = component(), {"uri": "zürich"}
    team = component("team.container_registry", flavor="ecr", origin="found", outputs=outputs)
    shared = stack("shared", team, stack_id="", connector={}, estimate={}, template_sha256="")
    assert held(registry) == ([stack("churn", part), shared], [part, team], "churn")
    assert (rows(old, "enrolments"), [e.status for e in registry.enrolments()]) == (
        before,
        ["registered", "open"],
    )
    assert (registry.publications(), registry.registrations()) == ([publication()], [])
    assert columns(registry) == columns(Registry(old.with_name("new.db")))


def test_the_file_as_it_was_is_kept_beside_it_for_its_owner_alone(old: Path) -> None:
    before = dump(old)
    Registry(old)
    copy = old.with_name(f"registry.db.before-{NEWEST}")
    assert (dump(copy), copy.stat().st_mode & 0o777) == (before, 0o600)
    assert sorted(p.name for p in old.parent.iterdir()) == ["registry.db", copy.name]


def test_a_link_opens_its_enrolment_in_an_old_registry_too(old: Path) -> None:
    QuickRegistry(old).open_enrolment(enrolment(id="e" * 32))
    assert len(Registry(old).enrolments()) == 3


def test_what_a_link_made_becomes_a_whole_registry(path: Path) -> None:
    QuickRegistry(path).open_enrolment(enrolment())
    assert Registry(path).enrolments() == [enrolment()]
    assert [p.name for p in path.parent.iterdir()] == ["registry.db"]


def test_an_upgrade_that_breaks_off_leaves_the_registry_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(old)
    monkeypatch.setattr("alembic.op.drop_table", broken)
    with pytest.raises(RuntimeError, match="the light went out"):
        Registry(old)
    assert dump(old) == before
    monkeypatch.undo()
    assert Registry(old).active() == "churn"


def broken(*_: object) -> None:
    raise RuntimeError("the light went out")


def test_an_upgrade_that_is_killed_leaves_the_registry_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(old)
    child = os.fork()
    if child == 0:
        monkeypatch.setattr("alembic.op.drop_table", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        Registry(old)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert dump(old) == before
    assert Registry(old).active() == "churn"


DOORS: dict[str, Callable[[Path | str], object]] = {
    "whole": Registry,
    "opening an enrolment": lambda place: open_quickly(place).open_enrolment(enrolment(id="new")),
    "finding a template": lambda place: open_quickly(place).publication(sha256="", region=""),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_registry_of_a_newer_program_is_refused_and_left_alone(
    place: Path | str, door: Callable[[Path | str], object]
) -> None:
    registry = Registry(place)
    registry.open_enrolment(enrolment())
    with registry.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(RefusedError) as caught:
        door(place)
    assert caught.value.message == (
        f"{registry.database.place} was written by a newer stackwright: its schema is 0999,"
        f" and {NEWEST} is known here"
    )
    assert caught.value.hint == "bring this one up to date: `pip install --upgrade stackwright`"
    assert registry.enrolments() == [enrolment()]


def opened(place: Path | str, start: Any, told: Any) -> None:
    start.wait()
    try:
        told.put((Registry(place).active(), NEWEST))
    except Exception as error:
        told.put(repr(error))


def open_at_once(place: Path | str, many: int) -> list[Any]:
    """What as many processes say that open the same registry at the same moment."""
    spawn = multiprocessing.get_context("fork")
    start, told = spawn.Barrier(many), spawn.Queue()
    running = [spawn.Process(target=opened, args=(place, start, told)) for _ in range(many)]
    for process in running:
        process.start()
    said = [told.get(timeout=60) for _ in running]
    for process in running:
        process.join()
    return said


def test_several_programs_find_an_old_registry_at_once(old: Path) -> None:
    assert open_at_once(old, 4) == [("churn", NEWEST)] * 4


def test_several_programs_find_no_registry_at_once(place: Path | str) -> None:
    assert open_at_once(place, 4) == [("", NEWEST)] * 4


def test_alembic_is_loaded_for_an_old_registry_alone(old: Path) -> None:
    code = "import sys; from pathlib import Path; from provisioner.registry import Registry; "
    code += "Registry(Path(sys.argv[1])); print('alembic' in sys.modules)"

    def loaded(path: Path) -> str:
        run = [sys.executable, "-c", code, str(path)]
        return subprocess.run(run, text=True, capture_output=True, check=True).stdout

    assert [loaded(p) for p in (old.with_name("new.db"), old, old)] == ["False\n", "True\n", "False\n"]
