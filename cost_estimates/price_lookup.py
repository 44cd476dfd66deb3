"""What the price book holds: the prices of a name, where else there are any, and where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from cost_estimates.model import CostError, nearest
from cost_estimates.price_book import FALLBACKS, Price, PriceBook, Unknown
from cost_estimates.price_rows import GLOBAL

DERIVED = "derived: "


class Found(NamedTuple):
    """One meter's price in the region, or why there is none, and the regions that have a listed one."""

    service: str
    usage: str
    instance_type: str
    price: Price | Unknown
    regions: Mapping[str, Decimal]

    def as_dict(self) -> dict[str, Any]:
        known = isinstance(self.price, Price)
        return {
            "service": self.service,
            "usage": self.usage,
            "instance_type": self.instance_type,
            **(_price(self.price) if isinstance(self.price, Price) else {"reason": self.price.reason}),
            "known": known,
            "regions": {region: float(usd) for region, usd in self.regions.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How many prices one service has in one region, and which of its meters have none, because."""

    service: str
    region: str
    prices: int
    gaps: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "region": self.region,
            "prices": self.prices,
            "gaps": dict(self.gaps),
        }


def find(book: PriceBook, name: str, region: str) -> tuple[Found, ...]:
    """Every price of an instance type, service, usage or SERVICE/USAGE; raises CostError for other names."""
    wanted = name.lower()
    found = tuple(
        _found(book, service, usage, machine, region)
        for service, usage, machine in _keys(book)
        if wanted in _names(service, usage, machine)
    )
    if found:
        return found
    close = nearest(wanted, sorted(_all_names(book)))
    hint = f"did you mean {', '.join(close)}?" if close else f"services are {', '.join(book.prices)}"
    raise CostError(f"nothing in the price book is called {name!r}", hint=hint, field="name")


def coverage(book: PriceBook) -> tuple[Coverage, ...]:
    """Every service in every region."""
    return tuple(
        Coverage(
            service=service,
            region=region,
            prices=sum(len(_held(meter, region)) for meter in usages.values()),
            gaps=_gaps(book, service, region),
        )
        for service, usages in book.prices.items()
        for region in sorted(book.regions)
    )


def _keys(book: PriceBook) -> Iterator[tuple[str, str, str]]:
    """Every meter with every machine that it lists anywhere, or that a rule may derive it for."""
    ec2 = _machines(book.prices.get("EC2", {}).get("ondemand-linux-shared-hour"))
    for service, usages in book.prices.items():
        for usage, meter in usages.items():
            machines = _machines(meter)
            if (service, usage) in FALLBACKS:
                prefix = "ml." if service == "SageMaker" else ""
                machines = machines | {prefix + machine for machine in ec2}
            yield from ((service, usage, machine) for machine in sorted(machines))


def _machines(meter: Mapping[str, Any] | None) -> set[str]:
    return {machine for by_type in meter["regions"].values() for machine in by_type} if meter else set()


def _names(service: str, usage: str, machine: str) -> tuple[str, ...]:
    """What a price answers to: `m5.large` is asked for as well when `ml.m5.large` is meant."""
    whole = f"{service}/{usage}".lower()
    return (service.lower(), usage, whole, *((machine, machine.removeprefix("ml.")) if machine else ()))


def _all_names(book: PriceBook) -> set[str]:
    return {name for key in _keys(book) for name in _names(*key)}


def _found(book: PriceBook, service: str, usage: str, machine: str, region: str) -> Found:
    regions = book.prices[service][usage]["regions"]
    listed = {place: Decimal(by_type[machine][0]) for place, by_type in regions.items() if machine in by_type}
    return Found(
        service, usage, machine, book.price(service, usage, region, machine), dict(sorted(listed.items()))
    )


def _price(price: Price) -> dict[str, Any]:
    return {
        "usd": float(price.usd),
        "unit": price.unit,
        "source": price.source,
        "as_of": price.as_of.isoformat(),
        "derived": price.source.startswith(DERIVED),
    }


def _held(meter: Mapping[str, Any], region: str) -> Mapping[str, Any]:
    regions: Mapping[str, Mapping[str, Any]] = meter["regions"]
    return regions.get(region) or regions.get(GLOBAL, {})


def _gaps(book: PriceBook, service: str, region: str) -> dict[str, str]:
    return {
        usage: reason
        for usage, reasons in book.gaps.get(service, {}).items()
        for reason, places in reasons.items()
        if region in places
    }
