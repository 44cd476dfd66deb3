"""Zone ids of the regions: none that EKS refuses, and fresh."""

import importlib.util
import json
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from provisioner import regions, zones

ROOT = Path(__file__).parent.parent


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("zone_facts", ROOT / "scripts" / "build_zone_facts.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_zones_are_fresh() -> None:
    facts = json.loads((ROOT / "provisioner" / "data" / "zones.json").read_text())
    assert facts["zones"] == builder().zones()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts["as_of"])
    assert facts["source"].startswith(f"moto {version('moto')}")


def test_a_region_has_two_or_three_zones() -> None:
    assert {len(ids) for ids in zones.by_region().values()} == {2, 3}
    assert zones.of("us-east-1") == ("use1-az1", "use1-az2", "use1-az4")
    assert zones.of("us-west-1") == ("usw1-az1", "usw1-az3")


def test_no_zone_is_one_that_eks_refuses() -> None:
    assert not builder().REFUSED_BY_EKS & {zone for ids in zones.by_region().values() for zone in ids}


def test_a_zone_is_of_one_region() -> None:
    known = [zone for ids in zones.by_region().values() for zone in ids]
    assert len(known) == len(set(known))
    assert zones.by_region().keys() <= set(regions.names())


def test_a_region_whose_zones_nobody_published_has_none() -> None:
    assert zones.of("eusc-de-east-1") == ()
