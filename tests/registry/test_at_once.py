"""Many processes write to one registry: nothing is lost, nothing is given twice."""

import multiprocessing
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import CheckError, RefusedError
from provisioner.registry import Registry, with_status
from tests.registry.conftest import open_quickly
from tests.registry.values import component, enrolment, stack

WRITERS = 8
LINKS = 1000
ROUNDS = 12
Work = Callable[[int, Path | str], list[Any]]


def at_once(work: Work, place: Path | str, writers: int = WRITERS) -> list[Any]:
    """What all of these processes return, having started at the same moment."""
    fork = multiprocessing.get_context("fork")
    start, told = fork.Barrier(writers), fork.Queue()

    def run(me: int) -> None:
        start.wait()
        try:
            told.put(work(me, place))
        except BaseException as error:
            told.put([repr(error)])

    running = [fork.Process(target=run, args=(me,)) for me in range(writers)]
    for process in running:
        process.start()
    said = [one for _ in running for one in told.get(timeout=120)]
    for process in running:
        process.join()
    return said


def register_many(me: int, place: Path | str) -> list[Any]:
    """Stacks of its own, and one name that all want."""
    won, registry = [], Registry(place)
    for n in range(ROUNDS):
        part = component(f"{me}x{n}.artifact_store")
        registry.register(stack(f"{me}x{n}", part, stack_id=f"{me}x{n}"), [part])
        shared = component(f"same{n}.artifact_store", outputs={"bucket_name": str(me)})
        try:
            registry.register(stack(f"same{n}", shared, stack_id=str(me)), [shared])
            won.append((n, str(me)))
        except CheckError as error:
            assert error.field == "name", error
    return won


def test_a_name_that_all_want_is_given_once_and_nothing_else_is_lost(place: Path | str) -> None:
    won = dict(at_once(register_many, place))
    registry = Registry(place)
    own = {f"{me}x{n}": f"{me}x{n}" for me in range(WRITERS) for n in range(ROUNDS)}
    assert won.keys() == {*range(ROUNDS)}
    assert {s.name: s.stack_id for s in registry.stacks()} == own | {f"same{n}": w for n, w in won.items()}
    held = {c.name: c.outputs["bucket_name"] for c in registry.components()}
    assert held == {f"{name}.artifact_store": "b" for name in own} | {
        f"same{n}.artifact_store": w for n, w in won.items()
    }


def id_of(link: int) -> str:
    return f"{link:032x}"


def stack_id_of(link: int, writer: int) -> str:
    return f"arn:aws:cloudformation:eu-central-1:{writer:012}:stack/s{link}/{link}"


def open_and_match(me: int, place: Path | str) -> list[Any]:
    """Opens its links, then claims all that two of the processes share: its own and its neighbour's."""
    registry, door = Registry(place), open_quickly(place)
    for link in range(me, LINKS, WRITERS):
        door.open_enrolment(enrolment(id=id_of(link), name=f"s{link}"))
    won = []
    for link in (*range(me, LINKS, WRITERS), *range(me ^ 1, LINKS, WRITERS)):
        opened = registry.enrolment(id_of(link))
        if opened is None or opened.status != "open":
            continue
        made = stack(opened.name, stack_id=stack_id_of(link, me), account=f"{me:012}")
        try:
            registry.register(made, [], with_status(opened, "registered", stack_id=made.stack_id))
            won.append((link, me))
        except CheckError as error:
            assert error.field in ("name", "stack"), error
    return won


def test_a_thousand_enrolments_at_once_are_matched_without_a_mistake(place: Path | str) -> None:
    won = at_once(open_and_match, place)
    assert Counter(link for link, _ in won) == dict.fromkeys(range(LINKS), 1)
    registry = Registry(place)
    expected = {id_of(link): (f"s{link}", "registered", stack_id_of(link, me)) for link, me in won}
    assert {e.id: (e.name, e.status, e.stack_id) for e in registry.enrolments()} == expected
    assert {s.name: s.stack_id for s in registry.stacks()} == {n: i for n, _, i in expected.values()}


def burn_or_prove(me: int, place: Path | str) -> list[Any]:
    """Half of them prove the enrolments, the others' proofs fail."""
    registry = Registry(place)
    for link in range(40):
        opened = registry.enrolment(id_of(link))
        assert opened
        if me % 2:
            registry.update_enrolment(replace(opened, status="failed"))
        else:
            made = stack(opened.name, stack_id=stack_id_of(link, 0))
            registry.register(made, [], with_status(opened, "registered", stack_id=made.stack_id))
    return []


def test_a_failed_proof_never_undoes_one_that_was_faster(place: Path | str) -> None:
    registry = Registry(place)
    for link in range(40):
        registry.open_enrolment(enrolment(id=id_of(link), name=f"s{link}"))
    assert at_once(burn_or_prove, place, writers=4) == []
    assert {e.status for e in registry.enrolments()} == {"registered"}


def test_while_one_process_writes_no_other_can(path: Path) -> None:
    first, second = Registry(path), Registry(path)
    with first.database.writing() as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked"), sqlite3.connect(path, timeout=0) as db:
            db.execute("DELETE FROM stacks")
        connection.exec_driver_sql("INSERT INTO active_stacks VALUES ('', '', '', 'first')")
        assert second.active() == ""
    assert second.active() == "first"


def test_whoever_waits_too_long_for_a_writer_is_told(
    place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Registry(place)
    monkeypatch.setattr("provisioner.registry.database.BUSY_SECONDS", 1)
    second = Registry(place)
    with first.database.writing(), pytest.raises(RefusedError, match=r"cannot be used as a registry: .*lock"):
        second.set_active("churn")
    second.set_active("churn")
    assert first.active() == "churn"
