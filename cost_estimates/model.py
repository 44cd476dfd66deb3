"""What an estimate is made of: lines, resources, components, totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

HOURS_PER_MONTH = Decimal(730)
CURRENCY = "USD"
ZERO = Decimal(0)
_CENT_OF_A_CENT = Decimal("0.0001")

Status = Literal["priced", "free", "usage", "unknown"]


class CostError(Exception):
    """A template, region or usage that cannot be estimated; says what would do instead."""

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Band:
    """US dollars per month: with nothing running on top, and in three usage levels."""

    idle: Decimal = ZERO
    low: Decimal = ZERO
    typical: Decimal = ZERO
    high: Decimal = ZERO

    def __add__(self, other: Band) -> Band:
        return Band(
            idle=self.idle + other.idle,
            low=self.low + other.low,
            typical=self.typical + other.typical,
            high=self.high + other.high,
        )

    def as_dict(self) -> dict[str, float]:
        return {
            "idle": as_number(self.idle),
            "low": as_number(self.low),
            "typical": as_number(self.typical),
            "high": as_number(self.high),
        }


NOTHING = Band()


@dataclass(frozen=True, kw_only=True)
class Line:
    """One meter of one resource in the typical month."""

    usage: str
    quantity: Decimal
    unit: str
    unit_usd: Decimal
    monthly_usd: Decimal
    source: str
    as_of: date

    def as_dict(self) -> dict[str, Any]:
        return {
            "usage": self.usage,
            "quantity": as_number(self.quantity),
            "unit": self.unit,
            # A request costs 0.0000004: rounding is for amounts, not for unit prices.
            "unit_usd": float(self.unit_usd),
            "monthly_usd": as_number(self.monthly_usd),
            "source": self.source,
            "as_of": self.as_of.isoformat(),
        }


@dataclass(frozen=True, kw_only=True)
class ResourceCost:
    """One resource of the template: what it costs, or why it costs nothing, or why nobody knows."""

    logical_id: str
    type: str
    component: str
    status: Status
    reason: str
    band: Band = NOTHING
    lines: tuple[Line, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "logical_id": self.logical_id,
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            **self.band.as_dict(),
            "lines": [line.as_dict() for line in self.lines],
        }


@dataclass(frozen=True, kw_only=True)
class ComponentCost:
    """The resources that carry one `stackwright:component` tag, added up."""

    component: str
    band: Band

    def as_dict(self) -> dict[str, Any]:
        return {"component": self.component, **self.band.as_dict()}


@dataclass(frozen=True, kw_only=True)
class BookStamp:
    """Which price book an estimate was made from."""

    as_of: date
    sha256: str
    stale: bool

    def as_dict(self) -> dict[str, Any]:
        return {"as_of": self.as_of.isoformat(), "sha256": self.sha256, "stale": self.stale}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A template's month in one region: the sum of what is known, and how many resources are not."""

    region: str
    price_book: BookStamp
    profile: str
    overrides: Mapping[str, Any]
    resources: tuple[ResourceCost, ...]

    @property
    def total(self) -> Band:
        return add(resource.band for resource in self.resources)

    @property
    def unknown(self) -> int:
        return sum(resource.status == "unknown" for resource in self.resources)

    @property
    def components(self) -> tuple[ComponentCost, ...]:
        """In the order in which the template first names them."""
        bands: dict[str, list[Band]] = {}
        for resource in self.resources:
            bands.setdefault(resource.component, []).append(resource.band)
        return tuple(ComponentCost(component=name, band=add(parts)) for name, parts in bands.items())

    def as_dict(self) -> dict[str, Any]:
        """The `estimate` object of the JSON answers."""
        return {
            "region": self.region,
            "currency": CURRENCY,
            "hours_per_month": int(HOURS_PER_MONTH),
            "price_book": self.price_book.as_dict(),
            "usage": {"profile": self.profile, "overrides": dict(self.overrides)},
            "total": self.total.as_dict(),
            "unknown": self.unknown,
            "components": [component.as_dict() for component in self.components],
            "resources": [resource.as_dict() for resource in self.resources],
        }


def add(bands: Iterable[Band]) -> Band:
    return sum(bands, start=NOTHING)


def as_number(amount: Decimal) -> float:
    """The one place where money stops being a Decimal."""
    return float(amount.quantize(_CENT_OF_A_CENT, rounding=ROUND_HALF_UP))


def nearest(name: str, allowed: Iterable[str]) -> list[str]:
    """Names that a wrong one may have meant, for hints."""
    from difflib import get_close_matches  # only an error needs it

    return get_close_matches(name, list(allowed), n=3, cutoff=0.5)
