"""Usage profiles: what a month of work adds to what a template leaves running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from cost_estimates.model import CostError, nearest

IDLE = "idle"
PROFILES = (IDLE, "light", "team", "heavy")
LEVELS = ("low", "typical", "high")
_LARGEST = Decimal(10) ** 12


class Levels(NamedTuple):
    low: Decimal
    typical: Decimal
    high: Decimal


class Amount(NamedTuple):
    """A number per month of one template, shared by the resources that carry it; `why` is its reasoning."""

    unit: str
    why: str
    light: tuple[float, float, float]
    team: tuple[float, float, float]
    heavy: tuple[float, float, float]


class Machine(NamedTuple):
    """Instance types by preference: the first that the region sells. Low and high do not differ."""

    why: str
    light: tuple[str, ...]
    team: tuple[str, ...]
    heavy: tuple[str, ...]


# light: one engineer, a few experiments a week. team: five engineers, daily runs and some GPU work.
# heavy: a production group with scheduled training on large data. low and high are a quiet and a busy month.
AMOUNTS: Mapping[str, Amount] = {
    "s3_storage_gb": Amount(
        "GB-month",
        "Artifacts are kept, and a run leaves 0.1-1 GB of data, models and caches; the price drops at 50 TB.",
        light=(5, 20, 100),
        team=(100, 500, 2_000),
        heavy=(2_000, 10_000, 60_000),
    ),
    "s3_put_requests": Amount(
        "requests",
        "A pipeline step writes 20-100 objects (artifact files, metadata, logs appended in parts).",
        light=(5_000, 20_000, 100_000),
        team=(100_000, 500_000, 2_000_000),
        heavy=(1_000_000, 10_000_000, 50_000_000),
    ),
    "s3_get_requests": Amount(
        "requests",
        "Every artifact is read about five times: by later steps, by the dashboard, by people.",
        light=(25_000, 100_000, 500_000),
        team=(500_000, 2_500_000, 10_000_000),
        heavy=(5_000_000, 50_000_000, 250_000_000),
    ),
    "s3_internet_out_gb": Amount(
        "GB",
        "Models and plots taken home. The account's 100 free GB are left to its other stacks.",
        light=(0.5, 2, 10),
        team=(5, 20, 100),
        heavy=(50, 200, 1_000),
    ),
    "ecr_storage_gb": Amount(
        "GB-month",
        "An ML image is 2-6 GB, layers are shared between tags: a few images, a dozen, many projects.",
        light=(2, 8, 20),
        team=(20, 60, 150),
        heavy=(100, 300, 800),
    ),
    "sagemaker_job_hours": Amount(
        "hours",
        "Five half-hour runs a week; five people with 24 h each; daily scheduled training. "
        "The disk of a job (30 GB, about 2 % of its hour) is not in it.",
        light=(2, 10, 30),
        team=(40, 120, 300),
        heavy=(300, 1_000, 2_500),
    ),
    "sagemaker_gpu_job_hours": Amount(
        "hours",
        "None while one person tries things; weekly fine-tuning of an hour per head; several GPUs a day.",
        light=(0, 0, 0),
        team=(5, 20, 60),
        heavy=(50, 200, 600),
    ),
    "sagemaker_serverless_seconds": Amount(
        "seconds",
        "A prediction takes about 0.1 s: a thousand a week to try it, ten thousand, a million.",
        light=(100, 400, 2_000),
        team=(1_000, 4_000, 20_000),
        heavy=(100_000, 400_000, 2_000_000),
    ),
    "logs_ingested_gb": Amount(
        "GB",
        "A job hour logs 10-50 MB; builds and control planes add to it.",
        light=(0.1, 0.5, 2),
        team=(2, 5, 20),
        heavy=(20, 60, 200),
    ),
    "logs_stored_gb": Amount(
        "GB-month",
        "About three months of ingestion, compressed.",
        light=(0.1, 0.5, 3),
        team=(2, 8, 30),
        heavy=(30, 90, 300),
    ),
    "nat_data_gb": Amount(
        "GB",
        "Packages, images and data sets pulled through the gateway: 2-5 GB for every run.",
        light=(5, 20, 60),
        team=(50, 200, 600),
        heavy=(500, 2_000, 6_000),
    ),
    "kms_requests": Amount(
        "requests",
        "One per object read or written; bucket keys would make it a hundredth.",
        light=(10_000, 50_000, 200_000),
        team=(100_000, 1_000_000, 5_000_000),
        heavy=(1_000_000, 10_000_000, 50_000_000),
    ),
    "secretsmanager_requests": Amount(
        "requests",
        "A secret is read once per step and once per login.",
        light=(100, 1_000, 5_000),
        team=(1_000, 10_000, 50_000),
        heavy=(10_000, 100_000, 500_000),
    ),
    "lambda_requests": Amount(
        "requests",
        "Functions of such a stack answer events of people and pipelines, not of the public.",
        light=(100, 1_000, 10_000),
        team=(1_000, 20_000, 100_000),
        heavy=(100_000, 1_000_000, 10_000_000),
    ),
    "lambda_seconds": Amount(
        "seconds",
        "One second a request; the memory is the template's.",
        light=(100, 1_000, 10_000),
        team=(1_000, 20_000, 100_000),
        heavy=(100_000, 1_000_000, 10_000_000),
    ),
    "eks_auto_node_hours": Amount(
        "hours",
        "Auto Mode starts nodes for pods: a few hours of runs; some nodes by day; three to ten nodes always.",
        light=(5, 20, 60),
        team=(100, 300, 730),
        heavy=(730, 2_190, 7_300),
    ),
    "eks_fargate_vcpu_hours": Amount(
        "vCPU-hours",
        "Pods that run on Fargate instead of nodes: runs of an hour on 1 vCPU; a few services; many jobs.",
        light=(2, 20, 60),
        team=(100, 400, 1_000),
        heavy=(1_000, 4_000, 10_000),
    ),
    "eks_fargate_gb_hours": Amount(
        "GB-hours",
        "Four gigabytes beside each vCPU, as pandas and scikit-learn want them.",
        light=(8, 80, 240),
        team=(400, 1_600, 4_000),
        heavy=(4_000, 16_000, 40_000),
    ),
    "fargate_vcpu_hours": Amount(
        "vCPU-hours",
        "Batch jobs on Fargate, sized as pods are: runs of an hour; a queue by day; a queue that never ends.",
        light=(2, 20, 60),
        team=(100, 400, 1_000),
        heavy=(1_000, 4_000, 10_000),
    ),
    "fargate_gb_hours": Amount(
        "GB-hours",
        "Four gigabytes beside each vCPU of a Batch job.",
        light=(8, 80, 240),
        team=(400, 1_600, 4_000),
        heavy=(4_000, 16_000, 40_000),
    ),
    "batch_instance_hours": Amount(
        "hours",
        "Machines that Batch starts for its queue, as many hours as SageMaker jobs would take.",
        light=(2, 10, 30),
        team=(40, 120, 300),
        heavy=(300, 1_000, 2_500),
    ),
    "client_vm_hours": Amount(
        "hours",
        "Machines that a client such as SkyPilot starts for pipelines, as many hours as SageMaker jobs would "
        "take; each is kept half an hour after its last one.",
        light=(3, 15, 40),
        team=(50, 150, 375),
        heavy=(375, 1_250, 3_000),
    ),
    "codebuild_minutes": Amount(
        "minutes",
        "An image builds in five to ten minutes: a few a week, a few a day, every commit of many people.",
        light=(20, 100, 400),
        team=(200, 1_000, 4_000),
        heavy=(2_000, 10_000, 40_000),
    ),
    "vpc_endpoint_data_gb": Amount(
        "GB",
        "What would else go through a NAT gateway: images, artifacts and calls of AWS services.",
        light=(5, 20, 60),
        team=(50, 200, 600),
        heavy=(500, 2_000, 6_000),
    ),
    "alb_lcu_hours": Amount(
        "LCU-hours",
        "A unit takes 25 new connections a second or 1 GB an hour: a dashboard barely stirs it, a busy "
        "service fills one or several all month.",
        light=(7, 73, 365),
        team=(73, 365, 1_460),
        heavy=(730, 2_920, 7_300),
    ),
    "nlb_lcu_hours": Amount(
        "NLCU-hours",
        "A unit takes 800 new connections a second or 1 GB an hour, so fewer are filled than on an ALB.",
        light=(4, 37, 183),
        team=(37, 183, 730),
        heavy=(365, 1_460, 3_650),
    ),
    "gwlb_lcu_hours": Amount(
        "GLCU-hours",
        "As a network load balancer; the price of these units is in no list of the book.",
        light=(4, 37, 183),
        team=(37, 183, 730),
        heavy=(365, 1_460, 3_650),
    ),
    "clb_data_gb": Amount(
        "GB",
        "Pages and predictions through a classic load balancer.",
        light=(1, 10, 50),
        team=(10, 100, 500),
        heavy=(100, 1_000, 5_000),
    ),
    "flow_logs_gb": Amount(
        "GB",
        "About a gigabyte for every thousand gigabytes moved, and more where connections are many and short.",
        light=(0.1, 1, 5),
        team=(1, 10, 50),
        heavy=(10, 100, 500),
    ),
    "stepfunctions_transitions": Amount(
        "transitions",
        "A run of a workflow passes 10-20 states: a run a day; a hundred a day; every minute of several.",
        light=(100, 500, 2_000),
        team=(5_000, 40_000, 150_000),
        heavy=(100_000, 1_000_000, 5_000_000),
    ),
    "stepfunctions_express_requests": Amount(
        "requests",
        "Express workflows answer events: hundreds to try them, thousands a day, a stream.",
        light=(100, 1_000, 10_000),
        team=(10_000, 100_000, 500_000),
        heavy=(1_000_000, 5_000_000, 20_000_000),
    ),
    "stepfunctions_express_gb_seconds": Amount(
        "GB-seconds",
        "An express run of one second holds 64 MB.",
        light=(6, 63, 625),
        team=(625, 6_250, 31_250),
        heavy=(62_500, 312_500, 1_250_000),
    ),
    "events_put": Amount(
        "events",
        "A custom event for each step that starts and ends; events of AWS services are free.",
        light=(100, 1_000, 10_000),
        team=(10_000, 100_000, 500_000),
        heavy=(1_000_000, 10_000_000, 50_000_000),
    ),
    "events_archived_gb": Amount(
        "GB",
        "Events are 1-5 KB: even a million of them are a few gigabytes. Taken in and kept for a month.",
        light=(0.001, 0.01, 0.1),
        team=(0.05, 0.5, 2),
        heavy=(5, 50, 200),
    ),
    "pipe_requests": Amount(
        "requests",
        "What passes a pipe's filter: as many as custom events.",
        light=(100, 1_000, 10_000),
        team=(10_000, 100_000, 500_000),
        heavy=(1_000_000, 10_000_000, 50_000_000),
    ),
    "scheduler_invocations": Amount(
        "invocations",
        "A pipeline a day; several an hour; one a minute and more.",
        light=(4, 30, 100),
        team=(300, 3_000, 10_000),
        heavy=(10_000, 100_000, 1_000_000),
    ),
    "sagemaker_studio_hours": Amount(
        "hours",
        "Notebooks in Studio: an afternoon a week; five people by day; a group that leaves them running.",
        light=(4, 20, 80),
        team=(100, 400, 1_000),
        heavy=(1_000, 3_000, 7_300),
    ),
    "sagemaker_monitoring_hours": Amount(
        "hours",
        "An execution of a monitoring schedule takes a quarter of an hour: weekly, daily, hourly.",
        light=(0.5, 1, 4),
        team=(4, 8, 30),
        heavy=(90, 180, 720),
    ),
}
MACHINES: Mapping[str, Machine] = {
    "sagemaker_job_instance_type": Machine(
        "4 vCPU and 16 GB hold most tabular work; scheduled training on large data takes the next size.",
        light=("ml.m5.xlarge", "ml.m6i.xlarge"),
        team=("ml.m5.xlarge", "ml.m6i.xlarge"),
        heavy=("ml.m5.2xlarge", "ml.m6i.2xlarge"),
    ),
    "sagemaker_gpu_job_instance_type": Machine(
        "The cheapest machine with one GPU that the region has.",
        light=("ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6.xlarge"),
        team=("ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6.xlarge"),
        heavy=("ml.g4dn.2xlarge", "ml.g5.2xlarge", "ml.g6.2xlarge"),
    ),
    "eks_auto_instance_type": Machine(
        "What Auto Mode's general-purpose pool picks for pods of 2-4 GB.",
        light=("m5.large", "m6i.large"),
        team=("m5.xlarge", "m6i.xlarge"),
        heavy=("m5.2xlarge", "m6i.2xlarge"),
    ),
    "sagemaker_studio_instance_type": Machine(
        "What Studio starts a notebook on; groups with large data take 4 vCPU and 16 GB.",
        light=("ml.t3.medium", "ml.m5.large"),
        team=("ml.t3.medium", "ml.m5.large"),
        heavy=("ml.m5.xlarge", "ml.m6i.xlarge"),
    ),
    "client_vm_instance_type": Machine(
        "What ZenML asks SkyPilot for, where the template names no other.",
        light=("t3.xlarge", "m5.xlarge"),
        team=("t3.xlarge", "m5.xlarge"),
        heavy=("t3.xlarge", "m5.xlarge"),
    ),
    "batch_instance_type": Machine(
        "What Batch picks as optimal for jobs of a few vCPU, where the template names no size.",
        light=("m5.large", "m6i.large"),
        team=("m5.xlarge", "m6i.xlarge"),
        heavy=("m5.4xlarge", "m6i.4xlarge"),
    ),
}
# Whose hours a machine counts for.
MACHINE_OF: Mapping[str, str] = {
    "sagemaker_job_hours": "sagemaker_job_instance_type",
    "sagemaker_gpu_job_hours": "sagemaker_gpu_job_instance_type",
    "eks_auto_node_hours": "eks_auto_instance_type",
    "sagemaker_studio_hours": "sagemaker_studio_instance_type",
    "batch_instance_hours": "batch_instance_type",
    "client_vm_hours": "client_vm_instance_type",
}
KEYS = (*AMOUNTS, *MACHINES)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """A profile with its overrides applied: what the month adds, in three levels."""

    profile: str
    overrides: Mapping[str, Any]
    amounts: Mapping[str, Levels]
    machines: Mapping[str, tuple[str, ...]]


def parse(wish: Usage | Mapping[str, Any] | str) -> Usage:
    """`light`, or `{profile: light, KEY: number | {low, typical, high}}`; raises CostError."""
    if isinstance(wish, Usage):
        return wish
    if isinstance(wish, str):
        wish = {"profile": wish}
    if not isinstance(wish, Mapping):
        raise CostError("usage is a profile name or a mapping", hint=_profiles(), field="usage")
    profile = _profile(wish.get("profile", "light"))
    overrides = {key: value for key, value in wish.items() if key != "profile"}
    _check_keys(overrides)
    return Usage(
        profile=profile,
        overrides=overrides,
        amounts={key: _levels(key, amount, profile, overrides) for key, amount in AMOUNTS.items()},
        machines={key: _machines(key, machine, profile, overrides) for key, machine in MACHINES.items()},
    )


def _profile(name: Any) -> str:
    if name in PROFILES:
        return str(name)
    raise CostError(f"no usage profile {name!r}", hint=_profiles(), field="usage.profile")


def _profiles() -> str:
    return f"profiles are {', '.join(PROFILES)}"


def _check_keys(overrides: Mapping[str, Any]) -> None:
    for key in overrides:
        if key not in KEYS:
            raise CostError(f"no usage key {key!r}", hint=_key_hint(str(key)), field=f"usage.{key}")


def _key_hint(key: str) -> str:
    close = nearest(key, KEYS)
    allowed = f"allowed are {', '.join(KEYS)}"
    return f"did you mean {' or '.join(close)}? {allowed}" if close else allowed


def _levels(key: str, amount: Amount, profile: str, overrides: Mapping[str, Any]) -> Levels:
    if key in overrides:
        return _override(key, overrides[key])
    numbers = (0, 0, 0) if profile == IDLE else getattr(amount, profile)
    return Levels(*(Decimal(str(number)) for number in numbers))


def _override(key: str, value: Any) -> Levels:
    if not isinstance(value, Mapping):
        number = _number(key, value)
        return Levels(number, number, number)
    if set(value) != set(LEVELS):
        raise CostError(f"{key} needs {', '.join(LEVELS)}, or one number for all three", field=f"usage.{key}")
    levels = Levels(*(_number(f"{key}.{level}", value[level]) for level in LEVELS))
    if not levels.low <= levels.typical <= levels.high:
        raise CostError(f"{key} must not fall from low to high", field=f"usage.{key}")
    return levels


def _number(key: str, value: Any) -> Decimal:
    try:
        number = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= _LARGEST:
        raise CostError(
            f"{key} is {value!r}, not an amount",
            hint="give a number from 0 upwards, per month",
            field=f"usage.{key}",
        )
    return number


def _machines(key: str, machine: Machine, profile: str, overrides: Mapping[str, Any]) -> tuple[str, ...]:
    defaults: tuple[str, ...] = machine.light if profile == IDLE else getattr(machine, profile)
    return (_override_machine(key, overrides[key], defaults[0]),) if key in overrides else defaults


def _override_machine(key: str, value: Any, default: str) -> str:
    service = "ml." if default.startswith("ml.") else ""
    if not isinstance(value, str) or "." not in value.removeprefix(service) or not value.startswith(service):
        raise CostError(
            f"{key} is {value!r}, not such an instance type",
            hint=f"for example {default}",
            field=f"usage.{key}",
        )
    return value
