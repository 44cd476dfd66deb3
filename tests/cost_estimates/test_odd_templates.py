"""Odd templates: whatever stands where a value should, every resource gets one line with a reason."""

import inspect
import re
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cost_estimates import rules
from cost_estimates.estimate import monthly
from cost_estimates.model import CostError, ResourceCost
from cost_estimates.rules import RULES
from cost_estimates.template import Stack
from cost_estimates.usage import PROFILES

TODAY = date(2026, 1, 15)
FAMILIES = [family for family in vars(rules).values() if isinstance(family, ModuleType)]
# Every property that a rule reads, as the rules write it.
PATHS = sorted(
    {path for family in FAMILIES for path in re.findall(r'"([A-Z]\w+(?:\.\w+)*)"', inspect.getsource(family))}
)
ODD = st.sampled_from(
    [
        *(
            None,
            [],
            {},
            "",
            "x",
            "t3.medium",
            -1,
            0,
            7,
            10**30,
            True,
            1.5,
            [None],
            [[]],
            [{}],
            ["a", 1],
            "1e9",
        ),
        *(
            {"Ref": "AWS::NoValue"},
            {"Ref": "Nobody"},
            {"Ref": "It"},
            {"Ref": "Open"},
            {"Fn::If": ["No", 1, 2]},
        ),
        *(
            [{"Ref": "Other"}],
            {"Fn::GetAtt": ["It", "Arn"]},
            {"Fn::Split": [",", {"Ref": "Open"}]},
            {"Fn::If": []},
        ),
        *([{"Ebs": {"VolumeSize": {"Ref": "Open"}}}], {"a": {"b": []}}, [{"InstanceType": []}], {"Ref": {}}),
    ]
)
PROPERTIES = st.dictionaries(st.sampled_from(PATHS), ODD, max_size=6)


def nest(paths: dict[str, Any]) -> dict[str, Any]:
    """`{"A.B": 1}` as `{"A": {"B": 1}}`; numbers in a path are positions in a list."""
    built: dict[str, Any] = {}
    for path, value in paths.items():
        here = built
        *above, last = [key for key in path.split(".") if not key.isdecimal()]
        for key in above:
            here = here[key] if isinstance(here.get(key), dict) else here.setdefault(key, {})
            if not isinstance(here, dict):
                return built
        here[last] = value
    return built


def costs(resources: dict[str, Any], usage: Any = "light") -> list[ResourceCost]:
    body = {"Parameters": {"Open": {"Type": "String"}}, "Resources": resources}
    return list(monthly(body, "us-east-1", usage=usage, today=TODAY).resources)


def test_the_rules_read_many_properties() -> None:
    assert len(PATHS) > 100


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(sorted(RULES)), properties=PROPERTIES, profile=st.sampled_from(PROFILES))
def test_any_value_anywhere_gets_a_line_with_a_reason(
    kind: str, properties: dict[str, Any], profile: str
) -> None:
    it, other = costs(
        {"It": {"Type": kind, "Properties": nest(properties)}, "Other": {"Type": "AWS::KMS::Key"}}, profile
    )
    assert it.reason
    # Unknown says why in words of its own, besides what the type is charged for.
    assert it.status != "unknown" or it.reason != RULES[kind].words
    assert it.band.idle <= it.band.low <= it.band.typical <= it.band.high
    assert other.band.idle == Decimal(1)


@pytest.mark.parametrize("kind", sorted(RULES))
@pytest.mark.parametrize(
    "properties", [None, [], "text", 5, {"Ref": "Open"}, {"Fn::Transform": {"Name": "x"}}]
)
def test_properties_that_are_none_are_survived(kind: str, properties: Any) -> None:
    [it] = costs({"It": {"Type": kind, "Properties": properties}})
    assert it.reason


@pytest.mark.parametrize("body", [None, [], "text", 5, {}, {"Type": None}, {"Type": 5}, {"Type": ["a"]}])
def test_what_is_no_resource_is_one_unknown_line(body: Any) -> None:
    it, key = costs({"It": body, "Key": {"Type": "AWS::KMS::Key"}})
    assert it.status == "unknown"
    assert it.reason.startswith("no price rule for ")
    assert key.band.idle == Decimal(1)


def test_a_type_that_a_macro_writes_is_named_by_its_macro() -> None:
    [it] = costs({"It": {"Type": {"Fn::Rain::Module": "./vpc.yml"}}})
    assert (it.type, it.status, it.reason) == (
        "Fn::Rain::Module",
        "unknown",
        "written out only on deployment",
    )


def test_a_transform_at_the_top_changes_nothing() -> None:
    body = {
        "Transform": ["AWS::Serverless-2016-10-31", "Mine"],
        "Resources": {"Ip": {"Type": "AWS::EC2::EIP"}},
    }
    assert monthly(body, "us-east-1", usage="idle", today=TODAY).total.idle == Decimal("3.65")


def test_functions_of_a_sam_template_share_its_globals() -> None:
    """1,000 s of light usage: 2 GB from the globals for one, 0.5 GB of its own for the other."""
    body = {
        "Globals": {"Function": {"MemorySize": 2048, "Architectures": ["arm64"]}},
        "Resources": {
            "A": {"Type": "AWS::Serverless::Function"},
            "B": {"Type": "AWS::Serverless::Function", "Properties": {"MemorySize": 512}},
        },
    }
    first, second = monthly(body, "us-east-1", usage="light", today=TODAY).resources
    assert [(line.usage, float(line.quantity)) for one in (first, second) for line in one.lines] == [
        ("Lambda request-arm", 500.0),
        ("Lambda gb-second-arm-tier1", 1_000.0),
        ("Lambda request-arm", 500.0),
        ("Lambda gb-second-arm-tier1", 250.0),
    ]


LOOP = [
    "Name",
    ["A", "B"],
    {"Key${Name}": {"Type": "AWS::KMS::Key", "Properties": {"Description": {"Ref": "Name"}}}},
]


def test_a_loop_over_known_values_is_written_out() -> None:
    assert [(one.logical_id, one.status) for one in costs({"Fn::ForEach::Keys": LOOP})] == [
        ("KeyA", "priced"),
        ("KeyB", "priced"),
    ]


def test_loops_within_loops_are_written_out() -> None:
    inner = {"Fn::ForEach::In": ["In", ["x", "y"], {"K${Out}&{In}": {"Type": "AWS::KMS::Key"}}]}
    assert [one.logical_id for one in costs({"Fn::ForEach::Out": ["Out", ["1", "2"], inner]})] == [
        *("K1x", "K1y", "K2x", "K2y"),
    ]


@pytest.mark.parametrize(
    "loop", [None, [], ["Name"], ["Name", "A", {}], ["Name", ["A"], []], [5, ["A"], {}], ["N", [["A"]], {}]]
)
def test_a_loop_that_makes_no_sense_is_one_unknown_line(loop: Any) -> None:
    [it] = costs({"Fn::ForEach::Keys": loop})
    assert (it.status, it.reason) == ("unknown", "written out only on deployment")


def test_stacks_that_are_none_are_refused() -> None:
    for template in ([], [Stack(body={})], ["text"]):
        with pytest.raises(CostError):
            monthly(template, "us-east-1", usage="idle", today=TODAY)
