"""IAM users, keys, providers and profiles, boundaries, and the simulator."""

from __future__ import annotations

import json
from typing import Any

import pytest

ACCOUNT = "123456789012"
URL = "https://token.actions.githubusercontent.com"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}],
}


def one(kind: str, /, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": f"AWS::IAM::{kind}", "Properties": properties}}}


def reason(stacks: Any, name: str) -> str:
    rows = [r for r in stacks.events(name) if r["ResourceStatus"].endswith("_FAILED")]
    return str(rows[0]["ResourceStatusReason"]) if rows else ""


def key(**more: Any) -> dict[str, Any]:
    return {
        "Resources": {
            "It": {"Type": "AWS::IAM::User", "Properties": more},
            "Rights": {
                "Type": "AWS::IAM::UserPolicy",
                "Properties": {"UserName": {"Ref": "It"}, "PolicyName": "p", "PolicyDocument": POLICY},
            },
            "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "It"}}},
        },
        "Outputs": {
            "Id": {"Value": {"Ref": "Key"}},
            "Secret": {"Value": {"Fn::GetAtt": ["Key", "SecretAccessKey"]}},
            "Arn": {"Value": {"Fn::GetAtt": ["It", "Arn"]}},
        },
    }


def test_a_user_has_policies_a_boundary_and_a_key(stacks: Any, client: Any) -> None:
    iam = client("iam")
    edge = iam.create_policy(PolicyName="edge", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    tags = [{"Key": "own", "Value": "yes"}]
    stacks.create("user", key(Path="/team/", PermissionsBoundary=edge, Tags=tags))
    assert reason(stacks, "user") == ""
    name, told = stacks.physical_id("user", "It"), stacks.outputs("user")
    found = iam.get_user(UserName=name)["User"]
    assert told["Arn"] == found["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/{name}"
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == edge
    assert iam.get_user_policy(UserName=name, PolicyName="p")["PolicyDocument"] == POLICY
    # The key is a real one: it speaks for the user.
    assert client("sts", key=told["Id"]).get_caller_identity()["Arn"] == found["Arn"]
    assert len(told["Secret"]) == 40
    assert stacks.update("user", key(Path="/team/")) == "UPDATE_COMPLETE"
    after = iam.get_user(UserName=name)["User"]
    assert ("PermissionsBoundary" in after, "Tags" in after) == (False, False)
    assert stacks.delete("user") == "DELETE_COMPLETE"
    assert iam.list_users()["Users"] == []


def test_a_user_with_a_key_made_by_hand_is_not_deleted(stacks: Any, client: Any) -> None:
    stacks.create("hand", one("User"))
    client("iam").create_access_key(UserName=stacks.physical_id("hand", "It"))
    assert stacks.delete("hand") == "DELETE_FAILED"
    assert "must delete access keys first" in reason(stacks, "hand")


def test_a_user_has_two_keys_at_most(stacks: Any, client: Any, refused: Any) -> None:
    iam = client("iam")
    iam.create_user(UserName="u")
    for _ in range(2):
        iam.create_access_key(UserName="u")
    assert refused(iam.create_access_key, UserName="u")[0] == "LimitExceeded"


def test_a_boundary_must_be_there(stacks: Any) -> None:
    edge = f"arn:aws:iam::{ACCOUNT}:policy/none"
    trust = {"Version": "2012-10-17", "Statement": []}
    stacks.create("user", one("User", PermissionsBoundary=edge))
    stacks.create("role", one("Role", PermissionsBoundary=edge, AssumeRolePolicyDocument=trust))
    assert f"Scope ARN: {edge} does not exist or is not attachable." in reason(stacks, "user")
    assert f"Scope ARN: {edge} does not exist or is not attachable." in reason(stacks, "role")


def test_one_provider_per_url(stacks: Any, client: Any) -> None:
    stacks.create("first", one("OIDCProvider", Url=URL, ClientIdList=["sts.amazonaws.com"]))
    arn = stacks.physical_id("first", "It")
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    stacks.create("second", one("OIDCProvider", Url=URL))
    assert f"Provider with url {URL} already exists." in reason(stacks, "second")
    assert "AlreadyExists" in reason(stacks, "second")
    assert stacks.update("first", one("OIDCProvider", Url=URL, ClientIdList=["other"])) == "UPDATE_COMPLETE"
    found = client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["other"]
    assert stacks.delete("first") == "DELETE_COMPLETE"
    stacks.create("plain", one("OIDCProvider", Url="http://x.example"))
    assert "Invalid Open ID Connect Provider URL" in reason(stacks, "plain")


def test_one_linked_role_per_service(stacks: Any, client: Any) -> None:
    service = {"AWSServiceName": "eks.amazonaws.com"}
    stacks.create("first", one("ServiceLinkedRole", **service))
    name = stacks.physical_id("first", "It")
    assert client("iam").get_role(RoleName=name)["Role"]["Path"] == "/aws-service-role/eks.amazonaws.com/"
    stacks.create("second", one("ServiceLinkedRole", **service))
    assert f"Service role name {name} has been taken in this account" in reason(stacks, "second")
    assert stacks.delete("first") == "DELETE_COMPLETE"
    assert client("iam").list_roles()["Roles"] == []


def test_an_instance_profile_holds_one_role(stacks: Any, client: Any) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}

    def body(*roles: str) -> dict[str, Any]:
        return {
            "Resources": {
                "One": role,
                "Two": role,
                **one("InstanceProfile", Roles=[{"Ref": name} for name in roles])["Resources"],
            }
        }

    stacks.create("profile", body("One"))
    iam, name = client("iam"), stacks.physical_id("profile", "It")
    assert stacks.update("profile", body("Two")) == "UPDATE_COMPLETE"
    found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    assert [row["RoleName"] for row in found] == [stacks.physical_id("profile", "Two")]
    stacks.create("two", body("One", "Two"))
    assert "Cannot exceed quota for InstanceSessionsPerInstanceProfile" in reason(stacks, "two")
    assert stacks.delete("profile") == "DELETE_COMPLETE"


def test_policies_of_aws_can_be_attached(stacks: Any, client: Any) -> None:
    wanted = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    stacks.create("aws", one("User", ManagedPolicyArns=[wanted]))
    name = stacks.physical_id("aws", "It")
    rows = client("iam").list_attached_user_policies(UserName=name)["AttachedPolicies"]
    assert [row["PolicyArn"] for row in rows] == [wanted]
    stacks.create("none", one("User", ManagedPolicyArns=["arn:aws:iam::aws:policy/NoSuch"]))
    assert "does not exist or is not attachable" in reason(stacks, "none")


# --- the simulator ---------------------------------------------------------------------------------


def decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    rows = answer["EvaluationResults"]
    return {(row["EvalActionName"], row["EvalResourceName"]): row["EvalDecision"] for row in rows}


def test_the_simulator_reads_identity_policies_and_boundaries(client: Any) -> None:
    iam = client("iam")
    iam.create_user(UserName="u")
    iam.put_user_policy(
        UserName="u",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": ["s3:*", "iam:PassRole"], "Resource": "*"},
                    {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::b/*"},
                ],
            }
        ),
    )
    arn = f"arn:aws:iam::{ACCOUNT}:user/u"
    asked = {
        "ActionNames": ["s3:GetObject", "s3:DeleteObject", "ec2:RunInstances"],
        "ResourceArns": ["arn:aws:s3:::b/x"],
    }
    before = decisions(iam.simulate_principal_policy(PolicySourceArn=arn, **asked))
    assert list(before.values()) == ["allowed", "explicitDeny", "implicitDeny"]
    edge = iam.create_policy(PolicyName="edge", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=edge)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:GetObject", "s3:PutObject"], ResourceArns=["arn:aws:s3:::b/x"]
    )
    assert list(decisions(answer).values()) == ["allowed", "implicitDeny"]
    details = [
        row["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"]
        for row in answer["EvaluationResults"]
    ]
    assert details == [True, False]


def test_conditions_need_their_context(client: Any) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": "*",
                "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            }
        ],
    }
    asked = {"PolicyInputList": [json.dumps(policy)], "ActionNames": ["iam:PassRole"]}

    def ask(service: str = "") -> tuple[str, list[str]]:
        entry = {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyType": "string",
            "ContextKeyValues": [service],
        }
        more = {"ContextEntries": [entry]} if service else {}
        (row,) = client("iam").simulate_custom_policy(**asked, **more)["EvaluationResults"]
        return row["EvalDecision"], row["MissingContextValues"]

    assert ask() == ("implicitDeny", ["iam:PassedToService"])
    assert ask("sagemaker.amazonaws.com") == ("allowed", [])
    assert ask("ec2.amazonaws.com") == ("implicitDeny", [])


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/none", "NoSuchEntity"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", "InvalidInput"),
    ],
)
def test_the_simulator_wants_a_user_or_a_role(client: Any, refused: Any, arn: str, code: str) -> None:
    call = client("iam").simulate_principal_policy
    assert refused(call, PolicySourceArn=arn, ActionNames=["s3:GetObject"])[0] == code


def test_the_callers_of_every_test_may_everything(client: Any) -> None:
    arn = client("sts").get_caller_identity()["Arn"]
    answer = client("iam").simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:CreateRole"])
    assert list(decisions(answer).values()) == ["allowed"]
