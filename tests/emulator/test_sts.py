"""STS asks the trust policy: who may be a role, and who is told no in AWS's words."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest

ACCOUNT = "123456789012"
OTHER = "444455556666"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture
def make_role(client: Any) -> Any:
    def make(name: str, principal: Any, condition: Any = None, *, key: str = "testing", **more: Any) -> str:
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        if condition:
            statement["Condition"] = condition
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = client("iam", key=key).create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)
        return str(made["Role"]["Arn"])

    return make


def denied(role: str, caller: str = f"arn:aws:iam::{ACCOUNT}:user/moto") -> tuple[str, str]:
    return (
        "AccessDenied",
        f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}",
    )


def session(aws: Any, credentials: dict[str, str]) -> Any:
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name="eu-central-1",
    )


def test_a_role_that_does_not_exist_is_denied(client: Any, refused: Any) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    assert refused(client("sts").assume_role, RoleArn=role, RoleSessionName="me") == denied(role)


def test_a_session_is_its_role_afterwards(aws: Any, client: Any, make_role: Any) -> None:
    role = make_role("worker", {"AWS": ROOT})
    made = client("sts").assume_role(RoleArn=role, RoleSessionName="me")
    sts = session(aws, made["Credentials"]).client("sts", endpoint_url=aws.endpoint)
    who = sts.get_caller_identity()
    assert (who["Account"], who["Arn"]) == (ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/me")
    assert who["UserId"] == made["AssumedRoleUser"]["AssumedRoleId"]


@pytest.mark.parametrize("given", [{}, {"ExternalId": "wrong"}])
def test_a_missing_or_wrong_external_id_is_denied(
    client: Any, refused: Any, make_role: Any, given: Any
) -> None:
    role = make_role("guarded", {"AWS": ROOT}, {"StringEquals": {"sts:ExternalId": "right"}})
    call = client("sts").assume_role
    assert refused(call, RoleArn=role, RoleSessionName="me", **given) == denied(role)


def test_the_right_external_id_opens_the_role(client: Any, make_role: Any) -> None:
    role = make_role("guarded", {"AWS": ROOT}, {"StringEquals": {"sts:ExternalId": "right"}})
    made = client("sts").assume_role(RoleArn=role, RoleSessionName="me", ExternalId="right")
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/guarded/me"


def test_principal_arn_is_the_role_of_a_session_with_its_path(
    aws: Any, client: Any, refused: Any, make_role: Any
) -> None:
    server = make_role("server", {"AWS": ROOT}, Path="/team/")
    only = {"ArnEquals": {"aws:PrincipalArn": server}}
    target = make_role("target", {"AWS": ROOT}, only)
    assert refused(client("sts").assume_role, RoleArn=target, RoleSessionName="me") == denied(target)
    made = client("sts").assume_role(RoleArn=server, RoleSessionName="zenml")
    sts = session(aws, made["Credentials"]).client("sts", endpoint_url=aws.endpoint)
    assert sts.assume_role(RoleArn=target, RoleSessionName="me")["AssumedRoleUser"]["Arn"].endswith(
        "/target/me"
    )


def test_a_role_in_another_account_opens_to_who_it_trusts(
    aws: Any, client: Any, refused: Any, make_role: Any
) -> None:
    foreign = aws.access_key(OTHER)
    open_to_us = make_role("shared", {"AWS": ROOT}, key=foreign)
    closed = make_role("closed", {"AWS": f"arn:aws:iam::{OTHER}:root"}, key=foreign)
    made = client("sts").assume_role(RoleArn=open_to_us, RoleSessionName="me")
    assert refused(client("sts").assume_role, RoleArn=closed, RoleSessionName="me") == denied(closed)
    sts = session(aws, made["Credentials"]).client("sts", endpoint_url=aws.endpoint)
    assert sts.get_caller_identity()["Account"] == OTHER


def test_a_service_role_opens_to_no_account(client: Any, refused: Any, make_role: Any) -> None:
    role = make_role("build", {"Service": "codebuild.amazonaws.com"})
    assert refused(client("sts").assume_role, RoleArn=role, RoleSessionName="me") == denied(role)


def test_a_trust_policy_must_not_name_an_absent_role(refused: Any, make_role: Any) -> None:
    absent = f"arn:aws:iam::{OTHER}:role/absent"
    assert refused(make_role, name="hopeful", principal={"AWS": absent}) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{absent}"',
    )


@pytest.mark.parametrize(
    ("external_id", "words"),
    [
        ("x", "Member must have length greater than or equal to 2"),
        ("x" * 1225, "Member must have length less than or equal to 1224"),
        ("with space", r"Member must satisfy regular expression pattern: [\w+=,.@:/-]*"),
    ],
)
def test_external_ids_have_a_form(
    client: Any, refused: Any, make_role: Any, external_id: str, words: str
) -> None:
    role = make_role("guarded", {"AWS": ROOT})
    # botocore refuses the shortest ones itself; the raw call shows what AWS says.
    sts = boto3.client(
        "sts",
        endpoint_url=client("sts").meta.endpoint_url,
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="any",
        config=boto3.session.Config(parameter_validation=False),
    )
    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="me", ExternalId=external_id) == (
        "ValidationError",
        f"1 validation error detected: Value '{external_id}' at 'externalId' failed to satisfy constraint: "
        f"{words}",
    )


def test_a_session_lasts_no_longer_than_its_role_allows(client: Any, refused: Any, make_role: Any) -> None:
    role = make_role("short", {"AWS": ROOT}, MaxSessionDuration=3600)
    assert refused(client("sts").assume_role, RoleArn=role, RoleSessionName="me", DurationSeconds=7200) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )


def token(**claims: str) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}.x"


def test_a_web_identity_is_checked_by_issuer_audience_and_subject(client: Any, refused: Any) -> None:
    iam, issuer = client("iam"), "token.actions.githubusercontent.com"
    provider = iam.create_open_id_connect_provider(
        Url=f"https://{issuer}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )["OpenIDConnectProviderArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com"},
            "StringLike": {f"{issuer}:sub": "repo:acme/churn:*"},
        },
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assume = client("sts").assume_role_with_web_identity
    good = token(iss=f"https://{issuer}", aud="sts.amazonaws.com", sub="repo:acme/churn:ref:refs/heads/main")
    made = assume(RoleArn=role, RoleSessionName="ci", WebIdentityToken=good)
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/ci"
    bad = token(iss=f"https://{issuer}", aud="sts.amazonaws.com", sub="repo:evil/churn:ref:refs/heads/main")
    assert refused(assume, RoleArn=role, RoleSessionName="ci", WebIdentityToken=bad) == (
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )
