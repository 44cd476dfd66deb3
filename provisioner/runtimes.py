"""Python runtimes of Lambda, and when AWS stops taking them. Dated package data."""

import json
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(
        files("provisioner").joinpath("data/lambda_runtimes.json").read_text(encoding="utf-8")
    )
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
