"""One scan: accounts × regions × rows, read side by side; one dead cell never stops the others."""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cached_property
from queue import SimpleQueue
from typing import Any

from provisioner import fit
from provisioner.errors import RefusedError
from provisioner.scan.rows.quotas import COUNTED_BY
from provisioner.scan.table import GLOBAL, SEEN, Cell, Found, Reading, Row
from provisioner.scan.target import Target, Told

Read = Callable[[str, str, Row], Reading]
Clock = Callable[[], float]
# The place of a cell: account, region, service.
Place = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An account is about to be read; `cells` is how many of it this run will tell."""

    target: Target
    cells: int


Open = Callable[[str], Target]
Event = Opened | Reading


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Cells in the order asked for, resources in the order of their cells; `seconds` is wall time.

    The two may be read from a file each time they are walked through: an organization fits no memory.
    """

    cells: Sequence[Cell]
    resources: Sequence[Found]
    seconds: float
    notes: Mapping[str, str] = field(default_factory=dict)
    # The day on which versions are in support or not; without it, that of their table.
    today: date | None = None
    # RFC 3339; empty where nobody needs to know.
    scanned_at: str = ""
    suggestions: Sequence[Mapping[str, object]] = ()

    @property
    def not_seen(self) -> int:
        """How many cells may hide something: denied, throttled, timeout or failed.

        "not_enabled" and "unsupported" are answers: there is nothing in such a cell.
        """
        return sum(number for state, number in self._totals.states.items() if state not in SEEN)

    @property
    def partly_seen(self) -> int:
        """How many cells were listed, but for questions that got no answer."""
        return self._totals.partly_seen

    @property
    def gaps(self) -> int:
        """How many questions about what was listed got no answer; one that cells share counts in each."""
        return self._totals.gaps

    @property
    def partly(self) -> bool:
        """Whether part of what was asked for could not be seen (exit code 5)."""
        return self.not_seen > 0 or self.partly_seen > 0

    def summary(self) -> dict[str, object]:
        """The totals of the JSON contract; `states` counts the cells of each state."""
        return {
            "calls": self._totals.calls,
            "seconds": self.seconds,
            "resources": len(self.resources),
            "not_seen": self.not_seen,
            "partly_seen": self.partly_seen,
            "gaps": self.gaps,
            "states": dict(sorted(self._totals.states.items())),
        }

    @cached_property
    def _totals(self) -> "_Totals":
        """Cells may have to be read from a file, which is done once."""
        states: Counter[str] = Counter()
        calls = gaps = partly_seen = 0
        for cell in self.cells:
            states[cell.state] += 1
            calls += cell.calls
            gaps += cell.gaps
            partly_seen += cell.gaps > 0 and cell.state in SEEN
        return _Totals(states=states, calls=calls, gaps=gaps, partly_seen=partly_seen)

    def as_dict(self) -> dict[str, object]:
        """The `scan` answer of the JSON contract."""
        return {
            "cells": [asdict(cell) for cell in self.cells],
            "resources": [resource(self._counted(found), self.today) for found in self.resources],
            **self._rest(),
        }

    def as_json(self) -> Iterator[str]:
        """The same answer as JSON text, piece by piece: neither cells nor resources stand in memory."""
        yield '{\n"cells": ['
        yield from _listed(asdict(cell) for cell in self.cells)
        yield '],\n"resources": ['
        yield from _listed(resource(self._counted(found), self.today) for found in self.resources)
        yield "],\n" + json.dumps(self._rest(), ensure_ascii=False)[1:] + "\n"

    def _counted(self, found: Found) -> Found:
        """A quota with how much of it is used, where the scan itself has counted; all else as it is."""
        service = found.attributes.get("counted_by")
        used = self._counts.get((found.account, found.region, str(service))) if service else None
        return found if used is None else replace(found, attributes={**found.attributes, "used": used})

    @cached_property
    def _counts(self) -> Mapping[Place, int]:
        """How many things there are in the cells that quotas are held against."""
        seen = (c for c in self.cells if c.service in COUNTED_BY and c.state in ("found", "empty"))
        return {place(cell): cell.count for cell in seen}

    def _rest(self) -> dict[str, object]:
        """What is short, whatever was scanned."""
        return {
            "suggestions": list(self.suggestions),
            "notes": dict(self.notes),
            "summary": self.summary(),
            "scanned_at": self.scanned_at,
        }


@dataclass(frozen=True, kw_only=True)
class _Totals:
    """Sums over all cells."""

    states: Mapping[str, int]
    calls: int
    gaps: int
    partly_seen: int


def scan(
    *,
    accounts: Iterable[str],
    regions: Iterable[str],
    rows: Sequence[Row],
    read: Read,
    clock: Clock,
    on_cell: Callable[[Cell], None] | None = None,
    workers: int = 16,
) -> Scan:
    """Every cell of the same regions in each account, in memory; see `stream` for what is raised.

    `on_cell` hears of each cell as it is done, in the caller's thread.
    """
    started, accounts, regions = clock(), tuple(dict.fromkeys(accounts)), tuple(dict.fromkeys(regions))
    readings: dict[Place, Reading] = {}
    for event in stream(
        accounts=accounts,
        open_account=lambda account: Target(account=account, regions=regions),
        rows=rows,
        read=read,
        workers=workers,
    ):
        if isinstance(event, Reading):
            readings[place(event.cell)] = event
            if on_cell:
                on_cell(event.cell)
    asked = [p for a in accounts for p in places(Target(account=a, regions=regions), rows)]
    ordered = [readings[place] for place in asked]
    return Scan(
        cells=tuple(reading.cell for reading in ordered),
        resources=tuple(f for r in ordered for f in sorted(r.resources, key=lambda f: f.arn)),
        seconds=round(clock() - started, 3),
    )


def stream(
    *,
    accounts: Iterable[str],
    open_account: Open,
    rows: Sequence[Row],
    read: Read,
    close_account: Callable[[str], None] = lambda account: None,
    is_done: Callable[[Place], bool] = lambda place: False,
    workers: int = 32,
) -> Iterator[Event]:
    """Opened accounts and readings as they come, in the caller's thread; what `is_done` is left alone.

    Where `read` raises RefusedError, the account's credentials are refused: the rest of its cells say so.
    Raises that error when it befalls every account: then nothing more can be read at all.
    """
    desk = _Desk(accounts=accounts, rows=rows, is_done=is_done, workers=workers)
    finished: SimpleQueue[tuple[_Job, Future[Any]]] = SimpleQueue()
    in_flight = 0
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cells")
    try:
        while True:
            # Twice as many as there are workers: nobody waits while the caller writes down an answer.
            while in_flight < 2 * workers and (job := desk.next()):
                act = open_account if job.errand is None else _reader(read, job.errand)
                future = pool.submit(act, job.account)
                future.add_done_callback(lambda future, job=job: finished.put((job, future)))  # type: ignore[misc]  # a lambda's default has no type
                in_flight += 1
            if not in_flight:
                break
            job, future = finished.get()
            in_flight -= 1
            yield from desk.done(job, future)
            if desk.is_empty(job.account):
                close_account(job.account)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if desk.lost and not desk.entered:
        raise desk.lost[0]


def place(cell: Cell) -> Place:
    return (cell.account, cell.region, cell.service)


def places(target: Target, rows: Iterable[Row]) -> list[Place]:
    """Every cell of an account, row by row."""
    return [
        (target.account, region, row.service)
        for row in rows
        for region in ([GLOBAL] if row.scope == "global" else target.regions)
    ]


@dataclass(frozen=True, kw_only=True)
class _Errand:
    """One cell to read; `then` are those that profit from what it leaves behind."""

    region: str
    row: Row
    then: tuple["_Errand", ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Job:
    """An errand in an account, or none: then the account is opened."""

    account: str
    errand: _Errand | None = None


@dataclass(kw_only=True)
class _Account:
    """An open account: what is left to ask, and how much is being asked."""

    left: deque[_Errand] = field(default_factory=deque)
    in_flight: int = 1
    lost: RefusedError | None = None


class _Desk:
    """What is to be done next. Accounts take turns, and a slow one never takes all the workers."""

    def __init__(
        self, *, accounts: Iterable[str], rows: Sequence[Row], is_done: Callable[[Place], bool], workers: int
    ) -> None:
        self._waiting = deque(dict.fromkeys(accounts))
        self._rows, self._is_done = rows, is_done
        self._most_open = max(2, workers // 4)
        self._most_each = max(2, workers // 2)
        self._open: dict[str, _Account] = {}
        self._turns: deque[str] = deque()
        self.lost: list[RefusedError] = []
        self.entered = False

    def next(self) -> _Job | None:
        """The next job, or None while all that is left waits for another."""
        for _ in range(len(self._turns)):
            account = self._turns[0]
            self._turns.rotate(-1)
            job = self._errand_of(account)
            if job:
                return job
        if self._waiting and len(self._open) < self._most_open:
            account = self._waiting.popleft()
            self._open[account] = _Account()
            self._turns.append(account)
            return _Job(account=account)
        return None

    def _errand_of(self, account: str) -> _Job | None:
        state = self._open[account]
        alone = len(self._open) == 1 and not self._waiting
        if not state.left or (state.in_flight >= self._most_each and not alone):
            return None
        state.in_flight += 1
        return _Job(account=account, errand=state.left.popleft())

    def done(self, job: _Job, future: "Future[Any]") -> Iterator[Event]:
        """What came of a job; what depends on it is to be done from now on."""
        state = self._open[job.account]
        state.in_flight -= 1
        if job.errand is None:
            yield from self._opened(state, job.account, future)
            return
        try:
            reading: Reading = future.result()
        except RefusedError as error:
            yield from self._refused(state, job, job.errand, error)
            return
        except Exception as error:  # Hours of other cells must not be lost to one odd answer.
            reading = _told(job.account, job.errand, _broken(error))
        self.entered = True
        state.left.extendleft(reversed(job.errand.then))
        yield reading

    def _opened(self, state: _Account, account: str, future: "Future[Any]") -> Iterator[Event]:
        try:
            target: Target = future.result()
        except RefusedError as error:
            target = Target(account=account, regions=(), note=error.message, lost=error)
        except Exception as error:
            target = Target(account=account, regions=(), note=_broken(error).note)
        self.lost += [target.lost] if target.lost else []
        errands = _errands(target, self._rows, self._is_done)
        told = [(e, t) for e in errands if (t := target.told.get(GLOBAL) or target.told.get(e.region))]
        yield Opened(target=target, cells=len(errands))
        yield from (_told(account, errand, what) for errand, what in told)
        known = {id(errand) for errand, _ in told}
        state.left.extend(_chained([errand for errand in errands if id(errand) not in known]))

    def _refused(self, state: _Account, job: _Job, errand: _Errand, error: RefusedError) -> Iterator[Event]:
        """The account is lost: none of its cells needs to be tried."""
        if not state.lost:
            state.lost = error
            self.lost.append(error)
        lost = [errand, *errand.then, *(e for left in state.left for e in (left, *left.then))]
        state.left.clear()
        what = Told(state="failed", note=error.message)
        yield from (_told(job.account, each, what) for each in lost)

    def is_empty(self, account: str) -> bool:
        """Whether nothing of the account is left; it is forgotten then."""
        state = self._open[account]
        if state.left or state.in_flight:
            return False
        del self._open[account]
        self._turns.remove(account)
        return True


def _errands(target: Target, rows: Iterable[Row], is_done: Callable[[Place], bool]) -> list[_Errand]:
    return [
        _Errand(region=region, row=row)
        for row in rows
        for region in ([GLOBAL] if row.scope == "global" else dict.fromkeys(target.regions))
        if not is_done((target.account, region, row.service))
    ]


def _chained(errands: list[_Errand]) -> list[_Errand]:
    """Cells that share one listing wait for the first of them: it fetches for all."""
    chained: dict[object, list[_Errand]] = {}
    for errand in errands:
        key = errand.row.service if errand.row.scope == "shared" else errand
        chained.setdefault(key if isinstance(key, str) else id(key), []).append(errand)
    return [_Errand(region=f.region, row=f.row, then=tuple(rest)) for f, *rest in chained.values()]


def _reader(read: Read, errand: _Errand) -> Callable[[str], Reading]:
    return lambda account: read(account, errand.region, errand.row)


def _broken(error: Exception) -> Told:
    """What is said of an answer that nobody expected."""
    if isinstance(error, KeyError):
        note = f"the answer has no {error.args[0]}" if error.args else "the answer lacks something"
    elif isinstance(error, UnicodeDecodeError):
        note = f"the answer cannot be read: {error.reason}"
    else:
        note = f"{type(error).__name__}: {error}"
    return Told(state="failed", note=note)


def _told(account: str, errand: _Errand, told: Told) -> Reading:
    cell = Cell(
        account=account,
        region=errand.region,
        service=errand.row.service,
        state=told.state,
        note=told.note,
    )
    return Reading(cell=cell)


def _listed(values: Iterable[Mapping[str, object]]) -> Iterator[str]:
    between = "\n"
    for value in values:
        yield between + json.dumps(value, ensure_ascii=False)
        between = ",\n"


def resource(found: Found, today: date | None = None) -> dict[str, object]:
    """A resource of the JSON contract, judged for a stack in its own region."""
    return found.as_dict() | {"fitness": fit.best(found, found.region, today).as_dict()}
