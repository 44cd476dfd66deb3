"""Intrinsic functions, one row each."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.emulator.intrinsics import Scope, evaluate_conditions, resolve
from provisioner.emulator.refusal import AwsError

SCOPE = Scope(
    parameters={"Name": "churn", "Ids": ["a", "b"], "AWS::Region": "eu-central-1"},
    conditions={"Yes": True, "No": False},
    mappings={"Sizes": {"eu-central-1": {"small": "ml.t3", "count": 2}}},
    lookup=lambda name, attribute: f"<{name}.{attribute}>" if attribute else f"<{name}>",
    export=lambda name: f"exported {name}",
    zones=lambda region: [f"{region}a", f"{region}b"],
)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"Ref": "Name"}, "churn"),
        ({"Ref": "Ids"}, ["a", "b"]),
        ({"Ref": "Bucket"}, "<Bucket>"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "<Bucket.Arn>"),
        ({"Fn::GetAtt": ["Db", "Endpoint.Port"]}, "<Db.Endpoint.Port>"),
        ({"Fn::Sub": "${Name}/${Bucket}/${Bucket.Arn}/${!Name}"}, "churn/<Bucket>/<Bucket.Arn>/${Name}"),
        ({"Fn::Sub": ["${X}-${Name}", {"X": {"Ref": "AWS::Region"}}]}, "eu-central-1-churn"),
        ({"Fn::Join": [",", {"Ref": "Ids"}]}, "a,b"),
        ({"Fn::Join": ["", ["n", 1, True]]}, "n1true"),
        ({"Fn::If": ["Yes", "a", {"Ref": "Never"}]}, "a"),
        ({"Fn::Select": ["1", {"Ref": "Ids"}]}, "b"),
        ({"Fn::Split": [":", "a:b"]}, ["a", "b"]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, "ml.t3"),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::GetAZs": ""}, ["eu-central-1a", "eu-central-1b"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::ImportValue": "vpc"}, "exported vpc"),
        ({"Kept": 1, "Gone": {"Ref": "AWS::NoValue"}}, {"Kept": 1}),
        (["kept", {"Fn::If": ["No", "gone", {"Ref": "AWS::NoValue"}]}], ["kept"]),
        ({"Ref": "Name", "Other": 1}, {"Ref": "Name", "Other": 1}),
    ],
)
def test_a_function_gives(value: Any, wanted: Any) -> None:
    assert resolve(value, SCOPE) == wanted


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            {"Fn::Select": [5, {"Ref": "Ids"}]},
            "Template error: Fn::Select cannot select nonexistent value at index 5",
        ),
        (
            {"Fn::FindInMap": ["Colours", "a", "b"]},
            "Template error: Mapping named 'Colours' is not present in the 'Mappings' section of template.",
        ),
        (
            {"Fn::FindInMap": ["Sizes", "us-east-1", "small"]},
            "Template error: Unable to get mapping for Sizes::us-east-1::small",
        ),
        ({"Fn::Sub": "${Ids}"}, "Template error: every Fn::Sub placeholder must resolve to a string"),
    ],
)
def test_a_function_is_refused(value: Any, words: str) -> None:
    with pytest.raises(AwsError) as caught:
        resolve(value, SCOPE)
    assert caught.value.message == words


def test_conditions_stand_on_one_another_in_any_order() -> None:
    section = {
        "Both": {"Fn::And": [{"Condition": "Named"}, {"Fn::Not": [{"Condition": "Far"}]}]},
        "Far": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
        "Named": {"Fn::Or": [{"Fn::Equals": [{"Ref": "Name"}, "churn"]}, {"Condition": "Far"}]},
    }
    assert evaluate_conditions(section, SCOPE) == {"Both": True, "Far": False, "Named": True}


def test_conditions_in_a_circle_are_refused() -> None:
    with pytest.raises(AwsError) as caught:
        evaluate_conditions({"A": {"Condition": "B"}, "B": {"Condition": "A"}}, SCOPE)
    assert caught.value.message == "Circular dependency between conditions: [A, B]"


def test_a_condition_that_is_no_boolean_is_refused() -> None:
    with pytest.raises(AwsError) as caught:
        evaluate_conditions({"A": {"Ref": "Name"}}, SCOPE)
    assert caught.value.message == (
        "Template format error: Conditions can only be boolean operations on parameters and other conditions"
    )
