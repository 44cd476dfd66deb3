"""One workload on EC2, EKS and SageMaker: fixed and hourly costs, and where one overtakes another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from itertools import permutations
from typing import Any, NamedTuple

from cost_estimates.model import HOURS_PER_MONTH, ZERO, BookStamp, CostError, as_number
from cost_estimates.price_book import Price, PriceBook, Unknown

EC2_HOUR = ("EC2", "ondemand-linux-shared-hour")
EKS_AUTO_HOUR = ("EKS", "auto-mode-fee-hour")
EKS_HOUR = ("EKS", "cluster-hour-standard")
NAT_HOUR = ("VPC", "nat-gateway-hour")
PUBLIC_IP_HOUR = ("VPC", "public-ipv4-inuse-hour")
TRAINING_HOUR = ("SageMaker", "training-hour")

# Machines by preference: the first that the region sells.
CLASSES: Mapping[tuple[str, bool], tuple[str, ...]] = {
    ("small", False): ("m5.large", "m6i.large", "m7i.large"),
    ("medium", False): ("m5.xlarge", "m6i.xlarge", "m7i.xlarge"),
    ("large", False): ("m5.4xlarge", "m6i.4xlarge", "m7i.4xlarge"),
    ("small", True): ("g4dn.xlarge", "g5.xlarge", "g6.xlarge"),
    ("medium", True): ("g4dn.4xlarge", "g5.4xlarge", "g6.4xlarge"),
    ("large", True): ("g5.12xlarge", "g6.12xlarge", "g4dn.12xlarge"),
}
SIZES = tuple(dict.fromkeys(size for size, _ in CLASSES))
# Spot prices move by the hour and are in no list: what a saving of this many percent would give.
SPOT_SAVING = 60
NOTES = (
    "Machines are billed while steps run; starting up, disks and data are the same everywhere and left out.",
    "EKS is Auto Mode with one NAT gateway; its fee per node stays the same on Spot.",
)


class Part(NamedTuple):
    """A meter that runs for every hour of work, or all month."""

    meter: tuple[str, str]
    machine: str = ""
    spot: bool = False  # whether Spot makes it cheaper


class Way(NamedTuple):
    """How the work is run: what runs all month, and what runs for each hour of it."""

    name: str
    words: str
    fixed: tuple[Part, ...] = ()
    hourly: tuple[Part, ...] = ()
    most_hours: Decimal | None = None  # what the machines that are left on can do


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Steps a month, hours a step, and the machine that runs them."""

    steps: Decimal
    hours: Decimal
    machine: str
    gpu: bool = False
    spot: bool = False
    spot_saving: Decimal = Decimal(SPOT_SAVING)

    @property
    def hours_per_month(self) -> Decimal:
        return self.steps * self.hours


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A way in money; where a price is missing nothing is added up, and `unknown` says which."""

    way: Way
    fixed_usd: Decimal
    hourly_usd: Decimal
    monthly_usd: Decimal
    sources: tuple[Price, ...]
    unknown: str = ""

    def as_dict(self) -> dict[str, Any]:
        fixed, monthly = as_number(self.fixed_usd), as_number(self.monthly_usd)
        return {
            "name": self.way.name,
            "words": self.way.words,
            "fixed_usd": None if self.unknown else fixed,
            # Rounding is for amounts, not for unit prices.
            "hourly_usd": None if self.unknown else float(self.hourly_usd),
            "monthly_usd": None if self.unknown else monthly,
            "most_hours": None if self.way.most_hours is None else as_number(self.way.most_hours),
            "unknown": self.unknown,
            "sources": sorted({f"{price.source}, {price.as_of}" for price in self.sources}),
        }


class BreakEven(NamedTuple):
    """From so many hours a month on, `above` is cheaper than `below`."""

    below: str
    above: str
    hours: Decimal
    usd: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {
            "below": self.below,
            "above": self.above,
            "hours": as_number(self.hours),
            "monthly_usd": as_number(self.usd),
        }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The ways in the order of their cost, unknown ones last."""

    region: str
    price_book: BookStamp
    workload: Workload
    ways: tuple[Priced, ...]
    break_evens: tuple[BreakEven, ...]

    def as_dict(self) -> dict[str, Any]:
        work = self.workload
        known = [way for way in self.ways if not way.unknown]
        return {
            "region": self.region,
            "currency": "USD",
            "price_book": self.price_book.as_dict(),
            "workload": {
                "steps": as_number(work.steps),
                "hours": as_number(work.hours),
                "hours_per_month": as_number(work.hours_per_month),
                "machine": work.machine,
                "gpu": work.gpu,
                "spot": work.spot,
                "spot_saving_percent": as_number(work.spot_saving) if work.spot else None,
            },
            "cheapest": known[0].way.name if known else None,
            "unknown": len(self.ways) - len(known),
            "ways": [way.as_dict() for way in self.ways],
            "break_evens": [point.as_dict() for point in self.break_evens],
            "notes": [*NOTES, *_spot_notes(work)],
        }


def compare(book: PriceBook, region: str, workload: Workload, *, stamp: BookStamp) -> Comparison:
    """The same work in every way that can do it."""
    priced = [_price(way, workload, book, region) for way in _ways(workload)]
    known = [way for way in priced if not way.unknown]
    return Comparison(
        region=region,
        price_book=stamp,
        workload=workload,
        ways=tuple(sorted(priced, key=lambda way: (bool(way.unknown), way.monthly_usd))),
        break_evens=tuple(sorted(_break_evens(known), key=lambda point: point.hours)),
    )


def choose_machine(book: PriceBook, region: str, size: str, *, gpu: bool) -> str:
    """A size's first machine that the region sells, or the machine that was named; raises CostError."""
    if "." in size:
        return size.removeprefix("ml.")
    if (size, gpu) not in CLASSES:
        raise CostError(
            f"no machine size {size!r}",
            hint=f"sizes are {', '.join(SIZES)}; or name an instance type, as m5.xlarge",
            field="machine",
        )
    machines = CLASSES[size, gpu]
    sold = (name for name in machines if isinstance(book.price(*EC2_HOUR, region, name), Price))
    return next(sold, machines[0])


def _ways(work: Workload) -> Iterable[Way]:
    node = Part(EC2_HOUR, work.machine, spot=True)
    address = Part(PUBLIC_IP_HOUR)
    yield Way(
        "sagemaker",
        "a SageMaker job per step",
        hourly=(Part(TRAINING_HOUR, f"ml.{work.machine}", spot=True),),
    )
    yield Way("ec2", "an EC2 machine started for each step", hourly=(node, address))
    yield Way(
        "eks",
        "pods on EKS Auto Mode",
        fixed=(Part(EKS_HOUR), Part(NAT_HOUR), address),
        hourly=(node, Part(EKS_AUTO_HOUR, work.machine)),
    )
    if not work.spot:  # nobody keeps a Spot machine all month
        count = max(Decimal(1), (work.hours_per_month / HOURS_PER_MONTH).to_integral_value(ROUND_CEILING))
        words = "one EC2 machine left on" if count == 1 else f"{count} EC2 machines left on"
        yield Way(
            "ec2-always-on",
            f"{words} all month",
            fixed=(node, address) * int(count),
            most_hours=count * HOURS_PER_MONTH,
        )


def _price(way: Way, work: Workload, book: PriceBook, region: str) -> Priced:
    prices = {part: book.price(*part.meter, region, part.machine) for part in (*way.fixed, *way.hourly)}
    missing = [price.reason for price in prices.values() if isinstance(price, Unknown)]
    known = {part: price for part, price in prices.items() if isinstance(price, Price)}
    fixed = HOURS_PER_MONTH * _sum(way.fixed, known, work)
    hourly = _sum(way.hourly, known, work)
    return Priced(
        way=way,
        fixed_usd=fixed,
        hourly_usd=hourly,
        monthly_usd=fixed + hourly * work.hours_per_month,
        sources=tuple(known.values()),
        unknown=_why_unknown(missing, book, region),
    )


def _why_unknown(missing: list[str], book: PriceBook, region: str) -> str:
    if missing and not book.prices_region(region):
        return f"no prices for {region} in the price book"
    return "; ".join(missing)


def _sum(parts: Iterable[Part], prices: Mapping[Part, Price], work: Workload) -> Decimal:
    paid = 1 - work.spot_saving / 100 if work.spot else Decimal(1)
    return sum((prices[p].usd * (paid if p.spot else 1) for p in parts if p in prices), start=ZERO)


def _break_evens(ways: Iterable[Priced]) -> Iterable[BreakEven]:
    """Where a way with more fixed and less hourly cost overtakes one with less fixed and more hourly cost."""
    for low, high in permutations(ways, 2):
        if high.fixed_usd > low.fixed_usd and high.hourly_usd < low.hourly_usd:
            hours = (high.fixed_usd - low.fixed_usd) / (low.hourly_usd - high.hourly_usd)
            if high.way.most_hours is None or hours < high.way.most_hours:
                usd = low.fixed_usd + low.hourly_usd * hours
                yield BreakEven(low.way.name, high.way.name, hours, usd)


def _spot_notes(work: Workload) -> list[str]:
    if not work.spot:
        return []
    saving = f"{work.spot_saving.normalize():f}"
    return [f"Spot is assumed to save {saving} % of a machine's price: its real price is in no list."]
