"""The table of CloudFormation resource types: a new type is a class in a `types_*` file and a row here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from provisioner.emulator.custom import CustomResource
from provisioner.emulator.handler import ResourceType
from provisioner.emulator.types_batch import BATCH_TYPES
from provisioner.emulator.types_codebuild import Project
from provisioner.emulator.types_ec2 import EC2_TYPES
from provisioner.emulator.types_ecr import Repository
from provisioner.emulator.types_eks import EKS_TYPES
from provisioner.emulator.types_iam import ManagedPolicy, Policy, Role, RolePolicy, UserPolicy
from provisioner.emulator.types_identity import IDENTITY_TYPES
from provisioner.emulator.types_lambda import LAMBDA_TYPES
from provisioner.emulator.types_messages import MESSAGE_TYPES
from provisioner.emulator.types_misc import CdkMetadata, LogGroup, WaitConditionHandle
from provisioner.emulator.types_s3 import Bucket, BucketPolicy
from provisioner.emulator.types_sagemaker import SAGEMAKER_TYPES
from provisioner.emulator.types_security import SECURITY_TYPES

Row = TypeVar("Row")
_CUSTOM = re.compile(r"Custom::[A-Za-z0-9_@-]{1,60}")


class TypeTable(dict[str, Row]):
    """Rows by type name, where every `Custom::` name has the row of custom resources."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and bool(_CUSTOM.fullmatch(name)))

    def __missing__(self, name: str) -> Row:
        if name not in self:
            raise KeyError(name)
        return self.custom(name)

    def custom(self, name: str) -> Row:
        """The row of a custom type."""
        return self[CustomResource.name]


class Types(TypeTable[ResourceType]):
    """Handlers by type name."""

    def custom(self, name: str) -> ResourceType:
        self[name] = type("Custom", (CustomResource,), {"name": name})()
        return self[name]


TYPES: Mapping[str, ResourceType] = Types(
    (row.name, row)
    for row in (
        Bucket(),
        BucketPolicy(),
        Repository(),
        Role(),
        Policy(),
        RolePolicy(),
        UserPolicy(),
        ManagedPolicy(),
        LogGroup(),
        CdkMetadata(),
        WaitConditionHandle(),
        Project(),
        *EC2_TYPES,
        *EKS_TYPES,
        *IDENTITY_TYPES,
        *SECURITY_TYPES,
        *MESSAGE_TYPES,
        *BATCH_TYPES,
        *SAGEMAKER_TYPES,
        *LAMBDA_TYPES,
        CustomResource(),
    )
)
