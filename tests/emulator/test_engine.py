"""The stack engine, each of AWS's quirks by real boto3 calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

LOG: dict[str, Any] = {"Type": "AWS::Logs::LogGroup"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "x.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ROLE: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def log(days: Any = 7, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": days}, **more}


def statuses(stacks: Any, name: str, logical_id: str) -> list[str]:
    return [status for where, status in stacks.story(name) if where == logical_id]


# --- creating --------------------------------------------------------------------------------------


def test_a_stack_tells_its_story_resource_by_resource(stacks: Any) -> None:
    stacks.create("story", template(Log=LOG))
    rows = [
        (row["LogicalResourceId"], row["ResourceStatus"], row.get("ResourceStatusReason", ""))
        for row in stacks.events("story")
    ]
    assert rows == [
        ("story", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Log", "CREATE_IN_PROGRESS", ""),
        ("Log", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Log", "CREATE_COMPLETE", ""),
        ("story", "CREATE_COMPLETE", ""),
    ]


def test_dependencies_are_made_first_whatever_the_order_in_the_template(stacks: Any) -> None:
    first = {**LOG, "DependsOn": ["Second"]}
    second = {**LOG, "Properties": {"Tags": [{"Key": "third", "Value": {"Fn::Sub": "${Third.Arn}"}}]}}
    stacks.create("order", template(First=first, Second=second, Third=LOG))
    made = [name for name, status in stacks.story("order") if status == "CREATE_COMPLETE"]
    assert made == ["Third", "Second", "First", "order"]


def test_a_failed_resource_rolls_the_stack_back(aws: Any, stacks: Any, client: Any) -> None:
    aws.fail("Second", "no room")
    stacks.create("back", template(First=LOG, Second={**LOG, "DependsOn": "First"}, Third=LOG))
    assert stacks.show("back")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [row for row in stacks.story("back") if row[0] in ("First", "Second", "back")] == [
        ("back", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_COMPLETE"),
        ("Second", "CREATE_IN_PROGRESS"),
        ("Second", "CREATE_FAILED"),
        ("back", "ROLLBACK_IN_PROGRESS"),
        ("Second", "DELETE_COMPLETE"),
        ("First", "DELETE_IN_PROGRESS"),
        ("First", "DELETE_COMPLETE"),
        ("back", "ROLLBACK_COMPLETE"),
    ]
    assert client("logs").describe_log_groups()["logGroups"] == []


def test_the_rollback_names_the_resource_and_the_event_its_reason(aws: Any, stacks: Any) -> None:
    aws.fail("AWS::Logs::LogGroup", "no room")
    stacks.create("why", template(Log=LOG))
    reasons = [row["ResourceStatusReason"] for row in stacks.events("why") if "ResourceStatusReason" in row]
    assert reasons == [
        "User Initiated",
        "no room",
        "The following resource(s) failed to create: [Log]. Rollback requested by user.",
    ]


@pytest.mark.parametrize("how", [{"OnFailure": "DO_NOTHING"}, {"DisableRollback": True}])
def test_without_rollback_a_failed_stack_stays_as_it_is(aws: Any, stacks: Any, client: Any, how: Any) -> None:
    aws.fail("Second", "no room")
    stacks.create("stay", template(First=LOG, Second={**LOG, "DependsOn": "First"}), **how)
    assert stacks.show("stay")["StackStatus"] == "CREATE_FAILED"
    assert len(client("logs").describe_log_groups()["logGroups"]) == 1


def test_on_failure_delete_leaves_nothing(aws: Any, stacks: Any) -> None:
    aws.fail("Log", "no room")
    stack_id = stacks.create("gone", template(Log=LOG), OnFailure="DELETE")
    assert stacks.show(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_a_rolled_back_stack_can_only_be_deleted(aws: Any, stacks: Any, refused: Any) -> None:
    aws.fail("Log", "no room")
    stack_id = stacks.create("dead", template(Log=LOG))
    body = json.dumps(template(Log=log()))
    assert refused(stacks.api.update_stack, StackName="dead", TemplateBody=body) == (
        "ValidationError",
        f"Stack:{stack_id} is in ROLLBACK_COMPLETE state and can not be updated.",
    )
    assert stacks.delete("dead") == "DELETE_COMPLETE"


def test_a_name_is_taken_until_its_stack_is_deleted(stacks: Any, refused: Any) -> None:
    first = stacks.create("taken", template(Log=LOG))
    body = json.dumps(template(Log=LOG))
    assert refused(stacks.api.create_stack, StackName="taken", TemplateBody=body) == (
        "AlreadyExistsException",
        "Stack [taken] already exists",
    )
    stacks.delete("taken")
    assert stacks.create("taken", template(Log=LOG)) != first


def test_the_same_client_request_token_makes_one_stack(stacks: Any) -> None:
    first = stacks.create("once", template(Log=LOG), ClientRequestToken="token-1")
    assert stacks.create("once", template(Log=LOG), ClientRequestToken="token-1") == first


def test_a_deleted_stack_is_described_by_id_and_unknown_by_name(stacks: Any, refused: Any) -> None:
    stack_id = stacks.create("late", template(Log=LOG))
    stacks.delete("late")
    assert stacks.show(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert refused(stacks.api.describe_stacks, StackName="late") == (
        "ValidationError",
        "Stack with id late does not exist",
    )


def test_an_iam_resource_needs_an_acknowledgement(stacks: Any, refused: Any) -> None:
    body = json.dumps(template(Role=ROLE))
    assert refused(stacks.api.create_stack, StackName="iam", TemplateBody=body) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_IAM]",
    )


def test_a_named_iam_resource_needs_the_stronger_one(stacks: Any, refused: Any) -> None:
    named = {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": "mine"}}
    body, some = json.dumps(template(Role=named)), ["CAPABILITY_IAM"]
    assert refused(stacks.api.create_stack, StackName="iam", TemplateBody=body, Capabilities=some) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_NAMED_IAM]",
    )
    stack_id = stacks.create("iam", template(Role=named), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert stacks.show(stack_id)["StackStatus"] == "CREATE_COMPLETE"


def test_a_transform_needs_auto_expand_and_is_refused_even_then(stacks: Any, refused: Any) -> None:
    body = json.dumps({**template(Log=LOG), "Transform": "AWS::LanguageExtensions"})
    create = stacks.api.create_stack
    assert refused(create, StackName="macro", TemplateBody=body) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
    )
    assert refused(create, StackName="macro", TemplateBody=body, Capabilities=["CAPABILITY_AUTO_EXPAND"]) == (
        "ValidationError",
        "The emulator runs no transforms or macros.",
    )


def test_stack_names_have_a_form(stacks: Any, refused: Any) -> None:
    code, message = refused(
        stacks.api.create_stack, StackName="1_bad", TemplateBody=json.dumps(template(Log=LOG))
    )
    assert code == "ValidationError"
    assert message.startswith("1 validation error detected: Value '1_bad' at 'stackName' failed to satisfy")


def test_a_denied_action_fails_the_resource_as_on_aws(aws: Any, stacks: Any) -> None:
    aws.deny("logs:CreateLogGroup")
    stacks.create("denied", template(Log=LOG))
    failed = next(row for row in stacks.events("denied") if row["ResourceStatus"] == "CREATE_FAILED")
    assert "is not authorized to perform: logs:CreateLogGroup" in failed["ResourceStatusReason"]
    assert failed["ResourceStatusReason"].endswith("HandlerErrorCode: AccessDenied)")


def test_stacks_of_accounts_and_regions_are_apart(aws: Any, stacks: Any, client: Any) -> None:
    stacks.create("mine", template(Log=LOG))
    elsewhere = client("cloudformation", region="us-east-1")
    foreign = client("cloudformation", key=aws.access_key("444455556666"))
    assert elsewhere.describe_stacks()["Stacks"] == []
    assert foreign.describe_stacks()["Stacks"] == []


# --- conditions and outputs ------------------------------------------------------------------------


def test_what_a_condition_leaves_out_is_not_made(stacks: Any) -> None:
    body = {
        "Parameters": {"Kind": {"Type": "String"}},
        "Conditions": {
            "Big": {"Fn::Equals": [{"Ref": "Kind"}, "big"]},
            "Small": {"Fn::Not": [{"Condition": "Big"}]},
        },
        "Resources": {"Large": {**LOG, "Condition": "Big"}, "Little": {**LOG, "Condition": "Small"}},
        "Outputs": {
            "Large": {"Condition": "Big", "Value": {"Ref": "Large"}},
            "Size": {"Value": {"Fn::If": ["Big", {"Ref": "Large"}, "little"]}},
        },
    }
    stacks.create("half", body, Parameters=[{"ParameterKey": "Kind", "ParameterValue": "small"}])
    made = stacks.api.describe_stack_resources(StackName="half")["StackResources"]
    assert [row["LogicalResourceId"] for row in made] == ["Little"]
    assert stacks.outputs("half") == {"Size": "little"}


def test_a_reference_to_a_left_out_resource_is_refused(stacks: Any, refused: Any) -> None:
    body = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Gone": {**LOG, "Condition": "Never"}, "Log": log({"Fn::GetAtt": "Gone.Arn"})},
    }
    assert refused(stacks.api.create_stack, StackName="left", TemplateBody=json.dumps(body)) == (
        "ValidationError",
        "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the "
        "template",
    )


def test_circles_are_refused(stacks: Any, refused: Any) -> None:
    body = template(A={**LOG, "DependsOn": "B"}, B={**LOG, "DependsOn": "A"}, C=LOG)
    assert refused(stacks.api.create_stack, StackName="round", TemplateBody=json.dumps(body)) == (
        "ValidationError",
        "Circular dependency between resources: [A, B]",
    )


def test_an_export_is_imported_and_its_name_is_unique(stacks: Any, client: Any) -> None:
    output = {"Arn": {"Value": {"Fn::GetAtt": "Log.Arn"}, "Export": {"Name": "log-arn"}}}
    stacks.create("giver", {**template(Log=LOG), "Outputs": output})
    taken = {"Got": {"Value": {"Fn::ImportValue": "log-arn"}}}
    stacks.create("taker", {**template(Log=LOG), "Outputs": taken})
    assert stacks.outputs("taker")["Got"] == stacks.outputs("giver")["Arn"]
    stacks.create("again", {**template(Log=LOG), "Outputs": output})
    assert stacks.show("again")["StackStatus"] == "ROLLBACK_COMPLETE"


def test_an_unknown_attribute_is_refused_before_anything_is_made(stacks: Any, refused: Any) -> None:
    body = template(A=LOG, B=log({"Fn::GetAtt": "A.Size"}))
    assert refused(stacks.api.create_stack, StackName="attr", TemplateBody=json.dumps(body)) == (
        "ValidationError",
        "Template error: resource A does not support attribute type Size in Fn::GetAtt",
    )


# --- parameters ------------------------------------------------------------------------------------


def test_a_secret_parameter_is_never_shown(stacks: Any) -> None:
    declared = {"Token": {"Type": "String", "NoEcho": True}, "Plain": {"Type": "String", "Default": "seen"}}
    stacks.create(
        "quiet",
        {**template(Log=LOG), "Parameters": declared},
        Parameters=[{"ParameterKey": "Token", "ParameterValue": "hidden"}],
    )
    assert stacks.show("quiet")["Parameters"] == [
        {"ParameterKey": "Token", "ParameterValue": "****"},
        {"ParameterKey": "Plain", "ParameterValue": "seen"},
    ]


def test_previous_values_serve_an_update(stacks: Any) -> None:
    body = {**template(Log=log({"Ref": "Days"})), "Parameters": {"Days": {"Type": "Number"}}}
    stacks.create("keep", body, Parameters=[{"ParameterKey": "Days", "ParameterValue": "14"}])
    grown = {**body, "Resources": {**body["Resources"], "Other": LOG}}
    ended = stacks.update("keep", grown, Parameters=[{"ParameterKey": "Days", "UsePreviousValue": True}])
    assert ended == "UPDATE_COMPLETE"
    assert stacks.show("keep")["Parameters"] == [{"ParameterKey": "Days", "ParameterValue": "14"}]


def test_a_vpc_that_does_not_exist_rolls_the_stack_back(stacks: Any) -> None:
    body = {**template(Log=LOG), "Parameters": {"Vpc": {"Type": "AWS::EC2::VPC::Id"}}}
    stacks.create("net", body, Parameters=[{"ParameterKey": "Vpc", "ParameterValue": "vpc-absent"}])
    assert stacks.show("net")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [row.get("ResourceStatusReason") for row in stacks.events("net")][1] == (
        "Parameter validation failed: parameter value vpc-absent for parameter name Vpc does not exist. "
        "Rollback requested by user."
    )


def test_subnets_that_exist_are_accepted(stacks: Any, client: Any) -> None:
    subnets = [row["SubnetId"] for row in client("ec2").describe_subnets()["Subnets"]][:2]
    body = {**template(Log=LOG), "Parameters": {"Nets": {"Type": "List<AWS::EC2::Subnet::Id>"}}}
    stacks.create("nets", body, Parameters=[{"ParameterKey": "Nets", "ParameterValue": ",".join(subnets)}])
    assert stacks.show("nets")["StackStatus"] == "CREATE_COMPLETE"


def test_a_parameter_may_come_from_the_parameter_store(stacks: Any, client: Any, refused: Any) -> None:
    kind = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/days"}
    body = {**template(Log=log({"Ref": "Days"})), "Parameters": {"Days": kind}}
    assert refused(stacks.api.create_stack, StackName="store", TemplateBody=json.dumps(body)) == (
        "ValidationError",
        "Unable to fetch parameters [/days] from parameter store for this account.",
    )
    client("ssm").put_parameter(Name="/days", Value="14", Type="String")
    stacks.create("store", body)
    assert client("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 14
    assert stacks.show("store")["Parameters"] == [{"ParameterKey": "Days", "ParameterValue": "/days"}]


def test_rules_are_kept(stacks: Any, refused: Any) -> None:
    assertion = {
        "Assert": {"Fn::Contains": [["a", "b"], {"Ref": "Kind"}]},
        "AssertDescription": "a or b",
    }
    body = {
        **template(Log=LOG),
        "Parameters": {"Kind": {"Type": "String"}},
        "Rules": {"Known": {"Assertions": [assertion]}},
    }
    given = [{"ParameterKey": "Kind", "ParameterValue": "c"}]
    code, message = refused(
        stacks.api.create_stack, StackName="rules", TemplateBody=json.dumps(body), Parameters=given
    )
    assert (code, message) == ("ValidationError", "Rule Known failed: a or b")


# --- updating --------------------------------------------------------------------------------------


def test_an_update_changes_adds_and_cleans_up(stacks: Any, client: Any) -> None:
    stacks.create("grow", template(Kept=LOG, Changed=log(7), Removed=LOG))
    before = len(stacks.events("grow"))
    assert stacks.update("grow", template(Kept=LOG, Changed=log(14), Added=LOG)) == "UPDATE_COMPLETE"
    assert stacks.story("grow")[before:] == [
        ("grow", "UPDATE_IN_PROGRESS"),
        ("Changed", "UPDATE_IN_PROGRESS"),
        ("Changed", "UPDATE_COMPLETE"),
        ("Added", "CREATE_IN_PROGRESS"),
        ("Added", "CREATE_IN_PROGRESS"),
        ("Added", "CREATE_COMPLETE"),
        ("grow", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Removed", "DELETE_IN_PROGRESS"),
        ("Removed", "DELETE_COMPLETE"),
        ("grow", "UPDATE_COMPLETE"),
    ]
    kept = [row.get("retentionInDays") for row in client("logs").describe_log_groups()["logGroups"]]
    assert sorted(kept, key=str) == [14, None, None]


def test_an_update_without_changes_is_refused(stacks: Any, refused: Any) -> None:
    stacks.create("same", template(Log=LOG))
    body = json.dumps(template(Log={**LOG, "DeletionPolicy": "Retain"}))
    assert refused(stacks.api.update_stack, StackName="same", TemplateBody=body) == (
        "ValidationError",
        "No updates are to be performed.",
    )


def test_an_output_alone_is_a_change(stacks: Any) -> None:
    stacks.create("out", template(Log=LOG))
    assert stacks.update("out", {**template(Log=LOG), "Outputs": {"A": {"Value": "b"}}}) == "UPDATE_COMPLETE"
    assert stacks.outputs("out") == {"A": "b"}


def test_a_failed_update_goes_back_to_where_it_was(aws: Any, stacks: Any, client: Any) -> None:
    stacks.create("undo", template(First=log(7), Second=log(7, DependsOn="First")))
    aws.fail("Second", "no room", on="update")
    before = len(stacks.events("undo"))
    wanted = template(First=log(14), New=log(30), Second=log(14, DependsOn=["First", "New"]))
    assert stacks.update("undo", wanted) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.story("undo")[before:] == [
        ("undo", "UPDATE_IN_PROGRESS"),
        ("First", "UPDATE_IN_PROGRESS"),
        ("First", "UPDATE_COMPLETE"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_COMPLETE"),
        ("Second", "UPDATE_IN_PROGRESS"),
        ("Second", "UPDATE_FAILED"),
        ("undo", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("Second", "UPDATE_IN_PROGRESS"),
        ("Second", "UPDATE_COMPLETE"),
        ("First", "UPDATE_IN_PROGRESS"),
        ("First", "UPDATE_COMPLETE"),
        ("undo", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("New", "DELETE_IN_PROGRESS"),
        ("New", "DELETE_COMPLETE"),
        ("undo", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    assert [row["retentionInDays"] for row in client("logs").describe_log_groups()["logGroups"]] == [7, 7]
    assert stacks.update("undo", template(First=log(7), Second=log(7), New=log(30))) == "UPDATE_COMPLETE"


def test_a_replacement_is_made_before_the_old_one_goes(stacks: Any, client: Any) -> None:
    named = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "old"}}
    stacks.create("swap", template(Log=named))
    before = len(stacks.events("swap"))
    stacks.update("swap", template(Log={**named, "Properties": {"LogGroupName": "new"}}))
    rows = [(r["ResourceStatus"], r["PhysicalResourceId"]) for r in stacks.events("swap")[before:]]
    assert rows[1:-1] == [
        ("UPDATE_IN_PROGRESS", "old"),
        ("UPDATE_IN_PROGRESS", "new"),
        ("UPDATE_COMPLETE", "new"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", stacks.show("swap")["StackId"]),
        ("DELETE_IN_PROGRESS", "old"),
        ("DELETE_COMPLETE", "old"),
    ]
    assert [row["logGroupName"] for row in client("logs").describe_log_groups()["logGroups"]] == ["new"]


def test_update_replace_policy_keeps_the_old_one(stacks: Any, client: Any) -> None:
    def named(name: str) -> dict[str, Any]:
        return {**LOG, "UpdateReplacePolicy": "Retain", "Properties": {"LogGroupName": name}}

    stacks.create("two", template(Log=named("old")))
    stacks.update("two", template(Log=named("new")))
    found = [row["logGroupName"] for row in client("logs").describe_log_groups()["logGroups"]]
    assert found == ["new", "old"]


def test_a_named_resource_is_not_replaced_under_its_name(stacks: Any) -> None:
    def role(path: str) -> dict[str, Any]:
        return {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": "fixed", "Path": path}}

    named = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    stacks.create("fixed", template(Role=role("/a/")), **named)
    assert stacks.update("fixed", template(Role=role("/b/")), **named) == "UPDATE_ROLLBACK_COMPLETE"
    assert (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        "Rename fixed and update the stack again."
    ) in [row.get("ResourceStatusReason") for row in stacks.events("fixed")]


# --- deleting --------------------------------------------------------------------------------------


def test_deleting_what_does_not_exist_succeeds(stacks: Any) -> None:
    assert stacks.api.delete_stack(StackName="never")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_retained_resources_are_skipped(stacks: Any, client: Any) -> None:
    stack_id = stacks.create("keep", template(Log={**LOG, "DeletionPolicy": "Retain"}))
    stacks.delete("keep")
    assert stacks.story(stack_id)[-2:] == [("Log", "DELETE_SKIPPED"), ("keep", "DELETE_COMPLETE")]
    assert len(client("logs").describe_log_groups()["logGroups"]) == 1


@pytest.mark.parametrize(("policy", "left"), [("Retain", 1), ("RetainExceptOnCreate", 0), ("Delete", 0)])
def test_a_rollback_of_creation_keeps_only_what_is_plainly_retained(
    aws: Any, stacks: Any, client: Any, policy: str, left: int
) -> None:
    aws.fail("Second", "no room")
    stacks.create("kept", template(Log={**LOG, "DeletionPolicy": policy}, Second={**LOG, "DependsOn": "Log"}))
    assert stacks.show("kept")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert len(client("logs").describe_log_groups()["logGroups"]) == left


def test_retain_except_on_create_is_kept_by_a_later_deletion(stacks: Any, client: Any) -> None:
    stacks.create("kept", template(Log={**LOG, "DeletionPolicy": "RetainExceptOnCreate"}))
    stacks.delete("kept")
    assert len(client("logs").describe_log_groups()["logGroups"]) == 1


def test_a_failed_deletion_may_be_repeated_without_what_stays(aws: Any, stacks: Any, refused: Any) -> None:
    stack_id = stacks.create("stuck", template(Base=LOG, Top={**LOG, "DependsOn": "Base"}, Free=LOG))
    code, message = refused(stacks.api.delete_stack, StackName="stuck", RetainResources=["Top"])
    assert (code, message) == (
        "ValidationError",
        f"Invalid operation on stack [{stack_id}]. Specify which resources to retain only when the stack is "
        "in the DELETE_FAILED state.",
    )
    aws.fail("Top", "in use", on="delete")
    assert stacks.delete("stuck") == "DELETE_FAILED"
    assert stacks.show(stack_id)["StackStatusReason"] == "The following resource(s) failed to delete: [Top]. "
    # What the stuck resource stands on stays too.
    assert statuses(stacks, "stuck", "Base")[-1] == "CREATE_COMPLETE"
    assert statuses(stacks, "stuck", "Free")[-1] == "DELETE_COMPLETE"
    assert stacks.delete("stuck", RetainResources=["Top"]) == "DELETE_COMPLETE"


def test_a_protected_stack_is_not_deleted(stacks: Any, refused: Any) -> None:
    stacks.create("safe", template(Log=LOG), EnableTerminationProtection=True)
    assert refused(stacks.api.delete_stack, StackName="safe") == (
        "ValidationError",
        "Stack [safe] cannot be deleted while TerminationProtection is enabled",
    )
    stacks.api.update_termination_protection(StackName="safe", EnableTerminationProtection=False)
    assert stacks.delete("safe") == "DELETE_COMPLETE"


def test_deleting_during_creation_ends_the_creation(aws: Any, stacks: Any, client: Any) -> None:
    aws.set_delay(0.05)
    stack_id = stacks.create("early", template(A=LOG, B=LOG, C=LOG, D=LOG), wait=False)
    stacks.api.delete_stack(StackName="early")
    assert stacks.settle(stack_id) == "DELETE_COMPLETE"
    assert client("logs").describe_log_groups()["logGroups"] == []


# --- change sets -----------------------------------------------------------------------------------


def propose(stacks: Any, name: str, body: Any, kind: str = "CREATE", **more: Any) -> dict[str, Any]:
    more.setdefault("Capabilities", ["CAPABILITY_IAM"])
    made = stacks.api.create_change_set(
        StackName=name, ChangeSetName="plan", TemplateBody=json.dumps(body), ChangeSetType=kind, **more
    )
    while True:
        found: dict[str, Any] = stacks.api.describe_change_set(ChangeSetName=made["Id"])
        if not found["Status"].endswith(("PENDING", "IN_PROGRESS")):
            return found


def test_a_create_change_set_waits_for_review_and_then_gives_outputs(stacks: Any) -> None:
    body = {**template(Log=LOG), "Outputs": {"Name": {"Value": {"Ref": "Log"}}}}
    found = propose(stacks, "review", body)
    assert stacks.show("review")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert found["Changes"] == [
        {
            "Type": "Resource",
            "ResourceChange": {
                "Action": "Add",
                "LogicalResourceId": "Log",
                "ResourceType": "AWS::Logs::LogGroup",
                "Scope": [],
                "Details": [],
            },
        }
    ]
    stacks.api.execute_change_set(ChangeSetName="plan", StackName="review")
    stacks.settle("review")
    assert stacks.outputs("review") == {"Name": stacks.physical_id("review", "Log")}
    assert stacks.story("review")[:2] == [("review", "REVIEW_IN_PROGRESS"), ("review", "CREATE_IN_PROGRESS")]


def test_an_update_change_set_says_what_is_replaced(stacks: Any) -> None:
    stacks.create("plans", template(Same=LOG, Tuned=log(7), Gone=LOG))
    other = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 14, "LogGroupName": "now"}}
    found = propose(stacks, "plans", template(Same=LOG, Tuned=other, New=LOG), "UPDATE")
    rows = [row["ResourceChange"] for row in found["Changes"]]
    assert [(r["Action"], r["LogicalResourceId"], r.get("Replacement")) for r in rows] == [
        ("Modify", "Tuned", "True"),
        ("Add", "New", None),
        ("Remove", "Gone", None),
    ]
    assert [row["Target"] for row in rows[0]["Details"]] == [
        {"Attribute": "Properties", "Name": "LogGroupName", "RequiresRecreation": "Always"},
        {"Attribute": "Properties", "Name": "RetentionInDays", "RequiresRecreation": "Never"},
    ]


def test_a_change_set_without_changes_fails(stacks: Any, refused: Any) -> None:
    stacks.create("still", template(Log=LOG))
    found = propose(stacks, "still", template(Log=LOG), "UPDATE")
    assert (found["Status"], found["ExecutionStatus"], found["StatusReason"]) == (
        "FAILED",
        "UNAVAILABLE",
        "The submitted information didn't contain changes. Submit different information to create a "
        "change set.",
    )
    assert refused(stacks.api.execute_change_set, ChangeSetName="plan", StackName="still") == (
        "InvalidChangeSetStatus",
        f"ChangeSet [{found['ChangeSetId']}] cannot be executed in its current status of [FAILED]",
    )


def test_a_change_set_is_executed_once_and_the_others_vanish(stacks: Any, refused: Any) -> None:
    stacks.create("many", template(Log=LOG))
    propose(stacks, "many", template(Log=log()), "UPDATE")
    stacks.api.create_change_set(
        StackName="many", ChangeSetName="other", TemplateBody=json.dumps(template(Log=LOG, More=LOG))
    )
    assert len(stacks.api.list_change_sets(StackName="many")["Summaries"]) == 2
    stacks.api.execute_change_set(ChangeSetName="plan", StackName="many")
    assert stacks.settle("many") == "UPDATE_COMPLETE"
    assert refused(stacks.api.describe_change_set, ChangeSetName="other", StackName="many") == (
        "ChangeSetNotFound",
        "ChangeSet [other] does not exist",
    )
    shown = stacks.api.describe_change_set(ChangeSetName="plan", StackName="many")
    assert shown["ExecutionStatus"] == "EXECUTE_COMPLETE"


def test_a_create_change_set_on_a_living_stack_is_refused(stacks: Any, refused: Any) -> None:
    stacks.create("here", template(Log=LOG))
    assert refused(
        stacks.api.create_change_set,
        StackName="here",
        ChangeSetName="plan",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template(Log=LOG)),
    ) == (
        "ValidationError",
        "Stack [here] already exists and cannot be created again with the changeSet [plan].",
    )


def test_an_update_change_set_needs_a_stack(stacks: Any, refused: Any) -> None:
    body = json.dumps(template(Log=LOG))
    assert refused(
        stacks.api.create_change_set, StackName="none", ChangeSetName="plan", TemplateBody=body
    ) == ("ValidationError", "Stack [none] does not exist")


def test_a_deleted_change_set_leaves_the_stack_in_review(stacks: Any) -> None:
    propose(stacks, "review", template(Log=LOG))
    stacks.api.delete_change_set(ChangeSetName="plan", StackName="review")
    stacks.api.delete_change_set(ChangeSetName="plan", StackName="review")
    assert stacks.show("review")["StackStatus"] == "REVIEW_IN_PROGRESS"
    stack_id = stacks.show("review")["StackId"]
    assert stacks.delete("review") == "DELETE_COMPLETE" or stacks.show(stack_id)
