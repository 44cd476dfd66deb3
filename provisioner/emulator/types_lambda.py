"""CloudFormation types of Lambda."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from zipfile import ZipFile

from provisioner.emulator.handler import (
    Gone,
    HandlerError,
    Properties,
    ResourceType,
    Site,
    chosen,
    physical_name,
)
from provisioner.emulator.template import words

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
MAX_INLINE = 4_096
SETTINGS = "Description Environment Handler LoggingConfig MemorySize Role Runtime Timeout TracingConfig"


class Function(ResourceType):
    """AWS::Lambda::Function, with its code in the template or in S3."""

    name = "AWS::Lambda::Function"
    allowed = words(
        f"{SETTINGS} Architectures CapacityProviderConfig Code CodeSigningConfigArn DeadLetterConfig "
        "DurableConfig EphemeralStorage FileSystemConfigs FunctionName FunctionScalingConfig ImageConfig "
        "KmsKeyArn Layers PackageType PublishToLatestPublished RecursiveLoop ReservedConcurrentExecutions "
        "RuntimeManagementConfig SnapStart Tags TenancyConfig VpcConfig"
    )
    beyond = words(
        "CapacityProviderConfig CodeSigningConfigArn DeadLetterConfig DurableConfig FileSystemConfigs "
        "FunctionScalingConfig ImageConfig Layers PublishToLatestPublished RecursiveLoop "
        "ReservedConcurrentExecutions RuntimeManagementConfig SnapStart TenancyConfig VpcConfig"
    )
    required = words("Code Role")
    create_only = words("FunctionName PackageType")
    name_property = "FunctionName"
    tagging = "system"
    attribute_names = words("Arn")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("FunctionName") or physical_name(site, 64))
        site.call(
            "lambda",
            "CreateFunction",
            FunctionName=name,
            Code=_code(properties),
            Tags=self.tags(site, properties),
            **chosen(properties, f"{SETTINGS} Architectures EphemeralStorage"),
        )
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        if new["Code"] != old["Code"]:
            site.call("lambda", "UpdateFunctionCode", FunctionName=physical_id, **_code(new))
        site.call("lambda", "UpdateFunctionConfiguration", FunctionName=physical_id, **chosen(new, SETTINGS))
        arn = site.arn("lambda", f"function:{physical_id}")
        site.call("lambda", "TagResource", Resource=arn, Tags=self.tags(site, new))

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": site.arn("lambda", f"function:{physical_id}")}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("ResourceNotFoundException"):
            site.call("lambda", "DeleteFunction", FunctionName=physical_id)


def _code(properties: Properties) -> dict[str, Any]:
    """Text of a template as the archive that the API takes."""
    given: Mapping[str, Any] = properties["Code"]
    source = given.get("ZipFile")
    if source is None:
        return dict(given)
    if not str(properties.get("Runtime", "")).startswith(("python", "nodejs")):
        raise HandlerError("ZipFile can only be used when Runtime is set to either of nodejs or python")
    if len(source) > MAX_INLINE:
        raise HandlerError(
            f"Properties validation failed for resource {properties.get('FunctionName', '')} with message: "
            f"[#/Code/ZipFile: expected maxLength: {MAX_INLINE}, actual: {len(source)}]"
        )
    archive = io.BytesIO()
    with ZipFile(archive, "w") as made:
        made.writestr("index.py", source)
    return {"ZipFile": archive.getvalue()}


LAMBDA_TYPES = (Function(),)
