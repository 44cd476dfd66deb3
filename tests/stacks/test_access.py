"""The access role as the template builds it: whom it trusts, in each kind of trust."""

from typing import Any

import pytest

PRINCIPAL = "arn:aws:iam::444455556666:role/zenml-server"
BOUND = {"ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}}}
GIVEN_ACCOUNT = {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": "TrustedPrincipal"}]}]}
ROOT_OF_PRINCIPAL = {"Fn::Sub": ["arn:${AWS::Partition}:iam::${Account}:root", {"Account": GIVEN_ACCOUNT}]}
TRUSTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "account": (
        {"trust": "account"},
        {
            "Sid": "AccountTrust",
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
            "Action": "sts:AssumeRole",
            "Condition": {"Fn::If": ["HasTrustedPrincipal", BOUND, {"Ref": "AWS::NoValue"}]},
        },
    ),
    "principal": (
        {"trust": "principal", "principal": PRINCIPAL},
        {
            "Sid": "PrincipalTrust",
            "Effect": "Allow",
            "Principal": {"AWS": ROOT_OF_PRINCIPAL},
            "Action": "sts:AssumeRole",
            "Condition": {**BOUND, "StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}},
        },
    ),
    "principal without external id": (
        {"trust": "principal", "principal": PRINCIPAL, "external_id": False},
        {
            "Sid": "PrincipalTrust",
            "Effect": "Allow",
            "Principal": {"AWS": ROOT_OF_PRINCIPAL},
            "Action": "sts:AssumeRole",
            "Condition": BOUND,
        },
    ),
}


@pytest.mark.parametrize(("access", "statement"), TRUSTS.values(), ids=TRUSTS)
def test_the_access_role_trusts_whom_the_spec_names(
    make: Any, access: dict[str, Any], statement: dict[str, Any]
) -> None:
    role = make({"artifact_store": "s3"}, access=access).resources["AccessRole"]["Properties"]
    assert role["AssumeRolePolicyDocument"] == {"Version": "2012-10-17", "Statement": [statement]}


def test_the_access_role_may_prove_where_it_comes_from(make: Any) -> None:
    own = make({"artifact_store": "s3"}).resources["AccessRoleSelf"]["Properties"]
    assert own["PolicyDocument"]["Statement"] == [
        {
            "Sid": "AccessReadStack",
            "Effect": "Allow",
            "Action": ["cloudformation:DescribeStacks", "cloudformation:GetTemplate"],
            "Resource": {"Ref": "AWS::StackId"},
        },
        {
            "Sid": "AccessReadSelf",
            "Effect": "Allow",
            "Action": "iam:GetRole",
            "Resource": {"Fn::GetAtt": ["AccessRole", "Arn"]},
        },
    ]


@pytest.mark.parametrize(
    ("access", "required"),
    [
        (TRUSTS["account"][0], set()),
        (TRUSTS["principal"][0], {"TrustedPrincipal", "ExternalId"}),
        (TRUSTS["principal without external id"][0], {"TrustedPrincipal"}),
    ],
)
def test_only_what_the_trust_needs_must_be_filled_in(
    make: Any, access: dict[str, Any], required: set[str]
) -> None:
    parameters = make({"artifact_store": "s3"}, access=access).parameters
    assert {name for name, rule in parameters.items() if "Default" not in rule} == required
