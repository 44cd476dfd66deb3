"""What deploying a resource type takes: the ARNs its handlers act on, and the actions only a property needs.

The candidates are the permissions of CloudFormation's own handlers (`data/handlers.json`); a new type needs a
row here, and one in `physical.NAMED` if it has a name of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from provisioner.package_data import table


@dataclass(frozen=True, kw_only=True)
class Row:
    """One CloudFormation type.

    `own` is the IAM resource kind of what it makes, `others` are kinds that its handlers act on beside it.
    `needs`: property -> the actions that only it needs; what reads the resource itself is never cut, since a
    read handler reads every setting. `never`: action -> why it is left out whatever the template says.
    `by`: kind -> the property without which it is not acted on. `keys`: the property with a KMS key's ARN.
    `linked`: services whose service-linked role is made.
    """

    type: str
    own: str = ""
    others: tuple[str, ...] = ()
    by: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    never: Mapping[str, str] = field(default_factory=dict)
    keys: str = ""
    linked: tuple[str, ...] = ()
    # Verb -> actions, for a type whose schema has none, with the AWS page that names them.
    by_hand: Mapping[str, str] = field(default_factory=dict)
    page: str = ""


_POLICY = "iam:PutRolePolicy iam:DeleteRolePolicy"
_OBJECTS = "acts on objects; a bucket's handler touches none for the settings that we use"
_UNCAP = "taking the boundary away would lift what caps the role"
_GRANTS = "kms:CreateGrant kms:RetireGrant kms:DescribeKey"
_TABLES = (
    "s3:CreateBucketMetadataTableConfiguration s3:DeleteBucketMetadataTableConfiguration "
    "s3:UpdateBucketMetadataJournalTableConfiguration s3:UpdateBucketMetadataInventoryTableConfiguration "
    "s3:UpdateBucketMetadataAnnotationTableConfiguration s3tables:CreateNamespace s3tables:CreateTable "
    "s3tables:CreateTableBucket s3tables:GetTable s3tables:PutTableBucketPolicy s3tables:PutTableEncryption "
    "s3tables:PutTablePolicy s3tables:GetTableMetadataLocation s3tables:UpdateTableMetadataLocation"
)
_EKS_ENTRIES = (
    "eks:AssociateAccessPolicy eks:CreateAccessEntry eks:DeleteAccessEntry eks:DescribeAccessEntry "
    "eks:DescribeCluster eks:ListAssociatedAccessPolicies"
)
_PROFILES = (
    "iam:CreateInstanceProfile iam:TagInstanceProfile iam:AddRoleToInstanceProfile iam:GetInstanceProfile "
    "iam:DeleteInstanceProfile iam:RemoveRoleFromInstanceProfile"
)
_POD_IDENTITY = (
    "eks:CreatePodIdentityAssociation eks:DeletePodIdentityAssociation eks:UpdatePodIdentityAssociation"
)
_INGRESS = (
    "ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress "
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress"
)

_STORAGE = (
    Row(
        type="AWS::S3::Bucket",
        own="s3:bucket",
        others=("s3tables:tablebucket", "s3tables:table", "iam:role"),
        needs={
            "AbacStatus": "s3:PutBucketAbac s3:GetBucketAbac",
            "AccelerateConfiguration": "s3:PutAccelerateConfiguration",
            "AccessControl": "s3:PutBucketAcl",
            "AnalyticsConfigurations": "s3:PutAnalyticsConfiguration",
            "BucketEncryption": "s3:PutEncryptionConfiguration",
            "CorsConfiguration": "s3:PutBucketCORS",
            "IntelligentTieringConfigurations": "s3:PutIntelligentTieringConfiguration",
            "InventoryConfigurations": "s3:PutInventoryConfiguration",
            "LifecycleConfiguration": "s3:PutLifecycleConfiguration",
            "LoggingConfiguration": "s3:PutBucketLogging",
            "MetadataConfiguration": _TABLES,
            "MetadataTableConfiguration": _TABLES,
            "MetricsConfigurations": "s3:PutMetricsConfiguration",
            "NotificationConfiguration": "s3:PutBucketNotification",
            "ObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
            "ObjectLockEnabled": "s3:PutBucketObjectLockConfiguration",
            "OwnershipControls": "s3:PutBucketOwnershipControls",
            "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
            "ReplicationConfiguration": "s3:PutReplicationConfiguration iam:PassRole",
            "Tags": "s3:PutBucketTagging s3:TagResource s3:UntagResource",
            "VersioningConfiguration": "s3:PutBucketVersioning",
            "WebsiteConfiguration": "s3:PutBucketWebsite s3:DeleteBucketWebsite",
        },
        never={"s3:PutObjectAcl": _OBJECTS, "s3:DeleteObject": _OBJECTS},
    ),
    Row(type="AWS::S3::BucketPolicy", own="s3:bucket"),
    Row(
        type="AWS::ECR::Repository",
        own="ecr:repository",
        needs={
            "EncryptionConfiguration": _GRANTS,
            "ImageScanningConfiguration": "ecr:PutImageScanningConfiguration",
            "ImageTagMutability": "ecr:PutImageTagMutability",
            "LifecyclePolicy": "ecr:PutLifecyclePolicy",
            "RepositoryPolicyText": "ecr:SetRepositoryPolicy",
        },
        keys="EncryptionConfiguration.KmsKey",
    ),
    Row(
        type="AWS::SecretsManager::Secret",
        own="secretsmanager:secret",
        needs={
            "GenerateSecretString": "secretsmanager:GetRandomPassword",
            "ReplicaRegions": "secretsmanager:ReplicateSecretToRegions "
            "secretsmanager:RemoveRegionsFromReplication",
        },
    ),
    Row(type="AWS::KMS::Key", own="kms:key"),
    Row(
        type="AWS::Logs::LogGroup",
        own="logs:log-group",
        others=("firehose:deliverystream",),
        needs={
            "BearerTokenAuthenticationEnabled": "logs:PutBearerTokenAuthentication",
            "DataProtectionPolicy": "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy "
            "logs:CreateLogDelivery firehose:TagDeliveryStream",
            "DeletionProtectionEnabled": "logs:PutLogGroupDeletionProtection",
            "FieldIndexPolicies": "logs:PutIndexPolicy logs:DeleteIndexPolicy",
            "KmsKeyId": "logs:AssociateKmsKey logs:DisassociateKmsKey",
            "ResourcePolicyDocument": "logs:PutResourcePolicy logs:DeleteResourcePolicy",
            "RetentionInDays": "logs:PutRetentionPolicy logs:DeleteRetentionPolicy",
        },
    ),
)

_IAM = (
    Row(
        type="AWS::IAM::Role",
        own="iam:role",
        needs={
            "ManagedPolicyArns": "iam:AttachRolePolicy iam:DetachRolePolicy",
            "PermissionsBoundary": "iam:PutRolePermissionsBoundary",
            "Policies": _POLICY,
            "Tags": "iam:TagRole iam:UntagRole",
        },
        never={
            "iam:DeleteRolePermissionsBoundary": _UNCAP,
            "iam:UpdateRoleDescription": "the old name of what iam:UpdateRole does",
        },
    ),
    Row(type="AWS::IAM::RolePolicy", own="iam:role"),
    Row(
        type="AWS::IAM::User",
        own="iam:user",
        others=("iam:group",),
        needs={
            "Groups": "iam:AddUserToGroup iam:RemoveUserFromGroup",
            "LoginProfile": "iam:CreateLoginProfile iam:UpdateLoginProfile iam:DeleteLoginProfile",
            "ManagedPolicyArns": "iam:AttachUserPolicy iam:DetachUserPolicy",
            "PermissionsBoundary": "iam:PutUserPermissionsBoundary",
            "Policies": "iam:PutUserPolicy iam:DeleteUserPolicy",
            "Tags": "iam:TagUser iam:UntagUser",
        },
        never={"iam:DeleteUserPermissionsBoundary": _UNCAP},
    ),
    Row(type="AWS::IAM::UserPolicy", own="iam:user"),
    Row(
        type="AWS::IAM::AccessKey",
        own="iam:user",
        by_hand={
            "create": "iam:CreateAccessKey",
            "read": "iam:ListAccessKeys",
            "update": "iam:UpdateAccessKey",
            "delete": "iam:DeleteAccessKey",
        },
        page="https://docs.aws.amazon.com/IAM/latest/UserGuide/access-keys-admin-managed.html",
    ),
    Row(type="AWS::IAM::OIDCProvider", own="iam:oidc-provider"),
    Row(type="AWS::IAM::InstanceProfile", own="iam:instance-profile", others=("iam:role",)),
    Row(type="AWS::IAM::ServiceLinkedRole", own="iam:role"),
)

_EKS = (
    Row(
        type="AWS::EKS::Cluster",
        own="eks:cluster",
        others=("eks:access-entry", "iam:role", "iam:instance-profile"),
        needs={
            "CertificateAuthority": "eks:ActivateCertificateAuthority",
            "ComputeConfig": _PROFILES,
            "EncryptionConfig": "kms:CreateGrant kms:DescribeKey",
        },
        keys="EncryptionConfig.Provider.KeyArn",
        linked=("eks.amazonaws.com",),
    ),
    Row(
        type="AWS::EKS::Nodegroup",
        own="eks:nodegroup",
        others=(
            *("eks:cluster", "iam:role", "ec2:instance", "ec2:image", "ec2:volume", "ec2:subnet"),
            *("ec2:launch-template", "ec2:network-interface", "ec2:security-group"),
        ),
        needs={
            "LaunchTemplate": "ec2:RunInstances ec2:CreateTags ec2:DeleteTags "
            "ec2:DescribeLaunchTemplates ec2:DescribeLaunchTemplateVersions",
            "RemoteAccess": "ec2:DescribeKeyPairs",
        },
        linked=("eks-nodegroup.amazonaws.com",),
    ),
    Row(
        type="AWS::EKS::Addon",
        own="eks:addon",
        others=("eks:cluster", "eks:podidentityassociation", "iam:role"),
        needs={
            "PodIdentityAssociations": f"{_POD_IDENTITY} iam:PassRole iam:GetRole",
            "ServiceAccountRoleArn": "iam:PassRole iam:GetRole",
        },
    ),
    Row(type="AWS::EKS::AccessEntry", own="eks:access-entry", others=("eks:cluster",)),
    Row(
        type="AWS::EKS::PodIdentityAssociation",
        own="eks:podidentityassociation",
        others=("eks:cluster", "iam:role"),
    ),
)

_NETWORK = (
    Row(
        type="AWS::EC2::VPC",
        own="ec2:vpc",
        needs={
            "InstanceTenancy": "ec2:ModifyVpcTenancy",
            "VpcEncryptionControl": "ec2:CreateVpcEncryptionControl ec2:DescribeVpcEncryptionControls",
        },
    ),
    Row(
        type="AWS::EC2::Subnet",
        own="ec2:subnet",
        others=("ec2:vpc",),
        needs={
            "Ipv6CidrBlock": "ec2:AssociateSubnetCidrBlock ec2:DisassociateSubnetCidrBlock",
            "Ipv6CidrBlocks": "ec2:AssociateSubnetCidrBlock ec2:DisassociateSubnetCidrBlock",
        },
    ),
    Row(type="AWS::EC2::InternetGateway", own="ec2:internet-gateway"),
    Row(
        type="AWS::EC2::VPCGatewayAttachment",
        others=("ec2:internet-gateway", "ec2:vpc", "ec2:vpn-gateway"),
        by={"ec2:internet-gateway": "InternetGatewayId", "ec2:vpn-gateway": "VpnGatewayId"},
        needs={"VpnGatewayId": "ec2:AttachVpnGateway ec2:DetachVpnGateway ec2:DescribeVpnGateways"},
    ),
    Row(type="AWS::EC2::RouteTable", own="ec2:route-table", others=("ec2:vpc",)),
    Row(type="AWS::EC2::Route", others=("ec2:route-table",)),
    Row(type="AWS::EC2::SubnetRouteTableAssociation", others=("ec2:route-table", "ec2:subnet")),
    Row(
        type="AWS::EC2::EIP",
        own="ec2:elastic-ip",
        others=("ec2:instance", "ec2:network-interface"),
        by={"ec2:instance": "InstanceId", "ec2:network-interface": "InstanceId"},
        needs={
            "InstanceId": "ec2:AssociateAddress ec2:DisassociateAddress",
            "TransferAddress": "ec2:AcceptAddressTransfer",
        },
    ),
    Row(
        type="AWS::EC2::NatGateway",
        own="ec2:natgateway",
        others=("ec2:elastic-ip", "ec2:subnet"),
        needs={
            "SecondaryAllocationIds": "ec2:AssociateNatGatewayAddress ec2:DisassociateNatGatewayAddress",
            "SecondaryPrivateIpAddresses": "ec2:AssignPrivateNatGatewayAddress "
            "ec2:UnassignPrivateNatGatewayAddress",
        },
    ),
    Row(
        type="AWS::EC2::VPCEndpoint",
        own="ec2:vpc-endpoint",
        others=("ec2:route-table", "ec2:security-group", "ec2:subnet", "ec2:vpc", "vpce:vpc-endpoint"),
        by={
            "ec2:route-table": "RouteTableIds",
            "ec2:security-group": "SecurityGroupIds",
            "ec2:subnet": "SubnetIds",
        },
        needs={
            "ServiceNetworkArn": "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation",
            "ServiceRegion": "vpce:AllowMultiRegion",
        },
    ),
    Row(
        type="AWS::EC2::SecurityGroup",
        own="ec2:security-group",
        others=("ec2:vpc",),
        needs={
            "SecurityGroupEgress": "ec2:AuthorizeSecurityGroupEgress "
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
            "SecurityGroupIngress": _INGRESS,
        },
    ),
    Row(type="AWS::EC2::SecurityGroupIngress", others=("ec2:security-group",)),
    Row(type="AWS::EC2::SecurityGroupEgress", others=("ec2:security-group",)),
    Row(type="AWS::EC2::LaunchTemplate", own="ec2:launch-template"),
)

_ML = (
    Row(
        type="AWS::CodeBuild::Project",
        own="codebuild:project",
        others=("iam:role",),
        by_hand={
            "create": "codebuild:CreateProject iam:PassRole",
            "read": "codebuild:BatchGetProjects",
            "update": "codebuild:UpdateProject iam:PassRole",
            "delete": "codebuild:DeleteProject",
        },
        page="https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-permissions-"
        "reference.html",
    ),
    Row(
        type="AWS::SageMaker::MlflowTrackingServer",
        own="sagemaker:mlflow-tracking-server",
        others=("iam:role",),
    ),
    Row(type="AWS::SageMaker::MlflowApp", own="sagemaker:mlflow-app", others=("iam:role",)),
    Row(
        type="AWS::SageMaker::ModelPackageGroup",
        own="sagemaker:model-package-group",
        needs={
            "ModelPackageGroupPolicy": "sagemaker:PutModelPackageGroupPolicy "
            "sagemaker:DeleteModelPackageGroupPolicy"
        },
    ),
    Row(
        type="AWS::Batch::ComputeEnvironment",
        own="batch:compute-environment",
        others=("iam:role", "eks:cluster", "eks:access-entry"),
        needs={
            "ComputeResources.LaunchTemplate": "ec2:DescribeLaunchTemplateVersions",
            "EksConfiguration": _EKS_ENTRIES,
        },
        linked=("batch.amazonaws.com",),
    ),
    Row(type="AWS::Batch::JobQueue", own="batch:job-queue", others=("batch:compute-environment",)),
    Row(
        type="AWS::Batch::JobDefinition",
        own="batch:job-definition",
        others=("batch:job-definition-revision", "iam:role"),
    ),
)

_REST = (
    Row(type="AWS::Budgets::Budget", own="budgets:budget", others=("billing:billingview",)),
    Row(type="AWS::Scheduler::ScheduleGroup", own="scheduler:schedule-group", others=("scheduler:schedule",)),
    Row(
        type="AWS::SNS::Topic",
        own="sns:topic",
        others=("iam:role",),
        needs={
            "DataProtectionPolicy": "sns:PutDataProtectionPolicy",
            "DeliveryStatusLogging": "iam:GetRole iam:PassRole",
            "Subscription": "sns:Subscribe sns:Unsubscribe",
        },
    ),
    Row(
        type="AWS::SNS::Subscription",
        own="sns:topic",
        others=("iam:role",),
        needs={"SubscriptionRoleArn": "iam:GetRole iam:PassRole"},
    ),
    Row(type="AWS::SNS::TopicPolicy", own="sns:topic"),
    Row(
        type="AWS::Lambda::Function",
        own="lambda:function",
        others=(
            *("iam:role", "s3:object", "lambda:layerversion", "lambda:code signing config"),
            *("lambda:capacityprovider", "elasticfilesystem:file-system", "s3files:file-system"),
        ),
        needs={
            "CapacityProviderConfig": "lambda:PassCapacityProvider lambda:PutFunctionScalingConfig "
            "lambda:GetFunctionScalingConfig lambda:PublishVersion",
            "Code.S3Bucket": "s3:GetObject s3:GetObjectVersion",
            "CodeSigningConfigArn": "lambda:GetCodeSigningConfig lambda:PutFunctionCodeSigningConfig "
            "lambda:DeleteFunctionCodeSigningConfig",
            "FileSystemConfigs": "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets",
            "KmsKeyArn": "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey",
            "Layers": "lambda:GetLayerVersion",
            "RecursiveLoop": "lambda:PutFunctionRecursionConfig",
            "ReservedConcurrentExecutions": "lambda:PutFunctionConcurrency lambda:DeleteFunctionConcurrency",
            "RuntimeManagementConfig": "lambda:PutRuntimeManagementConfig",
            "VpcConfig": "ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs "
            "ec2:DescribeNetworkInterfaces",
        },
        keys="KmsKeyArn",
    ),
    Row(
        type="Custom::StackwrightCallback",
        others=("lambda:function",),
        # CloudFormation calls the function with the rights of whoever deploys.
        by_hand=dict.fromkeys(("create", "update", "delete"), "lambda:InvokeFunction"),
        page="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
        "template-custom-resources-lambda.html",
    ),
)

ROWS = (*_STORAGE, *_IAM, *_EKS, *_NETWORK, *_ML, *_REST)
BY_TYPE: Mapping[str, Row] = {row.type: row for row in ROWS}


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """The shipped facts: type -> verb -> actions; action -> kinds, or None for no action; kind -> ARN."""

    types: Mapping[str, Mapping[str, tuple[str, ...]]]
    actions: Mapping[str, tuple[str, ...] | None]
    arns: Mapping[str, str]


@cache
def handlers() -> Handlers:
    raw: Any = table("handlers")
    return Handlers(
        types=raw["types"],
        actions={a: None if kinds is None else tuple(kinds) for a, kinds in raw["actions"].items()},
        arns=raw["arns"],
    )


def candidates(type_: str) -> list[str]:
    """Every IAM action that the handlers of a type ask for, each once; what is no action is left out."""
    facts = handlers()
    listed = [a for actions in facts.types[type_].values() for a in actions]
    return [a for a in dict.fromkeys(listed) if facts.actions[a] is not None]
