"""CloudFormation types of ECR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.emulator.handler import (
    Gone,
    Properties,
    ResourceType,
    Site,
    document,
    physical_name,
    tag_list,
)
from provisioner.emulator.template import words


class Repository(ResourceType):
    """AWS::ECR::Repository."""

    name = "AWS::ECR::Repository"
    allowed = words(
        "EmptyOnDelete EncryptionConfiguration ImageScanningConfiguration ImageTagMutability "
        "ImageTagMutabilityExclusionFilters LifecyclePolicy RepositoryName RepositoryPolicyText Tags"
    )
    create_only = words("RepositoryName EncryptionConfiguration")
    name_property = "RepositoryName"
    tagging = "system"
    attribute_names = words("Arn RepositoryUri")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("RepositoryName") or physical_name(site, 256, lower=True))
        chosen: dict[str, Any] = {}
        if encryption := properties.get("EncryptionConfiguration"):
            names = {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"}
            chosen["encryptionConfiguration"] = {names[key]: value for key, value in encryption.items()}
        tags = tag_list(self.tags(site, properties))
        site.call("ecr", "CreateRepository", repositoryName=name, tags=tags, **chosen)
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        self._set_scanning(site, physical_id, new.get("ImageScanningConfiguration", {}))
        self._set_mutability(site, physical_id, new)
        self._set_lifecycle(site, physical_id, new.get("LifecyclePolicy"))
        self._set_policy(site, physical_id, new.get("RepositoryPolicyText"))
        arn = self.attributes(site, physical_id, new)["Arn"]
        gone = [tag["Key"] for tag in old.get("Tags", []) if tag["Key"] not in self.tags(site, new)]
        if gone:
            site.call("ecr", "UntagResource", resourceArn=arn, tagKeys=gone)
        site.call("ecr", "TagResource", resourceArn=arn, tags=tag_list(self.tags(site, new)))

    def _set_scanning(self, site: Site, name: str, value: Properties) -> None:
        site.call(
            "ecr",
            "PutImageScanningConfiguration",
            repositoryName=name,
            imageScanningConfiguration={"scanOnPush": value.get("ScanOnPush", False)},
        )

    def _set_mutability(self, site: Site, name: str, new: Properties) -> None:
        filters = [
            {
                "filterType": row["ImageTagMutabilityExclusionFilterType"],
                "filter": row["ImageTagMutabilityExclusionFilterValue"],
            }
            for row in new.get("ImageTagMutabilityExclusionFilters", [])
        ]
        site.call(
            "ecr",
            "PutImageTagMutability",
            repositoryName=name,
            imageTagMutability=new.get("ImageTagMutability", "MUTABLE"),
            **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
        )

    def _set_lifecycle(self, site: Site, name: str, value: Properties | None) -> None:
        if value:
            text = value["LifecyclePolicyText"]
            site.call("ecr", "PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=text)
            return
        with Gone("LifecyclePolicyNotFoundException"):
            site.call("ecr", "DeleteLifecyclePolicy", repositoryName=name)

    def _set_policy(self, site: Site, name: str, value: Any) -> None:
        if value:
            site.call("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=document(value))
            return
        with Gone("RepositoryPolicyNotFoundException"):
            site.call("ecr", "DeleteRepositoryPolicy", repositoryName=name)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        host = f"{site.account}.dkr.ecr.{site.region}.amazonaws.com"
        return {
            "Arn": site.arn("ecr", f"repository/{physical_id}"),
            "RepositoryUri": f"{host}/{physical_id}",
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        force = str(properties.get("EmptyOnDelete", False)).lower() == "true"
        with Gone("RepositoryNotFoundException"):
            site.call("ecr", "DeleteRepository", repositoryName=physical_id, force=force)
