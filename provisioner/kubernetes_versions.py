"""Kubernetes versions that EKS runs, and how long it supports them. Dated package data."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Literal

from provisioner.package_data import table

Standing = Literal["supported", "ending", "extended", "ended", "unknown"]
# A release must have been out for its add-ons to follow, and must last until somebody has time to upgrade.
SETTLED = timedelta(days=60)
RUNWAY = timedelta(days=180)
SOON = timedelta(days=60)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One minor version; both dates are the first day without that support, UTC."""

    name: str
    released: date
    standard_until: date
    extended_until: date


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = table("kubernetes")
    return facts


@cache
def versions() -> tuple[Version, ...]:
    """The versions that we have dates of, oldest first."""
    rows = (
        Version(name=name, **{key: date.fromisoformat(day) for key, day in row.items()})
        for name, row in _facts()["versions"].items()
    )
    return tuple(sorted(rows, key=lambda v: v.released))


def as_of() -> date:
    return date.fromisoformat(_facts()["as_of"])


def default() -> str:
    """The newest version that is settled and has standard support for a good while after the table's date."""
    return newest(as_of())


def newest(today: date) -> str:
    """The newest version to choose on a day; of a stale table, the one supported longest."""
    good = [v for v in versions() if v.released + SETTLED <= today and today + RUNWAY <= v.standard_until]
    return (good or list(versions()))[-1].name


def check(name: str, today: date) -> tuple[Standing, Version | None]:
    """Where a version stands on a day; one that we have no dates of is unknown, not refused."""
    version = next((v for v in versions() if v.name == name), None)
    if version is None:
        return ("ended" if _older(name) else "unknown"), None
    if today >= version.extended_until:
        return "ended", version
    if today >= version.standard_until:
        return "extended", version
    return ("ending" if today + SOON >= version.standard_until else "supported"), version


def _older(name: str) -> bool:
    return tuple(map(int, name.split("."))) < tuple(map(int, versions()[0].name.split(".")))
