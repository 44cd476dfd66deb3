"""The artifact store's facts: a bucket by its ARN, and as ZenML wants it."""

import pytest

from provisioner import arn
from provisioner.components.s3_artifact_store import COMPONENT


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_a_bucket_promises_its_name_and_arn(partition: str) -> None:
    text = f"arn:{partition}:s3:::team-artifacts"
    assert COMPONENT.outputs_of(arn.parse(text)) == {"bucket_name": "team-artifacts", "bucket_arn": text}


def test_zenml_gets_the_path_of_the_bucket() -> None:
    outputs = {"artifact_store": {"bucket_name": "team-artifacts", "bucket_arn": "arn:aws:s3:::x"}}
    assert COMPONENT.register_config(outputs) == {"path": "s3://team-artifacts"}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("arn:aws:s3:::team-artifacts", True),
        ("arn:aws-cn:s3:::a.b-c", True),
        ("arn:aws:s3:::ab", False),
        ("arn:aws:s3:::" + "a" * 64, False),
        ("arn:aws:s3:::Team", False),
        ("arn:aws:s3:::team/key", False),
        ("arn:aws:s3:eu-central-1:111122223333:accesspoint/x", False),
        ("arn:aws:ecr:eu-central-1:111122223333:repository/team", False),
        ("team-artifacts", False),
        ("arn:aws:s3:::team-artifacts\n", False),
    ],
)
def test_only_a_bucket_fits(text: str, fits: bool) -> None:
    assert COMPONENT.fits_arn(text) is fits
