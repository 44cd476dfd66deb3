"""Facts about regions: partitions, hosts, and resource types that a region lacks. Dated package data."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from provisioner.errors import SpecError
from provisioner.package_data import table


@dataclass(frozen=True, kw_only=True)
class Partition:
    name: str
    console: str
    suffix: str


PARTITIONS = {
    p.name: p
    for p in (
        Partition(name="aws", console="console.aws.amazon.com", suffix="amazonaws.com"),
        Partition(name="aws-cn", console="console.amazonaws.cn", suffix="amazonaws.com.cn"),
        Partition(name="aws-us-gov", console="console.amazonaws-us-gov.com", suffix="amazonaws.com"),
        Partition(name="aws-eusc", console="console.amazonaws-eusc.eu", suffix="amazonaws.eu"),
    )
}


@cache
def _facts() -> dict[str, dict[str, dict[str, object]]]:
    facts: dict[str, dict[str, dict[str, object]]] = table("regions")
    return facts


def names() -> list[str]:
    return list(_facts()["regions"])


def check(region: object) -> str:
    """The region, if there is one of this name; raises SpecError with those that come nearest."""
    if region in names():
        return str(region)
    from difflib import get_close_matches

    near = get_close_matches(str(region), names(), n=3, cutoff=0)
    raise SpecError(
        f"unknown region {region!r}",
        hint=f"nearest: {', '.join(near)}; {len(names())} regions, see docs/stack.schema.json",
        field="region",
    )


def partition(region: str) -> Partition:
    """The partition of a known region; raises KeyError for another."""
    return PARTITIONS[str(_facts()["regions"][region]["partition"])]


def missing_types(region: str) -> frozenset[str] | None:
    """Resource types of ours that the region lacks; None where no registry tells."""
    missing: Any = _facts()["regions"][region]["missing"]
    return None if missing is None else frozenset(str(t) for t in missing)
