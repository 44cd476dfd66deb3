"""Cost answers as plain text: estimates with what drives them, changes, comparisons and actual bills."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from provisioner import text

SHOWN = 10
SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def change(amount: float) -> str:
    """A difference in dollars a month, with its sign."""
    cents = round(amount, 2)
    sign = "+" if cents > 0 else "−" if cents < 0 else "±"
    return f"{sign}{text.usd(abs(amount))}"


def cell(words: object) -> str:
    """Text that cannot leave its cell of a Markdown table, nor become markup or a mention."""
    replaced = {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "|": "&#124;",
        "`": "&#96;",
        "@": "&#64;",
        "[": "&#91;",
    }
    plain = " ".join(str(words).split())
    return (
        "".join(replaced.get(letter, letter) for letter in plain).replace("*", "&#42;").replace("_", "&#95;")
    )


def digits(amount: float) -> str:
    """A unit price with all its digits, and no exponent."""
    return f"{Decimal(str(amount)):f}"


def amount(usd: float) -> str:
    """Dollars on a scale, negative ones included."""
    return f"{'−' if usd < 0 else ''}{text.usd(abs(usd))}"


def stale(book: Mapping[str, Any]) -> str:
    """The sentence that every answer from an old book carries; empty for a fresh one."""
    if not book["stale"]:
        return ""
    return (
        f"The price book of {book['as_of']} is older than 180 days: compare before you rely on it, "
        "or run `stackwright prices refresh`."
    )


def unknown(count: int) -> str:
    if not count:
        return ""
    return (
        f"{count} {'resource has' if count == 1 else 'resources have'} no known price: the total is without."
    )


def estimate(value: Mapping[str, Any]) -> str:
    """The band per component, what drives it, what is unknown, and what a budget says."""
    parts = [
        text.cost(value),
        f"  Left alone, without jobs, requests or data, it costs {text.usd(value['total']['idle'])} a month.",
        text.section("\nDearest", _drivers(value["drivers"])).rstrip(),
        text.section("\nUnknown", _unknown_rows(value["resources"])).rstrip(),
        budget(value["budget"]) if "budget" in value else "",
    ]
    return "\n".join(part for part in parts if part)


def budget(value: Mapping[str, Any]) -> str:
    verdict = "exceeds" if value["exceeded"] else "is within"
    known = f" {unknown(value['unknown'])}" if value["unknown"] else ""
    return (
        f"\nThe {value['level']} month of {text.usd(value['usd'])} {verdict} "
        f"the budget of {text.usd(value['limit_usd'])}.{known}"
    )


def diff(value: Mapping[str, Any]) -> str:
    """One line per resource that changes, and the totals."""
    rows = [["", "resource", "type", "old", "new", "change"]]
    for resource in value["resources"]:
        old, new = (side(resource[which]) for which in ("old", "new"))
        name = resource["logical_id"]
        sign = SIGNS[resource["kind"]]
        rows.append([sign, name, resource["type"], old, new, change(resource["change"]["typical"])])
    totals = [text.usd(value[which]["total"]["typical"]) for which in ("old", "new")]
    rows.append(["", "total", "", *totals, change(value["change"]["typical"])])
    return "\n".join([text.table(rows, right=(3, 4, 5)), *(f"  {note}" for note in diff_notes(value))])


def diff_notes(value: Mapping[str, Any]) -> Iterable[str]:
    counts, usage = value["counts"], value["usage"]
    yield (
        f"USD per typical month in {value['region']}, usage profile {usage['profile']}, "
        f"prices of {value['price_book']['as_of']}; {counts['same']} resources stay the same."
    )
    if value["old"]["unknown"] or value["new"]["unknown"]:
        before, after = value["old"]["unknown"], value["new"]["unknown"]
        yield f"Resources without a known price: {before} before, {after} after."
    if value["price_book"]["stale"]:
        yield stale(value["price_book"])


def compare(value: Mapping[str, Any]) -> str:
    """A row per way, and where one overtakes another."""
    rows = [["", "way", "fixed", "an hour", "a month"]]
    for way in value["ways"]:
        if way["unknown"]:
            rows.append([way["name"], way["words"], "", "", "unknown"])
        else:
            hourly = f"${way['hourly_usd']:,.4f}"
            amounts = (text.usd(way["fixed_usd"]), hourly, text.usd(way["monthly_usd"]))
            rows.append([way["name"], way["words"], *amounts])
    notes = [work_words(value), *break_even_words(value), *compare_notes(value)]
    return "\n".join([text.table(rows, right=(2, 3, 4)), *(f"  {note}" for note in notes)])


def work_words(value: Mapping[str, Any]) -> str:
    work = value["workload"]
    spot = " on Spot" if work["spot"] else ""
    return (
        f"{work['steps']:,g} steps of {work['hours']:,g} h a month on {work['machine']}{spot} "
        f"in {value['region']}: {work['hours_per_month']:,g} hours."
    )


def break_even_words(value: Mapping[str, Any]) -> Iterable[str]:
    for point in value["break_evens"]:
        hours = f"{point['hours']:,.0f}"
        yield f"From {hours} hours a month on, {point['above']} is cheaper than {point['below']}."


def compare_notes(value: Mapping[str, Any]) -> Iterable[str]:
    yield from value["notes"]
    yield from (f"{way['name']} is unknown: {way['unknown']}." for way in value["ways"] if way["unknown"])
    if value["price_book"]["stale"]:
        yield stale(value["price_book"])


def actual(value: Mapping[str, Any]) -> str:
    """The bill beside the estimate."""
    billed = value["actual"]
    rows = [["service", "billed"], *([s["service"], text.usd(s["usd"])] for s in value["services"])]
    period = value["period"]
    head = f"{value['name']}, {period['start']} to {period['end']}"
    lines = [
        head,
        text.table(rows, right=[1]) if value["services"] else "",
        f"  billed    {'unknown' if billed['usd'] is None else text.usd(billed['usd'])}",
        f"  a month   {'unknown' if billed['monthly_usd'] is None else text.usd(billed['monthly_usd'])}",
        f"  estimate  {_band(value['estimate'])}",
        *(f"  {note}" for note in value["notes"]),
    ]
    return "\n".join(line for line in lines if line)


def _band(estimate_: Mapping[str, Any] | None) -> str:
    if estimate_ is None:
        return "unknown"
    total = estimate_["total"]
    return f"{text.usd(total['typical'])} ({text.usd(total['low'])}–{text.usd(total['high'])})"


def side(resource: Mapping[str, Any] | None) -> str:
    """The typical month of a resource in one of two templates; empty where it is not in it."""
    if resource is None:
        return ""
    return "unknown" if resource["status"] == "unknown" else text.usd(resource["typical"])


def _drivers(drivers: Sequence[Mapping[str, Any]]) -> str:
    rows = [[text.usd(d["monthly_usd"]), f"{d['share']:.0%}", d["logical_id"], d["usage"]] for d in drivers]
    return text.table(rows, right=(0, 1))


def _unknown_rows(resources: Iterable[Mapping[str, Any]]) -> str:
    found = [[r["logical_id"], r["type"], r["reason"]] for r in resources if r["status"] == "unknown"]
    more = [[f"and {len(found) - SHOWN} more", "", ""]] if len(found) > SHOWN else []
    return text.table([*found[:SHOWN], *more])
