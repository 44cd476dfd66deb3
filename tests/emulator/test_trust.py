"""Trust policies, statement by statement."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.emulator.trust import Caller, is_trusted

ROLE = "arn:aws:iam::111122223333:role/team/server"
CALLER = Caller(
    account="111122223333", principal=ROLE, session="arn:aws:sts::111122223333:assumed-role/server/me"
)
CONTEXT = {
    "aws:PrincipalArn": ROLE,
    "aws:PrincipalAccount": "111122223333",
    "sts:RoleSessionName": "zenml-run",
}


def allows(principal: Any, condition: Any = None, *more: dict[str, Any]) -> bool:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return is_trusted({"Statement": [statement, *more]}, CALLER, "sts:AssumeRole", CONTEXT)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "111122223333"},
        {"AWS": "arn:aws:iam::111122223333:root"},
        {"AWS": ROLE},
        {"AWS": "arn:aws:sts::111122223333:assumed-role/server/me"},
        {"AWS": ["arn:aws:iam::999999999999:root", ROLE]},
        {"AWS": "*"},
        "*",
    ],
)
def test_these_principals_are_the_caller(principal: Any) -> None:
    assert allows(principal)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::999999999999:root"},
        {"AWS": "arn:aws:iam::111122223333:role/server"},
        {"Service": "sagemaker.amazonaws.com"},
        {"Federated": "arn:aws:iam::111122223333:oidc-provider/x"},
        {},
    ],
)
def test_these_principals_are_somebody_else(principal: Any) -> None:
    assert not allows(principal)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalAccount": ["1", "111122223333"]}},
        {"StringLike": {"sts:RoleSessionName": "zenml-*"}},
        {"StringNotEquals": {"sts:RoleSessionName": "other"}},
        {"StringNotEquals": {"sts:ExternalId": "other"}},
        {"ArnEquals": {"aws:PrincipalArn": ROLE}},
        {"ArnLike": {"aws:principalarn": "arn:aws:iam::*:role/team/*"}},
        {"Null": {"sts:ExternalId": "true"}},
        {"Null": {"aws:PrincipalArn": "false"}},
        {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}},
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
    ],
)
def test_these_conditions_hold(condition: Any) -> None:
    assert allows({"AWS": "*"}, condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"sts:ExternalId": "right"}},
        {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        {"StringLike": {"sts:RoleSessionName": "zenml-[a-z]*"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*"}},
        {"Null": {"sts:ExternalId": "false"}},
        {"Bool": {"aws:MultiFactorAuthPresent": True}},
        {"StringEquals": {"aws:PrincipalAccount": "111122223333", "sts:RoleSessionName": "other"}},
        {"StringMatches": {"aws:PrincipalAccount": "111122223333"}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    ],
)
def test_these_conditions_do_not_hold(condition: Any) -> None:
    assert not allows({"AWS": "*"}, condition)


def test_a_deny_wins_even_with_a_condition_that_is_not_understood() -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    }
    assert not allows({"AWS": "*"}, None, deny)


def test_another_action_is_not_allowed() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["sts:TagSession"]}
    assert not is_trusted({"Statement": statement}, CALLER, "sts:AssumeRole", CONTEXT)
