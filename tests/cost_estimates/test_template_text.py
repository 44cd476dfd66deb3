"""Template text: JSON, YAML short forms, and what is refused."""

import json

import pytest

from cost_estimates.model import CostError
from cost_estimates.template_text import read_template

YAML = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Size: {Type: String, Default: small}
Conditions:
  IsSmall: !Equals [!Ref Size, small]
Resources:
  Role:
    Type: AWS::IAM::Role
    Condition: IsSmall
    Properties:
      Name: !Sub "${Size}-role"
      Arn: !GetAtt Box.Arn
      Kind: !If [IsSmall, !Join ["-", [a, b]], !Ref "AWS::NoValue"]
      Policy: {Version: 2012-10-17, Statement: []}
      First: !Select [0, !GetAZs ""]
      Text: !Transform {Name: Include, Parameters: {Location: s3://x}}
"""


def test_yaml_short_forms_are_the_long_forms() -> None:
    body = read_template(YAML)
    assert body["Conditions"] == {"IsSmall": {"Fn::Equals": [{"Ref": "Size"}, "small"]}}
    assert body["Resources"]["Role"]["Properties"] == {
        "Name": {"Fn::Sub": "${Size}-role"},
        "Arn": {"Fn::GetAtt": ["Box", "Arn"]},
        "Kind": {"Fn::If": ["IsSmall", {"Fn::Join": ["-", ["a", "b"]]}, {"Ref": "AWS::NoValue"}]},
        "Policy": {"Version": "2012-10-17", "Statement": []},
        "First": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
        "Text": {"Fn::Transform": {"Name": "Include", "Parameters": {"Location": "s3://x"}}},
    }


def test_json_is_read_as_it_is() -> None:
    body = {"Resources": {"A": {"Type": "AWS::S3::Bucket"}}}
    assert read_template(json.dumps(body)) == body


@pytest.mark.parametrize("text", ["", "[]", "hello", "{}", "Resources: [a]", '{"Resources": null}', "3"])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(CostError) as caught:
        read_template(text)
    assert caught.value.message == "not a CloudFormation template: no Resources section"


@pytest.mark.parametrize("text", ["{", "a: [", "a: !!python/object:os.system {}", "\x00"])
def test_what_is_neither_json_nor_yaml_is_refused(text: str) -> None:
    with pytest.raises(CostError, match="neither JSON nor YAML"):
        read_template(text)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000 + "x", "a: " + "[" * 300 + "]" * 300])
def test_a_text_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(CostError, match="nested deeper than 200 levels"):
        read_template(text)


def test_yaml_aliases_are_refused_as_cloudformation_does() -> None:
    with pytest.raises(CostError) as caught:
        read_template("Resources:\n  A: &a {Type: T}\n  B: *a\n")
    assert caught.value.message == "line 3 uses the YAML alias *a"
