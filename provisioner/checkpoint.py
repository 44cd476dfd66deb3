"""Door to a scan's file: what it asked, every cell it has read, and what is in each; in plain sqlite3."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar, overload

from provisioner.errors import RefusedError
from provisioner.scan.row import SEEN, Cell, Found, Reading

T = TypeVar("T")
Place = tuple[str, str, str]
Question = Mapping[str, Any]

_DDL = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE notes (account TEXT PRIMARY KEY, note TEXT NOT NULL)",
    """CREATE TABLE cells (id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL,
 service TEXT NOT NULL, place TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL,
 calls INTEGER NOT NULL, seconds REAL NOT NULL, note TEXT NOT NULL, UNIQUE (account, region, service))""",
    """CREATE TABLE resources (cell INTEGER NOT NULL REFERENCES cells (id), arn TEXT NOT NULL,
 found TEXT NOT NULL)""",
    "CREATE INDEX resources_cell ON resources (cell)",
)
_CELL = "SELECT account, region, service, state, count, calls, seconds, note FROM cells ORDER BY place"
_FOUND = "SELECT found FROM resources JOIN cells ON cell = id ORDER BY place, arn"
# What a killed process may lose: it is read again.
_AT_ONCE, _SECONDS = 200, 1.0


class DamagedError(RefusedError):
    """A scan's file that cannot be read; `question` is what it was about, where that much could be."""

    def __init__(self, path: Path, why: object, question: Question | None) -> None:
        super().__init__(
            f"the scan's file {path} is damaged: {why}", hint="run the scan without --resume", code="Damaged"
        )
        self.question = question


@dataclass(frozen=True, kw_only=True)
class Order:
    """Where a cell stands in the answer: by account and service as asked, then by region."""

    accounts: Sequence[str]
    services: Sequence[str]
    regions: Sequence[str] = ()

    def place(self, cell: Cell) -> str:
        return "/".join(
            [
                f"{_position(self.accounts, cell.account):06}",
                f"{_position(self.services, cell.service):04}",
                f"{_position(self.regions, cell.region):04}",
                cell.region,
            ]
        )


def _position(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


class Checkpoint:
    """One scan's file, of one process at a time; what a killed process had written down is in it."""

    def __init__(self, path: Path, question: Question | None = None) -> None:
        """Opened, or made for a question; raises DamagedError, or RefusedError where it is in use."""
        self.path = path
        self._waiting, self._written = 0, monotonic()
        new = question is not None
        with self._usable():
            if new:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._database = sqlite3.connect(path, timeout=1, isolation_level=None)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("BEGIN IMMEDIATE")
            if new:
                self._make(question or {})
            self.question = self._question()
        if not new:
            self._check()

    def _make(self, question: Question) -> None:
        for statement in _DDL:
            self._database.execute(statement)
        self._put("question", json.dumps(question))
        self._commit()

    def _question(self) -> Question:
        found: Question = json.loads(self._get("question"))
        return found

    def _check(self) -> None:
        try:
            (answer,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            answer = str(error)
        if answer != "ok":
            self._database.close()
            raise DamagedError(self.path, answer, self.question)

    def done(self) -> frozenset[Place]:
        """The cells that need no second look: all that could be seen."""
        marks = ", ".join("?" * len(SEEN))
        query = f"SELECT account, region, service FROM cells WHERE state IN ({marks})"  # noqa: S608 - only marks
        with self._usable():
            return frozenset((a, r, s) for a, r, s in self._database.execute(query, SEEN))

    def add(self, reading: Reading, place: str) -> None:
        """Write down a cell and what is in it, in place of what was known of it."""
        with self._usable():
            self._add(reading, place)
            self._waiting += 1
            if self._waiting >= _AT_ONCE or monotonic() - self._written > _SECONDS:
                self._commit()

    def _add(self, reading: Reading, place: str) -> None:
        run = self._database.execute
        cell = reading.cell
        known = run(
            "SELECT id FROM cells WHERE (account, region, service) = (?, ?, ?)",
            (cell.account, cell.region, cell.service),
        ).fetchone()
        if known:
            run("DELETE FROM resources WHERE cell = ?", known)
            run("DELETE FROM cells WHERE id = ?", known)
        written = {**asdict(cell), "place": place}
        names = ", ".join(written)
        marks = ", ".join("?" * len(written))
        made = run(f"INSERT INTO cells ({names}) VALUES ({marks})", tuple(written.values()))  # noqa: S608 - field names
        rows = [(made.lastrowid, found.arn, _text(found)) for found in reading.resources]
        self._database.executemany("INSERT INTO resources VALUES (?, ?, ?)", rows)

    def note(self, account: str, note: str) -> None:
        """What is to be said of an account as a whole; an empty note takes back an old one."""
        with self._usable():
            self._database.execute("DELETE FROM notes WHERE account = ?", (account,))
            if note:
                self._database.execute("INSERT INTO notes VALUES (?, ?)", (account, note))

    def notes(self) -> dict[str, str]:
        with self._usable():
            return dict(self._database.execute("SELECT account, note FROM notes ORDER BY account"))

    def save(self, seconds: float = 0.0) -> float:
        """Write down all there is; answers the seconds of this run and those before it."""
        with self._usable():
            total = float(self._get("seconds") or 0) + seconds
            self._put("seconds", str(total))
            self._commit()
        return total

    @property
    def cells(self) -> "Stored[Cell]":
        return Stored(self, _CELL, lambda row: Cell(**dict(zip(_FIELDS, row, strict=True))))

    @property
    def resources(self) -> "Stored[Found]":
        return Stored(self, _FOUND, lambda row: _found(row[0]))

    def close(self) -> None:
        self.save()
        self._database.close()

    def rows(self, query: str, *arguments: int) -> Iterator[tuple[Any, ...]]:
        with self._usable():
            yield from self._database.execute(query, arguments)

    def _commit(self) -> None:
        self._waiting, self._written = 0, monotonic()
        self._database.execute("COMMIT")
        self._database.execute("BEGIN IMMEDIATE")

    def _get(self, key: str) -> str:
        found = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else ""

    def _put(self, key: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise RefusedError(
                    f"another scan is writing {self.path}", hint="wait for it, or scan without --resume"
                ) from error
            if "no such table" in str(error):
                raise DamagedError(self.path, error, None) from error
            raise RefusedError(
                f"{self.path} cannot be written: {error}", hint="set STACKWRIGHT_HOME to another folder"
            ) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise DamagedError(self.path, error, None) from error
        except OSError as error:
            raise RefusedError(
                f"{self.path} cannot be used: {error}", hint="set STACKWRIGHT_HOME to another folder"
            ) from error


_FIELDS = ("account", "region", "service", "state", "count", "calls", "seconds", "note")


class Stored(Sequence[T], Generic[T]):
    """Rows of the file as a sequence that never stands in memory as a whole."""

    def __init__(self, checkpoint: Checkpoint, query: str, make: Callable[[tuple[Any, ...]], T]) -> None:
        self._checkpoint, self._query, self._make = checkpoint, query, make

    def __iter__(self) -> Iterator[T]:
        return (self._make(row) for row in self._checkpoint.rows(self._query))

    def __len__(self) -> int:
        ((number,),) = self._checkpoint.rows(f"SELECT COUNT(*) FROM ({self._query})")  # noqa: S608 - a constant
        return int(number)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        asked = index + len(self) if index < 0 else index
        rows = self._checkpoint.rows(f"{self._query} LIMIT 1 OFFSET ?", asked)
        for row in rows if asked >= 0 else ():
            return self._make(row)
        raise IndexError(index)


def newest(folder: Path) -> Path | None:
    """The file of the last scan."""
    return max(folder.glob("*.db"), default=None)


def drop_old(folder: Path, keep: int) -> None:
    """Let go of all but the last scans; one that is in use somewhere is none of them."""
    for path in sorted(folder.glob("*.db"))[:-keep]:
        path.unlink(missing_ok=True)


def _text(found: Found) -> str:
    return json.dumps(
        {
            "arn": found.arn,
            "account": found.account,
            "region": found.region,
            "kind": found.kind,
            "name": found.name,
            "attributes": dict(found.attributes),
            "tags": None if found.tags is None else dict(found.tags),
        },
        separators=(",", ":"),
        default=_plain,
    )


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return sorted(value)
    raise TypeError(f"an attribute is a {type(value).__name__}: {value!r}")


def _found(text: str) -> Found:
    return Found(**json.loads(text))
