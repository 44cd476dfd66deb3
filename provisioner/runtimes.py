"""Python runtimes of Lambda, and when AWS stops taking them. Dated package data."""

from datetime import date
from functools import cache
from typing import Any

from provisioner.package_data import table


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = table("lambda_runtimes")
    return facts


def as_of() -> date:
    return date.fromisoformat(_facts()["as_of"])


def python() -> str:
    """The newest one: it lasts longest. All have been in every region since the day they came out."""
    names: list[str] = [*_facts()["python"]]
    return max(names, key=_number)


def deprecated(runtime: str) -> date:
    """The day from which AWS no longer mends it; raises KeyError for one that we have no dates of."""
    return date.fromisoformat(_facts()["python"][runtime]["deprecated"])


def _number(runtime: str) -> tuple[int, ...]:
    return tuple(map(int, runtime.removeprefix("python").split(".")))
