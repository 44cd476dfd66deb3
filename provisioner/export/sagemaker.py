"""Defaults of the SageMaker Python SDK: roles by kind of job, and the bucket."""

from collections.abc import Mapping
from typing import Any

import yaml

from provisioner.export.format import Format
from provisioner.export.stack import ExportedStack

# Kind of job -> whose execution role is meant, the first that the stack has.
_ROLES: Mapping[str, tuple[str, ...]] = {
    "pipelines": ("orchestrator", "step_operator"),
    "jobs": ("step_operator", "orchestrator"),
    "models": ("model_deployer",),
}


def render(stack: ExportedStack) -> str:
    comments = "".join(f"# {line}\n" for line in stack.head())
    return comments + yaml.safe_dump(_config(stack), sort_keys=False, width=110)


def _config(stack: ExportedStack) -> dict[str, Any]:
    roles = {kind: _role(stack, kind) for kind in _ROLES}
    bucket = stack.output("artifact_store", "bucket_name")
    jobs = {"RoleArn": roles["jobs"]}
    remote = {**jobs, **({"S3RootUri": f"s3://{bucket}/sagemaker"} if bucket else {})}
    session = {"DefaultS3Bucket": bucket, "DefaultS3ObjectKeyPrefix": "sagemaker"}
    modules = {
        **({"Session": session} if bucket else {}),
        **({"RemoteFunction": remote} if roles["jobs"] else {}),
        **({"Serve": {"RoleArn": roles["models"]}} if roles["models"] else {}),
    }
    return {
        "SchemaVersion": "1.0",
        "SageMaker": {
            "PythonSDK": {"Modules": modules},
            **({"Pipeline": {"RoleArn": roles["pipelines"]}} if roles["pipelines"] else {}),
            **({"ProcessingJob": dict(jobs), "TrainingJob": dict(jobs)} if roles["jobs"] else {}),
            **({"Model": {"ExecutionRoleArn": roles["models"]}} if roles["models"] else {}),
        },
    }


def _role(stack: ExportedStack, kind: str) -> str:
    found = (
        stack.output(type_, "execution_role_arn")
        for type_ in _ROLES[kind]
        if type_ in stack.parts and stack.parts[type_].flavor == "sagemaker"
    )
    return next((arn for arn in found if arn), "")


def _lacks(stack: ExportedStack) -> str:
    return "" if any(_role(stack, kind) for kind in _ROLES) else "execution role for SageMaker"


FORMAT = Format(
    name="sagemaker",
    words="defaults of the SageMaker Python SDK",
    render=render,
    use="export SAGEMAKER_USER_CONFIG_OVERRIDE={file}",
    lacks=_lacks,
)
