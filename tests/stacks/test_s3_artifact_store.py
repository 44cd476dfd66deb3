"""The artifact bucket as the template builds it."""

from typing import Any

import pytest


def test_the_bucket_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("s3_artifact_store")


@pytest.mark.parametrize(
    ("retention", "policies"),
    [("retain", ("RetainExceptOnCreate", "Retain")), ("delete", ("Delete", "Delete"))],
)
def test_bucket_and_policy_share_one_fate(make: Any, retention: str, policies: tuple[str, str]) -> None:
    resources = make({"artifact_store": "s3"}, data={"retention": retention}).resources
    for name in ("ArtifactStoreBucket", "ArtifactStorePolicy"):
        assert (resources[name]["DeletionPolicy"], resources[name]["UpdateReplacePolicy"]) == policies


def test_a_reused_bucket_is_granted_by_its_parameter_and_not_touched(make: Any) -> None:
    template = make({"artifact_store": {"flavor": "s3", "reuse": "arn:aws:s3:::team-artifacts"}})
    assert template.types == {"AWS::IAM::Role", "AWS::IAM::RolePolicy"}
    granted = template.resources["AccessRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert {s["Sid"]: s["Resource"] for s in granted} == {
        "ArtifactBucketList": {"Ref": "ArtifactStoreBucketArn"},
        "ArtifactBucketObjects": {"Fn::Sub": "${ArtifactStoreBucketArn}/*"},
    }
    assert template.body["Outputs"]["ArtifactStoreBucketName"]["Value"] == {"Ref": "ArtifactStoreBucketName"}
