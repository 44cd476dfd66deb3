"""Parameters: what is accepted, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.emulator.parameters import Given, check, typed
from provisioner.emulator.refusal import AwsError


def check_one(declaration: dict[str, Any], value: str) -> str:
    return check({"It": declaration}, [Given(name="It", value=value)])["It"]


@pytest.mark.parametrize(
    ("declaration", "value", "words"),
    [
        ({"Type": "Number"}, "many", "Parameter 'It' must be a number"),
        ({"Type": "Number", "MinValue": 3}, "2", "Parameter 'It' must be a number not less than 3"),
        ({"Type": "Number", "MaxValue": "3"}, "3.5", "Parameter 'It' must be a number not greater than 3"),
        ({"Type": "Number", "MinValue": 3}, "many", "Parameter 'It' must be a number"),
        ({"Type": "String", "MinLength": 3}, "ab", "Parameter 'It' must contain at least 3 characters"),
        ({"Type": "String", "MaxLength": 1}, "ab", "Parameter 'It' must contain at most 1 characters"),
        (
            {"Type": "String", "AllowedValues": ["a", True]},
            "c",
            "Parameter 'It' must be one of AllowedValues",
        ),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "a1", "Parameter 'It' must match pattern [a-z]+"),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "letters only"},
            "a1",
            "Parameter It failed to satisfy constraint: letters only",
        ),
        (
            {"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]},
            "a,c",
            "Parameter 'It' must be one of AllowedValues",
        ),
        ({"Type": "List<Number>"}, "1,x", "Parameter 'It' must be a number"),
    ],
)
def test_a_value_is_refused(declaration: dict[str, Any], value: str, words: str) -> None:
    with pytest.raises(AwsError) as caught:
        check_one(declaration, value)
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("declaration", "value"),
    [
        ({"Type": "Number", "MinValue": 1, "MaxValue": 2}, "1.5"),
        ({"Type": "String", "AllowedValues": [True, 7]}, "true"),
        ({"Type": "String", "AllowedPattern": "|arn:.*"}, ""),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]+"}, "a, b"),
    ],
)
def test_a_value_is_accepted(declaration: dict[str, Any], value: str) -> None:
    assert check_one(declaration, value) == value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "Parameters: [A, B] must have values"),
        ([Given(name="A", value="x")], "Parameters: [B] must have values"),
        ([Given(name="X", value="x")], "Parameters: [X] do not exist in the template"),
        (
            [Given(name="A", use_previous=True)],
            "Invalid input for parameter key A. Cannot specify usePreviousValue as true for a parameter key "
            "not in the previous template",
        ),
        (
            [Given(name="A", value="x", use_previous=True)],
            "Invalid input for parameter key A. Cannot specify usePreviousValue as true for a parameter key "
            "and also set its value",
        ),
    ],
)
def test_what_must_be_given(given: list[Given], words: str) -> None:
    declared = {"A": {"Type": "String"}, "B": {"Type": "String"}, "C": {"Type": "String", "Default": "c"}}
    with pytest.raises(AwsError) as caught:
        check(declared, given)
    assert caught.value.message == words


def test_previous_values_and_defaults_fill_the_gaps() -> None:
    declared = {"A": {"Type": "String"}, "B": {"Type": "Number", "Default": 7}}
    assert check(declared, [Given(name="A", use_previous=True)], {"A": "old"}) == {"A": "old", "B": "7"}


def test_lists_are_lists_to_a_reference() -> None:
    declared = {"Ids": {"Type": "List<AWS::EC2::Subnet::Id>"}, "Name": {"Type": "String"}}
    assert typed(declared, {"Ids": "a, b", "Name": "a, b"}) == {"Ids": ["a", "b"], "Name": "a, b"}
