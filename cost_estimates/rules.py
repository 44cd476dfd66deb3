"""Which meters run for which CloudFormation resource type, and which types are free because."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from cost_estimates.model import HOURS_PER_MONTH
from cost_estimates.template import Resource
from cost_estimates.usage import Usage

SAGEMAKER = "sagemaker.amazonaws.com"


class Meter(NamedTuple):
    """A row of the price book, or a ladder of rows."""

    service: str
    usage: str


S3_STORAGE = Meter("S3", "standard-storage-gb-month")
S3_PUT = Meter("S3", "standard-put-request")
S3_GET = Meter("S3", "standard-get-request")
INTERNET_OUT = Meter("DataTransfer", "internet-out-gb")
ECR_STORAGE = Meter("ECR", "storage-gb-month")
TRAINING_HOUR = Meter("SageMaker", "training-hour")
HOSTING_HOUR = Meter("SageMaker", "hosting-hour")
SERVERLESS_SECOND = Meter("SageMaker", "serverless-inference-second")
SERVERLESS_READY_SECOND = Meter("SageMaker", "serverless-provisioned-concurrency-second")
NOTEBOOK_HOUR = Meter("SageMaker", "notebook-instance-hour")
NOTEBOOK_STORAGE = Meter("SageMaker", "ml-storage-notebook-gb-month")
EC2_HOUR = Meter("EC2", "ondemand-linux-shared-hour")
EC2_DEDICATED_HOUR = Meter("EC2", "ondemand-linux-dedicated-hour")  # in no list of the book: unknown
GP3_IOPS = Meter("EBS", "gp3-iops-month")
GP3_THROUGHPUT = Meter("EBS", "gp3-throughput-mibps-month")
EKS_HOUR = Meter("EKS", "cluster-hour-standard")
EKS_EXTENDED_HOUR = Meter("EKS", "cluster-hour-extended-surcharge")
EKS_AUTO_HOUR = Meter("EKS", "auto-mode-fee-hour")
NAT_HOUR = Meter("VPC", "nat-gateway-hour")
NAT_DATA = Meter("VPC", "nat-gateway-data-gb")
PUBLIC_IP_HOUR = Meter("VPC", "public-ipv4-inuse-hour")
LOGS_INGESTED = Meter("CloudWatchLogs", "ingest-custom-gb")
LOGS_INGESTED_RARELY_READ = Meter("CloudWatchLogs", "ingest-custom-ia-gb")
LOGS_STORED = Meter("CloudWatchLogs", "storage-gb-month")
KMS_KEY = Meter("KMS", "key-month")
KMS_REQUEST = Meter("KMS", "request")
SECRET = Meter("SecretsManager", "secret-month")
SECRET_REQUEST = Meter("SecretsManager", "api-request")
LAMBDA_REQUEST = Meter("Lambda", "request")
LAMBDA_REQUEST_ARM = Meter("Lambda", "request-arm")
LAMBDA_SECOND = Meter("Lambda", "gb-second")
LAMBDA_SECOND_ARM = Meter("Lambda", "gb-second-arm-tier1")
LAMBDA_SCRATCH = Meter("Lambda", "ephemeral-storage-gb-second")

LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"
DEFAULT_MACHINE = "t3.medium"
DEFAULT_NOTEBOOK = "ml.t3.medium"
DEFAULT_HOST = "ml.m5.large"
# EKS documents these three: two t3.medium with 20 GB each.
DEFAULT_NODE = "t3.medium"
DEFAULT_NODES = 2
NODE_DISK_GB = 20
ROOT_DISK_GB = 8  # of an Amazon Linux image
SMALLEST_SERVERLESS_MB = 1024
SECONDS_PER_HOUR = 3600
FREE_SCRATCH_MB = 512
GP3_FREE_IOPS = 3_000
GP3_FREE_MIBPS = 125

NEWEST = "the newest version"  # what EKS takes when none is named
# https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html, as of April 2026
EKS_STANDARD_SUPPORT_ENDS = {
    "1.28": date(2024, 11, 26),
    "1.29": date(2025, 3, 23),
    "1.30": date(2025, 7, 23),
    "1.31": date(2025, 11, 26),
    "1.32": date(2026, 3, 23),
    "1.33": date(2026, 7, 29),
    "1.34": date(2026, 12, 2),
    "1.35": date(2027, 3, 27),
}


# Records that stay inside the package are NamedTuples: a dataclass costs a millisecond at import.
class Charge(NamedTuple):
    """A meter that runs for a resource: `quantity` a month, or `quantity` for each unit of usage `per`.

    Of `machines` the first counts that the region sells.
    """

    meter: Meter
    quantity: Decimal = Decimal(1)
    per: str = ""
    machines: tuple[str, ...] = ()


class Situation(NamedTuple):
    """What a rule may look at besides its resource."""

    usage: Usage
    today: date


Charges = Iterable[Charge]


class Rule(NamedTuple):
    """What is charged for a type, in words and as meters; `otherwise` says why a resource without is free."""

    words: str
    charges: Callable[[Resource, Situation], Charges]
    otherwise: str = ""


def fixed(*charges: Charge) -> Callable[[Resource, Situation], Charges]:
    """The same meters for every resource of a type."""
    return lambda resource, situation: charges


def running(meter: Meter, machine: str = "", count: Decimal | int = 1) -> Charge:
    return Charge(meter=meter, quantity=HOURS_PER_MONTH * count, machines=(machine,) if machine else ())


def sagemaker_role(role: Resource, situation: Situation) -> Charges:
    """Jobs have no resource of their own in a template: they run under a role that trusts SageMaker."""
    if not _trusts(role, SAGEMAKER):
        return ()
    machines = situation.usage.machines
    return (
        Charge(
            meter=TRAINING_HOUR,
            per="sagemaker_job_hours",
            machines=machines["sagemaker_job_instance_type"],
        ),
        Charge(
            meter=TRAINING_HOUR,
            per="sagemaker_gpu_job_hours",
            machines=machines["sagemaker_gpu_job_instance_type"],
        ),
    )


def log_group(group: Resource, situation: Situation) -> Charges:
    rarely_read = group.read_text("LogGroupClass", "STANDARD") == "INFREQUENT_ACCESS"
    ingested = LOGS_INGESTED_RARELY_READ if rarely_read else LOGS_INGESTED
    return (
        Charge(meter=ingested, per="logs_ingested_gb"),
        Charge(meter=LOGS_STORED, per="logs_stored_gb"),
    )


def nat_gateway(gateway: Resource, situation: Situation) -> Charges:
    return (running(NAT_HOUR), Charge(meter=NAT_DATA, per="nat_data_gb"))


def instance(machine: Resource, situation: Situation) -> Charges:
    launch = _launch_data(machine, "LaunchTemplate.LaunchTemplateId")
    holder = machine if machine.has("InstanceType") else launch
    kind = holder.read_or_assume("InstanceType", DEFAULT_MACHINE)
    disks = machine.read_list("BlockDeviceMappings") or launch.read_list("BlockDeviceMappings")
    shared = machine.read_text("Tenancy", "default") == "default"
    return (
        running(EC2_HOUR if shared else EC2_DEDICATED_HOUR, kind),
        *_disks(machine, disks, count=1, root_gb=ROOT_DISK_GB),
        *([running(PUBLIC_IP_HOUR)] if _is_public(machine) else []),
    )


def volume(disk: Resource, situation: Situation) -> Charges:
    return _disk(
        disk, kind_key="VolumeType", size_key="Size", default_kind="gp2", default_gb=ROOT_DISK_GB, count=1
    )


def cluster(cluster: Resource, situation: Situation) -> Charges:
    charges = [running(EKS_HOUR)]
    if _is_extended(cluster, situation.today):
        charges.append(running(EKS_EXTENDED_HOUR))
    if cluster.read_flag("ComputeConfig.Enabled"):
        machines = situation.usage.machines["eks_auto_instance_type"]
        charges += [
            Charge(meter=meter, per="eks_auto_node_hours", machines=machines)
            for meter in (EC2_HOUR, EKS_AUTO_HOUR)
        ]
    return charges


def nodegroup(group: Resource, situation: Situation) -> Charges:
    launch = _launch_data(group, "LaunchTemplate.Id")
    if group.has("InstanceTypes.0") or not launch.has("InstanceType"):
        kind = group.read_or_assume("InstanceTypes.0", DEFAULT_NODE)
    else:
        kind = launch.read_text("InstanceType", DEFAULT_NODE)
    size = "DesiredSize" if group.has("ScalingConfig.DesiredSize") else "MinSize"
    nodes = group.read_number(f"ScalingConfig.{size}", DEFAULT_NODES)
    if group.read_text("CapacityType", "ON_DEMAND") == "SPOT":
        group.notes.append("Spot costs less: the on-demand price is its upper bound")
    disks = launch.read_list("BlockDeviceMappings")
    root_gb = group.read_number("DiskSize", NODE_DISK_GB)
    return (
        running(EC2_HOUR, kind, nodes),
        *_disks(group, disks, count=nodes, root_gb=root_gb),
    )


def notebook(notebook: Resource, situation: Situation) -> Charges:
    gigabytes = notebook.read_number("VolumeSizeInGB", 5)
    return (
        running(NOTEBOOK_HOUR, notebook.read_or_assume("InstanceType", DEFAULT_NOTEBOOK)),
        Charge(meter=NOTEBOOK_STORAGE, quantity=gigabytes),
    )


def endpoint(endpoint: Resource, situation: Situation) -> Charges:
    config = endpoint.follow("EndpointConfigName", "AWS::SageMaker::EndpointConfig")
    if config is None:
        endpoint.assume("EndpointConfigName", "not in the template", f"one {DEFAULT_HOST}")
        return (running(HOSTING_HOUR, DEFAULT_HOST),)
    variants = [v for v in config.read_list("ProductionVariants") if isinstance(v, Mapping)]
    return [charge for variant in variants for charge in _hosted(endpoint.part(variant))]


def function(function: Resource, situation: Situation) -> Charges:
    arm = "arm64" in function.read_list("Architectures")
    gigabytes = function.read_number("MemorySize", 128) / 1024
    scratch = (function.read_number("EphemeralStorage.Size", FREE_SCRATCH_MB) - FREE_SCRATCH_MB) / 1024
    charges = [
        Charge(meter=LAMBDA_REQUEST_ARM if arm else LAMBDA_REQUEST, per="lambda_requests"),
        Charge(meter=LAMBDA_SECOND_ARM if arm else LAMBDA_SECOND, per="lambda_seconds", quantity=gigabytes),
    ]
    if scratch > 0:
        charges.append(Charge(meter=LAMBDA_SCRATCH, per="lambda_seconds", quantity=scratch))
    return charges


RULES: Mapping[str, Rule] = {
    "AWS::S3::Bucket": Rule(
        words="charged for what is stored, asked and downloaded",
        charges=fixed(
            Charge(meter=S3_STORAGE, per="s3_storage_gb"),
            Charge(meter=S3_PUT, per="s3_put_requests"),
            Charge(meter=S3_GET, per="s3_get_requests"),
            Charge(meter=INTERNET_OUT, per="s3_internet_out_gb"),
        ),
    ),
    "AWS::ECR::Repository": Rule(
        words="charged for the images stored",
        charges=fixed(Charge(meter=ECR_STORAGE, per="ecr_storage_gb")),
    ),
    "AWS::IAM::Role": Rule(
        words="the month's SageMaker jobs run under the roles that trust SageMaker, in equal shares",
        charges=sagemaker_role,
        otherwise="IAM is free",
    ),
    "AWS::Logs::LogGroup": Rule(words="charged for logs taken in and kept", charges=log_group),
    "AWS::KMS::Key": Rule(
        words="a month of the key, and its requests",
        charges=fixed(Charge(meter=KMS_KEY), Charge(meter=KMS_REQUEST, per="kms_requests")),
    ),
    "AWS::SecretsManager::Secret": Rule(
        words="a month of the secret, and its requests",
        charges=fixed(Charge(meter=SECRET), Charge(meter=SECRET_REQUEST, per="secretsmanager_requests")),
    ),
    "AWS::EC2::Instance": Rule(words="runs all month, with its disks and public address", charges=instance),
    "AWS::EC2::Volume": Rule(words="kept all month", charges=volume),
    "AWS::EC2::NatGateway": Rule(
        words="runs all month, and is charged for the data through it", charges=nat_gateway
    ),
    "AWS::EC2::EIP": Rule(
        words="public IPv4 addresses are charged whether in use or not",
        charges=fixed(running(PUBLIC_IP_HOUR)),
    ),
    "AWS::EKS::Cluster": Rule(
        words="the control plane runs all month; Auto Mode adds the nodes that pods need", charges=cluster
    ),
    "AWS::EKS::Nodegroup": Rule(words="the desired nodes run all month, with their disks", charges=nodegroup),
    "AWS::SageMaker::NotebookInstance": Rule(words="runs all month unless it is stopped", charges=notebook),
    "AWS::SageMaker::Endpoint": Rule(
        words="instances run all month, serverless capacity by the second", charges=endpoint
    ),
    "AWS::Lambda::Function": Rule(words="charged for requests and memory-seconds", charges=function),
}

_IAM = "IAM is free"
_NETWORK = "this part of a network is free; what runs in it is charged there"
_SETTING = "a setting of another resource, which carries the charge"
_STACK = "CloudFormation is free for resources of AWS"

FREE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "AWS::IAM::AccessKey",
            "AWS::IAM::Group",
            "AWS::IAM::GroupPolicy",
            "AWS::IAM::InstanceProfile",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::OIDCProvider",
            "AWS::IAM::Policy",
            "AWS::IAM::RolePolicy",
            "AWS::IAM::SAMLProvider",
            "AWS::IAM::ServiceLinkedRole",
            "AWS::IAM::User",
            "AWS::IAM::UserPolicy",
            "AWS::IAM::UserToGroupAddition",
        ),
        _IAM,
    ),
    **dict.fromkeys(
        (
            "AWS::EC2::DHCPOptions",
            "AWS::EC2::EgressOnlyInternetGateway",
            "AWS::EC2::InternetGateway",
            "AWS::EC2::NetworkAcl",
            "AWS::EC2::NetworkAclEntry",
            "AWS::EC2::NetworkInterface",
            "AWS::EC2::NetworkInterfaceAttachment",
            "AWS::EC2::Route",
            "AWS::EC2::RouteTable",
            "AWS::EC2::SecurityGroup",
            "AWS::EC2::SecurityGroupEgress",
            "AWS::EC2::SecurityGroupIngress",
            "AWS::EC2::Subnet",
            "AWS::EC2::SubnetCidrBlock",
            "AWS::EC2::SubnetNetworkAclAssociation",
            "AWS::EC2::SubnetRouteTableAssociation",
            "AWS::EC2::VPC",
            "AWS::EC2::VPCCidrBlock",
            "AWS::EC2::VPCDHCPOptionsAssociation",
            "AWS::EC2::VPCGatewayAttachment",
        ),
        _NETWORK,
    ),
    **dict.fromkeys(
        (
            "AWS::EC2::EIPAssociation",
            "AWS::EC2::KeyPair",
            "AWS::EC2::LaunchTemplate",
            "AWS::EC2::VolumeAttachment",
            "AWS::EKS::AccessEntry",
            "AWS::EKS::IdentityProviderConfig",
            "AWS::EKS::PodIdentityAssociation",
            "AWS::KMS::Alias",
            "AWS::Lambda::Permission",
            "AWS::Logs::LogStream",
            "AWS::Logs::ResourcePolicy",
            "AWS::S3::BucketPolicy",
            "AWS::SageMaker::EndpointConfig",
            "AWS::SageMaker::Model",
            "AWS::SageMaker::NotebookInstanceLifecycleConfig",
            "AWS::SecretsManager::ResourcePolicy",
            "AWS::SecretsManager::SecretTargetAttachment",
        ),
        _SETTING,
    ),
    **dict.fromkeys(("AWS::CDK::Metadata", "AWS::CloudFormation::WaitConditionHandle"), _STACK),
    "AWS::Budgets::Budget": "budgets without actions are free",
    "AWS::EKS::Addon": "AWS's own add-ons are free; they run on nodes that are charged",
}

_UNKNOWABLE = (
    ("Custom::", "a custom resource: what it makes is not in the template"),
    ("AWS::CloudFormation::CustomResource", "a custom resource: what it makes is not in the template"),
    ("AWS::CloudFormation::Stack", "a nested stack: estimate its own template"),
    ("AWS::Serverless::", "a macro writes its resources only on deployment"),
    ("Fn::", "written out only on deployment"),
)


def unknown_reason(type_name: str) -> str:
    """Why a type has no rule."""
    reasons = (reason for prefix, reason in _UNKNOWABLE if type_name.startswith(prefix))
    return next(reasons, f"no price rule for {type_name or 'a resource without Type'} yet")


def _trusts(role: Resource, service: str) -> bool:
    statements = role.read_list("AssumeRolePolicyDocument.Statement")
    return any(service in _services(statement) for statement in statements)


def _services(statement: object) -> list[object]:
    principal = statement.get("Principal") if isinstance(statement, Mapping) else None
    services = principal.get("Service") if isinstance(principal, Mapping) else None
    return services if isinstance(services, list) else [services]


def _launch_data(resource: Resource, path: str) -> Resource:
    """The launch template that a resource points at, or an empty block where it is not in the template."""
    template = resource.follow(path, LAUNCH_TEMPLATE)
    return resource.part(template.read("LaunchTemplateData", {}) if template else {})


def _disks(
    resource: Resource, mappings: list[object], *, count: Decimal | int, root_gb: Decimal | int
) -> Charges:
    """The disks that a launch names, or the image's root disk."""
    parts = [m["Ebs"] for m in mappings if isinstance(m, Mapping) and isinstance(m.get("Ebs"), Mapping)]
    for part in parts or [{}]:
        yield from _disk(
            resource.part(part),
            kind_key="VolumeType",
            size_key="VolumeSize",
            default_kind="gp3",
            default_gb=root_gb,
            count=count,
        )


def _disk(
    disk: Resource,
    *,
    kind_key: str,
    size_key: str,
    default_kind: str,
    default_gb: Decimal | int,
    count: Decimal | int,
) -> Charges:
    kind = disk.read_text(kind_key, default_kind)
    gigabytes = disk.read_number(size_key, default_gb)
    yield Charge(meter=Meter("EBS", f"{kind}-storage-gb-month"), quantity=gigabytes * count)
    if kind == "gp3":
        yield from _gp3_extras(disk, count)


def _gp3_extras(disk: Resource, count: Decimal | int) -> Charges:
    for key, free, meter in (
        ("Iops", GP3_FREE_IOPS, GP3_IOPS),
        ("Throughput", GP3_FREE_MIBPS, GP3_THROUGHPUT),
    ):
        beyond = disk.read_number(key, free) - free
        if beyond > 0:
            yield Charge(meter=meter, quantity=beyond * count)


def _is_public(machine: Resource) -> bool:
    interfaces = [machine.part(i) for i in machine.read_list("NetworkInterfaces") if isinstance(i, Mapping)]
    if any(interface.read_flag("AssociatePublicIpAddress") for interface in interfaces):
        return True
    subnet = machine.follow("SubnetId", "AWS::EC2::Subnet")
    return subnet is not None and subnet.read_flag("MapPublicIpOnLaunch")


def _is_extended(cluster: Resource, today: date) -> bool:
    """Past standard support AWS adds a surcharge, unless the cluster is set to be upgraded instead."""
    ends = EKS_STANDARD_SUPPORT_ENDS.get(cluster.read_text("Version", NEWEST))
    upgraded = cluster.read_text("UpgradePolicy.SupportType", "EXTENDED") == "STANDARD"
    return ends is not None and today > ends and not upgraded


def _hosted(variant: Resource) -> Charges:
    if variant.has("ServerlessConfig"):
        return _serverless(variant)
    count = variant.read_number("InitialInstanceCount", 1)
    return (running(HOSTING_HOUR, variant.read_or_assume("InstanceType", DEFAULT_HOST), count),)


def _serverless(variant: Resource) -> Charges:
    memory = (f"{variant.read_number('ServerlessConfig.MemorySizeInMB', SMALLEST_SERVERLESS_MB)}MB",)
    ready = variant.read_number("ServerlessConfig.ProvisionedConcurrency", 0)
    yield Charge(meter=SERVERLESS_SECOND, per="sagemaker_serverless_seconds", machines=memory)
    if ready:
        seconds = HOURS_PER_MONTH * SECONDS_PER_HOUR * ready
        yield Charge(meter=SERVERLESS_READY_SECOND, quantity=seconds, machines=memory)
