"""A found resource fits, does not fit, or nobody could look."""

from dataclasses import replace

import pytest

from provisioner import fit
from provisioner.component import Component
from provisioner.components import find
from provisioner.scan.table import Found

BUCKET = Found(
    arn="arn:aws:s3:::churn",
    account="111122223333",
    region="eu-central-1",
    kind="bucket",
    name="churn",
    attributes={"public_access_blocked": True, "encrypted": True, "versioned": True},
)
ROLE = Found(
    arn="arn:aws:iam::111122223333:role/ml",
    account="111122223333",
    region="global",
    kind="role",
    name="ml",
    attributes={"trusts_sagemaker": True, "guarded_trust": True, "no_full_access": True},
)


def component(type_: str, flavor: str) -> Component:
    found = find(type_, flavor)
    assert found
    return found


STORE = component("artifact_store", "s3")


def test_a_resource_fits_when_every_check_says_yes() -> None:
    assert fit.check(STORE, BUCKET, region="eu-central-1") == fit.Fitness(
        verdict="fit",
        checks=(
            fit.Answer(
                id="same_region", ok=True, severity="error", reason="the bucket is in the stack's region"
            ),
            fit.Answer(id="not_public", ok=True, severity="error", reason="public access is blocked"),
            fit.Answer(
                id="encrypted", ok=True, severity="warning", reason="objects are encrypted by default"
            ),
            fit.Answer(
                id="versioned", ok=True, severity="info", reason="overwritten objects can be recovered"
            ),
        ),
    )


@pytest.mark.parametrize(
    ("attributes", "region", "verdict"),
    [
        # The account may block what the bucket does not.
        ({"public_access_blocked": False}, "eu-central-1", "unknown"),
        ({"public_access_blocked": True}, "us-east-1", "unfit"),
        ({}, "eu-central-1", "unknown"),
        ({}, "us-east-1", "unfit"),
        ({"public_access_blocked": True, "encrypted": False, "versioned": False}, "eu-central-1", "fit"),
        ({"public_access_blocked": True}, "eu-central-1", "fit"),
    ],
)
def test_only_checks_of_severity_error_decide(
    attributes: dict[str, object], region: str, verdict: str
) -> None:
    assert fit.check(STORE, replace(BUCKET, attributes=attributes), region=region).verdict == verdict


def test_a_bucket_whose_region_nobody_told_is_unknown() -> None:
    answer = fit.check(STORE, replace(BUCKET, region=""), region="eu-central-1")
    assert (answer.verdict, answer.checks[0].ok) == ("unknown", None)


@pytest.mark.parametrize("type_", ["orchestrator", "step_operator"])
def test_a_role_fits_both_slots_in_every_region(type_: str) -> None:
    answer = fit.check(component(type_, "sagemaker"), ROLE, region="us-east-1")
    assert answer == fit.best(ROLE, "eu-central-1")
    assert answer.verdict == "fit"


def test_what_no_component_could_use_is_unknown() -> None:
    queue = replace(BUCKET, arn="arn:aws:sqs:eu-central-1:111122223333:jobs")
    assert fit.best(queue, "eu-central-1") == fit.Fitness(verdict="unknown", checks=())
