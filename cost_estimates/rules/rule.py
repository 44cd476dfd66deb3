"""What a rule is made of: meters, charges, and prices that nobody has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from cost_estimates.model import HOURS_PER_MONTH
from cost_estimates.template import Resource
from cost_estimates.usage import Usage


# Records that stay inside the package are NamedTuples: a dataclass costs a millisecond at import.
class Meter(NamedTuple):
    """A row of the price book, or a ladder of rows."""

    service: str
    usage: str


class Charge(NamedTuple):
    """A meter that runs for a resource: `quantity` a month, or `quantity` for each unit of usage `per`.

    Of `machines` the first counts that the region sells.
    """

    meter: Meter
    quantity: Decimal = Decimal(1)
    per: str = ""
    machines: tuple[str, ...] = ()


class Missing(NamedTuple):
    """Something is charged, and no price book row could ever match it; idle months have no `used` ones."""

    reason: str
    used: bool = False

    @property
    def per(self) -> str:
        return "unmeasured" if self.used else ""


class Situation(NamedTuple):
    """What a rule may look at besides its resource."""

    usage: Usage
    today: date


Charges = Iterable[Charge | Missing]


class Rule(NamedTuple):
    """What is charged for a type, in words and as meters; `otherwise` says why a resource without is free."""

    words: str
    charges: Callable[[Resource, Situation], Charges]
    otherwise: str = ""


def fixed(*charges: Charge | Missing) -> Callable[[Resource, Situation], Charges]:
    """The same meters for every resource of a type."""
    return lambda resource, situation: charges


def running(meter: Meter, machine: str = "", count: Decimal | int = 1) -> Charge:
    return Charge(meter=meter, quantity=HOURS_PER_MONTH * count, machines=(machine,) if machine else ())


def no_price(what: str, *, used: bool = False) -> Missing:
    """`used`: nothing is charged before the first use."""
    return Missing(reason=f"no price for {what} in the price book", used=used)


PUBLIC_IP_HOUR = Meter("VPC", "public-ipv4-inuse-hour")
EC2_HOUR = Meter("EC2", "ondemand-linux-shared-hour")
