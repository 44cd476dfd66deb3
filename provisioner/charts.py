"""Pictures of costs as places on a canvas; `templates/_charts.html.j2` draws them as SVG."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

WIDTH = 720
LABELS = 210  # left of the bars
MARGIN = 90  # right of them, for amounts
ROW = 30
LINES_HEIGHT = 320
LEFT, TOP, BOTTOM = 70, 16, 44
_TICKS = 5
# Break-even points this much beyond the workload are left outside the picture.
_REACH = 3
_MOST_BARS = 12


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A line of the scale."""

    at: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One amount from zero to its end, with the range from low to high where there is one."""

    label: str
    y: float
    x: float
    width: float
    value: float
    range_x: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Horizontal bars, of which negative ones go to the left of `zero`."""

    height: float
    zero: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    width: float = WIDTH
    labels: float = LABELS


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line of cost over hours; `number` chooses its colour."""

    name: str
    number: int
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point worth a word, which stands below it or above: neighbours take turns."""

    x: float
    y: float
    words: str
    below: bool


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Cost over hours of work, with the points where one line crosses another."""

    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    work_x: float
    bottom: float
    width: float = WIDTH
    height: float = LINES_HEIGHT
    left: float = LEFT
    top: float = TOP


def bars(rows: Iterable[Mapping[str, Any]]) -> Bars:
    """Rows of `label`, `value` and, where there is a range, `low` and `high`."""
    rows = list(rows)
    amounts = [float(row[key]) for row in rows for key in ("low", "value", "high") if key in row]
    scale = _scale(min([0.0, *amounts]), max([0.0, *amounts]))

    def place(amount: float) -> float:
        share = (amount - scale[0]) / (scale[-1] - scale[0])
        return round(LABELS + share * (WIDTH - LABELS - MARGIN), 1)

    return Bars(
        height=ROW * len(rows) + ROW,
        zero=place(0),
        bars=tuple(_bar(row, ROW * number, place) for number, row in enumerate(rows)),
        ticks=tuple(Tick(at=place(value), value=value) for value in scale),
    )


def of_estimate(estimate: Mapping[str, Any]) -> Bars:
    """The components of a `cost estimate` answer, the dearest first."""
    parts = sorted(estimate["components"], key=lambda part: -part["typical"])
    return bars(
        {"label": p["component"], "value": p["typical"], "low": p["low"], "high": p["high"]} for p in parts
    )


def of_diff(diff: Mapping[str, Any]) -> Bars:
    """What changes most in a `cost diff` answer, whose resources stand in that order."""
    moved = [r for r in diff["resources"] if r["change"]["typical"]]
    return bars({"label": r["logical_id"], "value": r["change"]["typical"]} for r in moved[:_MOST_BARS])


def lines(comparison: Mapping[str, Any]) -> Lines:
    """The ways of a `cost compare` answer over the hours of a month."""
    work = comparison["workload"]["hours_per_month"]
    known = [way for way in comparison["ways"] if not way["unknown"]]
    near = [p for p in comparison["break_evens"] if p["hours"] <= _REACH * max(work, 1)]
    hours = _scale(0, 1.2 * max([work, 1.0, *(p["hours"] for p in near)]))
    usd = _scale(0, max([1.0, *(_cost(way, hours[-1]) for way in known)]))
    bottom = LINES_HEIGHT - BOTTOM

    def x(amount: float) -> float:
        return round(LEFT + amount / hours[-1] * (WIDTH - LEFT - 20), 1)

    def y(amount: float) -> float:
        return round(bottom - amount / usd[-1] * (bottom - TOP), 1)

    return Lines(
        lines=tuple(
            Line(
                name=way["name"],
                number=number,
                x1=x(0),
                y1=y(_cost(way, 0)),
                x2=x(end),
                y2=y(_cost(way, end)),
            )
            for number, way in enumerate(known)
            # A machine that is left on has no more hours than the month.
            for end in (min(hours[-1], way["most_hours"] or hours[-1]),)
        ),
        marks=tuple(
            Mark(x=x(p["hours"]), y=y(p["monthly_usd"]), words=f"{p['hours']:,.0f} h", below=number % 2 == 0)
            for number, p in enumerate(near)
        ),
        x_ticks=tuple(Tick(at=x(value), value=value) for value in hours),
        y_ticks=tuple(Tick(at=y(value), value=value) for value in usd),
        work_x=x(work),
        bottom=bottom,
    )


def _bar(row: Mapping[str, Any], y: float, place: Any) -> Bar:
    start, end = sorted((place(0), place(float(row["value"]))))
    ranged = "low" in row and row["low"] != row["high"]
    return Bar(
        label=str(row["label"]),
        y=y,
        x=start,
        width=round(max(end - start, 0.5), 1),
        value=float(row["value"]),
        range_x=(place(float(row["low"])), place(float(row["high"]))) if ranged else None,
    )


def _cost(way: Mapping[str, Any], hours: float) -> float:
    return float(way["fixed_usd"]) + float(way["hourly_usd"]) * hours


def _scale(low: float, high: float) -> Sequence[float]:
    """Round numbers that hold both ends."""
    step = _round_step((high - low) / _TICKS or 1.0)
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _round_step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough))
    return float(next((n * power for n in (1, 2, 5) if n * power >= rough), 10 * power))
