"""EC2: instances, their disks and public addresses, groups and fleets of them, Batch."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cost_estimates.intrinsics import child
from cost_estimates.model import HOURS_PER_MONTH, ZERO
from cost_estimates.rules.free import IAM
from cost_estimates.rules.rule import (
    EC2_HOUR,
    PUBLIC_IP_HOUR,
    Charge,
    Charges,
    Meter,
    Missing,
    Rule,
    Situation,
    no_price,
    running,
)
from cost_estimates.template import Resource

EC2_DEDICATED_HOUR = Meter("EC2", "ondemand-linux-dedicated-hour")  # in no list of the book: unknown
GP3_IOPS = Meter("EBS", "gp3-iops-month")
GP3_THROUGHPUT = Meter("EBS", "gp3-throughput-mibps-month")
CUSTOM_METRIC = Meter("CloudWatch", "custom-metric-month-tier1")

LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"
DEFAULT_MACHINE = "t3.medium"
ROOT_DISK_GB = 8  # of an Amazon Linux image
GP3_FREE_IOPS = 3_000
GP3_FREE_MIBPS = 125
# Charged by provisioned IOPS besides their gigabytes.
PROVISIONED_IOPS = ("io1", "io2")
METRICS_OF_DETAILED_MONITORING = 7
# Metadata of an instance profile: what clients start with it, which no resource of the template is.
STARTS = "stackwright:starts"
CLIENT_DISK_GB = 256  # SkyPilot's default
SPOT_NOTE = "Spot costs less: the on-demand price is its upper bound"
# Words in an image's name or SSM path, and the system whose licence is in the hour.
SYSTEMS = (("windows", "Windows"), ("rhel", "Red Hat"), ("suse", "SUSE"), ("sles", "SUSE"))


def instance(machine: Resource, situation: Situation) -> Charges:
    launch = launch_data(machine, "LaunchTemplate.LaunchTemplateId")
    holder = machine if machine.has("InstanceType") else launch
    kind = holder.read_or_assume("InstanceType", DEFAULT_MACHINE)
    mappings = machine.read_list("BlockDeviceMappings") or launch.read_list("BlockDeviceMappings")
    _note_spot(launch)
    _note_root_disk(machine, mappings)
    return (
        _hours(machine, launch, kind, 1),
        *disks(machine, mappings, count=1, root_gb=ROOT_DISK_GB),
        *([running(PUBLIC_IP_HOUR)] if _is_public(machine) or _is_public(launch) else []),
        *_detailed(machine.read_flag("Monitoring") or launch.read_flag("Monitoring.Enabled"), 1),
    )


def volume(disk: Resource, situation: Situation) -> Charges:
    return _disk(
        disk, kind_key="VolumeType", size_key="Size", default_kind="gp2", default_gb=ROOT_DISK_GB, count=1
    )


def group(group: Resource, situation: Situation) -> Charges:
    """An Auto Scaling group at the size that its template asks for; what scaling adds is usage of its own."""
    size = "DesiredCapacity" if group.has("DesiredCapacity") else "MinSize"
    return _fleet(group, _group_launch(group), group.read_number(size, 1), _override(group))


def ec2_fleet(fleet: Resource, situation: Situation) -> Charges:
    launch = launch_data(fleet, "LaunchTemplateConfigs.0.LaunchTemplateSpecification.LaunchTemplateId")
    override = fleet.read_text("LaunchTemplateConfigs.0.Overrides.0.InstanceType", "")
    count = fleet.read_number("TargetCapacitySpecification.TotalTargetCapacity", 1)
    return _fleet(fleet, launch, count, override)


def spot_fleet(fleet: Resource, situation: Situation) -> Charges:
    fleet.notes.append(SPOT_NOTE)
    config = fleet.part(fleet.read("SpotFleetRequestConfigData", {}))
    specification = next(iter(config.parts("LaunchSpecifications")), None)
    launch = specification or launch_data(
        config, "LaunchTemplateConfigs.0.LaunchTemplateSpecification.LaunchTemplateId"
    )
    return _fleet(fleet, launch, config.read_number("TargetCapacity", 1), "")


def batch(environment: Resource, situation: Situation) -> Charges:
    """Jobs bring their machines; only MinvCpus keeps some between them."""
    resources = environment.part(environment.read("ComputeResources", {}))
    kind = resources.read_text("Type", "EC2")
    if kind.startswith("FARGATE"):
        return _batch_fargate(kind, resources)
    return _batch_machines(kind, resources, situation)


def profile(profile: Resource, situation: Situation) -> Charges:
    """Machines that a client starts with it, where the template says so: no resource stands for them."""
    said = child(profile.metadata, STARTS)
    if not isinstance(said, Mapping):
        return
    machine = profile.part(said)
    if machine.read_flag("UseSpot"):
        profile.notes.append(SPOT_NOTE)
    kind = machine.read_text("InstanceType", "")
    machines = (kind,) if kind else situation.usage.machines["client_vm_instance_type"]
    # The price of a month's gigabyte goes by the hour.
    share = machine.read_number("DiskGB", CLIENT_DISK_GB) / HOURS_PER_MONTH
    yield Charge(meter=EC2_HOUR, per="client_vm_hours", machines=machines)
    yield Charge(meter=Meter("EBS", "gp3-storage-gb-month"), quantity=share, per="client_vm_hours")
    if machine.read_flag("PublicAddress"):
        yield Charge(meter=PUBLIC_IP_HOUR, per="client_vm_hours")


def launch_data(resource: Resource, path: str) -> Resource:
    """The launch template that a resource points at, or an empty block where it is not in the template."""
    template = resource.follow(path, LAUNCH_TEMPLATE)
    data = template.read("LaunchTemplateData", {}) if template else {}
    return resource.part(data if isinstance(data, Mapping) else {})


def disks(
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


RULES: Mapping[str, Rule] = {
    "AWS::EC2::Instance": Rule(words="runs all month, with its disks and public address", charges=instance),
    "AWS::EC2::Volume": Rule(words="kept all month", charges=volume),
    "AWS::AutoScaling::AutoScalingGroup": Rule(
        words="the desired machines run all month, with their disks", charges=group
    ),
    "AWS::EC2::EC2Fleet": Rule(words="the target capacity runs all month", charges=ec2_fleet),
    "AWS::EC2::SpotFleet": Rule(words="the target capacity runs all month", charges=spot_fleet),
    "AWS::IAM::InstanceProfile": Rule(
        words="machines that clients start with it run while pipelines do", charges=profile, otherwise=IAM
    ),
    "AWS::Batch::ComputeEnvironment": Rule(
        words="Batch itself is free; its machines run while jobs do", charges=batch
    ),
}


def _group_launch(group: Resource) -> Resource:
    """Launch template, mixed policy or launch configuration: whichever the group names."""
    configuration = group.follow("LaunchConfigurationName", "AWS::AutoScaling::LaunchConfiguration")
    if configuration:
        return group.part(configuration.properties)
    mixed = "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification"
    direct = "LaunchTemplate" if group.has("LaunchTemplate") else mixed
    return launch_data(group, f"{direct}.LaunchTemplateId")


def _override(group: Resource) -> str:
    return group.read_text("MixedInstancesPolicy.LaunchTemplate.Overrides.0.InstanceType", "")


def _fleet(fleet: Resource, launch: Resource, count: Decimal, override: str) -> Charges:
    kind = override or launch.read_or_assume("InstanceType", DEFAULT_MACHINE)
    _note_spot(launch)
    mappings = launch.read_list("BlockDeviceMappings")
    _note_root_disk(fleet, mappings)
    yield _hours(fleet, launch, kind, count)
    yield from disks(fleet, mappings, count=count, root_gb=ROOT_DISK_GB)
    if count and (_is_public(launch) or launch.read_flag("AssociatePublicIpAddress")):
        yield running(PUBLIC_IP_HOUR, count=count)
    yield from _detailed(_is_watched_closely(fleet, launch), count)


def _is_watched_closely(fleet: Resource, launch: Resource) -> bool:
    """Launch configurations watch closely unless they are told not to, launch templates only if told."""
    if fleet.has("LaunchConfigurationName"):
        return launch.read_text("InstanceMonitoring", "true").lower() == "true"
    return launch.read_flag("Monitoring.Enabled")


def _detailed(wanted: bool, count: Decimal | int) -> Charges:
    if wanted and count:
        yield Charge(meter=CUSTOM_METRIC, quantity=Decimal(METRICS_OF_DETAILED_MONITORING * count))


def _hours(machine: Resource, launch: Resource, kind: str, count: Decimal | int) -> Charge | Missing:
    system = next(filter(None, (_licensed(part) for part in (machine, launch))), "")
    if system and count:
        return no_price(f"EC2 {system} hours of {kind}")
    tenancy = machine.read_text("Tenancy", launch.read_text("Placement.Tenancy", "default"))
    return running(EC2_HOUR if tenancy == "default" else EC2_DEDICATED_HOUR, kind, count)


def _licensed(machine: Resource) -> str:
    """The system whose licence is paid by the hour, as far as the image's name tells."""
    name = machine.describe("ImageId").lower()
    return next((system for word, system in SYSTEMS if word in name), "")


def _note_spot(launch: Resource) -> None:
    if launch.read_text("InstanceMarketOptions.MarketType", "") == "spot" or launch.has("SpotPrice"):
        launch.notes.append(SPOT_NOTE)


def _note_root_disk(machine: Resource, mappings: list[object]) -> None:
    """Its size and kind are the image's, which is not in the template."""
    if not mappings:
        machine.notes.append(f"the image's root disk: {ROOT_DISK_GB} GB of gp3 assumed")


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
    elif kind in PROVISIONED_IOPS:
        yield Charge(meter=Meter("EBS", f"{kind}-iops-month"), quantity=disk.read_number("Iops", 0) * count)


def _gp3_extras(disk: Resource, count: Decimal | int) -> Charges:
    for key, free, meter in (
        ("Iops", GP3_FREE_IOPS, GP3_IOPS),
        ("Throughput", GP3_FREE_MIBPS, GP3_THROUGHPUT),
    ):
        beyond = disk.read_number(key, free) - free
        if beyond > 0:
            yield Charge(meter=meter, quantity=beyond * count)


def _is_public(machine: Resource) -> bool:
    interfaces = machine.parts("NetworkInterfaces")
    if any(interface.read_flag("AssociatePublicIpAddress") for interface in interfaces):
        return True
    subnet = machine.follow("SubnetId", "AWS::EC2::Subnet")
    return subnet is not None and subnet.read_flag("MapPublicIpOnLaunch")


def _batch_fargate(kind: str, resources: Resource) -> Charges:
    if kind == "FARGATE_SPOT":
        resources.notes.append(SPOT_NOTE)
    yield Charge(meter=Meter("ECS", "fargate-vcpu-hour"), per="fargate_vcpu_hours")
    yield Charge(meter=Meter("ECS", "fargate-gb-hour"), per="fargate_gb_hours")


def _batch_machines(kind: str, resources: Resource, situation: Situation) -> Charges:
    named = [name for name in resources.read_list("InstanceTypes") if "." in str(name)]
    if kind == "SPOT":
        resources.notes.append(SPOT_NOTE)
    yield Charge(
        meter=EC2_HOUR,
        per="batch_instance_hours",
        machines=(str(named[0]),) if named else situation.usage.machines["batch_instance_type"],
    )
    if resources.read_number("MinvCpus", 0) > ZERO:
        yield no_price("the machines that MinvCpus keeps running")
