"""SageMaker's part that no emulator has: a pipeline's steps, run as processes of this machine."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from tests.zenml.e2e.conftest import PYTHON

Job = Mapping[str, Any]


def run_pipeline(
    sagemaker: Any, execution_arn: str, environment: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    """Runs the steps of an execution, each after those it depends on; their definitions, in that order."""
    name = execution_arn.split("/")[-3]
    described = sagemaker.describe_pipeline(PipelineName=name)
    done = []
    for step in _in_order(json.loads(described["PipelineDefinition"])["Steps"]):
        _run(step["Arguments"], execution_arn, environment)
        done.append(step)
    return done


def _in_order(steps: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    waiting, ended = list(steps), set()
    while waiting:
        step = next(s for s in waiting if not set(s.get("DependsOn", ())) - ended)
        waiting.remove(step)
        yield step
        ended.add(step["Name"])


def _run(job: Mapping[str, Any], execution_arn: str, environment: Mapping[str, str]) -> None:
    """One job: its image's Python is that of the client, its variables are the definition's."""
    image = job.get("AppSpecification") or job["AlgorithmSpecification"]
    command = [*image["ContainerEntrypoint"], *image.get("ContainerArguments", ())]
    # The only thing that a definition may leave open is its own execution.
    variables = {k: execution_arn if isinstance(v, Mapping) else v for k, v in job["Environment"].items()}
    with tempfile.TemporaryDirectory() as folder:
        own = {"PATH": os.environ["PATH"], "HOME": folder, "ZENML_CONFIG_PATH": f"{folder}/config"}
        ran = subprocess.run(
            [PYTHON if command[0].startswith("python") else command[0], *command[1:]],
            env=own | dict(environment) | variables,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
