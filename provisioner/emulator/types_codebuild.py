"""CloudFormation types of CodeBuild."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.emulator.handler import (
    Properties,
    ResourceType,
    Site,
    api_chosen,
    document,
    physical_name,
)
from provisioner.emulator.template import words

SETTINGS = (
    "Artifacts AutoRetryLimit BadgeEnabled Cache ConcurrentBuildLimit Description EncryptionKey Environment "
    "LogsConfig QueuedTimeoutInMinutes SecondaryArtifacts SecondarySourceVersions SecondarySources "
    "ServiceRole Source SourceVersion TimeoutInMinutes VpcConfig"
)


class Project(ResourceType):
    """AWS::CodeBuild::Project."""

    name = "AWS::CodeBuild::Project"
    allowed = words(
        f"{SETTINGS} BuildBatchConfig FileSystemLocations Name ResourceAccessRole Tags Triggers Visibility"
    )
    required = words("Artifacts Environment ServiceRole Source")
    beyond = words("BuildBatchConfig FileSystemLocations ResourceAccessRole Triggers Visibility")
    create_only = words("Name")
    name_property = "Name"
    tagging = "system"
    attribute_names = words("Arn Id")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("Name") or physical_name(site, 150))
        site.call("codebuild", "CreateProject", name=name, **self._settings(site, properties))
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        # A setting that the template no longer gives goes back to its default.
        plain: dict[str, Any] = {
            "description": "",
            "cache": {"type": "NO_CACHE"},
            "logsConfig": {},
            "vpcConfig": {},
        }
        plain |= {"timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480}
        gone = {key: value for key, value in plain.items() if key[:1].upper() + key[1:] in old}
        settings = {**gone, **self._settings(site, new)}
        site.call("codebuild", "UpdateProject", name=physical_id, **settings)

    def _settings(self, site: Site, properties: Properties) -> dict[str, Any]:
        made = api_chosen(properties, SETTINGS)
        for source in [made.get("source", {}), *made.get("secondarySources", [])]:
            if "buildSpec" in source:
                spec = source.pop("buildSpec")
                source["buildspec"] = spec if isinstance(spec, str) else document(spec)
        tags = self.tags(site, properties)
        return {**made, "tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": site.arn("codebuild", f"project/{physical_id}"), "Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        site.call("codebuild", "DeleteProject", name=physical_id)
