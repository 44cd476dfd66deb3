"""Checks of what it costs: unknown prices, old prices, a budget that is too small or counts nothing."""

from collections.abc import Iterator

from provisioner.access import TAG_STACK
from provisioner.component import holds
from provisioner.preflight.row import Case, Row, Seen


def _unknown(case: Case) -> Iterator[Seen]:
    if case.estimate["unknown"]:
        yield Seen(
            subject="cost",
            message=f"{case.estimate['unknown']} resources have no known price in {case.estimate['region']}",
        )


def _stale(case: Case) -> Iterator[Seen]:
    if case.estimate["price_book"]["stale"]:
        yield Seen(
            subject="cost",
            message=f"The price book is of {case.estimate['price_book']['as_of']}, older than 180 days",
        )


def _exceeded(case: Case) -> Iterator[Seen]:
    budget, total = case.plan.spec.budget, case.estimate.get("total", {})
    if budget and total.get("typical", 0) > budget.monthly_usd:
        yield Seen(
            subject="budget.monthly_usd",
            message=f"The estimate is {total['typical']:,.2f} USD per month, the budget "
            f"{budget.monthly_usd:,} USD",
        )


# What costs money without carrying the stack's tag, by type and flavor.
_UNTAGGED = {
    "sagemaker": ("", "the SageMaker jobs and endpoints that pipelines start"),
    "eks": ("compute=auto", "the machines that EKS Auto Mode starts"),
}


def _untagged(case: Case) -> str:
    shape = case.plan.shape
    rows = [(_UNTAGGED[s.flavor], shape.structure(s)) for s in shape.slots if s.flavor in _UNTAGGED]
    found = list(dict.fromkeys(words for (when, words), structure in rows if holds(when, structure)))
    return f". Never counted, for they do not carry it: {', '.join(found)}" if found else ""


def _silent(case: Case) -> Iterator[Seen]:
    budget = case.plan.spec.budget
    if budget and budget.by == "sns":
        yield Seen(
            subject="budget.notify",
            message="Alerts reach the topic only where its own policy allows sns:Publish to "
            "budgets.amazonaws.com",
        )


def _uncounted(case: Case) -> Iterator[Seen]:
    if case.plan.spec.budget:
        yield Seen(
            subject="budget",
            message=f"It counts nothing until the account that pays activates the tag {TAG_STACK} for cost "
            f"allocation, and then only from that day on{_untagged(case)}",
        )


ROWS = (
    Row(
        id="cost-unknown",
        severity="warning",
        why="a total that leaves something out is not a total",
        look=_unknown,
        fix="the total is the sum of the rest",
    ),
    Row(
        id="prices-stale",
        severity="warning",
        why="prices change",
        look=_stale,
        fix="compare with the AWS price pages before you rely on an amount",
    ),
    Row(
        id="budget-exceeded",
        severity="warning",
        why="the first alert would come within the first month",
        look=_exceeded,
        fix="raise it, or choose less: `stackwright cost estimate` shows what costs most",
    ),
    Row(
        id="budget-tag",
        severity="warning",
        why="a budget filtered by a tag that is not activated stays at 0 for ever",
        look=_uncounted,
        fix="Billing console, Cost allocation tags, in the payer account; `stackwright doctor` looks whether "
        "costs arrive",
    ),
    Row(
        id="budget-topic",
        severity="info",
        why="a topic lets in nobody but its account by itself",
        look=_silent,
        fix="`stackwright plan --online` looks whether it does",
    ),
)
