"""Types that cost nothing of their own, and why."""

from __future__ import annotations

from collections.abc import Mapping

IAM = "IAM is free"
_NETWORK = "this part of a network is free; what runs in it is charged there"
_SETTING = "a setting of another resource, which carries the charge"
_STACK = "CloudFormation is free for resources of AWS"
_DESCRIPTION = "a description of work, which is charged where it runs"
_MEMBERSHIP = "grouping and sharing are free"

_BY_REASON: Mapping[str, Mapping[str, str]] = {
    # reason: service: names of its types
    IAM: {
        "IAM": "AccessKey Group GroupPolicy ManagedPolicy OIDCProvider Policy RolePolicy "
        "SAMLProvider ServerCertificate ServiceLinkedRole User UserPolicy UserToGroupAddition "
        "VirtualMFADevice",
        "AccessAnalyzer": "Analyzer",
        "SSO": "Assignment PermissionSet",
        "Organizations": "Account OrganizationalUnit Policy ResourcePolicy",
    },
    _NETWORK: {
        "EC2": "CustomerGateway DHCPOptions EgressOnlyInternetGateway InstanceConnectEndpoint "
        "InternetGateway NetworkAcl NetworkAclEntry NetworkInterface NetworkInterfaceAttachment "
        "NetworkInterfacePermission PlacementGroup PrefixList Route RouteTable SecurityGroup "
        "SecurityGroupEgress SecurityGroupIngress SecurityGroupVpcAssociation Subnet SubnetCidrBlock "
        "SubnetNetworkAclAssociation SubnetRouteTableAssociation TransitGateway TransitGatewayRoute "
        "TransitGatewayRouteTable TransitGatewayRouteTableAssociation TransitGatewayRouteTablePropagation "
        "VPC VPCCidrBlock VPCDHCPOptionsAssociation VPCGatewayAttachment VPCPeeringConnection VPNGateway "
        "VPNGatewayRoutePropagation VPCEndpointService VPCEndpointServicePermissions",
    },
    _SETTING: {
        "ApiGateway": "Account ApiKey Authorizer BasePathMapping ClientCertificate Deployment "
        "DocumentationPart DocumentationVersion DomainName GatewayResponse Method Model RequestValidator "
        "Resource UsagePlan UsagePlanKey",
        "ApiGatewayV2": "ApiGatewayManagedOverrides ApiMapping Authorizer Deployment DomainName Integration "
        "IntegrationResponse Model Route RouteResponse Stage VpcLink",
        "AppSync": "ApiKey DataSource FunctionConfiguration GraphQLSchema Resolver",
        "ApplicationAutoScaling": "ScalableTarget ScalingPolicy",
        "AutoScaling": "LaunchConfiguration LifecycleHook ScalingPolicy ScheduledAction WarmPool",
        "AutoScalingPlans": "ScalingPlan",
        "Backup": "BackupPlan BackupSelection",
        "Bedrock": "AgentAlias ApplicationInferenceProfile DataSource FlowAlias FlowVersion GuardrailVersion "
        "Prompt PromptVersion",
        "BedrockAgentCore": "GatewayTarget RuntimeEndpoint WorkloadIdentity",
        "CertificateManager": "Account Certificate",
        "Chatbot": "MicrosoftTeamsChannelConfiguration SlackChannelConfiguration",
        "CloudFront": "CachePolicy CloudFrontOriginAccessIdentity KeyGroup KeyValueStore OriginAccessControl "
        "OriginRequestPolicy PublicKey ResponseHeadersPolicy",
        "CloudWatch": "AnomalyDetector",
        "CodeArtifact": "Domain",
        "CodeBuild": "ReportGroup SourceCredential",
        "CodeConnections": "Connection",
        "CodeDeploy": "Application DeploymentConfig DeploymentGroup",
        "CodePipeline": "CustomActionType Webhook",
        "CodeStarConnections": "Connection RepositoryLink SyncConfiguration",
        "CodeStarNotifications": "NotificationRule",
        "Cognito": "IdentityPoolRoleAttachment UserPoolClient UserPoolDomain UserPoolGroup "
        "UserPoolIdentityProvider UserPoolResourceServer UserPoolUICustomizationAttachment UserPoolUser "
        "UserPoolUserToGroupAttachment",
        "Config": "DeliveryChannel",
        "DAX": "ParameterGroup SubnetGroup",
        "DMS": "Endpoint ReplicationSubnetGroup ReplicationTask",
        "DocDB": "DBClusterParameterGroup DBSubnetGroup",
        "EC2": "EIPAssociation KeyPair LaunchTemplate VolumeAttachment",
        "ECR": "PullThroughCacheRule RegistryPolicy RegistryScanningConfiguration ReplicationConfiguration "
        "RepositoryCreationTemplate",
        "ECS": "CapacityProvider Cluster ClusterCapacityProviderAssociations PrimaryTaskSet",
        "EFS": "AccessPoint MountTarget",
        "EKS": "AccessEntry IdentityProviderConfig PodIdentityAssociation",
        "EMR": "SecurityConfiguration Step Studio StudioSessionMapping",
        "ElastiCache": "ParameterGroup SecurityGroup SubnetGroup User UserGroup",
        "ElasticLoadBalancingV2": "Listener ListenerCertificate ListenerRule TargetGroup",
        "Events": "Connection EventBusPolicy",
        "Glue": "Classifier Connection DataCatalogEncryptionSettings Database Partition Registry Schema "
        "SchemaVersion SecurityConfiguration Table Trigger Workflow",
        "IoT": "Policy PolicyPrincipalAttachment ThingPrincipalAttachment",
        "KMS": "Alias",
        "Kinesis": "ResourcePolicy StreamConsumer",
        "LakeFormation": "DataCellsFilter DataLakeSettings Permissions PrincipalPermissions Resource Tag "
        "TagAssociation",
        "Lambda": "CodeSigningConfig EventInvokeConfig EventSourceMapping LayerVersion "
        "LayerVersionPermission Permission Url",
        "Logs": "DeliveryDestination DeliverySource Destination LogStream QueryDefinition ResourcePolicy "
        "SubscriptionFilter",
        "MSK": "BatchScramSecret ClusterPolicy Configuration",
        "MemoryDB": "ACL ParameterGroup SubnetGroup User",
        "Neptune": "DBClusterParameterGroup DBParameterGroup DBSubnetGroup",
        "NetworkFirewall": "FirewallPolicy LoggingConfiguration RuleGroup",
        "OpenSearchServerless": "AccessPolicy LifecyclePolicy SecurityConfig SecurityPolicy VpcEndpoint",
        "RDS": "DBClusterParameterGroup DBParameterGroup DBProxyTargetGroup DBSecurityGroup DBSubnetGroup "
        "EventSubscription OptionGroup",
        "Redshift": "ClusterParameterGroup ClusterSubnetGroup",
        "RedshiftServerless": "Namespace",
        "Route53": "RecordSet RecordSetGroup",
        "Route53Resolver": "ResolverRule ResolverRuleAssociation",
        "S3": "AccessGrant AccessGrantsInstance AccessGrantsLocation AccessPoint BucketPolicy "
        "MultiRegionAccessPointPolicy",
        "S3Express": "BucketPolicy",
        "S3Tables": "Namespace TableBucketPolicy TablePolicy",
        "S3Vectors": "VectorBucketPolicy",
        "SNS": "Subscription TopicInlinePolicy TopicPolicy",
        "SQS": "QueueInlinePolicy QueuePolicy",
        "SageMaker": "AppImageConfig CodeRepository DeviceFleet Device EndpointConfig Image ImageVersion "
        "InferenceComponent Model NotebookInstanceLifecycleConfig StudioLifecycleConfig UserProfile",
        "Scheduler": "ScheduleGroup",
        "SecretsManager": "ResourcePolicy RotationSchedule SecretTargetAttachment",
        "SecurityHub": "Standard",
        "Serverless": "Connector LayerVersion",
        "StepFunctions": "Activity StateMachineAlias StateMachineVersion",
        "Transfer": "Certificate Profile User Workflow",
        "VpcLattice": "AuthPolicy Listener Rule ServiceNetwork TargetGroup",
        "WAFv2": "IPSet LoggingConfiguration RegexPatternSet WebACLAssociation",
        "XRay": "Group",
    },
    _DESCRIPTION: {
        "Batch": "JobDefinition JobQueue SchedulingPolicy",
        "ECS": "TaskDefinition",
        "SSM": "Association Document MaintenanceWindow MaintenanceWindowTarget PatchBaseline",
        "SageMaker": "DataQualityJobDefinition ModelBiasJobDefinition ModelExplainabilityJobDefinition "
        "ModelQualityJobDefinition",
    },
    _MEMBERSHIP: {
        "RAM": "Permission ResourceShare",
        "ResourceGroups": "Group",
        "ServiceCatalog": "AcceptedPortfolioShare CloudFormationProduct LaunchNotificationConstraint "
        "LaunchRoleConstraint Portfolio PortfolioPrincipalAssociation PortfolioProductAssociation "
        "PortfolioShare StackSetConstraint TagOption TagOptionAssociation",
        "ServiceCatalogAppRegistry": "Application AttributeGroup AttributeGroupAssociation "
        "ResourceAssociation",
        "ServiceDiscovery": "HttpNamespace Instance Service",
    },
    _STACK: {
        "CDK": "Metadata",
        "CloudFormation": "Macro WaitCondition WaitConditionHandle",
    },
    "a registry of models is free; the files are charged in their bucket": {
        "SageMaker": "ModelCard ModelPackage ModelPackageGroup Project",
    },
    "people and their groups are free; what they start is charged there": {
        "Athena": "DataCatalog PreparedStatement",
        "DataZone": "Domain DomainUnit Environment EnvironmentBlueprintConfiguration EnvironmentProfile "
        "GroupProfile Project UserProfile",
    },
}

# What the CDK's own constructs do on deployment: settings, clean-ups and copies, none of them lasting.
_CDK_HELPER = "a helper of the CDK that runs on deployment; what it sets or copies is charged there"
_CDK_HELPERS = (
    *("Custom::AWSCDK-EKS-HelmChart", "Custom::AWSCDK-EKS-KubernetesObjectValue"),
    *("Custom::AWSCDK-EKS-KubernetesPatch", "Custom::AWSCDK-EKS-KubernetesResource"),
    *("Custom::AWSCDKCfnJson", "Custom::AWSCDKOpenIdConnectProvider", "Custom::CDKBucketDeployment"),
    *("Custom::CrossRegionExportReader", "Custom::CrossRegionExportWriter", "Custom::ECRAutoDeleteImages"),
    *("Custom::LogRetention", "Custom::S3AutoDeleteObjects", "Custom::S3BucketNotifications"),
    "Custom::VpcRestrictDefaultSG",
)

FREE: Mapping[str, str] = {
    **dict.fromkeys(_CDK_HELPERS, _CDK_HELPER),
    "Custom::StackwrightCallback": "it makes nothing; the function that it calls carries the charge",
    **{
        f"AWS::{service}::{name}": reason
        for reason, services in _BY_REASON.items()
        for service, names in services.items()
        for name in names.split()
    },
    "AWS::Budgets::Budget": "budgets without actions are free",
    "AWS::CE::AnomalyMonitor": "cost anomaly detection is free",
    "AWS::CE::AnomalySubscription": "cost anomaly detection is free",
    "AWS::CE::CostCategory": "cost categories are free",
    "AWS::Events::Rule": "rules are free, and so are the events of AWS services; custom ones are charged "
    "at their bus, targets where they run",
}
