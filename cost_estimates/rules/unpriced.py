"""Types that cost money and have no price in the book: each names the price that is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cost_estimates.rules.rule import Charges, Rule, Situation, fixed, no_price
from cost_estimates.template import Resource

ALWAYS_WORDS = "charged as long as it exists"
USED_WORDS = "free until it is used"

# type: what is charged, and the property that names its size
ALWAYS: Mapping[str, tuple[str, str]] = {
    "AWS::AmazonMQ::Broker": ("Amazon MQ broker hours", "HostInstanceType"),
    "AWS::ACMPCA::CertificateAuthority": ("private certificate authorities", ""),
    "AWS::ApiGateway::VpcLink": ("API Gateway VPC links", ""),
    "AWS::AppRunner::Service": ("App Runner memory and vCPU hours", ""),
    "AWS::CloudHSM::Cluster": ("CloudHSM hours", ""),
    "AWS::CloudWatch::CompositeAlarm": ("composite alarms", ""),
    "AWS::CloudWatch::MetricStream": ("CloudWatch metric stream updates", ""),
    "AWS::CodeBuild::Fleet": ("CodeBuild reserved capacity", "ComputeType"),
    "AWS::Cassandra::Table": ("Keyspaces capacity and storage", ""),
    "AWS::DAX::Cluster": ("DAX node hours", "NodeType"),
    "AWS::DMS::ReplicationInstance": ("DMS instance hours", "ReplicationInstanceClass"),
    "AWS::DirectoryService::MicrosoftAD": ("directory hours", "Edition"),
    "AWS::DirectoryService::SimpleAD": ("directory hours", "Size"),
    "AWS::DocDB::DBInstance": ("DocumentDB instance hours", "DBInstanceClass"),
    "AWS::EC2::CapacityReservation": ("unused hours of a capacity reservation", "InstanceType"),
    "AWS::EC2::ClientVpnEndpoint": ("Client VPN associations and connections", ""),
    "AWS::EC2::Host": ("EC2 dedicated host hours", "InstanceType"),
    "AWS::EC2::TransitGatewayAttachment": ("transit gateway attachment hours", ""),
    "AWS::EC2::TransitGatewayVpcAttachment": ("transit gateway attachment hours", ""),
    "AWS::EC2::VPNConnection": ("site-to-site VPN hours", ""),
    "AWS::EKS::Capability": ("EKS capability hours", "Type"),
    "AWS::ElastiCache::CacheCluster": ("ElastiCache node hours", "CacheNodeType"),
    "AWS::ElastiCache::ReplicationGroup": ("ElastiCache node hours", "CacheNodeType"),
    "AWS::ElastiCache::ServerlessCache": ("ElastiCache serverless storage and units", "Engine"),
    "AWS::EMR::Cluster": ("EMR hours", "Instances.CoreInstanceGroup.InstanceType"),
    "AWS::Elasticsearch::Domain": (
        "OpenSearch instance hours",
        "ElasticsearchClusterConfig.InstanceType",
    ),
    "AWS::FSx::FileSystem": ("FSx storage and throughput", "FileSystemType"),
    "AWS::FSx::Volume": ("FSx storage", "VolumeType"),
    "AWS::GameLift::Fleet": ("GameLift instance hours", "EC2InstanceType"),
    "AWS::GlobalAccelerator::Accelerator": ("Global Accelerator hours", ""),
    "AWS::Glue::DevEndpoint": ("Glue development endpoint hours", "WorkerType"),
    "AWS::Grafana::Workspace": ("Managed Grafana users", ""),
    "AWS::Kendra::Index": ("Kendra index hours", "Edition"),
    "AWS::Lightsail::Instance": ("Lightsail instances", "BundleId"),
    "AWS::MSK::Cluster": ("MSK broker hours", "BrokerNodeGroupInfo.InstanceType"),
    "AWS::MSK::ServerlessCluster": ("MSK serverless cluster hours", ""),
    "AWS::MWAA::Environment": ("Managed Airflow environment hours", "EnvironmentClass"),
    "AWS::MemoryDB::Cluster": ("MemoryDB node hours", "NodeType"),
    "AWS::Neptune::DBCluster": ("Neptune storage and requests", ""),
    "AWS::Neptune::DBInstance": ("Neptune instance hours", "DBInstanceClass"),
    "AWS::NetworkFirewall::Firewall": ("Network Firewall endpoint hours", ""),
    "AWS::OpenSearchServerless::Collection": ("OpenSearch Serverless units", "Type"),
    "AWS::OpenSearchService::Domain": ("OpenSearch instance hours", "ClusterConfig.InstanceType"),
    "AWS::RDS::DBInstance": ("RDS instance hours and storage", "DBInstanceClass"),
    "AWS::RDS::DBProxy": ("RDS proxy hours", ""),
    "AWS::Redshift::Cluster": ("Redshift node hours", "NodeType"),
    "AWS::Route53::HostedZone": ("hosted zones", ""),
    "AWS::Route53::HealthCheck": ("Route 53 health checks", ""),
    "AWS::Route53Resolver::ResolverEndpoint": ("Route 53 resolver endpoint hours", ""),
    "AWS::SageMaker::PartnerApp": ("SageMaker partner apps", "Type"),
    "AWS::SageMaker::InferenceExperiment": ("the machines of a SageMaker shadow test", ""),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": ("hosted zones", ""),
    "AWS::ServiceDiscovery::PublicDnsNamespace": ("hosted zones", ""),
    "AWS::Synthetics::Canary": ("CloudWatch Synthetics canary runs", ""),
    "AWS::Transfer::Server": ("Transfer Family endpoint hours", ""),
    "AWS::Transfer::Connector": ("Transfer Family connector calls", ""),
    "AWS::WAFv2::WebACL": ("WAF web ACLs and rules", ""),
    "AWS::WAFv2::RuleGroup": ("WAF rules", ""),
    "AWS::WorkSpaces::Workspace": ("WorkSpaces", ""),
}
# type: what its use is charged by
USED: Mapping[str, str] = {
    "AWS::Amplify::App": "Amplify builds and hosting",
    "AWS::ApiGateway::RestApi": "API Gateway REST requests",
    "AWS::ApiGatewayV2::Api": "API Gateway HTTP and WebSocket requests",
    "AWS::Serverless::Api": "API Gateway REST requests",
    "AWS::Serverless::HttpApi": "API Gateway HTTP requests",
    "AWS::Serverless::WebSocketApi": "API Gateway WebSocket requests",
    "AWS::AppSync::GraphQLApi": "AppSync queries",
    "AWS::APS::Workspace": "Managed Prometheus samples",
    "AWS::Athena::CapacityReservation": "Athena provisioned capacity",
    "AWS::Athena::NamedQuery": "the data that Athena scans",
    "AWS::Athena::WorkGroup": "the data that Athena scans",
    "AWS::Backup::BackupVault": "backup storage",
    "AWS::Bedrock::Agent": "Bedrock tokens",
    "AWS::Bedrock::DataAutomationProject": "Bedrock data automation pages",
    "AWS::Bedrock::Flow": "Bedrock flow transitions",
    "AWS::Bedrock::Guardrail": "Bedrock guardrail text units",
    "AWS::Bedrock::KnowledgeBase": "Bedrock embeddings and its vector store",
    "AWS::BedrockAgentCore::Gateway": "AgentCore gateway calls",
    "AWS::BedrockAgentCore::Memory": "AgentCore memory events",
    "AWS::BedrockAgentCore::Runtime": "AgentCore vCPU and memory seconds",
    "AWS::Cloud9::EnvironmentEC2": "the machine of a Cloud9 environment",
    "AWS::CloudFront::Distribution": "CloudFront requests and transfer",
    "AWS::CloudFront::Function": "CloudFront function invocations",
    "AWS::CodeArtifact::Repository": "CodeArtifact storage and requests",
    "AWS::CodeCommit::Repository": "CodeCommit users beyond five",
    "AWS::CodePipeline::Pipeline": "CodePipeline pipelines and action minutes",
    "AWS::Cognito::IdentityPool": "Cognito sync operations",
    "AWS::Cognito::UserPool": "Cognito users beyond the free ones",
    "AWS::Config::ConfigRule": "Config rule evaluations",
    "AWS::Config::ConfigurationRecorder": "Config items",
    "AWS::Detective::Graph": "Detective data",
    "AWS::ECR::PublicRepository": "ECR Public storage beyond the free 50 GB",
    "AWS::EFS::FileSystem": "EFS storage",
    "AWS::EMRContainers::VirtualCluster": "EMR on EKS hours",
    "AWS::EMRServerless::Application": "EMR Serverless hours",
    "AWS::Events::ApiDestination": "EventBridge API destination calls",
    "AWS::Forecast::Dataset": "Forecast data points",
    "AWS::Glue::Crawler": "Glue crawler hours",
    "AWS::Glue::Job": "Glue job hours",
    "AWS::Glue::MLTransform": "Glue transform hours",
    "AWS::Glue::Session": "Glue session hours",
    "AWS::GuardDuty::Detector": "GuardDuty events",
    "AWS::IoT::Thing": "IoT connections and messages",
    "AWS::IoT::TopicRule": "IoT rules triggered",
    "AWS::KinesisAnalyticsV2::Application": "Managed Flink unit hours",
    "AWS::KinesisFirehose::DeliveryStream": "Firehose gigabytes",
    "AWS::Lex::Bot": "Lex requests",
    "AWS::Location::Map": "map requests",
    "AWS::Logs::Delivery": "vended logs delivered",
    "AWS::Macie::Session": "Macie buckets",
    "AWS::Personalize::Dataset": "Personalize training and recommendations",
    "AWS::Pinpoint::App": "Pinpoint messages",
    "AWS::QuickSight::DataSet": "QuickSight users",
    "AWS::Rekognition::Project": "Rekognition custom labels hours",
    "AWS::RedshiftServerless::Workgroup": "Redshift Serverless RPU hours",
    "AWS::S3Express::DirectoryBucket": "S3 Express storage and requests",
    "AWS::S3Tables::Table": "S3 Tables storage and requests",
    "AWS::S3Tables::TableBucket": "S3 Tables storage and requests",
    "AWS::S3Vectors::Index": "S3 Vectors storage and queries",
    "AWS::S3Vectors::VectorBucket": "S3 Vectors storage and queries",
    "AWS::SageMaker::MlflowApp": "the storage and use of a serverless MLflow app",
    "AWS::SageMaker::Workteam": "SageMaker Ground Truth objects",
    "AWS::SES::ConfigurationSet": "SES messages",
    "AWS::SecurityHub::Hub": "Security Hub checks",
    "AWS::SNS::Topic": "SNS requests and deliveries",
    "AWS::SQS::Queue": "SQS requests",
    "AWS::SSM::MaintenanceWindowTask": "the machines a maintenance task starts",
    "AWS::Timestream::Database": "Timestream writes and storage",
    "AWS::Timestream::Table": "Timestream writes and storage",
    "AWS::VpcLattice::Service": "VPC Lattice hours and data",
    "AWS::XRay::SamplingRule": "X-Ray traces",
}


def table(table: Resource, situation: Situation) -> Charges:
    """DynamoDB: by request, or by capacity that is charged whether it is used or not."""
    yield no_price("DynamoDB storage", used=True)
    if table.read_text("BillingMode", "PROVISIONED") == "PAY_PER_REQUEST":
        yield no_price("DynamoDB requests", used=True)
        return
    reads, writes = (
        table.read_number(f"ProvisionedThroughput.{kind}CapacityUnits", 0) for kind in ("Read", "Write")
    )
    yield no_price(f"{reads} read and {writes} write capacity units of DynamoDB")


def stream(stream: Resource, situation: Situation) -> Charges:
    if stream.read_text("StreamModeDetails.StreamMode", "PROVISIONED") == "ON_DEMAND":
        return (no_price("Kinesis on-demand stream hours and data"),)
    return (no_price(f"the hours of {stream.read_number('ShardCount', 1)} Kinesis shards"),)


def aurora(cluster: Resource, situation: Situation) -> Charges:
    yield no_price("Aurora storage and requests", used=True)
    if cluster.has("ServerlessV2ScalingConfiguration"):
        least = cluster.read_number("ServerlessV2ScalingConfiguration.MinCapacity", 0)
        if least:
            yield no_price(f"the hours of {least} Aurora capacity units")
    if cluster.has("DBClusterInstanceClass"):
        yield no_price(f"RDS instance hours of {cluster.read_text('DBClusterInstanceClass', '')}")


def api_stage(stage: Resource, situation: Situation) -> Charges:
    if stage.read_flag("CacheClusterEnabled"):
        yield no_price(f"API Gateway caches of {stage.read_text('CacheClusterSize', '0.5')} GB")


def parameter(parameter: Resource, situation: Situation) -> Charges:
    if parameter.read_text("Tier", "Standard") == "Advanced":
        yield no_price("advanced SSM parameters")


def _of_size(price: str, path: str) -> Callable[[Resource, Situation], Charges]:
    def charges(resource: Resource, situation: Situation) -> Charges:
        size = resource.read_text(path, "") if path else ""
        return (no_price(f"{price} of {size}" if size else price),)

    return charges


RULES: Mapping[str, Rule] = {
    **{
        name: Rule(words=ALWAYS_WORDS, charges=_of_size(price, path))
        for name, (price, path) in ALWAYS.items()
    },
    **{
        name: Rule(words=USED_WORDS, charges=fixed(no_price(price, used=True)))
        for name, price in USED.items()
    },
    **dict.fromkeys(
        ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::Serverless::SimpleTable"),
        Rule(words="charged for requests or capacity, and for what is stored", charges=table),
    ),
    "AWS::Kinesis::Stream": Rule(words=ALWAYS_WORDS, charges=stream),
    "AWS::RDS::DBCluster": Rule(words="its instances are charged there", charges=aurora),
    "AWS::ApiGateway::Stage": Rule(
        words="a cache runs all month", charges=api_stage, otherwise="a setting of an API, charged there"
    ),
    "AWS::SSM::Parameter": Rule(
        words="charged by the month", charges=parameter, otherwise="standard parameters are free"
    ),
}
