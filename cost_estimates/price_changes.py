"""Old prices and newly read ones: what is taken, what is only reported, and the book that comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from cost_estimates.offers import Picked
from cost_estimates.price_book import PriceBook
from cost_estimates.price_rows import LOW_CONFIDENCE, PriceRow

# AWS's own cuts were up to 44 %; what moves further is more often a misread row than a price.
SUSPICIOUS_RATIO = Decimal(2)

Key = tuple[str, str, str, str]
Rows = Mapping[Key, PriceRow]


class Change(NamedTuple):
    """One price that moved, came or went; `usd` is empty where there is none."""

    key: Key
    old_usd: str
    new_usd: str

    @property
    def ratio(self) -> Decimal | None:
        if not self.old_usd or not self.new_usd or not Decimal(self.old_usd):
            return None
        return Decimal(self.new_usd) / Decimal(self.old_usd)

    def as_dict(self) -> dict[str, Any]:
        ratio = self.ratio
        return {
            **dict(zip(("service", "usage", "region", "instance_type"), self.key, strict=True)),
            "old_usd": float(self.old_usd) if self.old_usd else None,
            "new_usd": float(self.new_usd) if self.new_usd else None,
            "ratio": None if ratio is None else round(float(ratio), 4),
        }


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a refresh did to the prices; `flagged` and `doubtful` ones keep their old value."""

    added: tuple[Change, ...] = ()
    removed: tuple[Change, ...] = ()
    changed: tuple[Change, ...] = ()
    flagged: tuple[Change, ...] = ()
    doubtful: tuple[str, ...] = ()
    same: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            added=self.added + other.added,
            removed=self.removed + other.removed,
            changed=self.changed + other.changed,
            flagged=self.flagged + other.flagged,
            doubtful=self.doubtful + other.doubtful,
            same=self.same + other.same,
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "added": [change.as_dict() for change in self.added],
            "removed": [change.as_dict() for change in self.removed],
            "changed": [change.as_dict() for change in self.changed],
            "flagged": [change.as_dict() for change in self.flagged],
            "doubtful": list(self.doubtful),
            "same": self.same,
        }


def read_rows(book: PriceBook) -> Iterator[PriceRow]:
    """A book as the rows it was made of, the ones it left out for low confidence included."""
    for service, usages in book.prices.items():
        for usage, meter in usages.items():
            row = _blank(service, usage, meter["unit"])
            yield from _held(row, meter["regions"], book)
            doubtful = book.gaps.get(service, {}).get(usage, {}).get(LOW_CONFIDENCE, ())
            for place in doubtful:
                region, _, machine = place.partition(" ")
                yield replace(row, region=region, instance_type=machine)


class Scope(NamedTuple):
    """The prices that one offer's rows for one region may replace."""

    offer: str
    region: str
    meters: frozenset[tuple[str, str]]

    def holds(self, key: Key) -> bool:
        return key[2] == self.region and key[:2] in self.meters


def apply(
    old: Rows, read: Iterable[Picked], *, scope: Scope, accept: bool
) -> tuple[dict[Key, PriceRow], Changes]:
    """The rows of one offer in one region replaced by what was read; suspicious ones only if accepted."""
    fresh, doubtful = _unambiguous(read, scope)
    before = {key: row.usd for key, row in old.items() if _is_replaceable(row, scope, fresh)}
    news = [
        Change(key, before.get(key, ""), fresh[key].usd if key in fresh else "")
        for key in sorted({*before, *fresh} - doubtful)
    ]
    found: set[tuple[str, ...]] = {key[:3] for key in fresh}
    flagged = () if accept else tuple(change for change in news if _is_suspicious(change, found))
    taken = [change for change in news if change not in flagged]
    return _replace(old, taken, fresh), Changes(
        added=tuple(c for c in taken if not c.old_usd),
        removed=tuple(c for c in taken if not c.new_usd),
        changed=tuple(c for c in taken if c.ratio not in (None, 1)),
        flagged=flagged,
        doubtful=tuple(" ".join(filter(None, key)) for key in sorted(doubtful)),
        same=sum(c.ratio == 1 for c in taken),
    )


def _is_replaceable(row: PriceRow, scope: Scope, fresh: Rows) -> bool:
    """What holds everywhere is only replaced, never missed: not every region's file names it."""
    return row.confidence != "low" and (scope.holds(row.key) or row.key in fresh)


def _replace(old: Rows, changes: Iterable[Change], fresh: Rows) -> dict[Key, PriceRow]:
    rows = dict(old)
    for change in changes:
        if change.new_usd:
            rows[change.key] = fresh[change.key]
        else:
            del rows[change.key]
    return rows


def _unambiguous(read: Iterable[Picked], scope: Scope) -> tuple[dict[Key, PriceRow], set[Key]]:
    """One row per key, and the keys with several prices: the last one of them is as wrong as the first."""
    prices: dict[Key, set[str]] = {}
    rows = {}
    for price in read:
        prices.setdefault(price.key, set()).add(price.usd)
        rows[price.key] = _row(price, scope.offer)
    doubtful = {key for key, several in prices.items() if len(several) > 1}
    return {key: row for key, row in rows.items() if key not in doubtful}, doubtful


def _is_suspicious(change: Change, read_meters: set[tuple[str, ...]]) -> bool:
    """A price that moves by more than the factor, or a whole meter that is gone: a renamed row, likely."""
    if change.ratio is not None:
        return not 1 / SUSPICIOUS_RATIO <= change.ratio <= SUSPICIOUS_RATIO
    return not change.new_usd and change.key[:3] not in read_meters


def _row(price: Picked, offer: str) -> PriceRow:
    return PriceRow(
        service=price.service,
        usage=price.usage,
        unit=price.unit,
        region=price.region,
        instance_type=price.instance_type,
        usd=price.usd,
        source=f"AWS Price List, {offer}",
        as_of=date.fromisoformat(price.published),
        confidence="high",
    )


def _blank(service: str, usage: str, unit: str) -> PriceRow:
    return PriceRow(
        service=service,
        usage=usage,
        unit=unit,
        region="",
        instance_type="",
        usd="0",
        source="",
        as_of=date.min,
        confidence="low",
    )


def _held(row: PriceRow, regions: Mapping[str, Any], book: PriceBook) -> Iterator[PriceRow]:
    for region, by_type in regions.items():
        for machine, (usd, number) in by_type.items():
            source, as_of = book.sources[number]
            yield replace(
                row,
                region=region,
                instance_type=machine,
                usd=usd,
                source=source,
                as_of=date.fromisoformat(as_of),
                confidence="high",
            )
