"""Indexes of resources that AWS keeps itself, and when one may be believed that a place is empty."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Engine = Literal["direct", "config", "resource-explorer"]
ENGINES: tuple[Engine, ...] = ("direct", "config", "resource-explorer")

# Service of a row -> what CloudFormation calls such a thing; both indexes know it by that name. What is
# missing here belongs to no region, and takes one call per account anyway, or is a quota.
TYPES: Mapping[str, str] = {
    "s3": "AWS::S3::Bucket",
    "ecr": "AWS::ECR::Repository",
    "eks": "AWS::EKS::Cluster",
    "codebuild": "AWS::CodeBuild::Project",
    "sagemaker-domains": "AWS::SageMaker::Domain",
    "sagemaker-mlflow-servers": "AWS::SageMaker::MlflowTrackingServer",
    "sagemaker-mlflow-apps": "AWS::SageMaker::MlflowApp",
    "sagemaker-model-package-groups": "AWS::SageMaker::ModelPackageGroup",
    "sagemaker-endpoints": "AWS::SageMaker::Endpoint",
    "sagemaker-pipelines": "AWS::SageMaker::Pipeline",
    "ec2-vpcs": "AWS::EC2::VPC",
    "efs": "AWS::EFS::FileSystem",
    "fsx": "AWS::FSx::FileSystem",
    "batch": "AWS::Batch::JobQueue",
    "stepfunctions": "AWS::StepFunctions::StateMachine",
    "apprunner": "AWS::AppRunner::Service",
    "secretsmanager": "AWS::SecretsManager::Secret",
    "cloudformation": "AWS::CloudFormation::Stack",
}

# What an engine asks in every account, and what whoever scans asks once.
IN_ACCOUNTS: Mapping[Engine, tuple[str, ...]] = {
    "direct": (),
    "config": ("config:DescribeConfigurationRecorderStatus", "config:DescribeConfigurationRecorders"),
    "resource-explorer": ("resource-explorer-2:ListIndexes",),
}
BY_CALLER: Mapping[Engine, tuple[str, ...]] = {
    "direct": (),
    "config": (
        "config:DescribeConfigurationAggregatorSourcesStatus",
        "config:DescribeConfigurationAggregators",
        "config:SelectAggregateResourceConfig",
    ),
    "resource-explorer": (
        "resource-explorer-2:GetDefaultView",
        "resource-explorer-2:GetView",
        # AWS's pages name Search as what ListResources takes, and the list of actions knows only that.
        "resource-explorer-2:ListResources",
        "resource-explorer-2:ListSupportedResourceTypes",
        "resource-explorer-2:Search",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Word:
    """What an index says of a type in a place. "untold" is no answer, never "none"; `why` is for people."""

    says: Literal["some", "none", "untold"]
    why: str = ""


def query(types: Mapping[str, str] = TYPES) -> str:
    """Which account has which type in which region, in AWS Config's SQL: a row each, however many."""
    names = ", ".join(f"'{name}'" for name in types.values())
    keys = "accountId, awsRegion, resourceType"
    return f"SELECT {keys}, COUNT(*) WHERE resourceType IN ({names}) GROUP BY {keys}"


def records(recorder: Mapping[str, Any], type_: str) -> bool:
    """Whether a configuration recorder is told to record the type."""
    group = recorder.get("recordingGroup", {})
    strategy = group.get("recordingStrategy", {}).get("useOnly", "")
    if strategy == "EXCLUSION_BY_RESOURCE_TYPES":
        return type_ not in group.get("exclusionByResourceTypes", {}).get("resourceTypes", ())
    if strategy == "ALL_SUPPORTED_RESOURCE_TYPES" or group.get("allSupported"):
        return True
    return type_ in group.get("resourceTypes", ())


def is_whole(view: Mapping[str, Any]) -> bool:
    """Whether a Resource Explorer view leaves nothing out."""
    return not view.get("Filters", {}).get("FilterString", "").strip()


def covers(view: Mapping[str, Any], account: str) -> bool:
    """Whether the view tells of the account: its own alone, or all that its organization has indexed."""
    scope = str(view.get("Scope", ""))
    return ":organizations:" in scope or scope.split(":")[4:5] == [account]
