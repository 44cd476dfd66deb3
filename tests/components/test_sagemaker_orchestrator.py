"""The SageMaker orchestrator's facts: a role by its ARN, and as ZenML wants it."""

import pytest

from provisioner import arn
from provisioner.components.sagemaker_orchestrator import COMPONENT

ROLE = "arn:aws:iam::111122223333:role/service-role/ml-exec"


def test_a_role_promises_its_arn() -> None:
    assert COMPONENT.outputs_of(arn.parse(ROLE)) == {"execution_role_arn": ROLE}


def test_zenml_gets_role_and_bucket() -> None:
    outputs = {
        "artifact_store": {"bucket_name": "team-artifacts"},
        "orchestrator": {"execution_role_arn": ROLE},
        "step_operator": {"execution_role_arn": "another"},
    }
    assert COMPONENT.register_config(outputs) == {
        "execution_role": ROLE,
        "bucket": "team-artifacts",
        "output_data_s3_uri": "s3://team-artifacts/sagemaker",
    }


def test_zenml_gets_the_scheduling_role_where_a_template_made_one() -> None:
    orchestrator = {"execution_role_arn": ROLE, "scheduler_role_arn": "arn:aws:iam::111122223333:role/s"}
    outputs = {"artifact_store": {"bucket_name": "team-artifacts"}, "orchestrator": orchestrator}
    assert COMPONENT.register_config(outputs)["scheduler_role"] == "arn:aws:iam::111122223333:role/s"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (ROLE, True),
        ("arn:aws-cn:iam::111122223333:role/a+b=c,d.e@f-g_h", True),
        ("arn:aws:iam::111122223333:role/müller", False),
        ("arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/ml", False),
        ("arn:aws:iam::111122223333:role/", False),
        ("arn:aws:iam::111122223333:role/a b", False),
        ("arn:aws:iam::111122223333:user/ml", False),
        ("arn:aws:sts::111122223333:assumed-role/ml/session", False),
    ],
)
def test_only_a_role_fits(text: str, fits: bool) -> None:
    assert COMPONENT.fits_arn(text) is fits
