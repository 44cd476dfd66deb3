"""Builds and their pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cost_estimates.rules.rule import Charge, Charges, Meter, Rule, Situation, no_price
from cost_estimates.template import Resource

LINUX_MINUTE = Meter("CodeBuild", "build-minute-linux")
WINDOWS_MINUTE = Meter("CodeBuild", "build-minute-windows")
LAMBDA_SECOND = Meter("CodeBuild", "build-second-lambda")
SECONDS_PER_MINUTE = 60

# environment type: meter, and the family that the price list names its sizes by
ENVIRONMENTS = {
    "LINUX_CONTAINER": (LINUX_MINUTE, "general1"),
    "LINUX_GPU_CONTAINER": (LINUX_MINUTE, "gpu1"),
    "ARM_CONTAINER": (LINUX_MINUTE, "arm1"),
    "WINDOWS_CONTAINER": (WINDOWS_MINUTE, "general1"),
    "WINDOWS_SERVER_2019_CONTAINER": (WINDOWS_MINUTE, "general1"),
    "WINDOWS_SERVER_2022_CONTAINER": (WINDOWS_MINUTE, "general1"),
    "LINUX_LAMBDA_CONTAINER": (LAMBDA_SECOND, "lambda.x86-64"),
    "ARM_LAMBDA_CONTAINER": (LAMBDA_SECOND, "lambda.arm"),
}
DEFAULT_ENVIRONMENT = "LINUX_CONTAINER"
DEFAULT_SIZE = "BUILD_GENERAL1_SMALL"


def build(project: Resource, situation: Situation) -> Charges:
    environment = project.read_text("Environment.Type", DEFAULT_ENVIRONMENT)
    size = project.read_or_assume("Environment.ComputeType", DEFAULT_SIZE)
    if environment not in ENVIRONMENTS or not size.startswith("BUILD_"):
        return (no_price(f"CodeBuild minutes of {environment} {size}", used=True),)
    meter, family = ENVIRONMENTS[environment]
    seconds = SECONDS_PER_MINUTE if meter is LAMBDA_SECOND else 1
    machine = f"{family}.{_size(size)}"
    return (Charge(meter=meter, quantity=Decimal(seconds), per="codebuild_minutes", machines=(machine,)),)


RULES: Mapping[str, Rule] = {
    "AWS::CodeBuild::Project": Rule(words="charged for the minutes of its builds", charges=build),
}


def _size(compute_type: str) -> str:
    """`large` of BUILD_GENERAL1_LARGE, `4GB` of BUILD_LAMBDA_4GB."""
    size = compute_type.rpartition("_")[2]
    return size if size.endswith("GB") else size.lower()
