"""Engine: a plan to a finished CloudFormation stack, resumable at every step."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provisioner import access, enrolments
from provisioner.enrolments import PROVED, Enrolment
from provisioner.errors import CheckError, RefusedError
from provisioner.plan import Plan
from provisioner.template import Template

if TYPE_CHECKING:
    from provisioner.aws.cloudformation import Change, ChangeSet, Event, Stacks, StackState
    from provisioner.registry import Registry

OnEvent = Callable[["Event"], None]
# Made anew for every enrolment: they tell two uses of the same plan apart, not two plans.
_OWN = ("EnrolmentId", "ExternalId")


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time and chance, handed in so that a test decides them."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    random_id: Callable[[], str]
    interval: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is done only when somebody says so."""

    allow_removal: bool = False
    take_over: bool = False


NO_WISHES = Wishes()


class FailedError(RefusedError):
    """An operation of CloudFormation ended badly."""


class BusyError(RefusedError):
    """CloudFormation is at another operation of the stack."""


# Codes of CloudFormation for a change set or stack that somebody else is at.
_TAKEN = (
    "InvalidChangeSetStatus",
    "InvalidChangeSetStatusException",
    "OperationInProgressException",
    "OperationInProgress",
)


def run(
    plan: Plan,
    template: Template,
    *,
    stacks: "Stacks",
    registry: "Registry",
    account: str,
    estimate: Mapping[str, Any],
    clock: Clock,
    on_event: OnEvent,
    wishes: Wishes = NO_WISHES,
    tell: Callable[[str], None] = lambda words: None,
) -> "StackState":
    """Creates or updates the stack and waits for it. An interrupted run goes on where it was.

    `tell` hears every resource that an update takes away, before it does.
    """
    state = look(plan, stacks=stacks, registry=registry, account=account, wishes=wishes)
    if state and state.verdict == "busy":
        state = follow(stacks, state.id, clock=clock, on_event=on_event)
    _check_deployable(state)
    enrolment = _enrol(plan, template, state, registry, account, estimate, clock)
    # A stack keeps its id whatever its user calls it; one that is not there yet has only a name.
    stack = state.id if state else plan.spec.name
    name = _change_set_name(template, enrolment)
    with _told_when_busy(plan.spec.name):
        stacks.propose(
            stack=stack,
            change_set=name,
            create=state is None or state.verdict == "draft",
            template=template.text,
            parameters=enrolment.parameters,
            tags={access.TAG_STACK: plan.spec.name, access.TAG_ENROLMENT: enrolment.id},
        )
    proposed = _settled(stacks, stack, name, clock)
    if proposed.is_empty and state:
        stacks.drop_change_set(stack=stack, change_set=name)
        _expect(enrolment, registry)
        return state
    if proposed.status == "FAILED":
        stacks.drop_change_set(stack=stack, change_set=name)
        raise RefusedError(
            f"CloudFormation refused the change: {proposed.reason}", hint=hint(proposed.reason)
        )
    if state and state.verdict == "done":
        _check_losses(state, name, stacks, wishes, tell)
    before = stacks.events(stack)
    expected = _expect(enrolment, registry)
    try:
        _execute(stacks, stack, name, plan.spec.name)
        return follow(stacks, stack, clock=clock, on_event=on_event, after=before[-1].id if before else "")
    except (FailedError, BusyError):
        # CloudFormation has what there was, and so do we.
        if expected:
            registry.update_enrolment(expected)
        raise


def look(
    plan: Plan, *, stacks: "Stacks", registry: "Registry", account: str, wishes: Wishes = NO_WISHES
) -> "StackState | None":
    """The stack that a deployment would update, or None; raises CheckError where it may not."""
    _check_name(plan, stacks, registry, account)
    state = _current(plan, stacks, registry)
    if state and state.verdict != "draft":
        _check_ours(state)
        _check_mine(plan.spec.name, state, registry, wishes)
    return state


def _current(plan: Plan, stacks: "Stacks", registry: "Registry") -> "StackState | None":
    """By its id, by its enrolment, by name: the console user may have called it otherwise."""
    name = plan.spec.name
    known = registry.stack(name)
    state = stacks.describe(known.stack_id) if known and known.stack_id else None
    if state and state.verdict != "gone":
        return state
    opened = [e.id for e in registry.enrolments_of(name, plan.spec.region) if e.status != "deleted"]
    return stacks.find(name=name, enrolment_ids=opened) or stacks.describe(name)


def _execute(stacks: "Stacks", stack: str, change_set: str, name: str) -> None:
    """Another run that executes this very change set is as good as this one."""
    try:
        with _told_when_busy(name):
            stacks.execute(stack=stack, change_set=change_set)
    except BusyError:
        left = stacks.change_set(stack=stack, change_set=change_set)
        if left is None or left.execution not in ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"):
            raise


@contextmanager
def _told_when_busy(name: str) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        busy = re.search(r"_IN_PROGRESS state and can ?not be updated", error.message)
        if error.code in _TAKEN or busy:
            raise BusyError(
                f"another operation of stack {name} came first: {error.message}",
                hint=f"`stackwright wait {name}`, then the same command again",
            ) from error
        raise


# Losing a resource of these types loses what users put into it.
_RUNS = " with its runs and metrics"
_HOLDS_DATA = {
    "AWS::S3::Bucket": "",
    "AWS::ECR::Repository": "",
    "AWS::SageMaker::MlflowApp": _RUNS,
    "AWS::SageMaker::MlflowTrackingServer": _RUNS,
}


def _check_losses(
    state: "StackState", change_set: str, stacks: "Stacks", wishes: Wishes, tell: Callable[[str], None]
) -> None:
    """Tells what an update takes away; raises CheckError where that holds data and nobody asked for it."""
    lost = [c for c in stacks.changes(stack=state.id, change_set=change_set) if c.takes_away]
    if not lost:
        return
    live = Template(body=stacks.template(state.id)).resources
    words = {c.logical_id: loss(c, live.get(c.logical_id, {})) for c in lost}
    for line in words.values():
        tell(line)
    data = [words[c.logical_id] for c in lost if c.type in _HOLDS_DATA]
    if data and not wishes.allow_removal:
        stacks.drop_change_set(stack=state.id, change_set=change_set)
        raise CheckError(
            "this update takes away what holds data: " + "; ".join(data),
            hint="nothing was changed; keep the component in the spec, or --allow-removal does it on purpose",
            field="allow-removal",
        )


def loss(change: "Change", live: Mapping[str, Any]) -> str:
    """What becomes of one resource, by the policies of the template that is in force."""
    removed = change.action == "Remove"
    policy = live.get("DeletionPolicy" if removed else "UpdateReplacePolicy", "Delete")
    fate = f"deleted{_HOLDS_DATA.get(change.type, '')}"
    fate = fate if policy == "Delete" else "left behind, outside the stack"
    what = f"{change.logical_id} ({' '.join(filter(None, (change.type, change.physical_id)))})"
    if removed:
        return f"{what} is removed: it will be {fate}"
    verb = "is" if change.replacement == "True" else "may be"
    return f"{what} {verb} replaced by a new one: the old one will be {fate}"


def follow(
    stacks: "Stacks",
    stack: str,
    *,
    clock: Clock,
    on_event: OnEvent,
    after: str = "",
    deadline: datetime | None = None,
) -> "StackState":
    """Waits until the stack is done, telling every event; raises RefusedError with the first failure."""
    failed: Event | None = None
    while True:
        state = stacks.describe(stack)
        if state is None:
            raise RefusedError(f"stack {stack} is gone", hint="it was deleted while we watched")
        for event in newest_operation(stacks.events(state.id, after=after)):
            after = event.id
            failed = failed or (event if _is_cause(event) else None)
            on_event(event)
        if state.verdict not in ("busy", "draft"):
            break
        if deadline and clock.now() > deadline:
            raise RefusedError(
                f"stack {state.name} is still {state.status}", hint="`stackwright wait` goes on"
            )
        clock.sleep(clock.interval)
    if state.verdict == "failed" or (failed and state.verdict != "gone"):
        raise _failure(state, failed)
    return state


def first_failure(stacks: "Stacks", state: "StackState") -> str:
    """The first failing resource of a stack's newest operation, in words; empty where none is known."""
    cause = next((e for e in newest_operation(stacks.events(state.id)) if _is_cause(e)), None)
    return f"{cause.logical_id} ({cause.type}): {cause.reason}" if cause else ""


_STARTS = tuple(f"{verb}_IN_PROGRESS" for verb in ("CREATE", "UPDATE", "DELETE", "IMPORT"))


def newest_operation(events: "list[Event]") -> "list[Event]":
    """The events since an operation last started: what failed in an earlier one is over."""
    starts = (
        number
        for number, event in enumerate(events)
        if event.type == "AWS::CloudFormation::Stack" and event.status in _STARTS
    )
    return events[max(starts, default=0) :]


# What CloudFormation says, and what to do about it; the first match wins.
_HINTS = (
    (
        r"not allowed in publicAccessCidrs",
        "EKS takes public ranges only: set public_access_cidrs to the addresses that you come from",
    ),
    (
        r"(AWS::IAM::OIDCProvider|Provider with url).*already exists",
        "an account has one provider per issuer, and others may rely on it: leave it as it is, "
        "and set access.oidc.provider to its ARN",
    ),
    (
        r"not authorized|AccessDenied|Access Denied|not allowed to",
        "the deploying identity lacks this permission",
    ),
    (
        r"already exists",
        "a resource of this name is left from before: delete it, or choose another stack name",
    ),
    (r"limit|quota|exceed", "raise the quota in the Service Quotas console, or choose another region"),
    (r"not empty", "`stackwright destroy` empties it first"),
    (r"security token|expired", "sign in again, then run the same command"),
    (r"permissions boundary|explicit deny", "an organization policy or a boundary forbids it: ask its owner"),
)


def hint(reason: str) -> str:
    """The next step for a reason that CloudFormation gives."""
    return next((words for pattern, words in _HINTS if re.search(pattern, reason, re.IGNORECASE)), "")


_DESTROY = "`stackwright destroy {name}`, then deploy again"
_REMEDIES = {
    "ROLLBACK_COMPLETE": _DESTROY,
    "ROLLBACK_FAILED": _DESTROY,
    "CREATE_FAILED": _DESTROY,
    "UPDATE_ROLLBACK_FAILED": "mend the cause, then let it roll back (Continue update rollback in the "
    "console, or aws cloudformation continue-update-rollback --region {region} --stack-name {name}), "
    "then deploy again",
    "UPDATE_FAILED": "mend the cause, then let it roll back (Roll back in the console, "
    "or aws cloudformation rollback-stack --region {region} --stack-name {name}), then deploy again",
    "DELETE_FAILED": "mend the cause, then `stackwright destroy {name}` again",
}


def remedy(state: "StackState") -> str:
    """The way out of a failed state. Only a creation that failed has nothing to lose."""
    words = _REMEDIES.get(state.status, "look at {name} in the CloudFormation console")
    return words.format(name=state.name, region=state.region)


def _is_cause(event: "Event") -> bool:
    return event.status.endswith("_FAILED") and "cancelled" not in event.reason


def _failure(state: "StackState", failed: "Event | None") -> FailedError:
    told = f"{failed.logical_id} ({failed.type}): {failed.reason}" if failed else state.reason
    steps = [hint(told)] if hint(told) else []
    if state.verdict == "failed":
        steps.append(remedy(state))
    return FailedError(f"stack {state.name} ended as {state.status}: {told}", hint="; ".join(steps))


def _check_name(plan: Plan, stacks: "Stacks", registry: "Registry", account: str) -> None:
    """A name that the registry holds for another stack is refused before anything is built."""
    name, region = plan.spec.name, plan.spec.region
    known = registry.stack(name)
    if known is None or known.status == "deleted":
        return
    if known.status == "deleting":
        raise CheckError(
            f"{name} is being destroyed", hint=f"`stackwright destroy {name}` ends it, then deploy again"
        )
    if (known.account, known.region) != (account, region):
        raise CheckError(
            f"a stack {name!r} is registered already (account {known.account}, {known.region})",
            hint=f"choose another name with --name, or `stackwright stack delete {name}` forgets it",
            field="name",
        )
    if not known.stack_id:
        raise CheckError(
            f"a stack {name!r} of found resources is registered already",
            hint=f"choose another name with --name, or `stackwright stack delete {name}` forgets it",
            field="name",
        )
    state = stacks.describe(known.stack_id)
    if state is None or state.verdict == "gone":
        # Somebody deleted it in the console; its components must not stand in the way of a new one.
        registry.set_status(name, "deleted")


def _check_ours(state: "StackState") -> None:
    if "EnrolmentId" not in state.parameters and access.TAG_STACK not in state.tags:
        raise CheckError(
            f"a stack {state.name!r} exists in {state.region} that stackwright did not make",
            hint="choose another name with --name",
            field="name",
        )


def _check_mine(name: str, state: "StackState", registry: "Registry", wishes: Wishes) -> None:
    """A stack that this registry neither holds nor opened may be a colleague's."""
    known = registry.stack(name)
    if known and known.stack_id == state.id:
        return
    if wishes.take_over or (state.enrolment_id and registry.enrolment(state.enrolment_id)):
        return
    raise CheckError(
        f"a stack {state.name!r} exists in {state.region} that this registry does not know",
        hint="`stackwright finish NAME` registers it, --take-over updates it, --name chooses another name",
        field="take-over",
    )


def _check_deployable(state: "StackState | None") -> None:
    if state and state.verdict == "failed":
        raise CheckError(
            f"stack {state.name!r} is {state.status}: an earlier attempt failed and cannot be updated",
            hint=f"`stackwright status {state.name}` says why; {remedy(state)}",
            field="name",
        )


def _enrol(
    plan: Plan,
    template: Template,
    state: "StackState | None",
    registry: "Registry",
    account: str,
    estimate: Mapping[str, Any],
    clock: Clock,
) -> Enrolment:
    """The enrolment of this deployment: the stack's own, one that an interrupted run left open, or a new."""
    fresh = enrolments.make(
        plan=plan,
        template_sha256=template.sha256,
        estimate=estimate,
        now=clock.now(),
        random_id=clock.random_id,
        expected_account=account,
    )
    if state and state.verdict == "done":
        return _take_over(fresh, state, registry)
    for left in registry.enrolments_of(plan.spec.name, plan.spec.region):
        unused = left.status == "open" and not left.stack_id and clock.now() < left.start_by
        if unused and _same_wish(left, fresh):
            return left
    registry.open_enrolment(fresh)
    return fresh


def _take_over(fresh: Enrolment, state: "StackState", registry: "Registry") -> Enrolment:
    """An update keeps the stack's own ids."""
    own = {k: state.parameters[k] for k in _OWN if state.parameters.get(k) and k in fresh.parameters}
    known = registry.enrolment(state.enrolment_id) if state.enrolment_id else None
    return replace(
        fresh,
        id=own.get("EnrolmentId", fresh.id),
        parameters={**fresh.parameters, **own},
        opened_at=known.opened_at if known else fresh.opened_at,
        status=known.status if known and known.status in PROVED else "open",
        stack_id=state.id,
    )


def _expect(wanted: Enrolment, registry: "Registry") -> Enrolment | None:
    """Writes what finishing will compare with, before anything changes; what was expected until now."""
    known = registry.enrolment(wanted.id)
    if known is None:
        registry.open_enrolment(wanted)
    elif known != wanted:
        registry.update_enrolment(wanted)
    return known


def _same_wish(one: Enrolment, other: Enrolment) -> bool:
    def asked(enrolment: Enrolment) -> dict[str, str]:
        return {k: v for k, v in enrolment.parameters.items() if k not in _OWN}

    return (
        one.template_sha256 == other.template_sha256
        and one.expected_account == other.expected_account
        and asked(one) == asked(other)
    )


def _change_set_name(template: Template, enrolment: Enrolment) -> str:
    """The same change has the same name, so an interrupted run finds its own proposal again."""
    values = json.dumps(dict(enrolment.parameters), sort_keys=True)
    return f"stackwright-{template.sha256[:12]}-{hashlib.sha256(values.encode()).hexdigest()[:12]}"


def _settled(stacks: "Stacks", stack: str, name: str, clock: Clock) -> "ChangeSet":
    while True:
        proposed = stacks.change_set(stack=stack, change_set=name)
        if proposed is None:
            raise RefusedError(f"change set {name} vanished", hint="run the same command again")
        if proposed.status in ("CREATE_COMPLETE", "FAILED"):
            return proposed
        clock.sleep(min(clock.interval, 1.0))
