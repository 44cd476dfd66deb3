"""The price book rebuilt from the AWS Price List: cell by cell, resumable, and never worse than before."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cost_estimates.model import CostError, nearest
from cost_estimates.offers import PICKS, Picked, meters, pick
from cost_estimates.price_book import PriceBook
from cost_estimates.price_changes import Changes, Key, Scope, apply, read_rows
from cost_estimates.price_list import Source, UnreadableError
from cost_estimates.price_rows import GLOBAL, PriceRow, make_book, render_book

State = Literal["read", "unchanged", "absent", "failed"]


class NothingReadError(CostError):
    """Not one offer could be read; the old book is untouched."""


class Cell(NamedTuple):
    """One offer in one region: read anew, held from the last run, not sold there, or not to be had."""

    offer: str
    region: str
    state: State
    prices: int = 0
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """The new book, and how it came about."""

    book: Mapping[str, Any]
    cells: tuple[Cell, ...]
    changes: Changes

    @property
    def failed(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.state == "failed")

    def as_dict(self) -> dict[str, Any]:
        header = self.book["header"]
        return {
            "price_book": {key: header[key] for key in ("as_of", "sha256", "count", "oldest", "newest")},
            "cells": [cell.as_dict() for cell in self.cells],
            "failed": len(self.failed),
            "changes": self.changes.as_dict(),
        }


def refresh(
    source: Source,
    *,
    old: PriceBook,
    regions: Sequence[str],
    offers: Sequence[str] = (),
    work: Path,
    accept: bool = False,
    on_cell: Callable[[Cell], None] = lambda cell: None,
) -> Refreshed:
    """Reads every offer in every region; what cannot be read keeps its old prices.

    `work` remembers what was read, so that a run goes on where one ended. Raises NothingReadError.
    """
    held = _by_region(read_rows(old))
    cells: list[Cell] = []
    changes = Changes()
    for offer in check_offers(offers):
        for cell, prices in _read_offer(source, offer, regions, work):
            cells.append(cell)
            on_cell(cell)
            if prices:
                scope = Scope(offer=offer, region=cell.region, meters=meters(offer))
                rows = held.pop(GLOBAL, {}) | held.pop(cell.region, {})
                rows, changed = apply(rows, prices, scope=scope, accept=accept)
                held |= _by_region(rows.values())
                changes += changed
    if all(cell.state in ("failed", "absent") for cell in cells):
        raise NothingReadError(
            f"no prices could be read: {next((c.note for c in cells if c.note), 'none are sold there')}",
            hint="the old price book is untouched; check the network, a proxy (HTTPS_PROXY) and the address",
        )
    everything = (row for rows in held.values() for row in rows.values())
    return Refreshed(book=make_book(everything), cells=tuple(cells), changes=changes)


def check_offers(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in PICKS:
            close = nearest(name, PICKS) or sorted(PICKS)
            raise CostError(f"no offer {name!r}", hint=f"offers are {', '.join(close)}", field="service")
    return tuple(names) or tuple(PICKS)


def write_book(path: Path, book: Mapping[str, Any]) -> None:
    """The whole book or the old one: never half of one."""
    _write(path, render_book(book))


def _by_region(rows: Iterable[PriceRow]) -> dict[str, dict[Key, PriceRow]]:
    """A cell replaces rows of its region only: looking through all others would take longer than reading."""
    held: dict[str, dict[Key, PriceRow]] = {}
    for row in rows:
        held.setdefault(row.region, {})[row.key] = row
    return held


def _read_offer(
    source: Source, offer: str, regions: Sequence[str], work: Path
) -> Iterator[tuple[Cell, Sequence[Picked]]]:
    try:
        editions = source.editions(offer)
    except UnreadableError as error:
        yield from ((Cell(offer, region, "failed", note=str(error)), ()) for region in regions)
        return
    for region in regions:
        if region in editions:
            yield _read_cell(source, offer, region, editions[region], work)
        else:
            yield Cell(offer, region, "absent", note="not sold there"), ()


def _read_cell(
    source: Source, offer: str, region: str, edition: str, work: Path
) -> tuple[Cell, Sequence[Picked]]:
    kept = work / offer / f"{region}.json"
    known = _recall(kept, edition)
    if known:
        return Cell(offer, region, "unchanged", prices=len(known)), known
    try:
        prices = tuple(dict.fromkeys(pick(offer, region, source.read(offer, region, edition))))
    except UnreadableError as error:
        return Cell(offer, region, "failed", note=str(error)), ()
    if not prices:
        return Cell(offer, region, "failed", note="none of its rows is a price that the book holds"), ()
    _write(kept, json.dumps({"edition": edition, "prices": prices}))
    return Cell(offer, region, "read", prices=len(prices)), prices


def _recall(path: Path, edition: str) -> tuple[Picked, ...]:
    """What an earlier run read of this very edition."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Picked(*price) for price in kept["prices"]) if kept["edition"] == edition else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
