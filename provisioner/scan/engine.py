"""One scan: accounts × regions × rows, read side by side; one dead cell never stops the others."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass

from provisioner import fit
from provisioner.errors import RefusedError
from provisioner.scan.table import GLOBAL, SEEN, Cell, Found, Reading, Row

Read = Callable[[str, str, Row], Reading]
Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Cells in the order asked for, resources in the order of their cells; `seconds` is wall time."""

    cells: tuple[Cell, ...]
    resources: tuple[Found, ...]
    seconds: float

    @property
    def not_seen(self) -> int:
        """How many cells may hide something: denied, throttled, timeout or failed.

        "not_enabled" and "unsupported" are answers: there is nothing in such a cell.
        """
        return sum(cell.state not in SEEN for cell in self.cells)

    @property
    def partly(self) -> bool:
        """Whether part of what was asked for could not be seen (exit code 5)."""
        return self.not_seen > 0

    def as_dict(self) -> dict[str, object]:
        """The `scan` answer of the JSON contract."""
        return {
            "cells": [asdict(cell) for cell in self.cells],
            "resources": [_resource(found) for found in self.resources],
            "suggestions": [],
            "summary": {
                "calls": sum(cell.calls for cell in self.cells),
                "seconds": self.seconds,
                "resources": len(self.resources),
                "not_seen": self.not_seen,
            },
        }


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
    """Read every cell; raises RefusedError where `read` does, because then no other cell can be read.

    `on_cell` hears of each cell as it is done, in the caller's thread.
    """
    started = clock()
    readings = _read_all(_errands(accounts, regions, rows), read, on_cell or (lambda cell: None), workers)
    return Scan(
        cells=tuple(reading.cell for reading in readings),
        resources=tuple(f for r in readings for f in sorted(r.resources, key=lambda f: f.arn)),
        seconds=round(clock() - started, 3),
    )


@dataclass(frozen=True, kw_only=True)
class _Errand:
    account: str
    region: str
    row: Row


def _errands(accounts: Iterable[str], regions: Iterable[str], rows: Iterable[Row]) -> list[_Errand]:
    wanted, rows = list(dict.fromkeys(regions)), list(rows)
    return [
        _Errand(account=account, region=region, row=row)
        for account in dict.fromkeys(accounts)
        for row in rows
        for region in ([GLOBAL] if row.scope == "global" else wanted)
    ]


def _read_all(
    errands: list[_Errand], read: Read, on_cell: Callable[[Cell], None], workers: int
) -> list[Reading]:
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(_read_one, read, errand) for errand in errands]
        try:
            _report(futures, on_cell)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _report(futures: list[Future[Reading]], on_cell: Callable[[Cell], None]) -> None:
    for future in as_completed(futures):
        on_cell(future.result().cell)


def _read_one(read: Read, errand: _Errand) -> Reading:
    try:
        return read(errand.account, errand.region, errand.row)
    except RefusedError:
        raise
    except Exception as error:  # Hours of other cells must not be lost to one odd answer.
        return Reading(cell=_failed(errand, f"{type(error).__name__}: {error}"))


def _failed(errand: _Errand, note: str) -> Cell:
    return Cell(
        account=errand.account,
        region=errand.region,
        service=errand.row.service,
        state="failed",
        note=note,
    )


def _resource(found: Found) -> dict[str, object]:
    # A resource is judged for a stack in its own region.
    return found.as_dict() | {"fitness": fit.best(found, found.region).as_dict()}
