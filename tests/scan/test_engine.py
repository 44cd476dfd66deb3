"""Accounts × regions × rows: every cell is told, whatever happens to another."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest

from provisioner import fit
from provisioner.errors import RefusedError
from provisioner.scan.engine import Event, Opened, Place, Read, Scan, scan, stream
from provisioner.scan.table import GLOBAL, ROWS, Cell, Found, Reading, Row, State
from provisioner.scan.target import Target, Told

S3, ECR, IAM = THREE = ROWS[:3]
BUCKET = Found(
    arn="arn:aws:s3:::churn",
    account="1",
    region="eu-central-1",
    kind="bucket",
    name="churn",
    attributes={"public_access_blocked": True, "encrypted": True},
    tags={"team": "churn"},
)


def cell(account: str, region: str, row: Row, state: State = "empty", number: int = 0) -> Cell:
    return Cell(
        account=account, region=region, service=row.service, state=state, count=number, calls=2, seconds=0.5
    )


def empty(account: str, region: str, row: Row) -> Reading:
    return Reading(cell=cell(account, region, row))


def ticks() -> Iterator[float]:
    return iter(count(100.0, 1.5))


def run(
    read: Read,
    *,
    accounts: tuple[str, ...] = ("1",),
    regions: tuple[str, ...] = ("eu-central-1",),
    rows: tuple[Row, ...] = THREE,
) -> Scan:
    clock = ticks()
    return scan(accounts=accounts, regions=regions, rows=rows, read=read, clock=lambda: next(clock))


def seen(done: Scan) -> list[tuple[str, str, str]]:
    return [(c.account, c.region, c.service) for c in done.cells]


def test_regional_cells_per_region_global_ones_once_per_account() -> None:
    done = run(empty, accounts=("2", "1"), regions=("us-east-1", "eu-central-1"))
    assert seen(done) == [
        ("2", "us-east-1", "s3"),
        ("2", "eu-central-1", "s3"),
        ("2", "us-east-1", "ecr"),
        ("2", "eu-central-1", "ecr"),
        ("2", "global", "iam"),
        ("1", "us-east-1", "s3"),
        ("1", "eu-central-1", "s3"),
        ("1", "us-east-1", "ecr"),
        ("1", "eu-central-1", "ecr"),
        ("1", "global", "iam"),
    ]


def test_what_is_asked_for_twice_is_read_once() -> None:
    done = run(empty, accounts=("1", "1"), regions=("us-east-1", "us-east-1"), rows=(ECR,))
    assert seen(done) == [("1", "us-east-1", "ecr")]


def test_the_order_is_that_of_the_question_not_of_the_answers() -> None:
    last_is_done = threading.Event()

    def read(account: str, region: str, row: Row) -> Reading:
        if row is IAM:
            last_is_done.set()
        assert last_is_done.wait(5)
        names = ("b", "a") if row is S3 else ()
        found = tuple(replace(BUCKET, arn=f"arn:aws:s3:::{name}") for name in names)
        return Reading(cell=cell(account, region, row), resources=found)

    done = run(read)
    assert [c.service for c in done.cells] == ["s3", "ecr", "iam"]
    assert [f.arn for f in done.resources] == ["arn:aws:s3:::a", "arn:aws:s3:::b"]


def test_one_broken_cell_stops_no_other() -> None:
    def read(account: str, region: str, row: Row) -> Reading:
        if row is ECR:
            raise KeyError("repositories")
        return empty(account, region, row)

    done = run(read)
    assert done.cells == (
        cell("1", "eu-central-1", S3),
        Cell(
            account="1",
            region="eu-central-1",
            service="ecr",
            state="failed",
            note="the answer has no repositories",
        ),
        cell("1", "global", IAM),
    )


def test_refused_credentials_end_the_scan_and_what_waits_is_not_read() -> None:
    asked = []

    def read(account: str, region: str, row: Row) -> Reading:
        asked.append(region)
        raise RefusedError("the AWS credentials have expired", code="ExpiredToken")

    with pytest.raises(RefusedError, match="expired"):
        scan(
            accounts=["1"],
            regions=[f"r{number}" for number in range(100)],
            rows=[ECR],
            read=read,
            clock=lambda: 0.0,
            workers=1,
        )
    assert len(asked) < 100


def test_credentials_that_one_account_refuses_cost_its_own_cells_only() -> None:
    def read(account: str, region: str, row: Row) -> Reading:
        if account == "1":
            raise RefusedError("the AWS credentials have expired", code="ExpiredToken")
        return empty(account, region, row)

    done = run(read, accounts=("1", "2"))
    assert [(c.account, c.state, c.note) for c in done.cells] == [
        *[("1", "failed", "the AWS credentials have expired")] * 3,
        *[("2", "empty", "")] * 3,
    ]


def events(
    read: Read,
    *targets: Target,
    rows: tuple[Row, ...] = THREE,
    closed: list[str] | None = None,
    is_done: Callable[[Place], bool] = lambda place: False,
) -> list[Event]:
    known = {target.account: target for target in targets}
    return list(
        stream(
            accounts=known,
            open_account=known.__getitem__,
            rows=rows,
            read=read,
            close_account=[].append if closed is None else closed.append,
            is_done=is_done,
        )
    )


def test_what_is_known_of_a_region_is_told_without_asking() -> None:
    off = Told(state="not_enabled", note="af-south-1 is switched off")
    target = Target(account="1", regions=("af-south-1", "us-east-1"), told={"af-south-1": off})
    told = replace(cell("1", "af-south-1", ECR, "not_enabled"), note=off.note, calls=0, seconds=0.0)
    assert events(empty, target, rows=(ECR,)) == [
        Opened(target=target, cells=2),
        Reading(cell=told),
        empty("1", "us-east-1", ECR),
    ]


def test_an_account_that_nobody_gets_into_is_told_in_every_cell() -> None:
    def read(account: str, region: str, row: Row) -> Reading:
        raise AssertionError("nothing is asked there")

    told = {GLOBAL: Told(state="denied", note="AssumeRole was denied")}
    _, *readings = events(read, Target(account="1", regions=("us-east-1",), told=told))
    assert [(r.cell.service, r.cell.state, r.cell.note) for r in readings if isinstance(r, Reading)] == [
        (row.service, "denied", "AssumeRole was denied") for row in THREE
    ]


def test_what_is_done_is_left_alone() -> None:
    target = Target(account="1", regions=("us-east-1", "us-east-2"))
    opened, *readings = events(empty, target, rows=(ECR,), is_done=lambda p: p == ("1", "us-east-1", "ecr"))
    assert opened == Opened(target=target, cells=1)
    assert readings == [empty("1", "us-east-2", ECR)]


def test_cells_that_share_a_listing_wait_for_the_first() -> None:
    first_is_done = threading.Event()
    early = []

    def read(account: str, region: str, row: Row) -> Reading:
        if region == "a":
            time.sleep(0.02)
            first_is_done.set()
        # An assertion in here would be told as a broken cell.
        early.extend([] if first_is_done.is_set() else [region])
        return empty(account, region, row)

    events(read, Target(account="1", regions=("a", "b", "c")), rows=(S3,))
    assert early == []


def test_a_slow_account_does_not_hold_up_another() -> None:
    quick_are_done = threading.Event()
    left = set(range(40))

    def read(account: str, region: str, row: Row) -> Reading:
        if account == "slow":
            assert quick_are_done.wait(5)
        else:
            left.discard(int(region))
            if not left:
                quick_are_done.set()
        return empty(account, region, row)

    regions = tuple(str(number) for number in left)
    targets = [Target(account=name, regions=regions) for name in ("slow", "quick")]
    told = [event.cell for event in events(read, *targets, rows=(ECR,)) if isinstance(event, Reading)]
    assert [c.note for c in told] == [""] * 80


def test_an_account_is_closed_when_nothing_of_it_is_left() -> None:
    closed: list[str] = []
    events(empty, Target(account="1", regions=("a",)), Target(account="2", regions=()), closed=closed)
    assert sorted(closed) == ["1", "2"]


def test_each_cell_is_heard_of_in_the_callers_thread() -> None:
    heard: list[tuple[str, int]] = []
    scan(
        accounts=["1"],
        regions=["us-east-1"],
        rows=THREE,
        read=empty,
        clock=lambda: 0.0,
        on_cell=lambda c: heard.append((c.service, threading.get_ident())),
    )
    assert sorted(heard) == [(name, threading.get_ident()) for name in ("ecr", "iam", "s3")]


@pytest.mark.parametrize(
    ("state", "partly"),
    [
        ("found", False),
        ("empty", False),
        ("denied", True),
        ("not_enabled", False),
        ("unsupported", False),
        ("throttled", True),
        ("timeout", True),
        ("failed", True),
    ],
)
def test_a_scan_is_partial_if_a_cell_was_not_seen(state: State, partly: bool) -> None:
    assert run(lambda a, r, row: Reading(cell=cell(a, r, row, state))).partly is partly


def test_a_cell_with_gaps_is_seen_only_in_part() -> None:
    def read(account: str, region: str, row: Row) -> Reading:
        listed = cell(account, region, row, "empty" if row is IAM else "found")
        return Reading(cell=replace(listed, gaps=0 if row is IAM else 3))

    done = run(read)
    assert (done.partly, done.not_seen, done.partly_seen, done.gaps) == (True, 0, 2, 6)
    summary = done.summary()
    assert [summary[key] for key in ("not_seen", "partly_seen", "gaps")] == [0, 2, 6]


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (KeyError("ResourceARN"), "the answer has no ResourceARN"),
        (
            UnicodeDecodeError("utf-8", b"x", 0, 1, "invalid start byte"),
            "the answer cannot be read: invalid start byte",
        ),
        (TypeError("odd"), "TypeError: odd"),
    ],
)
def test_an_odd_answer_is_told_in_words(error: Exception, note: str) -> None:
    def read(account: str, region: str, row: Row) -> Reading:
        raise error

    assert [(c.state, c.note) for c in run(read, rows=(ECR,)).cells] == [("failed", note)]


def test_the_answer_is_the_json_contract() -> None:
    def read(account: str, region: str, row: Row) -> Reading:
        if row is S3:
            return Reading(cell=cell(account, region, row, "found", 1), resources=(BUCKET,))
        return Reading(cell=cell(account, region, row, "denied"))

    assert run(read, rows=(S3, ECR)).as_dict() == {
        "cells": [
            {
                "account": "1",
                "region": "eu-central-1",
                "service": "s3",
                "state": "found",
                "count": 1,
                "calls": 2,
                "seconds": 0.5,
                "note": "",
                "gaps": 0,
            },
            {
                "account": "1",
                "region": "eu-central-1",
                "service": "ecr",
                "state": "denied",
                "count": 0,
                "calls": 2,
                "seconds": 0.5,
                "note": "",
                "gaps": 0,
            },
        ],
        "resources": [
            {
                "arn": "arn:aws:s3:::churn",
                "account": "1",
                "region": "eu-central-1",
                "kind": "bucket",
                "name": "churn",
                "component_types": ["artifact_store"],
                "tags": {"team": "churn"},
                "tags_known": True,
                "fitness": fit.best(BUCKET, BUCKET.region).as_dict(),
            }
        ],
        "suggestions": [],
        "notes": {},
        "summary": {
            "calls": 4,
            "seconds": 1.5,
            "resources": 1,
            "not_seen": 1,
            "partly_seen": 0,
            "gaps": 0,
            "states": {"denied": 1, "found": 1},
        },
        "scanned_at": "",
    }


def test_piece_by_piece_the_answer_is_the_same() -> None:
    def read(account: str, region: str, row: Row) -> Reading:
        resources = tuple(replace(BUCKET, arn=f"arn:aws:s3:::{name}") for name in "ab") if row is S3 else ()
        return Reading(cell=cell(account, region, row), resources=resources)

    done = run(read, accounts=("1", "2"))
    assert json.loads("".join(done.as_json())) == json.loads(json.dumps(done.as_dict()))
    assert json.loads("".join(run(empty, accounts=()).as_json()))["cells"] == []
