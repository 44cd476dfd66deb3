"""The policy that a scan needs: read-only, real actions, nothing too much."""

import json
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from parliament import analyze_policy_string, iam_definition

from provisioner.scan.policy import (
    MAX_CHARACTERS,
    ROLE_NAME,
    caller_policy,
    pieces,
    policy,
    role_template,
    size,
)
from provisioner.scan.table import ROWS, Row

# MLflow apps came in 2025, parliament's list of actions is older; botocore and SageMaker's API have both.
YOUNGER_THAN_PARLIAMENT = {"sagemaker:ListMlflowApps", "sagemaker:DescribeMlflowApp"}


def known_actions() -> set[str]:
    return {f"{s['prefix']}:{p['privilege']}" for s in iam_definition for p in s["privileges"]}


def test_the_policy_lists_what_the_rows_need_sorted() -> None:
    assert policy(ROWS[:3]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "StackwrightScan",
                "Effect": "Allow",
                "Action": [
                    "account:ListRegions",
                    "ecr:DescribeRepositories",
                    "iam:GetAccountAuthorizationDetails",
                    "s3:GetAccountPublicAccessBlock",
                    "s3:GetBucketObjectLockConfiguration",
                    "s3:GetBucketOwnershipControls",
                    "s3:GetBucketPolicyStatus",
                    "s3:GetBucketPublicAccessBlock",
                    "s3:GetBucketRequestPayment",
                    "s3:GetBucketVersioning",
                    "s3:GetEncryptionConfiguration",
                    "s3:ListAllMyBuckets",
                    "tag:GetResources",
                ],
                "Resource": "*",
            }
        ],
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.service)
def test_every_permission_is_a_real_iam_action(row: Row) -> None:
    assert set(row.permissions) <= known_actions() | YOUNGER_THAN_PARLIAMENT


def dependent() -> dict[str, set[str]]:
    """What AWS's reference says that an action takes besides."""
    return {
        f"{s['prefix']}:{p['privilege']}": {a for t in p["resource_types"] for a in t["dependent_actions"]}
        for s in iam_definition
        for p in s["privileges"]
    }


# Service Quotas asks other services for their own limits only; SageMaker's it knows itself.
NOT_OURS = {"servicequotas:ListServiceQuotas"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.service)
def test_a_row_has_every_action_that_its_own_depend_on(row: Row) -> None:
    known = dependent()
    further = {a for action in {*row.permissions} - NOT_OURS for a in known.get(action, ())}
    assert further <= set(row.permissions)


def test_no_permission_writes() -> None:
    verbs = {action.partition(":")[2][:3] for row in ROWS for action in row.permissions}
    assert verbs <= {"Des", "Get", "Lis", "Bat"}


def found_by_parliament(document: Any) -> set[tuple[str, str]]:
    findings = analyze_policy_string(json.dumps(document)).findings
    return {(f.issue, str(f.location.get("string"))) for f in findings}


def test_parliament_finds_nothing_but_what_it_does_not_know() -> None:
    assert found_by_parliament(policy(ROWS)) == {("UNKNOWN_ACTION", a) for a in YOUNGER_THAN_PARLIAMENT}
    assert found_by_parliament(caller_policy()) == set()


def test_the_policy_is_one_that_iam_takes() -> None:
    assert pieces(ROWS) == [policy(ROWS)]
    assert size(policy(ROWS)) <= MAX_CHARACTERS


def actions(document: Any) -> list[str]:
    (statement,) = document["Statement"]
    return list(statement["Action"])


def sid(document: Any) -> str:
    (statement,) = document["Statement"]
    return str(statement["Sid"])


def test_a_policy_that_grows_too_large_comes_in_pieces() -> None:
    parts = pieces(ROWS, most=500)
    assert [action for part in parts for action in actions(part)] == actions(policy(ROWS))
    assert len(parts) > 2
    assert max(size(part) for part in parts) <= 500
    assert [sid(part) for part in parts][:2] == ["StackwrightScan1", "StackwrightScan2"]


def template() -> Any:
    return role_template(ROWS)


def test_the_roles_template_is_clean_and_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "role.json"
    path.write_text(json.dumps(template()))
    assert cfnlint.api.lint_file(path) == []
    assert [r["Type"] for r in template()["Resources"].values()] == ["AWS::IAM::Role"]
    assert "Transform" not in template()


def test_the_role_may_what_the_policy_says_and_no_more() -> None:
    role = template()["Resources"]["ScanRole"]["Properties"]
    assert role["Policies"] == [{"PolicyName": "scan-1", "PolicyDocument": policy(ROWS)}]
    assert "ManagedPolicyArns" not in role


def test_only_the_named_principal_may_assume_the_role() -> None:
    role = template()["Resources"]["ScanRole"]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    named = {"ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}}}
    asked = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    assert statement["Condition"] == {"Fn::If": ["HasExternalId", named | asked, named]}
    assert role["RoleName"] == {"Ref": "RoleName"}
    assert template()["Parameters"]["RoleName"]["Default"] == ROLE_NAME
    assert "Default" not in template()["Parameters"]["TrustedPrincipal"]
