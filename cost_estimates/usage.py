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
