"""SageMaker's MLflow servers and apps, which moto lacks, and the end of model package groups."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.models import iam_backends
from moto.sagemaker.responses import SageMakerResponse

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse
from provisioner.emulator.trust import names_service

Shown = dict[str, Any]


class MlflowBackend(BaseBackend, TaggableResourcesMixin):
    """Tracking servers by name, apps by ARN, in one account and region."""

    SERVICE_NAMESPACE = "sagemaker"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.servers: dict[str, Shown] = {}
        self.apps: dict[str, Shown] = {}
        self.labels: dict[str, dict[str, str]] = {}

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """For the tagging API."""
        for arn, tags in self.labels.items():
            kind = arn.split(":")[5].split("/")[0]
            yield TaggedResource(arn=arn, tags=dict(tags), resource_type=f"sagemaker:{kind}")


mlflow_backends = BackendDict(MlflowBackend, "sagemaker")


class StrictSageMakerResponse(TaughtResponse, SageMakerResponse):
    """One request to SageMaker."""

    error_protocol = "json"

    @property
    def mlflow(self) -> MlflowBackend:
        """The MLflow servers and apps of the caller's account in this region."""
        found: MlflowBackend = mlflow_backends[self.current_account][self.region]
        return found

    # --- tracking servers --------------------------------------------------------------------------

    def create_mlflow_tracking_server(self) -> ActionResult:
        """CreateMlflowTrackingServer: ready at once."""
        given = json.loads(self.body)
        name = given["TrackingServerName"]
        self._check(given)
        if name in self.mlflow.servers:
            raise AwsError("ConflictException", f"TrackingServer {name} already exists.")
        arn = self._arn(f"mlflow-tracking-server/{name}")
        self.mlflow.labels[arn] = _labels(given)
        self.mlflow.servers[name] = {
            "TrackingServerSize": "Small",
            "AutomaticModelRegistration": False,
            "MlflowVersion": "3.0",
            **{key: value for key, value in given.items() if key != "Tags"},
            "TrackingServerArn": arn,
            "TrackingServerStatus": "Created",
            "IsActive": "Active",
            "TrackingServerUrl": f"https://t-{secrets.token_hex(6)}.{self.region}.experiments.sagemaker.aws",
            "CreationTime": _now(),
            "LastModifiedTime": _now(),
        }
        return ActionResult({"TrackingServerArn": arn})

    def _server(self) -> Shown:
        name = json.loads(self.body)["TrackingServerName"]
        if name not in self.mlflow.servers:
            raise AwsError("ResourceNotFound", f"TrackingServer {name} does not exist.")
        return self.mlflow.servers[name]

    def describe_mlflow_tracking_server(self) -> ActionResult:
        """DescribeMlflowTrackingServer."""
        return ActionResult(self._server())

    def update_mlflow_tracking_server(self) -> ActionResult:
        """UpdateMlflowTrackingServer."""
        server, given = self._server(), json.loads(self.body)
        server.update(given, LastModifiedTime=_now())
        return ActionResult({"TrackingServerArn": server["TrackingServerArn"]})

    def delete_mlflow_tracking_server(self) -> ActionResult:
        """DeleteMlflowTrackingServer."""
        server = self._server()
        del self.mlflow.servers[server["TrackingServerName"]]
        del self.mlflow.labels[server["TrackingServerArn"]]
        return ActionResult({"TrackingServerArn": server["TrackingServerArn"]})

    def list_mlflow_tracking_servers(self) -> ActionResult:
        """ListMlflowTrackingServers."""
        keys = (
            *("TrackingServerArn", "TrackingServerName", "CreationTime", "LastModifiedTime", "IsActive"),
            *("TrackingServerStatus", "MlflowVersion"),
        )
        rows = [{key: row[key] for key in keys} for row in self.mlflow.servers.values()]
        return ActionResult({"TrackingServerSummaries": rows})

    # --- apps --------------------------------------------------------------------------------------

    def create_mlflow_app(self) -> ActionResult:
        """CreateMlflowApp: ready at once."""
        given = json.loads(self.body)
        self._check(given)
        if any(row["Name"] == given["Name"] for row in self.mlflow.apps.values()):
            raise AwsError("ConflictException", f"MlflowApp {given['Name']} already exists.")
        arn = self._arn(f"mlflow-app/app-{secrets.token_hex(6).upper()}")
        self.mlflow.labels[arn] = _labels(given)
        self.mlflow.apps[arn] = {
            "ModelRegistrationMode": "AutoModelRegistrationDisabled",
            **{key: value for key, value in given.items() if key != "Tags"},
            "Arn": arn,
            "MlflowVersion": "3.4",
            "Status": "Created",
            "CreationTime": _now(),
            "LastModifiedTime": _now(),
        }
        return ActionResult({"Arn": arn})

    def _app(self) -> Shown:
        arn = json.loads(self.body)["Arn"]
        if arn not in self.mlflow.apps:
            raise AwsError("ResourceNotFound", f"MlflowApp {arn} does not exist.")
        return self.mlflow.apps[arn]

    def describe_mlflow_app(self) -> ActionResult:
        """DescribeMlflowApp."""
        return ActionResult(self._app())

    def update_mlflow_app(self) -> ActionResult:
        """UpdateMlflowApp."""
        app, given = self._app(), json.loads(self.body)
        app.update(given, LastModifiedTime=_now())
        return ActionResult({"Arn": app["Arn"]})

    def delete_mlflow_app(self) -> ActionResult:
        """DeleteMlflowApp."""
        arn = self._app()["Arn"]
        del self.mlflow.apps[arn], self.mlflow.labels[arn]
        return ActionResult({"Arn": arn})

    def list_mlflow_apps(self) -> ActionResult:
        """ListMlflowApps."""
        keys = ("Arn", "Name", "Status", "CreationTime", "LastModifiedTime", "MlflowVersion")
        return ActionResult(
            {"Summaries": [{key: row[key] for key in keys} for row in self.mlflow.apps.values()]}
        )

    # --- model package groups ----------------------------------------------------------------------

    def delete_model_package_group(self) -> EmptyResult:
        """DeleteModelPackageGroup, which moto lacks: only without packages."""
        name = json.loads(self.body)["ModelPackageGroupName"]
        groups = self.sagemaker_backend.model_package_groups
        if name not in groups:
            raise AwsError("ValidationException", f"Could not find model package group {name}.")
        packages = self.sagemaker_backend.model_packages.values()
        if any(row.model_package_group_name == name for row in packages):
            words = "Cannot delete model package group: it still contains model packages."
            raise AwsError("ConflictException", words)
        del groups[name]
        return EmptyResult()

    # --- what both share ---------------------------------------------------------------------------

    def add_tags(self) -> Any:
        """AddTags, to MLflow as well."""
        given = json.loads(self.body)
        if given["ResourceArn"] not in self.mlflow.labels:
            return super().add_tags()
        self.mlflow.labels[given["ResourceArn"]].update(_labels(given))
        return ActionResult({"Tags": given["Tags"]})

    def delete_tags(self) -> Any:
        """DeleteTags, from MLflow as well."""
        given = json.loads(self.body)
        if given["ResourceArn"] not in self.mlflow.labels:
            return super().delete_tags()
        for key in given["TagKeys"]:
            self.mlflow.labels[given["ResourceArn"]].pop(key, None)
        return ActionResult({})

    def list_tags(self) -> Any:
        """ListTags, of MLflow as well."""
        arn = json.loads(self.body)["ResourceArn"]
        if arn not in self.mlflow.labels:
            return super().list_tags()
        rows = [{"Key": key, "Value": value} for key, value in self.mlflow.labels[arn].items()]
        return ActionResult({"Tags": rows})

    def _arn(self, resource: str) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.current_account}:{resource}"

    def _check(self, given: Shown) -> None:
        if not given["ArtifactStoreUri"].startswith("s3://"):
            raise AwsError("ValidationException", f"Invalid S3 URI: {given['ArtifactStoreUri']}")
        roles = iam_backends[self.current_account]["aws"].get_roles()
        role = next((row for row in roles if row.arn == given["RoleArn"]), None)
        trust = json.loads(role.assume_role_policy_document) if role else {}
        if not names_service(trust, "sagemaker.amazonaws.com", "sts:AssumeRole"):
            raise AwsError(
                "ValidationException",
                f"Could not assume role {given['RoleArn']}. Please ensure that the role exists and allows "
                "principal 'sagemaker.amazonaws.com' to assume the role.",
            )


def _labels(given: Shown) -> dict[str, str]:
    return {row["Key"]: row["Value"] for row in given.get("Tags", [])}


def _now() -> datetime:
    return datetime.now(UTC)
