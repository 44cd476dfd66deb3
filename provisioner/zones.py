"""Availability zones by id, at most three a region, none that EKS refuses. Dated package data."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def by_region() -> Mapping[str, tuple[str, ...]]:
    """Region -> zone ids; a region that is absent has zones too, only nobody published their ids."""
    facts = json.loads(files("provisioner").joinpath("data/zones.json").read_text())
    return {region: tuple(ids) for region, ids in facts["zones"].items()}


def of(region: str) -> tuple[str, ...]:
    """The zone ids to use in a region; empty where they are not known."""
    return by_region().get(region, ())
