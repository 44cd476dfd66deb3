"""The CodeBuild image builder's facts: a project by its ARN, and as ZenML wants it."""

import pytest

from provisioner import arn
from provisioner.components.codebuild_image_builder import COMPONENT, IMAGES

PROJECT = "arn:aws:codebuild:eu-central-1:111122223333:project/team-images"


def test_a_project_promises_its_name_and_an_image_of_aws() -> None:
    assert COMPONENT.outputs_of(arn.parse(PROJECT)) == {
        "project_arn": PROJECT,
        "project_name": "team-images",
        "build_image": "aws/codebuild/standard:8.0",
        "build_size": "BUILD_GENERAL1_SMALL",
    }


def test_zenml_never_falls_back_to_its_own_image() -> None:
    outputs = {
        "project_arn": PROJECT,
        "project_name": "team-images",
        "build_image": "aws/codebuild/standard:7.0",
        "build_size": "BUILD_GENERAL1_LARGE",
    }
    assert COMPONENT.register_config({"image_builder": outputs}) == {
        "code_build_project": "team-images",
        "build_image": "aws/codebuild/standard:7.0",
        "compute_type": "BUILD_GENERAL1_LARGE",
    }


def test_every_image_is_one_of_aws() -> None:
    assert [image for image in IMAGES if not image.startswith("aws/codebuild/")] == []


@pytest.mark.parametrize(
    ("attributes", "answers"),
    [
        (
            {"same_region": True, "private": True, "privileged": False, "in_vpc": False},
            [True, None, None, True, True, True],
        ),
        (
            {"same_region": False, "private": False, "privileged": True, "in_vpc": True},
            [False, None, None, False, False, False],
        ),
        ({}, [None] * 6),
    ],
)
def test_a_found_project_is_checked_by_what_a_scan_reads(
    attributes: dict[str, object], answers: list[bool | None]
) -> None:
    assert [check.test(attributes) for check in COMPONENT.checks] == answers


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (PROJECT, True),
        ("arn:aws-cn:codebuild:cn-north-1:111122223333:project/a_b", True),
        ("arn:aws:codebuild:eu-central-1:111122223333:build/team-images:1", False),
        ("arn:aws:codebuild:eu-central-1:111122223333:project/", False),
        ("arn:aws:codebuild:eu-central-1:111122223333:project/a b", False),
        ("arn:aws:codebuild:eu-central-1:1111:project/ab", False),
    ],
)
def test_only_a_project_fits(text: str, fits: bool) -> None:
    assert COMPONENT.fits_arn(text) is fits
