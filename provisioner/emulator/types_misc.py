"""CloudFormation types of CloudWatch Logs, and those that make nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.emulator.handler import Gone, Properties, ResourceType, Site, physical_name
from provisioner.emulator.template import words


class LogGroup(ResourceType):
    """AWS::Logs::LogGroup."""

    name = "AWS::Logs::LogGroup"
    allowed = words(
        "BearerTokenAuthenticationEnabled DataProtectionPolicy DeletionProtectionEnabled FieldIndexPolicies "
        "KmsKeyId LogGroupClass LogGroupName ResourcePolicyDocument RetentionInDays Tags"
    )
    beyond = words(
        "BearerTokenAuthenticationEnabled DataProtectionPolicy FieldIndexPolicies LogGroupClass "
        "ResourcePolicyDocument"
    )
    create_only = words("LogGroupName")
    name_property = "LogGroupName"
    tagging = "system"
    attribute_names = words("Arn")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("LogGroupName") or physical_name(site, 512))
        key = {"kmsKeyId": properties["KmsKeyId"]} if properties.get("KmsKeyId") else {}
        tags = self.tags(site, properties)
        site.call("logs", "CreateLogGroup", logGroupName=name, tags=tags, **key)
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        retention = new.get("RetentionInDays")
        if retention:
            site.call("logs", "PutRetentionPolicy", logGroupName=physical_id, retentionInDays=retention)
        elif old.get("RetentionInDays"):
            site.call("logs", "DeleteRetentionPolicy", logGroupName=physical_id)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": site.arn("logs", f"log-group:{physical_id}:*")}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("ResourceNotFoundException"):
            site.call("logs", "DeleteLogGroup", logGroupName=physical_id)


class CdkMetadata(ResourceType):
    """AWS::CDK::Metadata: the CDK's usage note; nothing is made."""

    name = "AWS::CDK::Metadata"
    allowed = words("Analytics")


class WaitConditionHandle(ResourceType):
    """AWS::CloudFormation::WaitConditionHandle: often used as a resource that makes nothing."""

    name = "AWS::CloudFormation::WaitConditionHandle"
