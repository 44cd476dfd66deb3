"""The MLflow app and the tracking server as the template builds them."""

from collections.abc import Mapping
from typing import Any

import pytest

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}
SERVER = {"flavor": "mlflow", "options": {"server": "tracking_server"}}
APP_ARN = "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-app/app-ABC123"


def sids(resource: Mapping[str, Any]) -> list[str]:
    documents = [p["PolicyDocument"] for p in resource["Properties"]["Policies"]]
    return [s["Sid"] for document in documents for s in document["Statement"]]


def test_the_app_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("mlflow_experiment_tracker")


def test_a_server_has_a_size_a_window_and_the_newest_version_unless_told(make: Any) -> None:
    server = make({"artifact_store": "s3", "experiment_tracker": SERVER}).resources["ExperimentTrackerServer"]
    properties = {k: v for k, v in server["Properties"].items() if k != "Tags"}
    assert properties == {
        "TrackingServerName": {"Fn::Sub": "${AWS::StackName}-mlflow"},
        "TrackingServerSize": {"Ref": "ExperimentTrackerSize"},
        "ArtifactStoreUri": {"Fn::Sub": "s3://${ArtifactStoreBucket}/mlflow"},
        "AutomaticModelRegistration": False,
        "MlflowVersion": {
            "Fn::If": [
                "HasExperimentTrackerVersion",
                {"Ref": "ExperimentTrackerVersion"},
                {"Ref": "AWS::NoValue"},
            ]
        },
        "RoleArn": {"Fn::GetAtt": ["ExperimentTrackerRole", "Arn"]},
        "WeeklyMaintenanceWindowStart": {"Ref": "ExperimentTrackerWeeklyWindow"},
    }


def test_mlflow_reaches_its_own_prefix_of_the_bucket_only(make: Any) -> None:
    role = make({"artifact_store": "s3", "experiment_tracker": SERVER}).resources["ExperimentTrackerRole"]
    (policy,) = role["Properties"]["Policies"]
    assert {s["Sid"]: s["Resource"] for s in policy["PolicyDocument"]["Statement"]} == {
        "TrackerArtifacts": {"Fn::Sub": "${ArtifactStoreBucket.Arn}/mlflow/*"},
        "TrackerArtifactsList": {"Fn::GetAtt": ["ArtifactStoreBucket", "Arn"]},
    }


@pytest.mark.parametrize(
    ("tracker", "access", "jobs"),
    [
        ("mlflow", "TrackerApp", "JobTrackingApp"),
        (SERVER, "TrackerServer", "JobTracking"),
        ({"flavor": "mlflow", "reuse": APP_ARN}, "TrackerApp", "JobTrackingApp"),
    ],
)
def test_clients_and_jobs_may_call_the_kind_of_server_that_there_is(
    make: Any, tracker: object, access: str, jobs: str
) -> None:
    wish = {**NEEDS, "experiment_tracker": tracker, "orchestrator": "sagemaker", "step_operator": "sagemaker"}
    resources = make(wish).resources
    assert [s for s in sids(resources["AccessRole"]) if "Track" in s] == [access]
    assert [s for s in sids(resources["OrchestratorRole"]) if "Track" in s] == [f"Orchestrator{jobs}"]
    assert [s for s in sids(resources["StepOperatorRole"]) if "Track" in s] == [f"StepOperator{jobs}"]


def test_without_a_tracker_no_job_may_call_one(make: Any) -> None:
    assert "mlflow" not in make({**NEEDS, "orchestrator": "sagemaker"}).text.lower()
