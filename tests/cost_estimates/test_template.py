"""Templates: intrinsics, conditions, parameters – and what only AWS knows."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_estimates.intrinsics import INTRINSICS, Unresolved
from cost_estimates.model import CostError
from cost_estimates.template import Resource, Template

TABLES = {
    "Parameters": {
        "Size": {"Type": "String", "Default": "small"},
        "Count": {"Type": "Number", "Default": 3},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Image": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/ami"},
        "Owner": {"Type": "String"},
    },
    "Mappings": {"Kinds": {"small": {"type": "t3.medium"}, "eu-west-1": {"zones": ["x", "y"]}}},
    "Conditions": {
        "IsSmall": {"Fn::Equals": [{"Ref": "Size"}, "small"]},
        "IsIrish": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
        "IsOwned": {"Fn::Equals": [{"Ref": "Owner"}, "me"]},
        "Both": {"Fn::And": [{"Condition": "IsSmall"}, {"Condition": "IsIrish"}]},
        "NeitherWay": {"Fn::And": [{"Condition": "IsOwned"}, {"Fn::Not": [{"Condition": "IsSmall"}]}]},
        "EitherWay": {"Fn::Or": [{"Condition": "IsOwned"}, {"Condition": "IsSmall"}]},
        "Open": {"Fn::Or": [{"Condition": "IsOwned"}, {"Fn::Not": [{"Condition": "IsSmall"}]}]},
    },
}


def template(resources: dict[str, Any] | None = None, **parameters: str) -> Template:
    return Template({**TABLES, "Resources": resources or {}}, "eu-west-1", parameters)


def resource(properties: Any) -> Resource:
    found = template({"It": {"Type": "A::B::C", "Properties": properties}}).find("It")
    assert found
    return found


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("plain", "plain"),
        ({"Ref": "Size"}, "small"),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Fn::Sub": "${Size}-${AWS::Partition}-${!Kept}"}, "small-aws-${Kept}"),
        ({"Fn::Sub": ["${It}!", {"It": {"Ref": "Count"}}]}, "3!"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Size"}]]}, "a-small"),
        ({"Fn::Join": ["", {"Ref": "Zones"}]}, "ab"),
        ({"Fn::Select": [1, {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": ["0", {"Fn::Split": [".", "m5.large"]}]}, "m5"),
        ({"Fn::FindInMap": ["Kinds", {"Ref": "Size"}, "type"]}, "t3.medium"),
        ({"Fn::FindInMap": ["Kinds", {"Ref": "AWS::Region"}, "zones"]}, ["x", "y"]),
        ({"Fn::FindInMap": ["Kinds", "large", "type", {"DefaultValue": {"Ref": "Size"}}]}, "small"),
        ({"Fn::Length": {"Ref": "Zones"}}, 2),
        ({"Fn::If": ["IsSmall", "yes", "no"]}, "yes"),
        ({"Fn::If": ["NeitherWay", "yes", "no"]}, "no"),
        ({"Fn::Base64": {"Ref": "Size"}}, "small"),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": {"Ref": "Size"}}, {"b": "small"}),
        (
            {"Effect": "Allow", "Condition": {"Bool": {"a": "true"}}},
            {"Effect": "Allow", "Condition": {"Bool": {"a": "true"}}},
        ),
        ({"Condition": {"Bool": {}}}, {"Condition": {"Bool": {}}}),
    ],
)
def test_an_expression_has_a_value(expression: Any, value: Any) -> None:
    assert template().resolve(expression) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ({"Ref": "Owner"}, "parameter Owner, which has no value"),
        ({"Ref": "Image"}, "parameter Image, kept in SSM"),
        ({"Ref": "AWS::AccountId"}, "AWS::AccountId, known only to AWS"),
        ({"Fn::ImportValue": "net"}, "Fn::ImportValue, known only to AWS"),
        ({"Fn::ToJsonString": {"a": 1}}, "Fn::ToJsonString, known only to AWS"),
        ({"Fn::Length": {"Ref": "Owner"}}, "parameter Owner, which has no value"),
        ({"Fn::Length": "text"}, "the length of no list"),
        ({"Fn::Sub": "${Owner}-x"}, "parameter Owner, which has no value"),
        ({"Fn::Sub": "${Box.Arn}"}, "known only once Box exists"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Owner"}]]}, "parameter Owner, which has no value"),
        ({"Fn::If": ["IsOwned", "yes", "no"]}, "under condition IsOwned, which is open"),
        ({"Fn::If": ["Nowhere", "yes", "no"]}, "under condition Nowhere, which is open"),
        ({"Fn::FindInMap": ["Kinds", "large", "type"]}, "missing from mapping Kinds"),
        ({"Fn::Select": [7, {"Ref": "Zones"}]}, "item 7 of a list without it"),
    ],
)
def test_what_only_aws_knows_stays_unresolved(expression: Any, words: str) -> None:
    value = template().resolve(expression)
    assert isinstance(value, Unresolved)
    assert value.words == words


def test_a_reference_to_a_resource_can_be_followed() -> None:
    config = {"Type": "Config", "Properties": {"size": 2}}
    user = {"Type": "User", "Properties": {"By": {"Fn::GetAtt": ["Config", "Name"]}, "Or": {"Ref": "Config"}}}
    found = template({"Config": config, "User": user}).find("User")
    assert found
    for path in ("By", "Or"):
        target = found.follow(path, "Config")
        assert target and target.logical_id == "Config"
        assert found.follow(path, "Something else") is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("IsSmall", True), ("Both", True), ("NeitherWay", False), ("EitherWay", True)],
)
def test_a_condition_is_decided_by_what_is_known(condition: str, holds: bool) -> None:
    assert template().holds(condition) is holds


def test_parameters_decide_conditions() -> None:
    assert template(Size="large").holds("IsSmall") is False
    assert template(Owner="me").holds("IsOwned") is True


def test_only_resources_whose_condition_may_hold_are_there() -> None:
    resources = {name: {"Type": "T", "Condition": name} for name in ("IsSmall", "NeitherWay", "Open")}
    found = list(template(resources).resources())
    assert [(one.logical_id, one.notes) for one in found] == [
        ("IsSmall", []),
        ("Open", ["condition Open is open: taken as true"]),
    ]


def test_a_condition_in_a_circle_is_refused() -> None:
    body = {"Resources": {}, "Conditions": {"A": {"Condition": "B"}, "B": {"Condition": "A"}}}
    with pytest.raises(CostError, match="condition A depends on itself"):
        Template(body, "eu-west-1", {}).holds("A")


def test_an_absent_value_takes_the_default_in_silence() -> None:
    it = resource({})
    assert (it.read_text("Kind", "gp3"), it.read_number("Size", 8), it.notes) == ("gp3", Decimal(8), [])


def test_an_unknowable_value_takes_the_default_and_says_so() -> None:
    it = resource({"Kind": {"Ref": "Owner"}, "Size": {"Fn::ImportValue": "size"}})
    assert (it.read_text("Kind", "gp3"), it.read_number("Size", 8)) == ("gp3", Decimal(8))
    assert it.notes == [
        "Kind is parameter Owner, which has no value: gp3 assumed",
        "Size is Fn::ImportValue, known only to AWS: 8 assumed",
    ]


@pytest.mark.parametrize("size", ["big", -1, "NaN", [1], 10**30])
def test_a_number_that_is_none_takes_the_default_and_says_so(size: Any) -> None:
    it = resource({"Size": size})
    assert it.read_number("Size", 8) == Decimal(8)
    assert it.notes == [f"Size is {size!r}, which is no amount: 8 assumed"]


def test_a_value_that_an_estimate_needs_is_noted_when_absent() -> None:
    it = resource({})
    assert it.read_or_assume("InstanceType", "t3.medium") == "t3.medium"
    assert it.notes == ["InstanceType is not in the template: t3.medium assumed"]


def test_a_path_goes_through_intrinsics_and_lists() -> None:
    choice = {"Fn::If": ["IsSmall", {"Types": ["a", {"Ref": "Size"}]}, {"Ref": "AWS::NoValue"}]}
    it = resource({"Scaling": choice})
    assert (it.read("Scaling.Types.1"), it.has("Scaling.Types.2")) == ("small", False)


@pytest.mark.parametrize(
    ("tags", "component"),
    [
        ([{"Key": "stackwright:component", "Value": "orchestrator"}], "orchestrator"),
        ({"stackwright:component": "orchestrator"}, "orchestrator"),
        (
            [{"Key": "team", "Value": "x"}, {"Key": "stackwright:component", "Value": {"Ref": "Size"}}],
            "small",
        ),
        ([{"Key": "stackwright:component", "Value": {"Ref": "Owner"}}], "other"),
        ([{"Key": "team", "Value": "x"}], "other"),
        ("nonsense", "other"),
        (None, "other"),
    ],
)
def test_the_component_is_the_tag(tags: Any, component: str) -> None:
    assert resource({"Tags": tags}).component == component


def test_a_policy_goes_with_the_bucket_or_role_it_names() -> None:
    tags = [{"Key": "stackwright:component", "Value": "artifact_store"}]
    body = {
        "Resources": {
            "Store": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": tags}},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Store"}}},
            "Loop": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Loop"}}},
        }
    }
    found = {r.logical_id: r.component for r in Template(body, "us-east-1", {}).resources()}
    assert found == {"Store": "artifact_store", "Policy": "artifact_store", "Loop": "other"}


def test_a_parameter_that_the_template_lacks_is_refused_with_the_nearest() -> None:
    with pytest.raises(CostError) as caught:
        template(Sizes="large")
    assert (caught.value.message, caught.value.hint, caught.value.field) == (
        "the template has no parameter Sizes",
        "it has Size",
        "parameters.Sizes",
    )


@pytest.mark.parametrize(
    "expression", [{"Ref": ["a"]}, {"Fn::If": ["IsSmall"]}, {"Fn::Join": "a"}, {"Fn::GetAtt": {}}]
)
def test_a_malformed_intrinsic_is_open_and_spoils_nothing_else(expression: Any) -> None:
    [name] = expression
    assert template().resolve(expression) == Unresolved(words=f"{name} of something it cannot take")


NAMES = st.sampled_from(
    ["Size", "Owner", "Zones", "AWS::NoValue", "IsSmall", "Open", "Kinds", "small", "", "${Size}"]
)
INTRINSIC_NAMES = st.sampled_from(sorted(INTRINSICS))
EXPRESSIONS = st.recursive(
    NAMES | st.integers(-2, 3) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(INTRINSIC_NAMES, inner, min_size=1, max_size=1)
        | st.dictionaries(NAMES, inner, max_size=2)
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_any_expression_has_a_value_or_is_open(expression: Any) -> None:
    template().resolve(expression)
