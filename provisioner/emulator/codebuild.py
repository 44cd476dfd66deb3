"""CodeBuild projects as AWS keeps and refuses them; moto forgets most settings and knows no update."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.codebuild.models import CodeBuild
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import unix_time
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse
from provisioner.emulator.template import words
from provisioner.emulator.trust import names_service

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}")
SOURCES = words(
    "BITBUCKET CODECOMMIT CODEPIPELINE GITHUB GITHUB_ENTERPRISE GITLAB GITLAB_SELF_MANAGED NO_SOURCE S3"
)
ARTIFACTS = words("CODEPIPELINE NO_ARTIFACTS S3")
GENERAL = words(
    "BUILD_GENERAL1_SMALL BUILD_GENERAL1_MEDIUM BUILD_GENERAL1_LARGE BUILD_GENERAL1_XLARGE "
    "BUILD_GENERAL1_2XLARGE ATTRIBUTE_BASED_COMPUTE CUSTOM_INSTANCE_TYPE"
)
LAMBDA = words("BUILD_LAMBDA_1GB BUILD_LAMBDA_2GB BUILD_LAMBDA_4GB BUILD_LAMBDA_8GB BUILD_LAMBDA_10GB")
# Environment type -> the sizes that it comes in.
ENVIRONMENTS: Mapping[str, frozenset[str]] = {
    "LINUX_CONTAINER": GENERAL,
    "ARM_CONTAINER": GENERAL,
    "LINUX_GPU_CONTAINER": words("BUILD_GENERAL1_SMALL BUILD_GENERAL1_LARGE"),
    "WINDOWS_SERVER_2019_CONTAINER": GENERAL,
    "WINDOWS_SERVER_2022_CONTAINER": GENERAL,
    "LINUX_LAMBDA_CONTAINER": LAMBDA,
    "ARM_LAMBDA_CONTAINER": LAMBDA,
    "LINUX_EC2": GENERAL,
    "ARM_EC2": GENERAL,
}
DEFAULTS: Mapping[str, Any] = {
    "cache": {"type": "NO_CACHE"},
    "timeoutInMinutes": 60,
    "queuedTimeoutInMinutes": 480,
    "tags": [],
}


def invalid_input(message: str) -> AwsError:
    """CodeBuild's word for what is wrong with a request."""
    return AwsError("InvalidInputException", message)


class StrictCodeBuildResponse(TaughtResponse, CodeBuildResponse):
    """One request to CodeBuild."""

    error_protocol = "json"

    def create_project(self) -> ActionResult:
        """CreateProject: everything that was given is kept."""
        given = json.loads(self.body)
        name = given.get("name", "")
        if not NAME.fullmatch(name):
            raise invalid_input("Only alphanumeric characters, dash, and underscore are supported")
        if name in self.codebuild_backend.codebuild_projects:
            arn = self.codebuild_backend.codebuild_projects[name].arn
            raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {arn}")
        self._check(given)
        project = CodeBuild(
            self.current_account,
            self.region,
            name,
            given.get("description"),
            given["source"],
            given["artifacts"],
            given["environment"],
            given["serviceRole"],
        )
        project.project_metadata.update({**DEFAULTS, **given})
        self.codebuild_backend.codebuild_projects[name] = project
        self.codebuild_backend.build_history[name] = []
        return ActionResult({"project": project.project_metadata})

    def update_project(self) -> ActionResult:
        """UpdateProject: what is given replaces what was there."""
        given = json.loads(self.body)
        project = self.codebuild_backend.codebuild_projects.get(given["name"])
        if project is None:
            where = f"{self.region}:{self.current_account}"
            arn = f"arn:aws:codebuild:{where}:project/{given['name']}"
            raise AwsError("ResourceNotFoundException", f"Project cannot be found: {arn}")
        wanted = {**project.project_metadata, **given, "lastModifiedDate": unix_time()}
        self._check(wanted)
        project.project_metadata.update(wanted)
        project.service_role = wanted["serviceRole"]
        return ActionResult({"project": project.project_metadata})

    def delete_project(self) -> EmptyResult:
        """DeleteProject, with its builds."""
        name = json.loads(self.body)["name"]
        self.codebuild_backend.build_history.pop(name, None)
        self.codebuild_backend.build_metadata_history.pop(name, None)
        self.codebuild_backend.delete_project(name)
        return EmptyResult()

    def _check(self, given: Mapping[str, Any]) -> None:
        self._check_role(given.get("serviceRole", ""))
        _check_source(given["source"])
        _check_artifacts(given["artifacts"])
        _check_environment(given["environment"])
        _check_logs(given.get("logsConfig") or {})
        self._check_vpc(given.get("vpcConfig") or {})

    def _check_role(self, arn: str) -> None:
        if not arn.startswith(f"arn:aws:iam::{self.current_account}:role/"):
            raise invalid_input(
                "Invalid service role: Service role account ID does not match caller's account"
            )
        roles = iam_backends[self.current_account]["aws"].get_roles()
        role = next((row for row in roles if row.arn == arn), None)
        trust = json.loads(role.assume_role_policy_document) if role else {}
        if not names_service(trust, "codebuild.amazonaws.com", "sts:AssumeRole"):
            raise invalid_input(f"CodeBuild is not authorized to perform: sts:AssumeRole on {arn}")

    def _check_vpc(self, vpc: Mapping[str, Any]) -> None:
        if not vpc.get("vpcId"):
            return
        ec2 = ec2_backends[self.current_account][self.region]
        if vpc["vpcId"] not in ec2.vpcs:
            raise invalid_input(f"Invalid vpc ID: {vpc['vpcId']} does not exist")
        inside = {
            row.id for rows in ec2.subnets.values() for row in rows.values() if row.vpc_id == vpc["vpcId"]
        }
        strange = sorted(set(vpc.get("subnets", [])) - inside)
        if strange or not vpc.get("subnets"):
            raise invalid_input(f"Invalid subnets {strange}: at least one subnet of {vpc['vpcId']} is needed")
        strange = sorted(set(vpc.get("securityGroupIds", [])) - set(ec2.groups.get(vpc["vpcId"], {})))
        if strange or not vpc.get("securityGroupIds"):
            raise invalid_input(
                f"Invalid security groups {strange}: at least one of {vpc['vpcId']} is needed"
            )


def _check_source(source: Mapping[str, Any]) -> None:
    kind = source.get("type")
    if kind not in SOURCES:
        raise invalid_input(f"Invalid project source: source type {kind} is unknown")
    if kind == "NO_SOURCE" and not source.get("buildspec"):
        raise invalid_input("Project source type NO_SOURCE requires that a buildspec is specified")
    if kind == "NO_SOURCE" and source.get("location"):
        raise invalid_input("Project source type NO_SOURCE must not have a location")
    if kind not in ("NO_SOURCE", "CODEPIPELINE") and not source.get("location"):
        raise invalid_input("Project source location is required")


def _check_artifacts(artifacts: Mapping[str, Any]) -> None:
    kind = artifacts.get("type")
    if kind not in ARTIFACTS:
        raise invalid_input(f"Invalid artifacts: artifact type {kind} is unknown")
    if kind == "NO_ARTIFACTS" and artifacts.get("location"):
        raise invalid_input("Invalid artifacts: artifact type NO_ARTIFACTS should have null location")
    if kind == "S3" and not artifacts.get("location"):
        raise invalid_input("Invalid artifacts: artifact type S3 must have a location")


def _check_environment(environment: Mapping[str, Any]) -> None:
    kind, size = str(environment.get("type")), environment.get("computeType")
    if kind not in ENVIRONMENTS:
        raise invalid_input(f"Invalid environment type: {kind}")
    if size not in ENVIRONMENTS[kind]:
        raise invalid_input(f"Invalid compute type {size} for environment type {kind}")
    if not environment.get("image"):
        raise invalid_input("Environment image is required")
    if kind in ("LINUX_LAMBDA_CONTAINER", "ARM_LAMBDA_CONTAINER") and environment.get("privilegedMode"):
        raise invalid_input("Cannot use privileged mode with Lambda compute")
    names = [row["name"] for row in environment.get("environmentVariables", [])]
    if len(names) != len(set(names)):
        raise invalid_input("Duplicate environment variable names")


def _check_logs(logs: Mapping[str, Any]) -> None:
    store = logs.get("s3Logs") or {}
    if store.get("status") == "ENABLED" and not store.get("location"):
        raise invalid_input("Invalid S3 logs config: location is required when S3 logs are enabled")
