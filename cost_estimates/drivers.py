"""What an estimate's total is mostly made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from cost_estimates.model import ZERO, Estimate, as_number

SHOWN = 5


class Driver(NamedTuple):
    """One meter of one resource in the typical month, and its share of the total."""

    logical_id: str
    usage: str
    monthly_usd: Decimal
    share: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {
            "logical_id": self.logical_id,
            "usage": self.usage,
            "monthly_usd": as_number(self.monthly_usd),
            "share": as_number(self.share),
        }


def top(estimate: Estimate, count: int = SHOWN) -> tuple[Driver, ...]:
    """The dearest meters first; tiers of one meter count together."""
    total = estimate.total.typical
    sums: dict[tuple[str, str], Decimal] = {}
    for resource in estimate.resources:
        for line in resource.lines:
            key = (resource.logical_id, line.usage.partition("-tier")[0])
            sums[key] = sums.get(key, ZERO) + line.monthly_usd
    dearest = sorted((item for item in sums.items() if item[1] > 0), key=lambda item: (-item[1], item[0]))
    return tuple(Driver(*key, usd, usd / total if total else ZERO) for key, usd in dearest[:count])
