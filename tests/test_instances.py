"""Where GPUs are sold: as the price book has them, and "nobody knows" is no refusal."""

import importlib.util
import json
from pathlib import Path

import pytest

from provisioner import instances

ROOT = Path(__file__).parent.parent


def test_the_table_is_what_the_price_book_says() -> None:
    spec = importlib.util.spec_from_file_location("facts", ROOT / "scripts" / "build_instance_facts.py")
    assert spec and spec.loader
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    assert json.loads((ROOT / "provisioner" / "data" / "instances.json").read_text()) == builder.facts()


@pytest.mark.parametrize(
    ("type_", "region", "offered"),
    [
        ("g5.xlarge", "us-east-1", True),
        ("g5.xlarge", "af-south-1", False),
        ("g5.xlarge", "cn-north-1", None),  # the book has no prices of China
        ("g99.xlarge", "us-east-1", None),
    ],
)
def test_a_machine_is_offered_or_not_or_nobody_knows(type_: str, region: str, offered: bool | None) -> None:
    assert instances.offered(type_, region) is offered


def test_the_nearest_machine_is_of_the_family_or_of_the_size() -> None:
    assert instances.nearest("g5.xlarge", "af-south-1")[0] == "g4dn.xlarge"
    assert instances.nearest("g5.xlarge", "nowhere-1") == []
