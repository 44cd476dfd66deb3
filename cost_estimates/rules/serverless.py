"""Functions, state machines, events and schedules."""

from __future__ import annotations

from collections.abc import Mapping

from cost_estimates.model import HOURS_PER_MONTH
from cost_estimates.rules.rule import Charge, Charges, Meter, Rule, Situation, fixed, no_price
from cost_estimates.template import Resource

LAMBDA_REQUEST = Meter("Lambda", "request")
LAMBDA_REQUEST_ARM = Meter("Lambda", "request-arm")
LAMBDA_SECOND = Meter("Lambda", "gb-second")
LAMBDA_SECOND_ARM = Meter("Lambda", "gb-second-arm")
LAMBDA_SCRATCH = Meter("Lambda", "ephemeral-storage-gb-second")
LAMBDA_READY = Meter("Lambda", "provisioned-concurrency-gb-second")
TRANSITION = Meter("StepFunctions", "standard-state-transition")
EXPRESS_REQUEST = Meter("StepFunctions", "express-request")
EXPRESS_SECOND = Meter("StepFunctions", "express-gb-second")
CUSTOM_EVENT = Meter("EventBridge", "custom-event")
PIPE_REQUEST = Meter("EventBridge", "pipes-request")
ARCHIVE_EVENTS = Meter("EventBridge", "archive-processing-gb")
ARCHIVE_STORAGE = Meter("EventBridge", "archive-storage-gb-month")
SCHEDULED = Meter("EventBridge", "scheduler-invocation-tier2")

FREE_SCRATCH_MB = 512
DEFAULT_MEMORY_MB = 128
MB_PER_GB = 1024
SECONDS_PER_HOUR = 3600
FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")


def function(function: Resource, situation: Situation) -> Charges:
    arm = "arm64" in function.read_list("Architectures")
    gigabytes = function.read_number("MemorySize", DEFAULT_MEMORY_MB) / MB_PER_GB
    scratch = (function.read_number("EphemeralStorage.Size", FREE_SCRATCH_MB) - FREE_SCRATCH_MB) / MB_PER_GB
    yield Charge(meter=LAMBDA_REQUEST_ARM if arm else LAMBDA_REQUEST, per="lambda_requests")
    yield Charge(meter=LAMBDA_SECOND_ARM if arm else LAMBDA_SECOND, per="lambda_seconds", quantity=gigabytes)
    if scratch > 0:
        yield Charge(meter=LAMBDA_SCRATCH, per="lambda_seconds", quantity=scratch)
    yield from _ready(function, function)


def version(version: Resource, situation: Situation) -> Charges:
    """Versions and aliases cost something only where they keep capacity ready."""
    named = (version.follow("FunctionName", kind) for kind in FUNCTIONS)
    return _ready(version, next(filter(None, named), version.part({})))


def state_machine(machine: Resource, situation: Situation) -> Charges:
    kinds = ("StateMachineType", "Type")  # the second is SAM's
    if "EXPRESS" in [machine.read_text(kind, "STANDARD") for kind in kinds]:
        return (
            Charge(meter=EXPRESS_REQUEST, per="stepfunctions_express_requests"),
            Charge(meter=EXPRESS_SECOND, per="stepfunctions_express_gb_seconds"),
        )
    return (Charge(meter=TRANSITION, per="stepfunctions_transitions"),)


_FUNCTION = Rule(words="charged for requests and memory-seconds", charges=function)
_VERSION = Rule(
    words="capacity kept ready all month",
    charges=version,
    otherwise="a version of a function, which carries the charge",
)
_STATE_MACHINE = Rule(words="charged for state transitions, or by run if express", charges=state_machine)

RULES: Mapping[str, Rule] = {
    "AWS::Lambda::Function": _FUNCTION,
    "AWS::Serverless::Function": _FUNCTION,
    "AWS::Lambda::Version": _VERSION,
    "AWS::Lambda::Alias": _VERSION,
    "AWS::StepFunctions::StateMachine": _STATE_MACHINE,
    "AWS::Serverless::StateMachine": _STATE_MACHINE,
    "AWS::Events::EventBus": Rule(
        words="charged for the events put on it", charges=fixed(Charge(meter=CUSTOM_EVENT, per="events_put"))
    ),
    "AWS::Events::Archive": Rule(
        words="charged for events taken in and kept",
        charges=fixed(
            Charge(meter=ARCHIVE_EVENTS, per="events_archived_gb"),
            Charge(meter=ARCHIVE_STORAGE, per="events_archived_gb"),
        ),
    ),
    "AWS::Pipes::Pipe": Rule(
        words="charged for the events that pass its filter",
        charges=fixed(Charge(meter=PIPE_REQUEST, per="pipe_requests")),
    ),
    "AWS::Scheduler::Schedule": Rule(
        words="charged by invocation; the account's free millions are left to others",
        charges=fixed(Charge(meter=SCHEDULED, per="scheduler_invocations")),
    ),
}


def _ready(holder: Resource, function: Resource) -> Charges:
    """Provisioned concurrency, by the memory of its function."""
    keys = ("ProvisionedConcurrencyConfig", "ProvisionedConcurrency")
    count = sum(holder.read_number(f"{key}.ProvisionedConcurrentExecutions", 0) for key in keys)
    if not count:
        return
    if "arm64" in function.read_list("Architectures"):
        yield no_price("Lambda capacity kept ready on ARM")
        return
    memory = function.read_number("MemorySize", DEFAULT_MEMORY_MB) / MB_PER_GB
    seconds = HOURS_PER_MONTH * SECONDS_PER_HOUR
    yield Charge(meter=LAMBDA_READY, quantity=seconds * count * memory)
