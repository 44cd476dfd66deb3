"""What is written faster than moto writes it is the same to the letter."""

from typing import Any

import pytest
import xmltodict
from moto.core.serialize import BaseXMLSerializer, ResponseSerializer

from provisioner.emulator import serializing

BODY = {
    "Answer": {
        "@xmlns": 'https://example.com/?a=1&b="2"',
        "Rows": {"member": [{"Name": "a < b & c > d", "On": True, "Off": False}, {"Name": "", "Tags": []}]},
        "Flat": ["one", "two", 3, 1.5],
        "None": None,
        "Empty": {},
        "NoRows": {"member": []},
        "Text": "line\nline \"é\" 'q'",
    }
}


def test_any_body_is_written_as_by_moto() -> None:
    theirs = xmltodict.unparse(BODY, full_document=False, short_empty_elements=True)
    assert serializing.write_body(BaseXMLSerializer, BODY) == theirs  # type: ignore[arg-type]  # asks nothing


TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
}
# Answers of dictionaries and of moto's objects, with and without transformers, in all four protocols.
CALLS = {
    "iam": ("list_roles", "get_account_authorization_details"),
    "ec2": ("describe_vpcs", "describe_subnets", "describe_route_tables", "describe_security_groups"),
    "sts": ("get_caller_identity",),
    "ecr": ("describe_repositories",),
    "kms": ("list_keys",),
    "cloudformation": ("describe_stacks", "list_stacks", "describe_stack_events"),
    "sns": ("list_topics",),
    "eks": ("list_clusters",),
}


def said(client: Any, service: str, call: str) -> Any:
    more = {"StackName": "roles"} if call == "describe_stack_events" else {}
    return {**getattr(client(service), call)(**more), "ResponseMetadata": None}


def test_every_answer_says_what_moto_says(client: Any, stacks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    stacks.create("roles", {"Resources": {"Role": role}})
    client("sns").create_topic(Name="ml")
    client("kms").create_key()
    client("ecr").create_repository(repositoryName="ml")
    asked = [(service, call) for service, calls in CALLS.items() for call in calls]
    ours = {it: said(client, *it) for it in asked}
    monkeypatch.setattr(ResponseSerializer, "get_value", serializing.search)
    monkeypatch.setattr(BaseXMLSerializer, "_serialize_body", serializing.write)
    assert ours == {it: said(client, *it) for it in asked}
    assert [role["RoleName"] for role in ours["iam", "list_roles"]["Roles"]] == [
        stacks.physical_id("roles", "Role")
    ]
