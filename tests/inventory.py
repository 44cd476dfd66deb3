"""Everything in an account and region that costs, holds data or grants rights, by resource type."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Inventory = Mapping[str, frozenset[str]]
Client = Callable[[str], Any]


class Listing(NamedTuple):
    """A resource type: who lists it, under which keys, and which of them count."""

    type: str
    service: str
    operation: str
    key: str
    id: str
    counts: Callable[[Mapping[str, Any]], bool] = lambda row: True
    asked: Mapping[str, Any] = {}


def _owned(row: Mapping[str, Any]) -> bool:
    """A service's own role is the account's, free, and outlives whoever first needed it: Batch's, EKS's."""
    return not str(row["Path"]).startswith("/aws-service-role/")


def _lives(row: Mapping[str, Any]) -> bool:
    """EC2 tells of what is gone for an hour."""
    return str(row["State"]) not in ("deleted", "deleting")


LISTINGS = (
    Listing("AWS::S3::Bucket", "s3", "list_buckets", "Buckets", "Name"),
    Listing("AWS::ECR::Repository", "ecr", "describe_repositories", "repositories", "repositoryName"),
    Listing("AWS::IAM::Role", "iam", "list_roles", "Roles", "RoleName", _owned),
    Listing("AWS::IAM::User", "iam", "list_users", "Users", "UserName"),
    Listing("AWS::IAM::Group", "iam", "list_groups", "Groups", "GroupName"),
    Listing("AWS::IAM::ManagedPolicy", "iam", "list_policies", "Policies", "Arn", asked={"Scope": "Local"}),
    Listing(
        *("AWS::IAM::InstanceProfile", "iam", "list_instance_profiles"),
        *("InstanceProfiles", "InstanceProfileName"),
    ),
    Listing(
        *("AWS::IAM::OIDCProvider", "iam", "list_open_id_connect_providers"),
        *("OpenIDConnectProviderList", "Arn"),
    ),
    Listing("AWS::EC2::VPC", "ec2", "describe_vpcs", "Vpcs", "VpcId"),
    Listing("AWS::EC2::Subnet", "ec2", "describe_subnets", "Subnets", "SubnetId"),
    Listing(
        *("AWS::EC2::InternetGateway", "ec2", "describe_internet_gateways"),
        *("InternetGateways", "InternetGatewayId"),
    ),
    Listing("AWS::EC2::RouteTable", "ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    Listing("AWS::EC2::NetworkAcl", "ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    Listing("AWS::EC2::EIP", "ec2", "describe_addresses", "Addresses", "PublicIp"),
    Listing("AWS::EC2::NatGateway", "ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId", _lives),
    Listing(
        *("AWS::EC2::VPCEndpoint", "ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", _lives)
    ),
    Listing("AWS::EC2::SecurityGroup", "ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    Listing(
        *("AWS::EC2::NetworkInterface", "ec2", "describe_network_interfaces"),
        *("NetworkInterfaces", "NetworkInterfaceId"),
    ),
    Listing(
        *("AWS::EC2::LaunchTemplate", "ec2", "describe_launch_templates"),
        *("LaunchTemplates", "LaunchTemplateId"),
    ),
    Listing("AWS::EC2::Volume", "ec2", "describe_volumes", "Volumes", "VolumeId"),
    Listing("AWS::CodeBuild::Project", "codebuild", "list_projects", "projects", ""),
    Listing("AWS::Logs::LogGroup", "logs", "describe_log_groups", "logGroups", "logGroupName"),
    Listing(
        *("AWS::SecretsManager::Secret", "secretsmanager", "list_secrets", "SecretList", "ARN"),
        asked={"IncludePlannedDeletion": True},
    ),
    Listing("AWS::KMS::Key", "kms", "list_keys", "Keys", "KeyId"),
    Listing("AWS::KMS::Alias", "kms", "list_aliases", "Aliases", "AliasName"),
    Listing("AWS::SNS::Topic", "sns", "list_topics", "Topics", "TopicArn"),
    Listing("AWS::SNS::Subscription", "sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    Listing(
        *("AWS::SageMaker::MlflowTrackingServer", "sagemaker", "list_mlflow_tracking_servers"),
        *("TrackingServerSummaries", "TrackingServerName"),
    ),
    Listing("AWS::SageMaker::MlflowApp", "sagemaker", "list_mlflow_apps", "Summaries", "Arn"),
    Listing(
        *("AWS::SageMaker::ModelPackageGroup", "sagemaker", "list_model_package_groups"),
        *("ModelPackageGroupSummaryList", "ModelPackageGroupArn"),
    ),
    Listing("AWS::SageMaker::Endpoint", "sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
    Listing("AWS::SageMaker::Model", "sagemaker", "list_models", "Models", "ModelName"),
    Listing(
        *("AWS::Batch::ComputeEnvironment", "batch", "describe_compute_environments"),
        *("computeEnvironments", "computeEnvironmentArn"),
    ),
    Listing("AWS::Batch::JobQueue", "batch", "describe_job_queues", "jobQueues", "jobQueueArn"),
    Listing(
        *("AWS::Batch::JobDefinition", "batch", "describe_job_definitions"),
        *("jobDefinitions", "jobDefinitionArn"),
        asked={"status": "ACTIVE"},
    ),
    Listing("AWS::Scheduler::ScheduleGroup", "scheduler", "list_schedule_groups", "ScheduleGroups", "Name"),
    Listing("AWS::EKS::Cluster", "eks", "list_clusters", "clusters", ""),
)
# Of one cluster: what goes with it, and would be left if only they were.
OF_CLUSTER = (
    Listing("AWS::EKS::Nodegroup", "eks", "list_nodegroups", "nodegroups", ""),
    Listing("AWS::EKS::Addon", "eks", "list_addons", "addons", ""),
    Listing("AWS::EKS::AccessEntry", "eks", "list_access_entries", "accessEntries", ""),
    Listing(
        *("AWS::EKS::PodIdentityAssociation", "eks", "list_pod_identity_associations"),
        *("associations", "associationArn"),
    ),
)
# How CloudFormation names them.
JOINTS = {
    "AWS::EKS::Nodegroup": "{cluster}/{id}",
    "AWS::EKS::Addon": "{cluster}|{id}",
    "AWS::EKS::AccessEntry": "{id}|{cluster}",
}
# Parts of what is listed, which have no life of their own.
PARTS = frozenset(
    (
        *("AWS::S3::BucketPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::AccessKey"),
        *("AWS::EC2::Route", "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPCGatewayAttachment"),
        *("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::IAM::Policy"),
    )
)
LISTED = frozenset(one.type for one in (*LISTINGS, *OF_CLUSTER)) | {"AWS::Budgets::Budget"}


def take(client: Client, *, account: str) -> Inventory:
    """The ids of everything there is, by type; `client` gives an API's client."""
    found = {one.type: frozenset(_ids(client, one)) for one in LISTINGS}
    clusters = found["AWS::EKS::Cluster"]
    for one in OF_CLUSTER:
        found[one.type] = frozenset(i for cluster in clusters for i in _of_cluster(client, one, cluster))
    budgets = client("budgets").describe_budgets(AccountId=account).get("Budgets", [])
    found["AWS::Budgets::Budget"] = frozenset(row["BudgetName"] for row in budgets)
    return found


def more(after: Inventory, before: Inventory) -> dict[str, list[str]]:
    """What came since, by type; types with nothing new are left out."""
    new = {type_: sorted(ids - before[type_]) for type_, ids in after.items()}
    return {type_: ids for type_, ids in new.items() if ids}


def _ids(client: Client, one: Listing, **asked: Any) -> Iterator[str]:
    answer = getattr(client(one.service), one.operation)(**one.asked, **asked)
    for row in answer.get(one.key, []):
        if one.counts(row):
            yield row[one.id] if one.id else row


def _of_cluster(client: Client, one: Listing, cluster: str) -> Iterator[str]:
    joint = JOINTS.get(one.type, "{id}")
    for found in _ids(client, one, clusterName=cluster):
        yield joint.format(cluster=cluster, id=found)
