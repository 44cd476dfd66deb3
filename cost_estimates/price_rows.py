"""Price rows, wherever they were read, made into the price book's JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

FORMAT = 1
GLOBAL = "aws-global"
NO_SOURCE = "no source gives it"
LOW_CONFIDENCE = "the only price found is of low confidence"
_CONFIDENCE = ("low", "medium", "high")


@dataclass(frozen=True, kw_only=True)
class PriceRow:
    """One observed price; `usd` stays text, so that no digit is lost on the way."""

    service: str
    usage: str
    unit: str
    region: str
    instance_type: str
    usd: str
    source: str
    as_of: date
    confidence: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.service, self.usage, self.region, self.instance_type)

    @property
    def weight(self) -> tuple[date, int]:
        return (self.as_of, _CONFIDENCE.index(self.confidence))


def make_book(rows: Iterable[PriceRow]) -> dict[str, Any]:
    """The whole book: newest row per key, low confidence left out and named as a gap."""
    rows = list(rows)
    chosen = _newest(row for row in rows if row.confidence != "low")
    sources = sorted({(row.source, row.as_of.isoformat()) for row in chosen})
    header = _header(chosen)
    body = {
        "header": header,
        "sources": [list(source) for source in sources],
        "gaps": _gaps(rows, chosen),
        "prices": _prices(chosen, {source: number for number, source in enumerate(sources)}),
    }
    header["sha256"] = fingerprint(body)
    return body


def render_book(book: Mapping[str, Any]) -> str:
    """One line per meter: small, and still readable as a diff."""
    meters = [
        f"{json.dumps(service)}: {{\n" + ",\n".join(_dump_pairs(usages)) + "\n}"
        for service, usages in sorted(book["prices"].items())
    ]
    head = [f"{json.dumps(key)}: {_dump(book[key])}" for key in ("header", "sources", "gaps")]
    return "{\n" + ",\n".join([*head, '"prices": {\n' + ",\n".join(meters) + "\n}"]) + "\n}\n"


def fingerprint(book: Mapping[str, Any]) -> str:
    """SHA-256 of everything in the book but itself."""
    header = {key: value for key, value in book["header"].items() if key != "sha256"}
    return hashlib.sha256(_dump({**book, "header": header}).encode()).hexdigest()


def count_prices(book: Mapping[str, Any]) -> int:
    return sum(
        len(types)
        for usages in book["prices"].values()
        for meter in usages.values()
        for types in meter["regions"].values()
    )


def _newest(rows: Iterable[PriceRow]) -> list[PriceRow]:
    best: dict[tuple[str, str, str, str], PriceRow] = {}
    for row in rows:
        held = best.get(row.key)
        if held is None or row.weight > held.weight:
            best[row.key] = row
    return [best[key] for key in sorted(best)]


def _header(rows: list[PriceRow]) -> dict[str, Any]:
    dates = sorted(row.as_of for row in rows)
    return {
        "format": FORMAT,
        # The newest row would make a book of old prices look fresh, so the middle one dates it.
        "as_of": dates[len(dates) // 2].isoformat(),
        "oldest": dates[0].isoformat(),
        "newest": dates[-1].isoformat(),
        "count": len(rows),
        "regions": sorted({row.region for row in rows} - {GLOBAL}),
    }


def _prices(rows: list[PriceRow], numbers: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """service -> usage -> {unit, regions: region -> instance type or "" -> [usd, source number]}."""
    prices: dict[str, Any] = {}
    for row in rows:
        meter = prices.setdefault(row.service, {}).setdefault(row.usage, {"unit": row.unit, "regions": {}})
        source = numbers[row.source, row.as_of.isoformat()]
        meter["regions"].setdefault(row.region, {})[row.instance_type] = [row.usd, source]
    return prices


def _gaps(rows: list[PriceRow], chosen: list[PriceRow]) -> dict[str, Any]:
    """service -> usage -> reason -> places ("region" or "region type") that the book cannot price."""
    held: dict[tuple[str, str], set[str]] = {}
    for row in chosen:
        held.setdefault((row.service, row.usage), set()).add(row.region)
    everywhere = set().union(*held.values()) - {GLOBAL}
    low = _low_confidence(rows, chosen)
    gaps: dict[str, Any] = {}
    for (service, usage), regions in held.items():
        missing = [] if GLOBAL in regions else sorted(everywhere - regions)
        doubtful = sorted(low.get((service, usage), ()))
        reasons = {NO_SOURCE: missing, LOW_CONFIDENCE: doubtful}
        if missing or doubtful:
            gaps.setdefault(service, {})[usage] = {why: places for why, places in reasons.items() if places}
    return gaps


def _low_confidence(rows: list[PriceRow], chosen: list[PriceRow]) -> dict[tuple[str, str], list[str]]:
    """The places of each meter whose only price is of low confidence."""
    priced = {row.key for row in chosen}
    places: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.key not in priced:
            place = f"{row.region} {row.instance_type}".strip()
            places.setdefault((row.service, row.usage), []).append(place)
    return places


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _dump_pairs(mapping: Mapping[str, Any]) -> list[str]:
    return [f"{json.dumps(key)}: {_dump(value)}" for key, value in sorted(mapping.items())]
