"""From our deploy to a pipeline that ran: real ZenML client and server, our emulator for AWS."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REGION, SECRET
from tests.zenml.conftest import ZenMLServer
from tests.zenml.e2e.conftest import OWN_CREDENTIALS, Listener, allowed
from tests.zenml.e2e.sagemaker_jobs import run_pipeline

pytestmark = pytest.mark.slow
SAGEMAKER = """\
version: 1
name: churn-jobs
region: eu-central-1
components:
  artifact_store: s3
  container_registry: ecr
  orchestrator: sagemaker
  step_operator: sagemaker
  image_builder: codebuild
register: {to: zenml}
"""
MINIMAL = """\
version: 1
name: churn-here
region: eu-central-1
components: {artifact_store: s3, container_registry: ecr, orchestrator: local}
register: {to: zenml}
"""


@pytest.fixture
def secrets(server: ZenMLServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The token of the server that the environment names, and the account's key: never to be seen again."""
    monkeypatch.setenv("STACKWRIGHT_ZENML_URL", server.url)
    monkeypatch.setenv("STACKWRIGHT_ZENML_TOKEN", server.token)
    return [server.token, SECRET]


def deployed(cli: Any, world: Any, spec: str, secrets: list[str]) -> tuple[Any, str]:
    """Our answer for the stack that our command line deployed and registered, and its id on the server."""
    Path("stack.yaml").write_text(spec)
    ran = cli("deploy", "--yes", "--json")
    assert ran.code == 0, ran.err
    kept = b"".join(path.read_bytes() for path in world.home.rglob("*") if path.is_file())
    assert [s for s in secrets if s in ran.out + ran.err or s.encode() in kept] == []
    (registration,) = world.registry.registrations()
    assert registration.status == "registered"
    return cli("stack", "show", registration.stack, "--json").json, registration.remote_id


def not_allowed(world: Any, listener: Listener, stack: Any, *surely: str) -> set[str]:
    """What the real client asked for as our access role, `surely` at least, and its policies do not allow."""
    role = stack["connector"]["role_arn"]
    asked = listener.asked_as(role)
    assert {"s3:PutObject", "s3:GetObject", *surely} <= asked
    return asked - allowed(world.iam, role) - {"sts:GetCallerIdentity"}


def keys_of(world: Any, bucket: str) -> list[str]:
    return [o["Key"] for o in world.s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_a_pipeline_runs_here_and_its_outputs_lie_in_our_bucket(
    cli: Any, world: Any, secrets: list[str], user_of: Any, listener: Listener
) -> None:
    stack, id_ = deployed(cli, world, MINIMAL, secrets)
    bucket = stack["components"]["artifact_store"]["outputs"]["bucket_name"]
    user = user_of(id_)
    listener.heard.clear()
    read = user.read_back(user.start_pipeline())
    assert (read["status"], {name: o["value"] for name, o in read["outputs"].items()}) == (
        "completed",
        {"numbers": [1, 2, 3], "total": 6},
    )
    kept = keys_of(world, bucket)
    for output in read["outputs"].values():
        assert output["uri"].startswith(f"s3://{bucket}/")
        assert any(f"s3://{bucket}/{key}".startswith(output["uri"]) for key in kept)
    assert not_allowed(world, listener, stack) == set()


def test_a_pipeline_runs_on_sagemaker_by_our_role_and_our_build_project(
    cli: Any, world: Any, secrets: list[str], user_of: Any, listener: Listener
) -> None:
    stack, id_ = deployed(cli, world, SAGEMAKER, secrets)
    outputs = {type_: part["outputs"] for type_, part in stack["components"].items()}
    user = user_of(id_)
    listener.heard.clear()
    run = user.start_pipeline()

    client = world.cloud.session.client
    sagemaker = client("sagemaker").raw
    (pipeline,) = sagemaker.list_pipelines()["PipelineSummaries"]
    assert pipeline["RoleArn"] == outputs["orchestrator"]["execution_role_arn"]
    builds = client("codebuild").raw.list_builds_for_project(
        projectName=outputs["image_builder"]["project_name"]
    )
    assert len(builds["ids"]) == 1
    (execution,) = sagemaker.list_pipeline_executions(PipelineName=pipeline["PipelineName"])[
        "PipelineExecutionSummaries"
    ]

    # What a job would have from SageMaker: credentials, a region, and here the address of our AWS.
    machine = OWN_CREDENTIALS | {"AWS_ENDPOINT_URL": world.aws.endpoint, "AWS_DEFAULT_REGION": REGION}
    steps = run_pipeline(sagemaker, execution["PipelineExecutionArn"], machine)
    jobs = [step["Arguments"] for step in steps]
    assert [step["Name"] for step in steps] == ["numbers", "total"]
    assert {job["RoleArn"] for job in jobs} == {outputs["orchestrator"]["execution_role_arn"]}
    images = {
        (job.get("AppSpecification", {}).get("ImageUri") or job["AlgorithmSpecification"]["TrainingImage"])
        for job in jobs
    }
    assert {image.partition(":")[0] for image in images} == {outputs["container_registry"]["repository_uri"]}
    read = user.read_back(run)
    assert (read["status"], {name: o["value"] for name, o in read["outputs"].items()}) == (
        "completed",
        {"numbers": [1, 2, 3], "total": 6},
    )
    jobs_need = ("sagemaker:CreatePipeline", "sagemaker:StartPipelineExecution", "codebuild:StartBuild")
    assert not_allowed(world, listener, stack, *jobs_need) == set()
