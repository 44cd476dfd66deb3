"""A month of a CloudFormation template in one region, in US dollars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from cost_estimates import price_book
from cost_estimates import usage as usages
from cost_estimates.metering import Metered, meter
from cost_estimates.model import (
    NOTHING,
    ZERO,
    Band,
    BookStamp,
    Estimate,
    Line,
    ResourceCost,
    Status,
    add,
)
from cost_estimates.price_book import Price, PriceBook, Step, Unknown
from cost_estimates.regions import check_region as check_region  # part of this module's interface
from cost_estimates.rules import FREE, Charge, Missing, Situation, unknown_reason
from cost_estimates.template import Stack
from cost_estimates.template_text import read_template as read_template  # part of this module's interface
from cost_estimates.usage import IDLE, Usage

NONE: Mapping[str, str] = {}
# A third of a dollar has no end; cut here, sums are exact in whatever order they are made.
SMALLEST_SHARE = Decimal("1e-12")


class Market(NamedTuple):
    """Where prices come from, and what the month adds."""

    book: PriceBook
    region: str
    usage: Usage
    carriers: Mapping[str, int]


class Charged(NamedTuple):
    """One charge in money; `missing` says which price is not known."""

    band: Band = NOTHING
    lines: tuple[Line, ...] = ()
    missing: str = ""


NO_CHARGE = Charged()


def monthly(
    template: Mapping[str, Any] | Sequence[Stack],
    region: str,
    *,
    usage: Usage | Mapping[str, Any] | str,
    parameters: Mapping[str, str] = NONE,
    today: date,
    book: PriceBook | None = None,
) -> Estimate:
    """What a template or several stacks cost per month; raises CostError on what cannot be estimated."""
    book = book or price_book.load()
    check_region(book, region)
    usage = usages.parse(usage)
    metered = meter(template, region, parameters, Situation(usage=usage, today=today))
    market = Market(book=book, region=region, usage=usage, carriers=_count_carriers(metered))
    # Many resources run the same meters: each is priced once.
    charged = {charge: _charge(charge, market) for charge in {c for one in metered for c in one.charges}}
    return Estimate(
        region=region,
        price_book=BookStamp(as_of=book.as_of, sha256=book.sha256, stale=book.stale(today)),
        profile=usage.profile,
        overrides=usage.overrides,
        resources=tuple(_cost(one, market, charged) for one in metered),
    )


def _count_carriers(metered: list[Metered]) -> Counter[str]:
    """How many resources share each amount of usage, so that a total does not depend on their number."""
    return Counter(key for one in metered for key in {charge.per for charge in one.charges})


def _cost(one: Metered, market: Market, charged: Mapping[Charge | Missing, Charged]) -> ResourceCost:
    if not market.book.prices_region(market.region):
        return _result(one, "unknown", f"no prices for {market.region} in the price book")
    if one.rule is None:
        because = FREE.get(one.resource.type)
        return _result(one, "free" if because else "unknown", because or unknown_reason(one.resource.type))
    if not one.charges and one.rule.otherwise:
        return _result(one, "free", one.rule.otherwise)
    parts = [charged[charge] for charge in one.charges]
    missing = [part.missing for part in parts if part.missing]
    reason = "; ".join([one.rule.words, *one.resource.notes, *missing])
    return _result(one, _status(one.charges, missing), reason, parts)


def _status(charges: tuple[Charge | Missing, ...], missing: list[str]) -> Status:
    if missing or not charges:
        return "unknown"
    return "usage" if all(charge.per for charge in charges) else "priced"


def _result(one: Metered, status: Status, reason: str, parts: Sequence[Charged] = ()) -> ResourceCost:
    return ResourceCost(
        logical_id=one.path,
        type=one.resource.type,
        component=one.resource.component,
        status=status,
        reason=reason,
        band=add(part.band for part in parts),
        lines=tuple(line for part in parts for line in part.lines),
    )


def _charge(charge: Charge | Missing, market: Market) -> Charged:
    if isinstance(charge, Missing):
        # Nothing is used in an idle month, so nothing is missing from its price.
        return NO_CHARGE if charge.used and market.usage.profile == IDLE else Charged(missing=charge.reason)
    machine = _choose_machine(charge, market)
    return (_charge_usage if charge.per else _charge_fixed)(charge, machine, market)


def _choose_machine(charge: Charge, market: Market) -> str:
    """The first machine that the region has a price for; if none, the one to name as missing."""
    prices = ((name, market.book.price(*charge.meter, market.region, name)) for name in charge.machines)
    known = (name for name, price in prices if isinstance(price, Price))
    return next(known, "".join(charge.machines[:1]))


def _charge_fixed(charge: Charge, machine: str, market: Market) -> Charged:
    steps = _steps(charge, machine, charge.quantity, market)
    if isinstance(steps, Unknown):
        return Charged(missing=steps.reason)
    usd = _usd(steps)
    band = Band(idle=usd, low=usd, typical=usd, high=usd)
    return Charged(band=band, lines=_lines(charge, machine, steps, 1))


def _charge_usage(charge: Charge, machine: str, market: Market) -> Charged:
    """The whole template's usage climbs the price ladder; the resource pays its equal share of it."""
    sharers = market.carriers[charge.per]
    levels = []
    for amount in market.usage.amounts[charge.per]:
        steps = _steps(charge, machine, charge.quantity * amount, market)
        if isinstance(steps, Unknown):
            return Charged(missing=steps.reason)
        levels.append(steps)
    low, typical, high = ((_usd(steps) / sharers).quantize(SMALLEST_SHARE) for steps in levels)
    return Charged(
        band=Band(low=low, typical=typical, high=high), lines=_lines(charge, machine, levels[1], sharers)
    )


def _steps(charge: Charge, machine: str, quantity: Decimal, market: Market) -> tuple[Step, ...] | Unknown:
    # Nothing of something costs nothing, even where its price is not known.
    if not quantity:
        return ()
    return market.book.steps(*charge.meter, market.region, quantity, machine)


def _usd(steps: tuple[Step, ...]) -> Decimal:
    return sum((step.quantity * step.price.usd for step in steps), start=ZERO)


def _lines(charge: Charge, machine: str, steps: tuple[Step, ...], sharers: int) -> tuple[Line, ...]:
    return tuple(
        Line(
            usage=" ".join(filter(None, (charge.meter.service, step.usage, machine))),
            quantity=step.quantity / sharers,
            unit=step.price.unit,
            unit_usd=step.price.usd,
            monthly_usd=step.quantity * step.price.usd / sharers,
            source=step.price.source,
            as_of=step.price.as_of,
        )
        for step in steps
    )
