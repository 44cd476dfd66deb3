"""The form of templates: what CloudFormation reads, and what it refuses in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.template import Reference, parse, references

TYPES = {"AWS::S3::Bucket": frozenset({"Arn", "Endpoint.Port"})}
BUCKET: dict[str, Any] = {"Type": "AWS::S3::Bucket"}


def refused(document: Any) -> str:
    body = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(AwsError) as caught:
        parse(body, TYPES)
    assert caught.value.code == "ValidationError"
    return caught.value.message


def resource(**keys: Any) -> dict[str, Any]:
    return {"Resources": {"It": {**BUCKET, **keys}}}


def test_short_forms_are_the_long_ones_and_dates_stay_text() -> None:
    body = """
    Resources:
      Store:
        Type: AWS::S3::Bucket
        Properties:
          Name: !Sub "${AWS::StackName}-x"
          Arn: !GetAtt Store.Arn
          Deep: !GetAtt [Store, Endpoint.Port]
          Names: !Join ["-", [!Ref Store, b]]
          Pick: !If [Big, 1, !Ref "AWS::NoValue"]
          Version: 2012-10-17
    Conditions:
      Big: !Not [!Condition Other]
      Other: !Equals [a, b]
    """
    document = parse(body, TYPES).document
    assert document["Resources"]["Store"]["Properties"] == {
        "Name": {"Fn::Sub": "${AWS::StackName}-x"},
        "Arn": {"Fn::GetAtt": ["Store", "Arn"]},
        "Deep": {"Fn::GetAtt": ["Store", "Endpoint.Port"]},
        "Names": {"Fn::Join": ["-", [{"Ref": "Store"}, "b"]]},
        "Pick": {"Fn::If": ["Big", 1, {"Ref": "AWS::NoValue"}]},
        "Version": "2012-10-17",
    }
    assert document["Conditions"]["Big"] == {"Fn::Not": [{"Condition": "Other"}]}


def test_the_body_is_kept_exactly_as_given() -> None:
    body = '{ "Resources" :\n {"A":{"Type":"AWS::S3::Bucket"}} }  '
    assert parse(body, TYPES).body == body


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("- a list", "Template format error: unsupported structure."),
        ("{not json", "Template format error: JSON not well-formed. (line 1, column 2)"),
        ("a: [", "Template format error: YAML not well-formed. (line 1, column 5)"),
        ({}, "Template format error: At least one Resources member must be defined."),
        ({**resource(), "Resource": {}}, "Invalid template property or properties [Resource]"),
        ({"Resources": {"a-b": BUCKET}}, "Template format error: Resource name a-b is non alphanumeric."),
        (
            {"Resources": {"A": {"Properties": {}}}},
            "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
        ),
        (
            {"Resources": {"A": {"Type": "AWS::S3::Buckets"}, "B": {"Type": "Custom::X"}}},
            "Template format error: Unrecognized resource types: [AWS::S3::Buckets, Custom::X]",
        ),
        (resource(Condition_="x"), "Invalid template resource property 'Condition_'"),
        (
            resource(DeletionPolicy={"Ref": "Keep"}),
            "Template format error: Every DeletionPolicy member must be a string.",
        ),
        (
            resource(UpdateReplacePolicy={"Fn::If": ["A", "Retain", "Delete"]}),
            "Template format error: Every UpdateReplacePolicy member must be a string.",
        ),
        (resource(DeletionPolicy="Keep"), "Template format error: Unrecognized DeletionPolicy Keep"),
        (
            resource(UpdateReplacePolicy="RetainExceptOnCreate"),
            "Template format error: Unrecognized UpdateReplacePolicy RetainExceptOnCreate",
        ),
        (
            resource(Properties={"A": {"Fn::Upper": "x"}}),
            "Template error: Encountered unsupported function: Fn::Upper",
        ),
        (
            resource(Properties={"A": {"Ref": "Nobody"}, "B": {"Fn::Sub": "${Nothing}-${It}-${!Literal}"}}),
            "Template format error: Unresolved resource dependencies [Nobody, Nothing] in the Resources "
            "block of the template",
        ),
        (
            resource(DependsOn="Nobody"),
            "Template format error: Unresolved resource dependencies [Nobody] in the Resources block of the "
            "template",
        ),
        (
            {**resource(), "Outputs": {"O": {"Value": {"Ref": "Nobody"}}}},
            "Template format error: Unresolved resource dependencies [Nobody] in the Outputs block of the "
            "template",
        ),
        (
            resource(Properties={"A": {"Fn::GetAtt": "Nobody.Arn"}}),
            "Template error: instance of Fn::GetAtt references undefined resource Nobody",
        ),
        (
            resource(Properties={"A": {"Fn::Sub": "${It.Size}"}}),
            "Template error: resource It does not support attribute type Size in Fn::GetAtt",
        ),
        (
            resource(Condition="Never"),
            "Template format error: Unresolved condition dependency Never in the Resources block of the "
            "template",
        ),
        (
            {"Resources": {f"R{n}": BUCKET for n in range(501)}},
            "Template format error: Number of resources, 501, is greater than maximum allowed, 500",
        ),
    ],
)
def test_what_is_refused(document: Any, words: str) -> None:
    assert refused(document) == words


def test_references_are_found_in_every_form() -> None:
    value = [
        {"Ref": "A"},
        {"Fn::GetAtt": ["B", "Arn"]},
        {"Fn::Sub": ["${C} ${D.Arn} ${Local} ${!No}", {"Local": {"Ref": "E"}}]},
        {"Ref": "F", "Not": "a reference"},
    ]
    assert list(references(value)) == [
        Reference(name="A"),
        Reference(name="B", attribute="Arn"),
        Reference(name="E"),
        Reference(name="C"),
        Reference(name="D", attribute="Arn"),
    ]
