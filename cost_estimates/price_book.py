"""The offline price book: every price with its source and date, or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

DATA_FILE = Path(__file__).with_name("data") / "price_book.json"
GLOBAL = "aws-global"
STALE_AFTER_DAYS = 180
# Partitions whose prices are published elsewhere or not at all.
UNPRICED_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-")

GB_PER_TB = 1024
SECONDS_PER_HOUR = 3600
# Tier boundaries are cumulative: (meter of the tier, quantity where it ends).
LADDERS: Mapping[tuple[str, str], Sequence[tuple[str, int | None]]] = {
    ("S3", "standard-storage-gb-month"): (
        ("standard-storage-gb-month-tier1", 50 * GB_PER_TB),
        ("standard-storage-gb-month-tier2", 500 * GB_PER_TB),
        ("standard-storage-gb-month-tier3", None),
    ),
    ("DataTransfer", "internet-out-gb"): (
        ("internet-out-gb-tier1", 10 * GB_PER_TB),
        ("internet-out-gb-tier2", 50 * GB_PER_TB),
        ("internet-out-gb-tier3", 150 * GB_PER_TB),
        ("internet-out-gb-tier4", None),
    ),
    ("Lambda", "gb-second"): (
        ("gb-second-tier1", 6_000_000_000),
        ("gb-second-tier2", 15_000_000_000),
        ("gb-second-tier3", None),
    ),
    ("CloudWatchLogs", "ingest-vended-gb"): (
        ("ingest-vended-gb-tier1", 10 * GB_PER_TB),
        ("ingest-vended-gb-tier2", 30 * GB_PER_TB),
        ("ingest-vended-gb-tier3", 50 * GB_PER_TB),
        ("ingest-vended-gb-tier4", None),
    ),
    ("VPC", "interface-endpoint-data-gb"): (
        ("interface-endpoint-data-gb-tier1", 1024 * GB_PER_TB),
        ("interface-endpoint-data-gb-tier2", 5 * 1024 * GB_PER_TB),
        ("interface-endpoint-data-gb-tier3", None),
    ),
}

# Only the first rung of these is in any list: a quantity beyond it is unknown rather than charged too much.
FIRST_RUNGS: Mapping[tuple[str, str], Sequence[tuple[str, int | None]]] = {
    ("Lambda", "gb-second-arm"): (("gb-second-arm-tier1", 7_500_000_000), ("gb-second-arm-tier2", None)),
    ("StepFunctions", "express-gb-second"): (
        ("express-gb-second-tier1", 1_000 * SECONDS_PER_HOUR),
        ("express-gb-second-tier2", None),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars per unit, and who said so when."""

    usd: Decimal
    unit: str
    source: str
    as_of: date


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """No price, because."""

    reason: str


class Step(NamedTuple):
    """The part of a quantity that falls into one tier."""

    usage: str
    quantity: Decimal
    price: Price


class Basis(NamedTuple):
    """A price that another one can be derived from: `usd = factor × usd of this meter`."""

    service: str
    usage: str
    instance_type: str
    factor: Decimal
    rule: str


@dataclass(frozen=True, kw_only=True)
class PriceBook:
    """Prices by service, usage, region and instance type."""

    as_of: date
    sha256: str
    count: int
    regions: frozenset[str]
    sources: Sequence[Sequence[str]]
    gaps: Mapping[str, Any]
    prices: Mapping[str, Any]
    _found: dict[tuple[str, str, str, str], Price] = field(default_factory=dict, repr=False, compare=False)

    def price(
        self, service: str, usage: str, region: str, instance_type: str | None = None
    ) -> Price | Unknown:
        key = (service, usage, region, instance_type or "")
        found = self._found.get(key) or self._listed(*key) or self._derived(*key)
        if found is None:
            return Unknown(reason=self._reason(*key))
        self._found[key] = found
        return found

    def steps(
        self, service: str, usage: str, region: str, quantity: Decimal, instance_type: str | None = None
    ) -> tuple[Step, ...] | Unknown:
        """A month's quantity cut at the tier boundaries of its meter; one step where there are none."""
        steps = []
        start = Decimal(0)
        for rung, end in rungs_of(service, usage):
            price = self.price(service, rung, region, instance_type)
            if isinstance(price, Unknown):
                return price
            stop = quantity if end is None else min(quantity, Decimal(end))
            steps.append(Step(usage=rung, quantity=stop - start, price=price))
            if stop == quantity:
                break
            start = stop
        return tuple(steps)

    def prices_region(self, region: str) -> bool:
        return region in self.regions

    def stale(self, today: date) -> bool:
        return (today - self.as_of).days > STALE_AFTER_DAYS

    def _listed(self, service: str, usage: str, region: str, instance_type: str) -> Price | None:
        meter = self.prices.get(service, {}).get(usage)
        if meter is None:
            return None
        by_type = meter["regions"].get(region) or meter["regions"].get(GLOBAL, {})
        if instance_type not in by_type:
            return None
        usd, number = by_type[instance_type]
        source, as_of = self.sources[number]
        return Price(usd=Decimal(usd), unit=meter["unit"], source=source, as_of=date.fromisoformat(as_of))

    def _derived(self, service: str, usage: str, region: str, instance_type: str) -> Price | None:
        for make_basis in FALLBACKS.get((service, usage), ()):
            basis = make_basis(instance_type)
            found = basis and self._listed(basis.service, basis.usage, region, basis.instance_type)
            if basis and found:
                return Price(
                    usd=basis.factor * found.usd,
                    unit=found.unit,
                    source=f"derived: {basis.rule} ({found.source})",
                    as_of=found.as_of,
                )
        return None

    def _reason(self, service: str, usage: str, region: str, instance_type: str) -> str:
        what = " ".join(part for part in (service, usage, instance_type) if part)
        places = {region, f"{region} {instance_type}"}
        gaps = self.gaps.get(service, {}).get(usage, {})
        why = next((why for why, known in gaps.items() if places & set(known)), "not in the price book")
        return f"no price for {what} in {region} ({why})"


@cache
def load() -> PriceBook:
    return read(DATA_FILE.read_text(encoding="utf-8"))


def read(text: str) -> PriceBook:
    """A price book from its JSON. The hash is checked when the book is built, not at every start."""
    data = json.loads(text)
    header = data["header"]
    return PriceBook(
        as_of=date.fromisoformat(header["as_of"]),
        sha256=header["sha256"],
        count=header["count"],
        regions=frozenset(header["regions"]),
        sources=data["sources"],
        gaps=data["gaps"],
        prices=data["prices"],
    )


def rungs_of(service: str, usage: str) -> Sequence[tuple[str, int | None]]:
    """The tiers of a meter with the quantity where each ends; one without end where there are none."""
    meter = (service, usage)
    return LADDERS.get(meter) or FIRST_RUNGS.get(meter) or ((usage, None),)


def is_unpriced_partition(region: str) -> bool:
    return region.startswith(UNPRICED_PARTITIONS)


# What SageMaker asks over EC2 for the same machine: medians over up to 25 regions.
# Single types first, since the smallest GPU machines and the V100 ones leave their family's factor.
_SAGEMAKER_BY_TYPE = {
    "g4dn.xlarge": Decimal("1.40"),
    "g5.xlarge": Decimal("1.40"),
    "g6.xlarge": Decimal("1.40"),
    "p3.2xlarge": Decimal("1.25"),
    "p3.8xlarge": Decimal("1.20"),
    "p3.16xlarge": Decimal("1.15"),
}
_SAGEMAKER_BY_FAMILY = {
    **dict.fromkeys(("t3", "m5", "m6i", "c5", "c6i", "r5", "r7i"), Decimal("1.20")),
    **dict.fromkeys(("g4dn", "g5", "g6"), Decimal("1.25")),
    **dict.fromkeys(("p4d", "p4de", "p5", "trn1"), Decimal("1.15")),
}
_AUTO_MODE_FEE = Decimal("0.12")
_EC2_HOUR = ("EC2", "ondemand-linux-shared-hour")


def _same_as_notebook(instance_type: str) -> Basis:
    return Basis("SageMaker", "studio-notebook-hour", instance_type, Decimal(1), "studio-notebook-hour")


def _ec2_with_sagemaker_factor(instance_type: str) -> Basis | None:
    machine = instance_type.removeprefix("ml.")
    family = machine.partition(".")[0]
    factor = _SAGEMAKER_BY_TYPE.get(machine) or _SAGEMAKER_BY_FAMILY.get(family)
    return Basis(*_EC2_HOUR, machine, factor, f"{factor} × EC2 {machine}") if factor else None


def _ec2_with_auto_mode_fee(instance_type: str) -> Basis:
    return Basis(*_EC2_HOUR, instance_type, _AUTO_MODE_FEE, f"{_AUTO_MODE_FEE} × EC2 {instance_type}")


_SAGEMAKER_HOURS = (
    "training-hour",
    "processing-hour",
    "hosting-hour",
    "batch-transform-hour",
    "notebook-instance-hour",
    "studio-jupyterlab-hour",
    "studio-notebook-hour",
)
FALLBACKS: Mapping[tuple[str, str], Sequence[Callable[[str], Basis | None]]] = {
    **{("SageMaker", hour): (_same_as_notebook, _ec2_with_sagemaker_factor) for hour in _SAGEMAKER_HOURS},
    ("EKS", "auto-mode-fee-hour"): (_ec2_with_auto_mode_fee,),
}
