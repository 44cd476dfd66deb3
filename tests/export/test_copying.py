"""Which resource takes which slot of a copy."""

import pytest

from provisioner import copying
from provisioner.errors import SpecError
from tests.export.samples import EKS, MORE, SAGEMAKER, stack

OTHER = "444455556666"
BUCKET = "arn:aws:s3:::churn-prod"
REPOSITORY = f"arn:aws:ecr:eu-central-1:{OTHER}:repository/churn"
ROLE = f"arn:aws:iam::{OTHER}:role/ml"
STEPS = f"arn:aws:iam::{OTHER}:role/steps"


def test_every_slot_takes_what_fits_it() -> None:
    assert copying.slots(SAGEMAKER, [ROLE, REPOSITORY, BUCKET]) == {
        "artifact_store": BUCKET,
        "container_registry": REPOSITORY,
        "orchestrator": ROLE,
        "step_operator": ROLE,
    }


def test_a_named_slot_is_taken_by_that_name() -> None:
    given = [BUCKET, REPOSITORY, ROLE, f"step_operator={STEPS}"]
    chosen = copying.slots(SAGEMAKER, given)
    assert (chosen["orchestrator"], chosen["step_operator"]) == (ROLE, STEPS)


def test_what_is_local_asks_for_nothing() -> None:
    source = stack(("orchestrator", "local"))
    assert (list(copying.slots(source, [BUCKET, REPOSITORY])), copying.local(source)) == (
        ["artifact_store", "container_registry"],
        ["orchestrator"],
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([BUCKET, REPOSITORY], "nothing is named for orchestrator sagemaker"),
        ([BUCKET, BUCKET + "2", REPOSITORY, ROLE], f"{BUCKET} and {BUCKET}2 both fit artifact_store s3"),
        (
            [BUCKET, REPOSITORY, ROLE, "arn:aws:sqs:eu-central-1:1:q"],
            "arn:aws:sqs:eu-central-1:1:q fits no slot of churn-dev",
        ),
        (
            [BUCKET, REPOSITORY, f"orchestrator={ROLE}", f"step_operator={ROLE}", STEPS],
            f"{STEPS} fits no slot of churn-dev",
        ),
        (["bucket"], "'bucket' is neither an ARN nor TYPE=ARN"),
        (["artifact_store=bucket"], "'bucket' is not an ARN"),
        ([f"artifact_store={ROLE}"], f"{ROLE} is no artifact_store s3"),
        ([f"image_builder={ROLE}"], "churn-dev has no slot image_builder to fill"),
    ],
)
def test_what_does_not_go_into_the_slots_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        copying.slots(SAGEMAKER, given)
    assert (caught.value.message, caught.value.field) == (message, "arn")


def test_what_no_arn_names_has_to_be_built() -> None:
    with pytest.raises(SpecError) as caught:
        copying.slots(MORE, [BUCKET, REPOSITORY])
    assert (caught.value.message, caught.value.hint) == (
        "churn-dev has step_operator batch, which no ARN names",
        "`stackwright deploy --name NAME` with the other account's credentials builds one",
    )


def test_a_cluster_is_a_slot_like_any_other() -> None:
    cluster = f"arn:aws:eks:eu-central-1:{OTHER}:cluster/prod"
    assert copying.slots(EKS, [BUCKET, REPOSITORY, cluster])["orchestrator"] == cluster
