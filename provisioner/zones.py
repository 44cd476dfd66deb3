"""Availability zones by id, at most three a region, none that EKS refuses. Dated package data."""

from collections.abc import Mapping
from functools import cache

from provisioner.package_data import table


@cache
def by_region() -> Mapping[str, tuple[str, ...]]:
    """Region -> zone ids; a region that is absent has zones too, only nobody published their ids."""
    facts = table("zones")
    return {region: tuple(ids) for region, ids in facts["zones"].items()}


def of(region: str) -> tuple[str, ...]:
    """The zone ids to use in a region; empty where they are not known."""
    return by_region().get(region, ())
