"""The access role as the template builds it: whom it trusts, in each kind of trust."""

import json
from typing import Any

import pytest

PRINCIPAL = "arn:aws:iam::444455556666:role/zenml-server"
BOUND = {"ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}}}
GIVEN_ACCOUNT = {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": "TrustedPrincipal"}]}]}
ROOT_OF_PRINCIPAL = {"Fn::Sub": ["arn:${AWS::Partition}:iam::${Account}:root", {"Account": GIVEN_ACCOUNT}]}
HOST = "token.actions.githubusercontent.com"
ISSUER = f"https://{HOST}"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{HOST}"
VOUCHED = {
    "StringEquals": {f"{HOST}:aud": {"Ref": "OidcAudience"}},
    "StringLike": {f"{HOST}:sub": {"Ref": "OidcSubject"}},
}
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
    "oidc": (
        {"trust": "oidc", "oidc": {"issuer": ISSUER, "subject": "repo:acme/churn:ref:refs/heads/main"}},
        {
            "Sid": "OidcTrust",
            "Effect": "Allow",
            "Principal": {"Federated": {"Fn::GetAtt": ["OidcProvider", "Arn"]}},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": VOUCHED,
        },
    ),
    "oidc of a provider that is there": (
        {"trust": "oidc", "oidc": {"issuer": ISSUER, "subject": "repo:acme/churn:*", "provider": PROVIDER}},
        {
            "Sid": "OidcTrust",
            "Effect": "Allow",
            "Principal": {"Federated": {"Ref": "OidcProviderArn"}},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": VOUCHED,
        },
    ),
    "access key": (
        {"trust": "access_key"},
        {
            "Sid": "AccessKeyTrust",
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["AccessUser", "Arn"]}}},
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
        (TRUSTS["oidc"][0], {"OidcSubject"}),
        (TRUSTS["oidc of a provider that is there"][0], {"OidcSubject", "OidcProviderArn"}),
        (TRUSTS["access key"][0], set()),
    ],
)
def test_only_what_the_trust_needs_must_be_filled_in(
    make: Any, access: dict[str, Any], required: set[str]
) -> None:
    parameters = make({"artifact_store": "s3"}, access=access).parameters
    assert {name for name, rule in parameters.items() if "Default" not in rule} == required


def test_a_provider_outlives_the_stack_because_others_may_rely_on_it(make: Any) -> None:
    provider = make({"artifact_store": "s3"}, access=TRUSTS["oidc"][0]).resources["OidcProvider"]
    assert (provider["DeletionPolicy"], provider["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert provider["Properties"]["Url"] == ISSUER
    assert provider["Properties"]["ClientIdList"] == [{"Ref": "OidcAudience"}]


def test_a_provider_that_is_there_is_not_made_again(make: Any) -> None:
    template = make({"artifact_store": "s3"}, access=TRUSTS["oidc of a provider that is there"][0])
    assert "AWS::IAM::OIDCProvider" not in template.types


def test_a_key_goes_into_a_secret_and_nowhere_else(make: Any) -> None:
    template = make({"artifact_store": "s3"}, access=TRUSTS["access key"][0])
    holders = [name for name, r in template.resources.items() if "SecretAccessKey" in json.dumps(r)]
    assert holders == ["AccessUserSecret"]
    assert "SecretAccessKey" not in json.dumps(template.body["Outputs"])
    assert template.resources["AccessUserSecret"]["Properties"]["SecretString"] == {
        "Fn::Sub": '{"aws_access_key_id": "${AccessUserKey}", '
        '"aws_secret_access_key": "${AccessUserKey.SecretAccessKey}"}'
    }


def test_the_keys_user_may_assume_the_access_role_and_nothing_else(make: Any) -> None:
    template = make({"artifact_store": "s3"}, access=TRUSTS["access key"][0])
    document = template.resources["AccessUserAssume"]["Properties"]["PolicyDocument"]
    assert document["Statement"] == [
        {
            "Sid": "AccessUserAssume",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": {"Fn::GetAtt": ["AccessRole", "Arn"]},
        }
    ]
    user = template.resources["AccessUser"]["Properties"]
    assert set(user) == {"PermissionsBoundary", "Tags"}
