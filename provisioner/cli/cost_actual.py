"""`stackwright cost actual`."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from provisioner import cost_text
from provisioner.cli.options import answer, json_option, now, open_registry, open_session, profile_option

if TYPE_CHECKING:
    from provisioner.aws.costs import Billed, TagState

TAG = "stackwright:stack"
MONTH_DAYS = 365 / 12
_ACTIVATE = (
    "the payer account activates it: Billing console, Cost allocation tags (up to 24 hours until it shows "
    "there, and 24 more until it counts; nothing is counted from before)"
)
TAG_WORDS = {
    "active": "",
    "inactive": f"The tag {TAG} is not active for cost allocation, so nothing is counted: {_ACTIVATE}.",
    "unseen": f"The tag {TAG} is not known to billing yet. Once it is, {_ACTIVATE}.",
    "unknown": f"Whether the tag {TAG} is active cannot be seen from this account; if not, {_ACTIVATE}.",
}
LAG = "Cost Explorer is up to 24 hours behind, and changes amounts until the month is closed."


@click.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="How far back.")
@profile_option
@json_option
def actual(name: str, days: int, profile: str, as_json: bool) -> None:
    """What a stack was billed, beside its estimate. Cost Explorer charges 0.01 USD a request.

    \b
    Example:
      stackwright cost actual churn-dev
    """
    from provisioner.aws.costs import REGION, Costs

    stack = open_registry().usable(name)
    door = Costs(open_session(REGION, profile).client("ce", REGION))
    end = now().date()
    start = end - timedelta(days=days)
    state = door.tag_state()
    billed = door.by_service(name, start, end) if state != "inactive" else None
    estimate = stack.estimate if stack else None
    value = set_beside(name, billed, state, estimate, start=start, end=end)
    answer(value, cost_text.actual(value), as_json=as_json)


def set_beside(
    name: str,
    billed: "Billed | None",
    state: "TagState",
    estimate: Mapping[str, Any] | None,
    *,
    start: date,
    end: date,
) -> dict[str, Any]:
    """The answer; what is not recorded is unknown, and never 0."""
    total = float(billed.total) if billed else None
    monthly = total / (end - start).days * MONTH_DAYS if total is not None else None
    services = sorted(billed.services.items(), key=lambda item: -item[1]) if billed else []
    known = estimate if estimate and "total" in estimate else None
    return {
        "name": name,
        "currency": "USD",
        "period": {"start": start.isoformat(), "end": end.isoformat(), "days": (end - start).days},
        "tag": {"key": TAG, "state": state},
        "actual": {
            "usd": None if total is None else round(total, 4),
            "monthly_usd": None if monthly is None else round(monthly, 4),
            "estimated": billed.estimated if billed else False,
        },
        "services": [{"service": service, "usd": round(float(usd), 4)} for service, usd in services],
        "estimate": known,
        "difference_usd": _difference(monthly, known),
        "notes": _notes(billed, state, known),
    }


def _difference(monthly: float | None, estimate: Mapping[str, Any] | None) -> float | None:
    if monthly is None or estimate is None:
        return None
    return round(monthly - float(estimate["total"]["typical"]), 4)


def _notes(billed: "Billed | None", state: "TagState", estimate: Mapping[str, Any] | None) -> list[str]:
    nothing = "Nothing is recorded for this stack: that is unknown, not zero." if billed is None else ""
    unestimated = "The registry knows no estimate of this stack." if estimate is None else ""
    return [note for note in (nothing, TAG_WORDS[state], LAG, unestimated) if note]
