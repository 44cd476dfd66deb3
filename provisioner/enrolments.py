"""The fast door to the registry: enrolments and publications by plain sqlite3, on the path of `link`."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps, loads
from os.path import isfile
from pathlib import Path
from typing import Any, Literal

from provisioner.errors import RefusedError
from provisioner.moment import instant, stamp
from provisioner.plan import Plan

Status = Literal["open", "unverified", "needs_bootstrap", "registered", "failed", "deleted", "expired"]
# The stack was proved to be the link's; an address closes neither again.
PROVED: tuple[Status, ...] = ("needs_bootstrap", "registered")
# Parameters made anew for every link.
OWN = ("EnrolmentId", "ExternalId")
TO_START = timedelta(minutes=60)
TO_FINISH = timedelta(hours=24)
# Revisions of the registry's schema that this program knows, oldest first; provisioner/migrations makes them.
REVISIONS = ("0001", "0002", "0003")
NEWEST = REVISIONS[-1]
# How long a writer waits for the others.
BUSY_SECONDS = 30

# `registry.py` declares the same tables for SQLAlchemy; a test holds the two against each other.
DDL = (
    """CREATE TABLE IF NOT EXISTS enrolments (
 id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, region TEXT NOT NULL, template_sha256 TEXT NOT NULL,
 parameters TEXT NOT NULL, spec TEXT NOT NULL, shape TEXT NOT NULL, estimate TEXT NOT NULL,
 expected_account TEXT NOT NULL, status TEXT NOT NULL, opened_at TEXT NOT NULL, stack_id TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS publications (
 sha256 TEXT NOT NULL, region TEXT NOT NULL, url TEXT NOT NULL, account TEXT NOT NULL,
 published_at TEXT NOT NULL, PRIMARY KEY (sha256, region))""",
)


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """One use of a link: what was promised, so that finishing can tell what was changed on the way."""

    id: str
    name: str
    region: str
    template_sha256: str
    parameters: Mapping[str, str]
    spec: Mapping[str, Any]
    shape: Mapping[str, Any]
    estimate: Mapping[str, Any]
    opened_at: datetime
    expected_account: str = ""
    status: Status = "open"
    stack_id: str = ""

    @property
    def start_by(self) -> datetime:
        return self.opened_at + TO_START

    @property
    def finish_by(self) -> datetime:
        return self.opened_at + TO_FINISH

    def row(self) -> dict[str, str]:
        """The enrolment as the table holds it."""
        return {
            key: dumps(value) if isinstance(value, Mapping) else stamp(value) if key == "opened_at" else value
            for key, value in vars(self).items()
        }


def make(
    *,
    plan: Plan,
    template_sha256: str,
    estimate: Mapping[str, Any],
    now: datetime,
    random_id: Callable[[], str],
    expected_account: str = "",
) -> Enrolment:
    """An enrolment for a plan; `random_id` gives 32 hexadecimal digits, 128 random bits."""
    id_ = random_id()
    own = {"EnrolmentId": id_} | ({"ExternalId": random_id()} if plan.shape.external_id else {})
    return Enrolment(
        id=id_,
        name=plan.spec.name,
        region=plan.spec.region,
        template_sha256=template_sha256,
        parameters={**plan.parameters, **own},
        spec=plan.spec.as_dict(),
        shape=plan.shape.as_dict(),
        estimate=estimate,
        opened_at=now,
        expected_account=expected_account,
    )


def from_row(row: Mapping[str, Any]) -> Enrolment:
    values = dict(row)
    for key in ("parameters", "spec", "shape", "estimate"):
        values[key] = loads(values[key])
    return Enrolment(**values | {"opened_at": instant(values["opened_at"])})


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Where a template lies: its S3 address, and the account whose principals can read it."""

    sha256: str
    region: str
    url: str
    account: str
    published_at: datetime


@dataclass(frozen=True)
class QuickRegistry:
    """A registry's file, as far as `link` and `publish` use it; `Registry` has the same verbs and more."""

    path: Path

    def open_enrolment(self, enrolment: Enrolment) -> None:
        """The one write of `link`."""
        row = enrolment.row()
        columns, places = ", ".join(row), ", ".join(f":{key}" for key in row)
        with _connected(self.path) as database:
            database.execute(f"INSERT INTO enrolments ({columns}) VALUES ({places})", row)  # noqa: S608 - own names

    def record_publication(self, publication: Publication) -> None:
        row = {**vars(publication), "published_at": stamp(publication.published_at)}
        with _connected(self.path) as database:
            database.execute(
                "INSERT OR REPLACE INTO publications (sha256, region, url, account, published_at)"
                " VALUES (:sha256, :region, :url, :account, :published_at)",
                row,
            )

    def publication(self, *, sha256: str, region: str) -> Publication | None:
        row = self._row("SELECT * FROM publications WHERE sha256 = ? AND region = ?", sha256, region)
        return _publication(row) if row else None

    def publication_at(self, url: str) -> Publication | None:
        """The publication that put a template at this address; no registry is made by looking."""
        row = self._found("SELECT * FROM publications WHERE url = ?", url)
        return _publication(row) if row else None

    def enrolment(self, id_: str) -> Enrolment | None:
        """What the link with this id promised; no registry is made by looking."""
        row = self._found("SELECT * FROM enrolments WHERE id = ?", id_)
        return from_row(row) if row else None

    def _found(self, query: str, value: str) -> dict[str, Any] | None:
        there = isfile(self.path)  # noqa: PTH113 - Path.is_file raises where a folder above may not be entered
        return self._row(query, value) if there else None

    def _row(self, query: str, *values: str) -> dict[str, Any] | None:
        with _connected(self.path) as database:
            row: dict[str, Any] | None = database.execute(query, values).fetchone()
        return row


def _publication(row: Mapping[str, Any]) -> Publication:
    return Publication(**{**row, "published_at": instant(row["published_at"])})


def unusable(path: Path, why: object) -> RefusedError:
    """What to do about a registry that is damaged, locked or out of reach."""
    return RefusedError(
        f"{path} cannot be used as a registry: {why}",
        hint="move the file away, or set STACKWRIGHT_HOME to another folder",
    )


def check_revision(found: str, place: object) -> None:
    """Raises RefusedError for a registry that a newer program has written."""
    if found and found not in REVISIONS:
        raise RefusedError(
            f"{place} was written by a newer stackwright: its schema is {found}, and {NEWEST} is known here",
            hint="bring this one up to date: `pip install --upgrade stackwright`",
        )


def make_private(path: Path) -> None:
    """The registry's folder and file for their owner alone, where they do not exist yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite itself would let everybody read, and external ids are in it; its journals take the file's mode.
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        make_private(path)
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as database, database:
            database.row_factory = lambda cursor, row: dict(
                zip((c[0] for c in cursor.description), row, strict=True)
            )
            check_revision(_revision(database), path)
            for statement in DDL:
                database.execute(statement)
            yield database
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (OSError, sqlite3.DatabaseError) as error:
        raise unusable(path, error) from error


def _revision(database: sqlite3.Connection) -> str:
    """The schema's revision; empty where no program has said one. Revisions so far left our tables alone."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return ""
    row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row["version_num"]) if row else ""
