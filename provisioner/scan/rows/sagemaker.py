"""What SageMaker keeps: domains, MLflow servers and apps, model package groups, endpoints, pipelines."""

from collections.abc import Callable, Mapping
from typing import Any

from provisioner.scan.row import Attributes, Detail, Found, Item, Place, Row, paged


def _shape(kind: str, arn: str, name: str, **read: str) -> Callable[[Any, Place], Found]:
    """A shape that takes attributes from the item's own keys, where it has them."""

    def shape(item: Item, place: Place) -> Found:
        return Found(
            arn=item[arn],
            account=place.account,
            region=place.region,
            kind=kind,
            name=item[name],
            attributes={mine: item[theirs] for mine, theirs in read.items() if item.get(theirs)},
        )

    return shape


def _kept(**read: str) -> Callable[[Item], Attributes]:
    return lambda answer: {mine: answer[theirs] for mine, theirs in read.items() if answer.get(theirs)}


def _domain(answer: Item) -> Attributes:
    told = _kept(vpc="VpcId", network="AppNetworkAccessType", auth="AuthMode", key="KmsKeyId")(answer)
    role = answer.get("DefaultUserSettings", {}).get("ExecutionRole")
    return {**told, **({"execution_role": role} if role else {})}


def _id(found: Found) -> Mapping[str, str]:
    return {"DomainId": found.arn.rpartition("/")[2]}


DOMAINS = Row(
    service="sagemaker-domains",
    client="sagemaker",
    kind="domain",
    scope="regional",
    call="list_domains",
    key="Domains",
    permission="sagemaker:ListDomains",
    shape=_shape("domain", "DomainArn", "DomainName", status="Status"),
    words="SageMaker domains with network, sign-in and default execution role",
    arguments=paged(100),
    details=(
        Detail(call="describe_domain", permission="sagemaker:DescribeDomain", arguments=_id, read=_domain),
    ),
    tagged_as="sagemaker:domain",
)

MLFLOW_SERVERS = Row(
    service="sagemaker-mlflow-servers",
    client="sagemaker",
    kind="mlflow_tracking_server",
    scope="regional",
    call="list_mlflow_tracking_servers",
    key="TrackingServerSummaries",
    permission="sagemaker:ListMlflowTrackingServers",
    shape=_shape(
        "mlflow_tracking_server",
        "TrackingServerArn",
        "TrackingServerName",
        status="TrackingServerStatus",
        activity="IsActive",
        version="MlflowVersion",
    ),
    words="MLflow tracking servers with size, version, role and artifact bucket",
    arguments=paged(100),
    details=(
        Detail(
            call="describe_mlflow_tracking_server",
            permission="sagemaker:DescribeMlflowTrackingServer",
            arguments=lambda found: {"TrackingServerName": found.name},
            read=_kept(
                artifacts="ArtifactStoreUri",
                size="TrackingServerSize",
                role="RoleArn",
                url="TrackingServerUrl",
            ),
        ),
    ),
    tagged_as="sagemaker:mlflow-tracking-server",
)

MLFLOW_APPS = Row(
    service="sagemaker-mlflow-apps",
    client="sagemaker",
    kind="mlflow_app",
    scope="regional",
    call="list_mlflow_apps",
    key="Summaries",
    permission="sagemaker:ListMlflowApps",
    shape=_shape("mlflow_app", "Arn", "Name", status="Status", version="MlflowVersion"),
    words="serverless MLflow apps with version, role and artifact bucket",
    arguments=paged(100),
    details=(
        Detail(
            call="describe_mlflow_app",
            permission="sagemaker:DescribeMlflowApp",
            arguments=lambda found: {"Arn": found.arn},
            read=_kept(artifacts="ArtifactStoreUri", role="RoleArn", key="KmsKeyId"),
        ),
    ),
    # Newer than some regions' SageMaker: there the call itself is unknown.
    states={"UnknownOperationException": "unsupported"},
)

MODEL_PACKAGE_GROUPS = Row(
    service="sagemaker-model-package-groups",
    client="sagemaker",
    kind="model_package_group",
    scope="regional",
    call="list_model_package_groups",
    key="ModelPackageGroupSummaryList",
    permission="sagemaker:ListModelPackageGroups",
    shape=_shape(
        "model_package_group",
        "ModelPackageGroupArn",
        "ModelPackageGroupName",
        status="ModelPackageGroupStatus",
    ),
    words="model package groups: the model registry",
    arguments=paged(100),
    tagged_as="sagemaker:model-package-group",
)

ENDPOINTS = Row(
    service="sagemaker-endpoints",
    client="sagemaker",
    kind="endpoint",
    scope="regional",
    call="list_endpoints",
    key="Endpoints",
    permission="sagemaker:ListEndpoints",
    shape=_shape("endpoint", "EndpointArn", "EndpointName", status="EndpointStatus"),
    words="inference endpoints and whether they are in service",
    arguments=paged(100),
    tagged_as="sagemaker:endpoint",
)

PIPELINES = Row(
    service="sagemaker-pipelines",
    client="sagemaker",
    kind="pipeline",
    scope="regional",
    call="list_pipelines",
    key="PipelineSummaries",
    permission="sagemaker:ListPipelines",
    shape=_shape("pipeline", "PipelineArn", "PipelineName", role="RoleArn"),
    words="SageMaker pipelines and the role they run as",
    arguments=paged(100),
    tagged_as="sagemaker:pipeline",
)

ROWS = (DOMAINS, MLFLOW_SERVERS, MLFLOW_APPS, MODEL_PACKAGE_GROUPS, ENDPOINTS, PIPELINES)
