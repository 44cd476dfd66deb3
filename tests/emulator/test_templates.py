"""TemplateBody and TemplateURL: limits, addresses, and templates read from the emulator's S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.templates import Location, locate

REGION = "eu-central-1"
ENDPOINT = "http://localhost:4000"
BODY = json.dumps({"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}}, indent=3)


@pytest.fixture
def published(client: Any) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="templates", VersioningConfiguration={"Status": "Enabled"})
    return s3.put_object(Bucket="templates", Key="a/t.json", Body=BODY)


@pytest.mark.parametrize(
    "url",
    [
        f"https://templates.s3.{REGION}.amazonaws.com/a/t.json",
        f"https://templates.s3-{REGION}.amazonaws.com/a/t.json",
        "https://templates.s3.amazonaws.com/a/t.json",
        f"https://templates.s3.dualstack.{REGION}.amazonaws.com/a/t.json",
        f"https://s3.{REGION}.amazonaws.com/templates/a/t.json",
        "https://s3.amazonaws.com/templates/a%2Ft.json",
        f"{ENDPOINT}/templates/a/t.json",
    ],
)
def test_every_s3_address_is_understood(url: str) -> None:
    assert locate(url, ENDPOINT) == Location(bucket="templates", key="a/t.json")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/templates/a/t.json",
        f"http://templates.s3.{REGION}.amazonaws.com/a/t.json",
        "http://localhost:4001/templates/a/t.json",
        "https://templates.s3.eu-central-1.amazonaws.com.evil.com/t.json",
        "s3://templates/a/t.json",
    ],
)
def test_anything_else_is_no_supported_address(url: str) -> None:
    with pytest.raises(AwsError) as caught:
        locate(url, ENDPOINT)
    assert caught.value.message == "TemplateURL must be a supported URL."


def test_an_address_has_at_most_1024_characters() -> None:
    with pytest.raises(AwsError) as caught:
        locate(f"https://templates.s3.amazonaws.com/{'a' * 1000}", ENDPOINT)
    assert caught.value.message.endswith("Member must have length less than or equal to 1024")


def test_a_stack_comes_from_a_published_template(published: Any, stacks: Any) -> None:
    url = f"https://templates.s3.{REGION}.amazonaws.com/a/t.json"
    stacks.api.create_stack(StackName="linked", TemplateURL=url)
    assert stacks.settle("linked") == "CREATE_COMPLETE"
    assert stacks.api.get_template(StackName="linked")["TemplateBody"] == json.loads(BODY)


def test_a_version_of_a_template_is_read(published: Any, stacks: Any, client: Any, refused: Any) -> None:
    client("s3").put_object(Bucket="templates", Key="a/t.json", Body="{}")
    url = f"https://templates.s3.{REGION}.amazonaws.com/a/t.json"
    versioned = f"{url}?versionId={published['VersionId']}"
    assert stacks.api.validate_template(TemplateURL=versioned)["Parameters"] == []
    assert refused(stacks.api.validate_template, TemplateURL=url)[0] == "ValidationError"


def test_a_missing_template_is_an_s3_error(aws: Any, published: Any, stacks: Any, refused: Any) -> None:
    assert refused(stacks.api.create_stack, StackName="x", TemplateURL=f"{aws.endpoint}/templates/none") == (
        "ValidationError",
        "S3 error: The specified key does not exist.",
    )


def test_another_accounts_private_template_is_denied(
    aws: Any, published: Any, client: Any, refused: Any
) -> None:
    foreign = client("cloudformation", key=aws.access_key("444455556666"))
    url = f"https://templates.s3.{REGION}.amazonaws.com/a/t.json"
    assert refused(foreign.validate_template, TemplateURL=url) == (
        "ValidationError",
        "S3 error: Access Denied",
    )


def padded(size: int) -> str:
    document = {"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}, "Description": ""}
    room = size - len(json.dumps(document))
    return json.dumps({**document, "Description": "x" * room})


def test_a_body_has_at_most_51200_bytes(stacks: Any, refused: Any) -> None:
    assert stacks.api.validate_template(TemplateBody=padded(51_200))["Parameters"] == []
    code, message = refused(stacks.api.validate_template, TemplateBody=padded(51_201))
    assert code == "ValidationError"
    assert message.endswith("Member must have length less than or equal to 51200")


def test_a_published_template_has_at_most_a_megabyte(
    aws: Any, published: Any, stacks: Any, client: Any, refused: Any
) -> None:
    client("s3").put_object(Bucket="templates", Key="big", Body=padded(1_000_001))
    assert refused(stacks.api.validate_template, TemplateURL=f"{aws.endpoint}/templates/big") == (
        "ValidationError",
        "Template may not exceed 1000000 bytes in size.",
    )


@pytest.mark.parametrize("given", [{}, {"TemplateBody": BODY, "TemplateURL": "https://x"}])
def test_one_of_body_and_address_is_needed(stacks: Any, refused: Any, given: Any) -> None:
    assert refused(stacks.api.create_stack, StackName="x", **given) == (
        "ValidationError",
        "Either Template URL or Template Body must be specified.",
    )
