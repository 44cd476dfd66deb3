"""EKS: control planes, Auto Mode, node groups, Fargate profiles, add-ons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from cost_estimates.rules.machines import SPOT_NOTE, disks, launch_data
from cost_estimates.rules.monitoring import LOGS_INGESTED
from cost_estimates.rules.rule import (
    EC2_HOUR,
    PUBLIC_IP_HOUR,
    Charge,
    Charges,
    Meter,
    Rule,
    Situation,
    fixed,
    no_price,
    running,
)
from cost_estimates.template import Resource

EKS_HOUR = Meter("EKS", "cluster-hour-standard")
EKS_EXTENDED_HOUR = Meter("EKS", "cluster-hour-extended-surcharge")
EKS_AUTO_HOUR = Meter("EKS", "auto-mode-fee-hour")
FARGATE_VCPU_HOUR = Meter("EKS", "fargate-vcpu-hour")
FARGATE_GB_HOUR = Meter("EKS", "fargate-gb-hour")

# EKS documents these three: two t3.medium with 20 GB each.
DEFAULT_NODE = "t3.medium"
DEFAULT_NODES = 2
NODE_DISK_GB = 20

NEWEST = "the newest version"  # what EKS takes when none is named
# https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html, as of October 2026
# The first day of the surcharge, UTC.
EKS_STANDARD_SUPPORT_ENDS = {
    "1.28": date(2024, 11, 26),
    "1.29": date(2025, 3, 23),
    "1.30": date(2025, 7, 23),
    "1.31": date(2025, 11, 26),
    "1.32": date(2026, 3, 23),
    "1.33": date(2026, 7, 29),
    "1.34": date(2026, 12, 2),
    "1.35": date(2027, 3, 27),
    "1.36": date(2027, 8, 2),
}
_OLDER = tuple(f"1.{minor}" for minor in range(10, 28))


def cluster(cluster: Resource, situation: Situation) -> Charges:
    yield running(EKS_HOUR)
    if _is_extended(cluster, situation.today):
        yield running(EKS_EXTENDED_HOUR)
    if cluster.read_flag("ComputeConfig.Enabled"):
        machines = situation.usage.machines["eks_auto_instance_type"]
        for meter in (EC2_HOUR, EKS_AUTO_HOUR):
            yield Charge(meter=meter, per="eks_auto_node_hours", machines=machines)
        if _is_public(cluster, "ResourcesVpcConfig.SubnetIds"):
            yield Charge(meter=PUBLIC_IP_HOUR, per="eks_auto_node_hours")
    if cluster.read_list("Logging.ClusterLogging.EnabledTypes"):
        yield Charge(meter=LOGS_INGESTED, per="logs_ingested_gb")
    tier = cluster.read_text("ControlPlaneScalingConfig.Tier", "standard")
    if tier != "standard":
        yield no_price(f"EKS control planes of tier {tier}")


def cluster_of_the_cdk(cluster: Resource, situation: Situation) -> Charges:
    """The CDK's older construct makes the cluster by a custom resource, with the properties of the API."""
    yield running(EKS_HOUR)
    if _is_past_support(cluster.read_text("Config.version", NEWEST), situation.today):
        yield running(EKS_EXTENDED_HOUR)


def nodegroup(group: Resource, situation: Situation) -> Charges:
    launch = launch_data(group, "LaunchTemplate.Id")
    kind = _node_kind(group, launch)
    size = "DesiredSize" if group.has("ScalingConfig.DesiredSize") else "MinSize"
    nodes = group.read_number(f"ScalingConfig.{size}", DEFAULT_NODES)
    if group.read_text("CapacityType", "ON_DEMAND") == "SPOT":
        group.notes.append(SPOT_NOTE)
    windows = group.read_text("AmiType", "").startswith("WINDOWS")
    yield no_price(f"EC2 Windows hours of {kind}") if windows and nodes else running(EC2_HOUR, kind, nodes)
    root_gb = group.read_number("DiskSize", NODE_DISK_GB)
    yield from disks(group, launch.read_list("BlockDeviceMappings"), count=nodes, root_gb=root_gb)
    yield from _addresses(group, nodes)


def addon(addon: Resource, situation: Situation) -> Charges:
    """Add-ons of the marketplace carry their vendor's name before an underscore."""
    name = addon.read_text("AddonName", "")
    return (no_price(f"the marketplace add-on {name}"),) if "_" in name else ()


_FARGATE = Rule(
    words="pods that match it run on Fargate, charged by vCPU and memory",
    charges=fixed(
        Charge(meter=FARGATE_VCPU_HOUR, per="eks_fargate_vcpu_hours"),
        Charge(meter=FARGATE_GB_HOUR, per="eks_fargate_gb_hours"),
    ),
)
RULES: Mapping[str, Rule] = {
    "AWS::EKS::Cluster": Rule(
        words="the control plane runs all month; Auto Mode adds the nodes that pods need", charges=cluster
    ),
    "Custom::AWSCDK-EKS-Cluster": Rule(
        words="the control plane runs all month; its nodes are charged there", charges=cluster_of_the_cdk
    ),
    "AWS::EKS::Nodegroup": Rule(words="the desired nodes run all month, with their disks", charges=nodegroup),
    "AWS::EKS::FargateProfile": _FARGATE,
    "Custom::AWSCDK-EKS-FargateProfile": _FARGATE,
    "AWS::EKS::Addon": Rule(
        words="charged by its vendor",
        charges=addon,
        otherwise="AWS's own add-ons are free; they run on nodes that are charged",
    ),
}


def _node_kind(group: Resource, launch: Resource) -> str:
    if group.has("InstanceTypes.0") or not launch.has("InstanceType"):
        return group.read_or_assume("InstanceTypes.0", DEFAULT_NODE)
    return launch.read_text("InstanceType", DEFAULT_NODE)


def _addresses(group: Resource, nodes: Decimal) -> Charges:
    if nodes and _is_public(group, "Subnets"):
        yield running(PUBLIC_IP_HOUR, count=nodes)


def _is_public(resource: Resource, path: str) -> bool:
    """Nodes have public addresses only where every subnet gives them; one private subnet leaves it open."""
    subnets = [resource.follow(f"{path}.{n}", "AWS::EC2::Subnet") for n in range(resource.count(path))]
    return bool(subnets) and all(net and net.read_flag("MapPublicIpOnLaunch") for net in subnets)


def _is_extended(cluster: Resource, today: date) -> bool:
    """Past standard support AWS adds a surcharge, unless the cluster is set to be upgraded instead."""
    upgraded = cluster.read_text("UpgradePolicy.SupportType", "EXTENDED") == "STANDARD"
    return _is_past_support(cluster.read_text("Version", NEWEST), today) and not upgraded


def _is_past_support(version: str, today: date) -> bool:
    ends = date.min if version in _OLDER else EKS_STANDARD_SUPPORT_ENDS.get(version)
    return ends is not None and today >= ends
