"""The MLflow tracker's facts: an app or a server by its ARN, and what may be called on either."""

import pytest

from provisioner import arn
from provisioner.components.mlflow_experiment_tracker import COMPONENT

SERVER = "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-tracking-server/team"
APP = "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-app/app-ABC123"


@pytest.mark.parametrize(("text", "kind"), [(SERVER, "tracking_server"), (APP, "serverless")])
def test_an_arn_tells_what_the_server_is_and_is_its_address(text: str, kind: str) -> None:
    assert COMPONENT.fits_arn(text)
    assert COMPONENT.structure_of(arn.parse(text)) == {"server": kind}
    outputs = COMPONENT.outputs_of(arn.parse(text))
    assert outputs == {"server_arn": text}
    assert COMPONENT.register_config({"experiment_tracker": outputs}) == {"tracking_uri": text}


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-tracking-server/",
        "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-tracking-server/-team",
        "arn:aws:sagemaker:eu-central-1:111122223333:pipeline/team",
        "https://mlflow.example.com",
    ],
)
def test_nothing_else_fits(text: str) -> None:
    assert not COMPONENT.fits_arn(text)


def test_nobody_may_delete_what_was_tracked_where_iam_can_tell() -> None:
    actions = [a for s in COMPONENT.statements for a in s.actions if s.role == "access"]
    assert [a for a in actions if "Delete" in a] == []


def test_zenml_knows_the_flavor_and_cannot_take_the_address() -> None:
    assert COMPONENT.zenml_flavor == "mlflow"
    assert COMPONENT.outside_zenml.startswith("ZenML 0.98 refuses the ARN")
