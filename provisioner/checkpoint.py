"""Door to a scan's file: what it asked, every cell it has read, and what is in each; in plain sqlite3."""

import json
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar, get_args, overload

from provisioner.errors import RefusedError
from provisioner.scan.row import COULD_NOT_LOOK, SEEN, Cell, Found, Reading, State

T = TypeVar("T")
Place = tuple[str, str, str]
Question = Mapping[str, Any]

_DDL = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE notes (account TEXT PRIMARY KEY, note TEXT NOT NULL)",
    """CREATE TABLE cells (id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL,
 service TEXT NOT NULL, place TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL,
 calls INTEGER NOT NULL, seconds REAL NOT NULL, note TEXT NOT NULL, gaps INTEGER NOT NULL DEFAULT 0,
 UNIQUE (account, region, service))""",
    """CREATE TABLE resources (cell INTEGER NOT NULL REFERENCES cells (id), arn TEXT NOT NULL,
 found TEXT NOT NULL)""",
    "CREATE INDEX resources_cell ON resources (cell)",
)
# What the first format lacks: there, cells told their gaps in words alone.
_FORMAT = "2"
_UPGRADE = (
    "ALTER TABLE cells ADD COLUMN gaps INTEGER NOT NULL DEFAULT 0",
    f"UPDATE cells SET gaps = 1 WHERE note LIKE '%{COULD_NOT_LOOK}%'",  # noqa: S608 - a constant
)
_CELL = "SELECT account, region, service, state, count, calls, seconds, note, gaps FROM cells ORDER BY place"
_FOUND = "SELECT found FROM resources JOIN cells ON cell = id ORDER BY place, arn"
# What a killed process may lose: it is read again.
_AT_ONCE, _SECONDS = 200, 1.0


class DamagedError(RefusedError):
    """A scan's file that cannot be read; `question` is what it was about, where that much could be."""

    def __init__(
        self, path: Path, why: object, question: Question | None = None, *, what: str = "is damaged"
    ) -> None:
        super().__init__(
            f"the scan's file {path} {what}: {why}", hint="run the scan without --resume", code="Damaged"
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
        self._waiting, self._written, self._is_open = 0, monotonic(), True
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
        self.question: Question = question if question is not None else self._opened()

    def _make(self, question: Question) -> None:
        for statement in _DDL:
            self._database.execute(statement)
        self._put("question", json.dumps(question))
        self._put("format", _FORMAT)
        self._commit()

    def _opened(self) -> Question:
        """The question of an older run, of which all can be read; else the file is closed again."""
        question = None
        try:
            with self._usable():
                question = self._question()
                self._check_format()
            self._check()
        except RefusedError as error:
            self._database.close()
            if isinstance(error, DamagedError):
                error.question = question
            raise
        return question

    def _question(self) -> Question:
        found = json.loads(self._get("question"))
        if not isinstance(found, dict):
            raise ValueError("its question is none")
        return found

    def _check_format(self) -> None:
        """Whether the file is of this version, or can be made so."""
        written = self._get("format") or "1"
        if written == "1":
            for statement in _UPGRADE:
                self._database.execute(statement)
            self._put("format", _FORMAT)
        elif written != _FORMAT:
            why = f"format {written}, and this version reads {_FORMAT}"
            raise DamagedError(self.path, why, what="is another version's")

    def _check(self) -> None:
        """Read all of it: whatever is wrong comes to light before anything is made of it."""
        with self._usable():
            (answer,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise DamagedError(self.path, answer)
            float(self._get("seconds") or 0)
        self.notes()
        for part in (self.cells, self.resources):
            deque(part, maxlen=0)

    def done(self) -> frozenset[Place]:
        """The cells that need no second look: all that could be seen, with an answer to every question."""
        query = f"SELECT account, region, service FROM cells WHERE state IN ({_MARKS}) AND gaps = 0"  # noqa: S608 - only marks
        with self._usable():
            return frozenset((a, r, s) for a, r, s in self._database.execute(query, SEEN))

    def is_blank(self) -> bool:
        """Whether no cell could be seen."""
        query = f"SELECT 1 FROM cells WHERE state IN ({_MARKS}) LIMIT 1"  # noqa: S608 - only marks
        with self._usable():
            return self._database.execute(query, SEEN).fetchone() is None

    def add(self, reading: Reading, place: str) -> None:
        """Write down a cell and what is in it, in place of what was known of it.

        What was seen is not lost to a second look that saw nothing.
        """
        with self._usable():
            self._add(reading, place)
            self._waiting += 1
            if self._waiting >= _AT_ONCE or monotonic() - self._written > _SECONDS:
                self._commit()

    def _add(self, reading: Reading, place: str) -> None:
        run = self._database.execute
        cell = reading.cell
        known = run(
            "SELECT id, state FROM cells WHERE (account, region, service) = (?, ?, ?)",
            (cell.account, cell.region, cell.service),
        ).fetchone()
        if known and known[1] in SEEN and cell.state not in SEEN:
            return
        if known:
            run("DELETE FROM resources WHERE cell = ?", known[:1])
            run("DELETE FROM cells WHERE id = ?", known[:1])
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
            rows = self._database.execute("SELECT account, note FROM notes ORDER BY account")
            return {str(account): str(note) for account, note in rows}

    def save(self, seconds: float = 0.0) -> float:
        """Write down all there is; answers the seconds of this run and those before it."""
        with self._usable():
            total = float(self._get("seconds") or 0) + seconds
            self._put("seconds", str(total))
            self._commit()
        return total

    @property
    def cells(self) -> "Stored[Cell]":
        return Stored(self, _CELL, _cell)

    @property
    def resources(self) -> "Stored[Found]":
        return Stored(self, _FOUND, _found)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            try:
                self.save()
            finally:
                self._database.close()

    def discard(self) -> None:
        """Close it, and leave nothing of it."""
        self._is_open = False
        self._database.close()
        self.path.unlink(missing_ok=True)

    def rows(self, query: str, make: Callable[[tuple[Any, ...]], T], *arguments: int) -> Iterator[T]:
        with self._usable():
            for row in self._database.execute(query, arguments):
                yield make(row)

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
            if str(error).startswith(_OUTSIDE):
                raise RefusedError(
                    f"{self.path} cannot be written: {error}", hint="set STACKWRIGHT_HOME to another folder"
                ) from error
            raise DamagedError(self.path, error) from error
        except (sqlite3.DatabaseError, ValueError, OverflowError, RecursionError) as error:
            raise DamagedError(self.path, error) from error
        except OSError as error:
            raise RefusedError(
                f"{self.path} cannot be used: {error}", hint="set STACKWRIGHT_HOME to another folder"
            ) from error


# What SQLite says of the file system; all else that it says is about what stands in the file.
_OUTSIDE = ("attempt to write", "database or disk is full", "disk I/O error", "unable to open")
_MARKS = ", ".join("?" * len(SEEN))


class Stored(Sequence[T], Generic[T]):
    """Rows of the file as a sequence that never stands in memory as a whole."""

    def __init__(self, checkpoint: Checkpoint, query: str, make: Callable[[tuple[Any, ...]], T]) -> None:
        self._checkpoint, self._query, self._make = checkpoint, query, make

    def __iter__(self) -> Iterator[T]:
        return self._checkpoint.rows(self._query, self._make)

    def __len__(self) -> int:
        query = f"SELECT COUNT(*) FROM ({self._query})"  # noqa: S608 - a constant
        return sum(self._checkpoint.rows(query, lambda row: int(row[0])))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        asked = index + len(self) if index < 0 else index
        rows = self._checkpoint.rows(f"{self._query} LIMIT 1 OFFSET ?", self._make, asked)
        for found in rows if asked >= 0 else ():
            return found
        raise IndexError(index)


def newest(folder: Path) -> Path | None:
    """The file of the last scan; one that never came to a cell is it only where there is no other."""
    return max(folder.glob("*.db"), key=_rank, default=None)


def drop_old(folder: Path, keep: int) -> None:
    """Let go of all but the last scans, and of those without any cell first."""
    for path in sorted(folder.glob("*.db"), key=_rank)[:-keep]:
        path.unlink(missing_ok=True)
        # Of a process that was killed.
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)


def _rank(path: Path) -> tuple[bool, str]:
    return (_has_cells(path), path.name)


def _has_cells(path: Path) -> bool:
    """Whether there is a cell in a file; one that is damaged or in use may well have some."""
    try:
        # Not made anew if somebody has just removed it.
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=0, uri=True)) as database:
            return database.execute("SELECT 1 FROM cells LIMIT 1").fetchone() is not None
    except (sqlite3.DatabaseError, ValueError) as error:
        return not str(error).startswith("no such table")


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


def _cell(row: Sequence[Any]) -> Cell:
    """A cell of the file; raises ValueError for what is none."""
    account, region, service, state, count, calls, seconds, note, gaps = row
    if state not in get_args(State):
        raise ValueError(f"a cell is {state!r}")
    return Cell(
        account=str(account),
        region=str(region),
        service=str(service),
        state=state,
        count=int(count),
        calls=int(calls),
        seconds=float(seconds),
        note=str(note),
        gaps=int(gaps),
    )


def _found(row: Sequence[Any]) -> Found:
    """A resource of the file; raises ValueError for what is none."""
    try:
        found = Found(**json.loads(row[0]))
    except TypeError as error:
        raise ValueError(f"a resource is none: {error}") from error
    texts = (found.arn, found.account, found.region, found.kind, found.name)
    if not all(isinstance(text, str) for text in texts) or not isinstance(found.attributes, dict):
        raise ValueError(f"a resource is none: {texts}")
    tags = {} if found.tags is None else found.tags
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise ValueError(f"the tags of {found.arn} are none")
    return found
