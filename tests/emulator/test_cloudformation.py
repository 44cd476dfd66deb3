"""CloudFormation's answers as AWS shapes them."""

from __future__ import annotations

import json
from typing import Any

from provisioner.emulator.cloudformation import page

LOG: dict[str, Any] = {"Type": "AWS::Logs::LogGroup"}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def test_events_come_newest_first_in_pages(stacks: Any) -> None:
    stacks.create("long", template(**{f"Log{number}": LOG for number in range(40)}))
    first = stacks.api.describe_stack_events(StackName="long")
    assert len(first["StackEvents"]) == 100
    assert first["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"
    second = stacks.api.describe_stack_events(StackName="long", NextToken=first["NextToken"])
    assert second["StackEvents"][-1]["ResourceStatusReason"] == "User Initiated"
    assert len(second["StackEvents"]) == 22
    assert "NextToken" not in second
    # Clients such as the CDK CLI sort by milliseconds.
    times = [int(row["Timestamp"].timestamp() * 1000) for row in stacks.events("long")]
    assert times == sorted(set(times))


def test_a_page_of_events_does_not_move_when_more_arrive() -> None:
    rows = list(range(150))
    newest, token = page(rows, "", from_end=True)
    rest, end = page([*rows, 150, 151], token or "", from_end=True)
    assert (newest[0], newest[-1], rest[0], rest[-1], end) == (149, 50, 49, 0, None)


def test_an_invalid_next_token_is_refused(stacks: Any, refused: Any) -> None:
    stacks.create("some", template(Log=LOG))
    assert refused(stacks.api.describe_stack_events, StackName="some", NextToken="nonsense") == (
        "ValidationError",
        "NextToken is not valid",
    )


def test_a_stack_is_described_with_everything(stacks: Any) -> None:
    body = {**template(Log=LOG), "Description": "what it is"}
    stack_id = stacks.create("whole", body, Tags=[{"Key": "team", "Value": "a"}])
    shown = stacks.show("whole")
    for name in ("CreationTime", "RollbackConfiguration"):
        shown.pop(name)
    assert shown == {
        "StackId": stack_id,
        "StackName": "whole",
        "Description": "what it is",
        "Parameters": [],
        "StackStatus": "CREATE_COMPLETE",
        "DisableRollback": False,
        "NotificationARNs": [],
        "Capabilities": ["CAPABILITY_IAM"],
        "Outputs": [],
        "Tags": [{"Key": "team", "Value": "a"}],
        "EnableTerminationProtection": False,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def test_resources_are_found_by_stack_and_by_physical_id(stacks: Any, refused: Any) -> None:
    stacks.create("find", template(Log=LOG))
    (row,) = stacks.api.describe_stack_resources(StackName="find")["StackResources"]
    (same,) = stacks.api.describe_stack_resources(PhysicalResourceId=row["PhysicalResourceId"])[
        "StackResources"
    ]
    assert row == same
    (listed,) = stacks.api.list_stack_resources(StackName="find")["StackResourceSummaries"]
    assert (listed["LogicalResourceId"], listed["ResourceStatus"]) == ("Log", "CREATE_COMPLETE")
    assert refused(stacks.api.describe_stack_resource, StackName="find", LogicalResourceId="No") == (
        "ValidationError",
        "Resource No does not exist for stack find",
    )


def test_each_call_says_in_its_own_words_that_a_stack_does_not_exist(stacks: Any, refused: Any) -> None:
    words = {
        stacks.api.describe_stacks: "Stack with id x does not exist",
        stacks.api.get_template: "Stack with id x does not exist",
        stacks.api.list_stack_resources: "Stack with id x does not exist",
        stacks.api.describe_stack_events: "Stack [x] does not exist",
        stacks.api.list_change_sets: "Stack [x] does not exist",
    }
    for call, said in words.items():
        assert refused(call, StackName="x") == ("ValidationError", said)


def test_deleted_stacks_are_listed_and_not_described(stacks: Any) -> None:
    stacks.create("kept", template(Log=LOG))
    stacks.create("gone", template(Log=LOG))
    stacks.delete("gone")
    listed = stacks.api.list_stacks()["StackSummaries"]
    assert [(row["StackName"], row["StackStatus"]) for row in listed] == [
        ("gone", "DELETE_COMPLETE"),
        ("kept", "CREATE_COMPLETE"),
    ]
    only = stacks.api.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [row["StackName"] for row in only] == ["gone"]
    assert [row["StackName"] for row in stacks.api.describe_stacks()["Stacks"]] == ["kept"]


def test_a_yaml_template_comes_back_exactly_as_given(stacks: Any) -> None:
    body = "Resources:\n  Log:   # the only one\n    Type: AWS::Logs::LogGroup\n"
    stacks.create("yaml", body)
    found = stacks.api.get_template(StackName="yaml")
    assert (found["TemplateBody"], found["StagesAvailable"]) == (body, ["Original", "Processed"])


def test_a_summary_says_what_a_template_needs(stacks: Any) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    body = {
        "Description": "d",
        "Parameters": {
            "Size": {"Type": "String", "Default": "s", "AllowedValues": ["s", "m"]},
            "Key": {"Type": "String", "NoEcho": "true", "Description": "secret"},
        },
        "Resources": {
            "Log": LOG,
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        },
    }
    shown = stacks.api.get_template_summary(TemplateBody=json.dumps(body))
    shown.pop("ResponseMetadata")
    assert shown == {
        "Parameters": [
            {
                "ParameterKey": "Size",
                "DefaultValue": "s",
                "ParameterType": "String",
                "NoEcho": False,
                "ParameterConstraints": {"AllowedValues": ["s", "m"]},
            },
            {
                "ParameterKey": "Key",
                "ParameterType": "String",
                "NoEcho": True,
                "Description": "secret",
                "ParameterConstraints": {"AllowedValues": []},
            },
        ],
        "Description": "d",
        "Capabilities": ["CAPABILITY_IAM"],
        "CapabilitiesReason": "The following resource(s) require capabilities: [AWS::IAM::Role]",
        "ResourceTypes": ["AWS::Logs::LogGroup", "AWS::IAM::Role"],
        "Version": "2010-09-09",
        "DeclaredTransforms": [],
    }
    valid = stacks.api.validate_template(TemplateBody=json.dumps(body))
    assert valid["Capabilities"] == ["CAPABILITY_IAM"]


def test_what_is_not_implemented_is_refused_at_once(stacks: Any, refused: Any) -> None:
    assert refused(stacks.api.list_types) == (
        "InvalidAction",
        "The emulator does not implement ListTypes.",
    )
