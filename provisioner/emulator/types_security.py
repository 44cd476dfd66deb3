"""CloudFormation types of KMS and Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from provisioner.emulator.handler import (
    Gone,
    HandlerError,
    Properties,
    ResourceType,
    Site,
    changed,
    chosen,
    document,
    physical_name,
    tag_list,
)
from provisioner.emulator.template import words


class Key(ResourceType):
    """AWS::KMS::Key; a deleted one waits for its end, as on AWS."""

    name = "AWS::KMS::Key"
    allowed = words(
        "BypassPolicyLockoutSafetyCheck Description EnableKeyRotation Enabled KeyPolicy KeySpec KeyUsage "
        "MultiRegion Origin PendingWindowInDays RotationPeriodInDays Tags"
    )
    beyond = words("MultiRegion Origin RotationPeriodInDays")
    create_only = words("KeySpec KeyUsage")
    tagging = "stack"
    attribute_names = words("Arn KeyId")

    def create(self, site: Site, properties: Properties) -> str:
        wanted = chosen(properties, "Description KeySpec KeyUsage")
        if "KeyPolicy" in properties:
            wanted["Policy"] = self._policy(site, properties)
        tags = [{"TagKey": key, "TagValue": value} for key, value in self.tags(site, properties).items()]
        return str(site.call("kms", "CreateKey", Tags=tags, **wanted)["KeyMetadata"]["KeyId"])

    def _policy(self, site: Site, properties: Properties) -> str:
        policy = document(properties["KeyPolicy"])
        bypassed = str(properties.get("BypassPolicyLockoutSafetyCheck", False)).lower() == "true"
        if not bypassed and not _may_be_changed(json.loads(policy), site.account):
            raise HandlerError(
                "The new key policy will not allow you to update the key policy in the future."
            )
        return policy

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and changed("KeyPolicy", new, old) and "KeyPolicy" in new:
            policy = self._policy(site, new)
            site.call("kms", "PutKeyPolicy", KeyId=physical_id, PolicyName="default", Policy=policy)
        if old and changed("Description", new, old):
            site.call(
                "kms", "UpdateKeyDescription", KeyId=physical_id, Description=new.get("Description", "")
            )
        rotates = str(new.get("EnableKeyRotation", False)).lower() == "true"
        site.call("kms", "EnableKeyRotation" if rotates else "DisableKeyRotation", KeyId=physical_id)
        if changed("Enabled", new, old):
            enabled = str(new.get("Enabled", True)).lower() == "true"
            site.call("kms", "EnableKey" if enabled else "DisableKey", KeyId=physical_id)
        if old:
            rows = [{"TagKey": key, "TagValue": value} for key, value in self.tags(site, new).items()]
            site.call("kms", "TagResource", KeyId=physical_id, Tags=rows)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": site.arn("kms", f"key/{physical_id}"), "KeyId": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NotFoundException"):
            days = properties.get("PendingWindowInDays", 30)
            site.call("kms", "ScheduleKeyDeletion", KeyId=physical_id, PendingWindowInDays=days)


def _may_be_changed(policy: Mapping[str, Any], account: str) -> bool:
    """Can somebody of the account still change the policy?"""
    rows = policy.get("Statement", [])
    return any(
        row["Effect"] == "Allow"
        and any(f":iam::{account}:" in name or name in (account, "*") for name in _aws(row.get("Principal")))
        and any(name in ("kms:*", "*", "kms:Put*", "kms:PutKeyPolicy") for name in _texts(row.get("Action")))
        for row in (rows if isinstance(rows, list) else [rows])
    )


def _aws(principal: Any) -> list[str]:
    return [principal] if isinstance(principal, str) else _texts((principal or {}).get("AWS"))


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


class Alias(ResourceType):
    """AWS::KMS::Alias."""

    name = "AWS::KMS::Alias"
    allowed = words("AliasName TargetKeyId")
    required = allowed
    create_only = words("AliasName")
    name_property = "AliasName"

    def create(self, site: Site, properties: Properties) -> str:
        site.call("kms", "CreateAlias", **properties)
        return str(properties["AliasName"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and changed("TargetKeyId", new, old):
            site.call("kms", "UpdateAlias", **new)

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NotFoundException"):
            site.call("kms", "DeleteAlias", AliasName=physical_id)


class Secret(ResourceType):
    """AWS::SecretsManager::Secret; Ref answers the ARN."""

    name = "AWS::SecretsManager::Secret"
    allowed = words("Description GenerateSecretString KmsKeyId Name ReplicaRegions SecretString Tags Type")
    beyond = words("ReplicaRegions Type")
    create_only = words("Name")
    name_property = "Name"
    tagging = "system"
    attribute_names = words("Id")

    def create(self, site: Site, properties: Properties) -> str:
        if {"GenerateSecretString", "SecretString"} <= properties.keys():
            raise HandlerError("You can't specify both GenerateSecretString and SecretString")
        made = site.call(
            "secretsmanager",
            "CreateSecret",
            Name=properties.get("Name") or physical_name(site, 64),
            Tags=tag_list(self.tags(site, properties)),
            **self._text(site, properties),
            **chosen(properties, "Description KmsKeyId"),
        )
        return str(made["ARN"])

    def _text(self, site: Site, properties: Properties) -> dict[str, str]:
        if "SecretString" in properties:
            return {"SecretString": str(properties["SecretString"])}
        if "GenerateSecretString" not in properties:
            return {}
        wanted = dict(properties["GenerateSecretString"])
        template, key = wanted.pop("SecretStringTemplate", None), wanted.pop("GenerateStringKey", None)
        if (template is None) != (key is None):
            raise HandlerError("SecretStringTemplate and GenerateStringKey must be specified together")
        made = site.call("secretsmanager", "GetRandomPassword", **wanted)["RandomPassword"]
        return {"SecretString": json.dumps({**json.loads(template), key: made}) if template else made}

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        changes = chosen(new, "Description KmsKeyId")
        if changed("SecretString", new, old) or changed("GenerateSecretString", new, old):
            changes.update(self._text(site, new))
        if changes:
            site.call("secretsmanager", "UpdateSecret", SecretId=physical_id, **changes)
        wanted = self.tags(site, new)
        had = site.call("secretsmanager", "DescribeSecret", SecretId=physical_id).get("Tags", [])
        gone = [row["Key"] for row in had if row["Key"] not in wanted]
        if gone:
            site.call("secretsmanager", "UntagResource", SecretId=physical_id, TagKeys=gone)
        site.call("secretsmanager", "TagResource", SecretId=physical_id, Tags=tag_list(wanted))

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("ResourceNotFoundException"):
            site.call("secretsmanager", "DeleteSecret", SecretId=physical_id, ForceDeleteWithoutRecovery=True)


SECURITY_TYPES = (Key(), Alias(), Secret())
