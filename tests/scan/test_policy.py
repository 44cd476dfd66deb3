"""The policy that a scan needs: read-only, real actions, nothing too much."""

import pytest
from parliament import iam_definition

from provisioner.scan.policy import policy
from provisioner.scan.table import ROWS, Row

# Newer than parliament's list of 2024-06; the AWS service authorization reference has them.
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


def test_no_permission_writes() -> None:
    verbs = {action.partition(":")[2][:3] for row in ROWS for action in row.permissions}
    assert verbs <= {"Des", "Get", "Lis", "Bat"}
