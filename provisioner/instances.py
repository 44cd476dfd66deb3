"""Machines with GPUs that EC2 sells in a region, as far as the price book knows. Dated package data."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from provisioner.package_data import table


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = table("instances")
    return facts


def as_of() -> str:
    return str(_facts()["as_of"])


@cache
def gpus() -> Mapping[str, tuple[str, ...]]:
    """Region -> types; a region that is absent may sell any."""
    return {region: tuple(types.split()) for region, types in _facts()["gpus"].items()}


def offered(type_: str, region: str) -> bool | None:
    """Whether a region sells a type; None where the book knows the region or the type not at all."""
    if region not in gpus() or not regions_with(type_):
        return None
    return type_ in gpus()[region]


def regions_with(type_: str) -> list[str]:
    return [region for region, types in gpus().items() if type_ in types]


def nearest(type_: str, region: str) -> list[str]:
    """What a region sells instead: the same family first, then the same size, at most three."""
    family, _, size = type_.partition(".")

    def distance(other: str) -> tuple[bool, bool, str]:
        other_family, _, other_size = other.partition(".")
        return other_family != family, other_size != size, other

    return sorted(gpus().get(region, ()), key=distance)[:3]
