"""The container registry's facts: a repository by its ARN, and as ZenML wants it."""

import pytest

from provisioner import arn
from provisioner.components.ecr_container_registry import COMPONENT


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-central-1", "111122223333.dkr.ecr.eu-central-1.amazonaws.com"),
        ("aws-cn", "cn-north-1", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("aws-eusc", "eusc-de-east-1", "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_a_repository_promises_its_arn_and_address(partition: str, region: str, host: str) -> None:
    text = f"arn:{partition}:ecr:{region}:111122223333:repository/team/images"
    assert COMPONENT.outputs_of(arn.parse(text)) == {
        "repository_arn": text,
        "repository_uri": f"{host}/team/images",
    }


def test_zenml_gets_registry_and_repository_apart() -> None:
    uri = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/team/images"
    assert COMPONENT.register_config({"container_registry": {"repository_uri": uri}}) == {
        "uri": "111122223333.dkr.ecr.eu-central-1.amazonaws.com",
        "default_repository": "team/images",
    }


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("arn:aws:ecr:eu-central-1:111122223333:repository/team/images", True),
        ("arn:aws:ecr:eu-central-1:111122223333:repository/Team", False),
        ("arn:aws:ecr:eu-central-1:1111:repository/team", False),
        ("arn:aws:ecr::111122223333:repository/team", False),
        ("arn:aws:ecr-public::111122223333:repository/team", False),
        ("arn:aws:s3:::team", False),
        ("111122223333.dkr.ecr.eu-central-1.amazonaws.com/team", False),
    ],
)
def test_only_a_repository_fits(text: str, fits: bool) -> None:
    assert COMPONENT.fits_arn(text) is fits
