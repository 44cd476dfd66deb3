"""Which rows of the AWS Price List are which prices of the book."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import NamedTuple

from cost_estimates.price_book import GB_PER_TB
from cost_estimates.price_rows import GLOBAL

# `EU-`, `USE1-`, and for KMS the region's name. Built prefixes go wrong (eu-west-1 is EU, not EUW1): cut it.
_PREFIX = re.compile(r"(?:[A-Z]{2,4}\d?|[a-z]{2}(?:-[a-z]+)+-\d)-")
_ANY = "*"


class Pick(NamedTuple):
    """One meter of the book and the price list rows it is taken from.

    `usage_type` is a pattern for the whole usage type without its region; its group is the machine.
    `only` pins other columns: without them capacity rows at 0.00 or Windows at the Linux price get in.
    """

    service: str
    usage: str
    unit: str
    usage_type: str
    only: Mapping[str, str] = {}
    machine: str = "{}"
    machine_column: str = ""
    # Where each tier begins; the meter's names end in -tier1, -tier2 and so on.
    tiers: tuple[int, ...] = ()
    # A free allowance may stand in front of the first price, in the same product.
    allowance: int = 100
    free: bool = False
    everywhere: bool = False
    # Data transfer has two places, and the price is of the one that `from` or `to` names.
    end: str = ""


class Offered(NamedTuple):
    """One price of one product, from a file or from the Query API; columns without spaces, in lower case."""

    columns: Mapping[str, str]
    begin: str
    unit: str
    usd: str
    currency: str
    published: str


class Picked(NamedTuple):
    """A price of the book as the price list has it."""

    service: str
    usage: str
    unit: str
    region: str
    instance_type: str
    usd: str
    published: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.service, self.usage, self.region, self.instance_type)


# Units that the book does not use: 40.96 USD per GiBps-month are 0.04 per MiBps-month.
UNIT_FACTORS = {"gibps-mo": Decimal(1) / 1024}

_LINUX_ON_DEMAND = {
    "operation": "RunInstances",
    "operatingsystem": "Linux",
    "tenancy": "Shared",
    "preinstalledsw": "NA",
    "capacitystatus": "Used",
    "licensemodel": "No License required",
    "marketoption": "OnDemand",
}
# A training plan's upfront fee stands among the hourly prices, without a component.
_HAS_COMPONENT = {"component": _ANY}
_DISKS = {"gp2": "gp2", "gp3": "gp3", "io1": "piops", "io2": "io2", "st1": "st1", "sc1": "sc1"}
_SAGEMAKER_HOURS = {
    "training-hour": "Train",
    "processing-hour": "Processing",
    "hosting-hour": "Host",
    "batch-transform-hour": "Tsform",
    "notebook-instance-hour": "Notebk",
    "hyperpod-cluster-hour": "Cluster",
    "studio-jupyterlab-hour": "Studio:JupyterLab",
    "studio-notebook-hour": "Studio:KernelGateway",
}
_SAGEMAKER_DISKS = {
    "ml-storage-endpoint-gb-month": "Host:VolumeUsage.gp2",
    "ml-storage-notebook-gb-month": "Notebk:VolumeUsage.gp2",
    "ml-storage-processing-gb-month": "Processing:VolumeUsage.gp2",
    "ml-storage-training-gb-month": "Train:VolumeUsage.gp2",
    "studio-storage-gp3-gb-month": "Studio:VolumeUsage.gp3",
}
_SERVERLESS_SECONDS = {
    "serverless-inference-second": "ServerlessInf:Mem",
    "serverless-provisioned-concurrency-second": "ProvisionedConcurrency:Mem",
    "serverless-provisioned-execution-second": "ProvisionedConcurrency:Usage",
}
_FARGATE = {
    "fargate-vcpu-hour": ("vCPU-hour", "Fargate-vCPU-Hours:perCPU"),
    "fargate-gb-hour": ("GB-hour", "Fargate-GB-Hours"),
}
_FARGATE_ARM = {
    "fargate-arm-vcpu-hour": ("vCPU-hour", "Fargate-ARM-vCPU-Hours:perCPU"),
    "fargate-arm-gb-hour": ("GB-hour", "Fargate-ARM-GB-Hours"),
    "fargate-ephemeral-storage-gb-hour": ("GB-hour", "Fargate-EphemeralStorage-GB-Hours"),
}
_LAMBDA_GROUPS = {
    "request": ("request", "AWS-Lambda-Requests"),
    "request-arm": ("request", "AWS-Lambda-Requests-ARM"),
    "gb-second-arm-tier1": ("GB-second", "AWS-Lambda-Duration-ARM"),
    "ephemeral-storage-gb-second": ("GB-second", "AWS-Lambda-Storage-Duration"),
    "provisioned-concurrency-gb-second": ("GB-second", "AWS-Lambda-Provisioned-Concurrency"),
    "provisioned-duration-gb-second": ("GB-second", "AWS-Lambda-Duration-Provisioned"),
}
_CODEBUILD_MINUTES = {
    "Linux": ("build-minute-linux", "general1"),
    "ARM": ("build-minute-linux", "arm1"),
    "LinuxGPU": ("build-minute-linux", "gpu1"),
    "Windows": ("build-minute-windows", "general1"),
}
_BALANCERS = {
    "Load Balancer-Application": (
        ("alb-hour", "hour", "LoadBalancerUsage"),
        ("alb-lcu-hour", "LCU-hour", "LCUUsage"),
    ),
    "Load Balancer-Network": (
        ("nlb-hour", "hour", "LoadBalancerUsage"),
        ("nlb-lcu-hour", "NLCU-hour", "LCUUsage"),
    ),
    "Load Balancer-Gateway": (("gwlb-hour", "hour", "LoadBalancerUsage"),),
    "Load Balancer": (
        ("clb-hour", "hour", "LoadBalancerUsage"),
        ("clb-data-gb", "GB", "DataProcessing-Bytes"),
    ),
}

PICKS: Mapping[str, tuple[Pick, ...]] = {
    "AmazonEC2": (
        Pick("EC2", "ondemand-linux-shared-hour", "hour", r"BoxUsage:(.+)", _LINUX_ON_DEMAND),
        Pick("EC2", "t3-unlimited-cpu-credit", "vCPU-hour", r"CPUCredits:t3", {"operatingsystem": "Linux"}),
        *(
            Pick("EBS", f"{kind}-storage-gb-month", "GB-month", re.escape(f"EBS:VolumeUsage.{name}"))
            for kind, name in _DISKS.items()
        ),
        Pick("EBS", "standard-storage-gb-month", "GB-month", r"EBS:VolumeUsage"),
        Pick("EBS", "gp3-iops-month", "IOPS-month", r"EBS:VolumeP-IOPS\.gp3"),
        Pick("EBS", "gp3-throughput-mibps-month", "MiBps-month", r"EBS:VolumeP-Throughput\.gp3"),
        Pick("EBS", "snapshot-gb-month", "GB-month", r"EBS:SnapshotUsage"),
        # The same family has provisioned bandwidth: these two match whole.
        Pick("VPC", "nat-gateway-hour", "hour", r"NatGateway-Hours"),
        Pick("VPC", "nat-gateway-data-gb", "GB", r"NatGateway-Bytes"),
    ),
    "AmazonVPC": (
        Pick("VPC", "public-ipv4-inuse-hour", "address-hour", r"PublicIPv4:InUseAddress"),
        Pick("VPC", "public-ipv4-idle-hour", "address-hour", r"PublicIPv4:IdleAddress"),
        Pick("VPC", "interface-endpoint-hour", "endpoint-AZ-hour", r"VpcEndpoint-Hours"),
        Pick(
            "VPC",
            "interface-endpoint-data-gb",
            "GB",
            r"VpcEndpoint-Bytes",
            tiers=(0, 1024 * GB_PER_TB, 5 * 1024 * GB_PER_TB),
        ),
    ),
    "AmazonEKS": (
        Pick("EKS", "cluster-hour-standard", "cluster-hour", r"AmazonEKS-Hours:perCluster"),
        # 0.50 that is added to perCluster, not the 0.60 of both.
        Pick("EKS", "cluster-hour-extended-surcharge", "cluster-hour", r"AmazonEKS-Hours:extendedSupport"),
        Pick(
            "EKS",
            "auto-mode-fee-hour",
            "hour",
            r".*",
            {"eksproducttype": "AutoMode", "instancetype": _ANY},
            machine_column="instancetype",
        ),
        *(Pick("EKS", usage, unit, pattern) for usage, (unit, pattern) in _FARGATE.items()),
    ),
    "AmazonECS": tuple(
        Pick("ECS", usage, unit, pattern) for usage, (unit, pattern) in (_FARGATE | _FARGATE_ARM).items()
    ),
    "AmazonS3": (
        Pick(
            "S3",
            "standard-storage-gb-month",
            "GB-month",
            r"TimedStorage-ByteHrs",
            {"volumetype": "Standard"},
            tiers=(0, 50 * GB_PER_TB, 500 * GB_PER_TB),
        ),
        Pick("S3", "standard-ia-storage-gb-month", "GB-month", r"TimedStorage-SIA-ByteHrs"),
        Pick("S3", "standard-put-request", "request", r"Requests-Tier1"),
        Pick("S3", "standard-get-request", "request", r"Requests-Tier2"),
    ),
    "AmazonECR": (Pick("ECR", "storage-gb-month", "GB-month", r"TimedStorage-ByteHrs"),),
    "AmazonSageMaker": (
        *(
            Pick("SageMaker", usage, "hour", rf"{component}[:-](ml\..+)", _HAS_COMPONENT)
            for usage, component in _SAGEMAKER_HOURS.items()
        ),
        *(Pick("SageMaker", usage, "GB-month", re.escape(name)) for usage, name in _SAGEMAKER_DISKS.items()),
        *(
            Pick("SageMaker", usage, "second", f"{name}-{gb}GB", machine=f"{gb * 1024}MB")
            for usage, name in _SERVERLESS_SECONDS.items()
            for gb in range(1, 7)
        ),
        Pick("SageMaker", "endpoint-data-in-gb", "GB", r"Hst:Data-Bytes-In"),
        Pick("SageMaker", "endpoint-data-out-gb", "GB", r"Hst:Data-Bytes-Out"),
    ),
    "AWSDataTransfer": (
        Pick(
            "DataTransfer",
            "internet-out-gb",
            "GB",
            r"DataTransfer-Out-Bytes",
            {"transfertype": "AWS Outbound"},
            end="from",
            tiers=(0, 10 * GB_PER_TB, 50 * GB_PER_TB, 150 * GB_PER_TB),
        ),
        Pick(
            "DataTransfer",
            "internet-in-gb",
            "GB",
            r"DataTransfer-In-Bytes",
            {"transfertype": "AWS Inbound"},
            end="to",
            free=True,
        ),
        Pick(
            "DataTransfer",
            "intra-region-gb",
            "GB",
            r"DataTransfer-Regional-Bytes",
            {"transfertype": "IntraRegion"},
            end="from",
        ),
    ),
    "AmazonCloudWatch": (
        Pick("CloudWatch", "alarm-standard-month", "alarm-metric-month", r"CW:AlarmMonitorUsage"),
        Pick("CloudWatch", "custom-metric-month-tier1", "metric-month", r"CW:MetricMonitorUsage"),
        Pick("CloudWatch", "dashboard-month", "dashboard-month", r"DashboardsUsageHour", everywhere=True),
        # The suffixes are those of S3: the offer tells them apart.
        Pick("CloudWatchLogs", "ingest-custom-gb", "GB", r"DataProcessing-Bytes"),
        Pick("CloudWatchLogs", "ingest-custom-ia-gb", "GB", r"DataProcessingIA-Bytes"),
        Pick(
            "CloudWatchLogs",
            "ingest-vended-gb",
            "GB",
            r"VendedLog-Bytes",
            tiers=(0, 10 * GB_PER_TB, 30 * GB_PER_TB, 50 * GB_PER_TB),
        ),
        Pick("CloudWatchLogs", "deliver-to-s3-gb-tier1", "GB", r"S3-Egress-Bytes"),
        Pick("CloudWatchLogs", "storage-gb-month", "GB-month", r"TimedStorage-ByteHrs"),
        Pick("CloudWatchLogs", "insights-scanned-gb", "GB", r"DataScanned-Bytes"),
    ),
    "awskms": (
        Pick("KMS", "key-month", "key-month", r"KMS-Keys"),
        Pick("KMS", "request", "request", r"KMS-Requests", allowance=20_000),
        Pick("KMS", "request-rsa2048", "request", r"KMS-Requests-Asymmetric-RSA_2048"),
        Pick("KMS", "request-asymmetric-other", "request", r"KMS-Requests-Asymmetric"),
    ),
    "AWSSecretsManager": (
        Pick("SecretsManager", "secret-month", "secret-month", r"AWSSecretsManager-Secrets?"),
        Pick("SecretsManager", "api-request", "request", r"AWSSecretsManager-?APIRequests?"),
    ),
    "AWSLambda": (
        Pick(
            "Lambda",
            "gb-second",
            "GB-second",
            r".*",
            {"group": "AWS-Lambda-Duration"},
            tiers=(0, 6_000_000_000, 15_000_000_000),
        ),
        *(
            Pick("Lambda", usage, unit, r".*", {"group": group})
            for usage, (unit, group) in _LAMBDA_GROUPS.items()
        ),
    ),
    "CodeBuild": tuple(
        Pick("CodeBuild", usage, "minute", rf"Build-Min:{system}:g1\.(.+)", machine=f"{family}.{{}}")
        for system, (usage, family) in _CODEBUILD_MINUTES.items()
    ),
    "AmazonStates": (
        Pick("StepFunctions", "standard-state-transition", "transition", r"StateTransition"),
        Pick("StepFunctions", "express-request", "request", r"StepFunctions-Request"),
        Pick("StepFunctions", "express-gb-second-tier1", "GB-second", r"StepFunctions-GB-Second"),
    ),
    "AWSEvents": (
        Pick("EventBridge", "custom-event", "event", r"Event-64K-Chunks", {"eventtype": "Custom Event"}),
        Pick("EventBridge", "archive-processing-gb", "GB", r"ArchivedEvents-Bytes"),
        Pick("EventBridge", "archive-storage-gb-month", "GB-month", r"TimedStorage-ByteHrs"),
    ),
    "AWSELB": tuple(
        Pick("ELB", usage, unit, name, {"productfamily": family})
        for family, rows in _BALANCERS.items()
        for usage, unit, name in rows
    ),
}


def pick(offer: str, region: str, offered: Iterable[Offered]) -> Iterator[Picked]:
    """The book's prices among an offer's rows for one region."""
    picks = _compiled(offer)
    for row in offered:
        usage_type = _PREFIX.sub("", row.columns.get("usagetype", ""), count=1)
        for one, pattern in picks:
            found = pattern.fullmatch(usage_type)
            if found and _is_meant(one, row, region):
                price = _read(one, row, region, found)
                if price:
                    yield price


def meters(offer: str) -> frozenset[tuple[str, str]]:
    """Every meter of the book that an offer can price."""
    return frozenset((one.service, usage) for one in PICKS[offer] for usage in _usages(one))


def name_column(name: str) -> str:
    """`Volume API Name` of the CSV and `volumeApiName` of the JSON are one column."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


@cache
def _compiled(offer: str) -> tuple[tuple[Pick, re.Pattern[str]], ...]:
    return tuple((one, re.compile(one.usage_type)) for one in PICKS[offer])


def _usages(one: Pick) -> list[str]:
    return [f"{one.usage}-tier{n}" for n in range(1, len(one.tiers) + 1)] or [one.usage]


def _is_meant(one: Pick, row: Offered, region: str) -> bool:
    columns = row.columns
    if row.currency != "USD" or not _is_here(one, columns, region):
        return False
    return all(
        columns.get(name) if value == _ANY else columns.get(name) == value for name, value in one.only.items()
    )


def _is_here(one: Pick, columns: Mapping[str, str], region: str) -> bool:
    """Free tiers are sold at `Any`; Local Zones and Wavelength stand in their region's file."""
    if columns.get(f"{one.end}location") == "Any":
        return one.everywhere
    in_region = columns.get(f"{one.end}locationtype") == "AWS Region"
    return in_region and columns.get(f"{one.end}regioncode", region) == region


def _read(one: Pick, row: Offered, region: str, found: re.Match[str]) -> Picked | None:
    usage, usd = _usage(one, _number(row.begin)), _number(row.usd)
    # What costs nothing is a capacity row or a free tier, unless the meter is known to be free.
    if not usage or usd is None or (not usd and not one.free):
        return None
    machine = row.columns[one.machine_column] if one.machine_column else "".join(found.groups())
    return Picked(
        service=one.service,
        usage=usage,
        unit=one.unit,
        region=GLOBAL if one.everywhere else region,
        instance_type=one.machine.format(machine),
        usd=_plain(usd * UNIT_FACTORS.get(row.unit.lower(), Decimal(1))),
        published=row.published,
    )


def _usage(one: Pick, begin: Decimal | None) -> str:
    """The meter of the tier that begins here; empty for a tier that the book does not hold."""
    if begin is None:
        return ""
    if begin and begin in one.tiers:
        return f"{one.usage}-tier{one.tiers.index(int(begin)) + 1}"
    return _usages(one)[0] if begin <= one.allowance else ""


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


def _plain(usd: Decimal) -> str:
    return f"{usd.normalize():f}"
