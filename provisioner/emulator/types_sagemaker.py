"""CloudFormation types of SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from provisioner.emulator.handler import (
    Gone,
    Properties,
    ResourceType,
    Site,
    chosen,
    tag_list,
)
from provisioner.emulator.template import words

GONE = ("ResourceNotFound", "ValidationException")


class SageMakerType(ResourceType):
    """A SageMaker resource: tagged by its ARN."""

    tagging: ClassVar[Literal["none", "stack", "system"]] = "stack"

    def retag(self, site: Site, arn: str, new: Properties) -> None:
        """Bring the tags to what the template and its stack say."""
        wanted = self.tags(site, new)
        had = site.call("sagemaker", "ListTags", ResourceArn=arn)["Tags"]
        gone = [row["Key"] for row in had if row["Key"] not in wanted]
        if gone:
            site.call("sagemaker", "DeleteTags", ResourceArn=arn, TagKeys=gone)
        if wanted:
            site.call("sagemaker", "AddTags", ResourceArn=arn, Tags=tag_list(wanted))


class MlflowTrackingServer(SageMakerType):
    """AWS::SageMaker::MlflowTrackingServer; Ref answers the name."""

    name = "AWS::SageMaker::MlflowTrackingServer"
    settings = "ArtifactStoreUri AutomaticModelRegistration TrackingServerSize WeeklyMaintenanceWindowStart"
    allowed = words(f"{settings} MlflowVersion RoleArn Tags TrackingServerName")
    required = words("ArtifactStoreUri RoleArn TrackingServerName")
    create_only = words("MlflowVersion RoleArn TrackingServerName")
    name_property = "TrackingServerName"
    attribute_names = words("TrackingServerArn")

    def create(self, site: Site, properties: Properties) -> str:
        wanted = chosen(properties, f"{self.settings} MlflowVersion RoleArn TrackingServerName")
        tags = tag_list(self.tags(site, properties))
        site.call("sagemaker", "CreateMlflowTrackingServer", Tags=tags, **wanted)
        return str(properties["TrackingServerName"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old:
            wanted = chosen(new, self.settings)
            site.call("sagemaker", "UpdateMlflowTrackingServer", TrackingServerName=physical_id, **wanted)
            self.retag(site, self._arn(site, physical_id), new)

    def _arn(self, site: Site, name: str) -> str:
        return site.arn("sagemaker", f"mlflow-tracking-server/{name}")

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"TrackingServerArn": self._arn(site, physical_id)}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("sagemaker", "DeleteMlflowTrackingServer", TrackingServerName=physical_id)


class MlflowApp(SageMakerType):
    """AWS::SageMaker::MlflowApp; Ref answers the ARN."""

    name = "AWS::SageMaker::MlflowApp"
    settings = "ArtifactStoreUri ModelRegistrationMode WeeklyMaintenanceWindowStart"
    allowed = words(f"{settings} Name RoleArn Tags")
    required = words("ArtifactStoreUri Name RoleArn")
    create_only = words("Name RoleArn")
    name_property = "Name"
    attribute_names = words("Arn CreationTime LastModifiedTime MlflowAppId MlflowVersion Status")

    def create(self, site: Site, properties: Properties) -> str:
        wanted = chosen(properties, f"{self.settings} Name RoleArn")
        tags = tag_list(self.tags(site, properties))
        return str(site.call("sagemaker", "CreateMlflowApp", Tags=tags, **wanted)["Arn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old:
            wanted = chosen(new, self.settings)
            site.call("sagemaker", "UpdateMlflowApp", Arn=physical_id, **wanted)
            self.retag(site, physical_id, new)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("sagemaker", "DescribeMlflowApp", Arn=physical_id)
        return {
            "Arn": physical_id,
            "MlflowAppId": physical_id.rsplit("/", 1)[-1],
            **{
                key: str(found[key])
                for key in ("CreationTime", "LastModifiedTime", "MlflowVersion", "Status")
            },
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("sagemaker", "DeleteMlflowApp", Arn=physical_id)


class ModelPackageGroup(SageMakerType):
    """AWS::SageMaker::ModelPackageGroup; Ref answers the ARN."""

    name = "AWS::SageMaker::ModelPackageGroup"
    allowed = words("ModelPackageGroupDescription ModelPackageGroupName ModelPackageGroupPolicy Tags")
    required = words("ModelPackageGroupName")
    beyond = words("ModelPackageGroupPolicy")
    create_only = words("ModelPackageGroupDescription ModelPackageGroupName")
    name_property = "ModelPackageGroupName"
    tagging = "system"
    attribute_names = words("CreationTime ModelPackageGroupArn ModelPackageGroupStatus")

    def create(self, site: Site, properties: Properties) -> str:
        wanted = chosen(properties, "ModelPackageGroupDescription ModelPackageGroupName")
        tags = tag_list(self.tags(site, properties))
        made = site.call("sagemaker", "CreateModelPackageGroup", Tags=tags, **wanted)
        return str(made["ModelPackageGroupArn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old:
            self.retag(site, physical_id, new)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        name = {"ModelPackageGroupName": physical_id.rsplit("/", 1)[-1]}
        found = site.call("sagemaker", "DescribeModelPackageGroup", **name)
        return {
            "ModelPackageGroupArn": physical_id,
            "ModelPackageGroupStatus": found["ModelPackageGroupStatus"],
            "CreationTime": str(found["CreationTime"]),
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            name = physical_id.rsplit("/", 1)[-1]
            site.call("sagemaker", "DeleteModelPackageGroup", ModelPackageGroupName=name)


SAGEMAKER_TYPES = (MlflowTrackingServer(), MlflowApp(), ModelPackageGroup())
