"""A usage file for one template: every key that changes its price, with its reasoning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cost_estimates import price_book
from cost_estimates import usage as usages
from cost_estimates.metering import Metered, meter
from cost_estimates.price_book import Price, PriceBook
from cost_estimates.regions import check_region
from cost_estimates.rules import Charge, Situation
from cost_estimates.template import Stack
from cost_estimates.usage import AMOUNTS, MACHINE_OF, MACHINES, Levels, Usage

NONE: Mapping[str, str] = {}
_WIDTH = 100
_NAMED = 6  # resources by name in a comment


def usage_file(
    template: Mapping[str, Any] | Sequence[Stack],
    region: str,
    profile: str,
    *,
    parameters: Mapping[str, str] = NONE,
    book: PriceBook | None = None,
) -> str:
    """A commented YAML usage file; as it stands it gives the estimate of its profile. Raises CostError."""
    book = book or price_book.load()
    check_region(book, region)
    usage = usages.parse(profile)
    metered = meter(template, region, parameters, Situation(usage=usage, today=book.as_of))
    used = {key: _carriers(metered, key) for key in AMOUNTS}
    blocks = [_head(region, usage.profile, any(used.values()))]
    for key, carriers in used.items():
        if carriers:
            blocks.append(_amount(key, usage.amounts[key], carriers))
            blocks += _machine(key, metered, usage, book, region)
    return "\n\n".join(blocks) + "\n"


def _carriers(metered: Sequence[Metered], key: str) -> list[str]:
    return [one.path for one in metered if any(charge.per == key for charge in one.charges)]


def _head(region: str, profile: str, depends: bool) -> str:
    words = (
        f"What a month of work adds in {region}, for the whole template; resources that share a key share "
        f"its amount. The numbers are those of profile {profile}: change what you know better, and leave out "
        "what you do not. One number in place of low, typical and high counts for all three."
        if depends
        else "Nothing in this template depends on how much it is used."
    )
    return f"{_comment(words)}\nprofile: {profile}"


def _amount(key: str, levels: Levels, carriers: Sequence[str]) -> str:
    named = ", ".join(carriers[:_NAMED]) + (" and others" if len(carriers) > _NAMED else "")
    words = f"{AMOUNTS[key].unit} a month, of {named}. {AMOUNTS[key].why}"
    numbers = ", ".join(f"{name}: {_plain(number)}" for name, number in levels._asdict().items())
    return f"{_comment(words)}\n{key}: {{{numbers}}}"


def _machine(
    key: str, metered: Sequence[Metered], usage: Usage, book: PriceBook, region: str
) -> Iterator[str]:
    """The machine whose hours a key counts, unless the template itself names it."""
    machine_key = MACHINE_OF.get(key)
    if machine_key is None:
        return
    wanted = usage.machines[machine_key]
    charges = (charge for one in metered for charge in one.charges if isinstance(charge, Charge))
    meters = [charge.meter for charge in charges if charge.per == key and charge.machines == wanted]
    if meters:
        sold = (name for name in wanted if isinstance(book.price(*meters[0], region, name), Price))
        yield f"{_comment(MACHINES[machine_key].why)}\n{machine_key}: {next(sold, wanted[0])}"


def _comment(words: str) -> str:
    return textwrap.fill(words, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
