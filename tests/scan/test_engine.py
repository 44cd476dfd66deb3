"""Accounts × regions × rows: every cell is told, whatever happens to another."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from provisioner.errors import RefusedError
from provisioner.scan.engine import Read, Scan, scan
from provisioner.scan.table import ROWS, Cell, Found, Reading, Row, State

S3, ECR, IAM = ROWS
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
    rows: tuple[Row, ...] = ROWS,
) -> Scan:
    clock = ticks()
    return scan(accounts=accounts, regions=regions, rows=rows, read=read, clock=lambda: next(clock))


def places(done: Scan) -> list[tuple[str, str, str]]:
    return [(c.account, c.region, c.service) for c in done.cells]


def test_regional_cells_per_region_global_ones_once_per_account() -> None:
    done = run(empty, accounts=("2", "1"), regions=("us-east-1", "eu-central-1"))
    assert places(done) == [
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
    assert places(done) == [("1", "us-east-1", "ecr")]


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
            note="KeyError: 'repositories'",
        ),
        cell("1", "global", IAM),
    )


def test_refused_credentials_end_the_scan_and_what_waits_is_not_read() -> None:
    asked = []

    def read(account: str, region: str, row: Row) -> Reading:
        asked.append(account)
        if account == "0":
            raise RefusedError("the AWS credentials have expired", code="ExpiredToken")
        time.sleep(0.05)
        return empty(account, region, row)

    with pytest.raises(RefusedError, match="expired"):
        scan(
            accounts=[str(number) for number in range(100)],
            regions=["us-east-1"],
            rows=[ECR],
            read=read,
            clock=lambda: 0.0,
            workers=1,
        )
    assert len(asked) < 100


def test_each_cell_is_heard_of_in_the_callers_thread() -> None:
    heard: list[tuple[str, int]] = []
    scan(
        accounts=["1"],
        regions=["us-east-1"],
        rows=ROWS,
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
                "fitness": {
                    "verdict": "fit",
                    "checks": [
                        {
                            "id": "same_region",
                            "ok": True,
                            "severity": "error",
                            "reason": "the bucket is in the stack's region",
                        },
                        {
                            "id": "not_public",
                            "ok": True,
                            "severity": "error",
                            "reason": "public access is blocked",
                        },
                        {
                            "id": "encrypted",
                            "ok": True,
                            "severity": "warning",
                            "reason": "objects are encrypted by default",
                        },
                        {
                            "id": "versioned",
                            "ok": None,
                            "severity": "info",
                            "reason": "overwritten objects can be recovered",
                        },
                    ],
                },
            }
        ],
        "suggestions": [],
        "summary": {"calls": 4, "seconds": 1.5, "resources": 1, "not_seen": 1},
    }
