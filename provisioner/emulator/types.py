"""The table of CloudFormation resource types: a new type is a class in a `types_*` file and a row here."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.emulator.handler import ResourceType
from provisioner.emulator.types_batch import BATCH_TYPES
from provisioner.emulator.types_codebuild import Project
from provisioner.emulator.types_ec2 import EC2_TYPES
from provisioner.emulator.types_ecr import Repository
from provisioner.emulator.types_eks import EKS_TYPES
from provisioner.emulator.types_iam import ManagedPolicy, Policy, Role, RolePolicy
from provisioner.emulator.types_identity import IDENTITY_TYPES
from provisioner.emulator.types_messages import MESSAGE_TYPES
from provisioner.emulator.types_misc import CdkMetadata, LogGroup, WaitConditionHandle
from provisioner.emulator.types_s3 import Bucket, BucketPolicy
from provisioner.emulator.types_sagemaker import SAGEMAKER_TYPES
from provisioner.emulator.types_security import SECURITY_TYPES

TYPES: Mapping[str, ResourceType] = {
    row.name: row
    for row in (
        Bucket(),
        BucketPolicy(),
        Repository(),
        Role(),
        Policy(),
        RolePolicy(),
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
    )
}
