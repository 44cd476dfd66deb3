"""ECS services on Fargate, and the registry of their images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from cost_estimates.rules.machines import SPOT_NOTE
from cost_estimates.rules.rule import (
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

ECR_STORAGE = Meter("ECR", "storage-gb-month")
VCPU_HOUR = {"X86_64": Meter("ECS", "fargate-vcpu-hour"), "ARM64": Meter("ECS", "fargate-arm-vcpu-hour")}
GB_HOUR = {"X86_64": Meter("ECS", "fargate-gb-hour"), "ARM64": Meter("ECS", "fargate-arm-gb-hour")}
SCRATCH_GB_HOUR = Meter("ECS", "fargate-ephemeral-storage-gb-hour")

UNITS_PER_VCPU = 1024
MIB_PER_GB = 1024
FREE_SCRATCH_GB = 20
# The smallest task that Fargate runs.
DEFAULT_CPU = "256"
DEFAULT_MEMORY = "512"
_SIZE = re.compile(r"\s*(\d*\.?\d+)\s*(vcpu|gb)?\s*", re.IGNORECASE)


def service(service: Resource, situation: Situation) -> Charges:
    providers = _providers(service)
    if not any(provider.startswith("FARGATE") for provider in providers):
        return ()
    if "FARGATE_SPOT" in providers:
        service.notes.append(SPOT_NOTE)
    tasks = service.read_number("DesiredCount", 1)
    return (*_tasks(service, tasks), *_addresses(service, tasks))


RULES: Mapping[str, Rule] = {
    "AWS::ECS::Service": Rule(
        words="the desired tasks run all month on Fargate",
        charges=service,
        otherwise="its tasks run on EC2 machines that are charged there",
    ),
    "AWS::ECR::Repository": Rule(
        words="charged for the images stored",
        charges=fixed(Charge(meter=ECR_STORAGE, per="ecr_storage_gb")),
    ),
}


def _providers(service: Resource) -> list[str]:
    """Launch type or capacity providers; where neither is named, the cluster's default."""
    if service.has("LaunchType"):
        return [service.read_text("LaunchType", "EC2")]
    cluster = service.follow("Cluster", "AWS::ECS::Cluster")
    strategy = service.parts("CapacityProviderStrategy") or (
        cluster.parts("DefaultCapacityProviderStrategy") if cluster else []
    )
    return [item.read_text("CapacityProvider", "") for item in strategy]


def _tasks(service: Resource, tasks: Decimal) -> Charges:
    definition = service.follow("TaskDefinition", "AWS::ECS::TaskDefinition")
    if definition is None:
        service.assume("TaskDefinition", "not in the template", "the smallest task")
    task = service.part(definition.properties if definition else {})
    if task.read_text("RuntimePlatform.OperatingSystemFamily", "LINUX").startswith("WINDOWS"):
        yield no_price("Fargate tasks on Windows")
        return
    chip = "ARM64" if task.read_text("RuntimePlatform.CpuArchitecture", "X86_64") == "ARM64" else "X86_64"
    yield running(VCPU_HOUR[chip], count=_vcpus(task) * tasks)
    yield running(GB_HOUR[chip], count=_gigabytes(task) * tasks)
    scratch = task.read_number("EphemeralStorage.SizeInGiB", FREE_SCRATCH_GB) - FREE_SCRATCH_GB
    if scratch > 0:
        yield running(SCRATCH_GB_HOUR, count=scratch * tasks)


def _addresses(service: Resource, tasks: Decimal) -> Charges:
    assigned = service.read_text("NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp", "DISABLED")
    if assigned == "ENABLED" and tasks:
        yield running(PUBLIC_IP_HOUR, count=tasks)


def _vcpus(task: Resource) -> Decimal:
    """`1024`, `1024.0` and `1 vCPU` are the same."""
    return _size(task, "Cpu", DEFAULT_CPU, per_whole=UNITS_PER_VCPU)


def _gigabytes(task: Resource) -> Decimal:
    return _size(task, "Memory", DEFAULT_MEMORY, per_whole=MIB_PER_GB)


def _size(task: Resource, key: str, default: str, *, per_whole: int) -> Decimal:
    text = task.read_or_assume(key, default)
    found = _SIZE.fullmatch(text)
    if found is None:
        task.assume(key, f"{text!r}, which is no size", default)
        return Decimal(default) / per_whole
    amount = Decimal(found[1])
    return amount if found[2] else amount / per_whole
