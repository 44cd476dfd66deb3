"""The stack engine in place of moto's: what CloudFormation accepts, refuses and runs."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Event as Signal
from threading import RLock, Thread
from typing import Any, Literal
from uuid import uuid4

from provisioner.emulator import changes, existing, parameters
from provisioner.emulator.capabilities import check_capabilities
from provisioner.emulator.refusal import AwsError, invalid
from provisioner.emulator.run import Run, StoppedError, Verb, tell_stack
from provisioner.emulator.stack import (
    Blueprint,
    ChangeSet,
    Home,
    OnFailure,
    Stack,
    Wish,
    blueprint,
    new_stack,
    now,
)
from provisioner.emulator.template import Template

UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "UPDATE_FAILED",
        "CREATE_FAILED",
    }
)
NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A create or update as it came in: still unchecked."""

    name: str
    template: Template | None
    given: tuple[parameters.Given, ...] = ()
    tags: Mapping[str, str] | None = None
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    on_failure: OnFailure = "ROLLBACK"
    role_arn: str = ""
    timeout_minutes: int | None = None
    protected: bool = False
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Injection:
    """A failure to come: for a logical id or a type, on one verb."""

    target: str
    verb: Verb
    reason: str


class Engine:
    """All stacks of all accounts and regions, and the threads that work on them."""

    def __init__(self, call: Callable[..., Any], event_delay: float = 0.0) -> None:
        self.call = call
        self.event_delay = event_delay
        self.stopping = Signal()
        self._stacks: list[Stack] = []
        self._injections: list[Injection] = []
        self._threads: dict[str, Thread] = {}
        self._lock = RLock()

    # --- control -----------------------------------------------------------------------------------

    def fail(self, target: str, reason: str, on: Verb = "create") -> None:
        """Make every later create, update or delete of a logical id or type fail."""
        self._injections.append(Injection(target=target, verb=on, reason=reason))

    def reset(self) -> None:
        """Stop everything that runs and forget every stack."""
        self.stopping.set()
        self.settle()
        self._stacks.clear()
        self._injections.clear()
        self._threads.clear()
        self.stopping.clear()

    def settle(self) -> None:
        """Wait until nothing runs any more."""
        for thread in list(self._threads.values()):
            thread.join()

    # --- what a run asks ---------------------------------------------------------------------------

    def injected(self, logical_id: str, type_name: str, verb: Verb) -> str | None:
        """The reason of a failure set for this resource and verb."""
        rows = (row for row in self._injections if row.target in (logical_id, type_name))
        return next((row.reason for row in rows if row.verb == verb), None)

    def delay(self) -> float:
        """Seconds that each resource takes."""
        return self.event_delay

    def exports(self, stack: Stack) -> dict[str, str]:
        """Export name to value, of every other living stack beside this one."""
        return {
            output["ExportName"]: output["OutputValue"]
            for other in self.living(stack.home)
            if other is not stack
            for output in other.outputs
            if "ExportName" in output
        }

    def zones(self, stack: Stack, region: str) -> list[str]:
        """The availability zones of a region."""
        found = self.call(stack.home.account, region, "ec2", "DescribeAvailabilityZones")
        return [str(zone["ZoneName"]) for zone in found["AvailabilityZones"]]

    # --- finding -----------------------------------------------------------------------------------

    def all_stacks(self, home: Home) -> list[Stack]:
        """Every stack, deleted ones included, youngest first."""
        return [stack for stack in reversed(self._stacks) if stack.home == home]

    def living(self, home: Home) -> list[Stack]:
        """Every stack that is not deleted, youngest first."""
        return [stack for stack in self.all_stacks(home) if not stack.is_deleted]

    def find(self, home: Home, name: str) -> Stack | None:
        """A stack by its id, or a living one by its name."""
        if name.startswith("arn:"):
            return next((stack for stack in self.all_stacks(home) if stack.stack_id == name), None)
        return next((stack for stack in self.living(home) if stack.name == name), None)

    # --- stacks ------------------------------------------------------------------------------------

    def create_stack(self, home: Home, order: Order) -> Stack:
        """CreateStack."""
        with self._lock:
            existing = self.find(home, order.name)
            if existing:
                if order.token and existing.token == order.token:
                    return existing
                raise AwsError("AlreadyExistsException", f"Stack [{order.name}] already exists")
            stack = new_stack(home, order.name)
            plan = self._plan(stack, order, previous=None)
            stack.token, stack.protected, stack.on_failure = order.token, order.protected, order.on_failure
            stack.wish = plan.wish
            self._stacks.append(stack)
            self._start_create(stack, plan, order.token)
            return stack

    def update_stack(self, home: Home, order: Order) -> Stack:
        """UpdateStack."""
        with self._lock:
            stack = self._required(home, order.name)
            if order.token and order.token == stack.token:
                return stack
            self._refuse_update(stack)
            plan = self._plan(stack, order, previous=stack.wish)
            if not changes.differs(stack, plan):
                raise invalid("No updates are to be performed.")
            stack.token, stack.on_failure = order.token, order.on_failure
            self._start_update(stack, plan, order.token)
            return stack

    def delete_stack(
        self, home: Home, name: str, retain: Iterable[str] = (), *, force: bool = False, token: str = ""
    ) -> None:
        """DeleteStack; a name that does not exist is deleted already."""
        with self._lock:
            stack = self.find(home, name)
            if stack is None or stack.is_deleted or stack.status == "DELETE_IN_PROGRESS":
                return
            self._refuse_delete(stack, retain=tuple(retain), force=force)
            stack.abandoned = stack.status == "CREATE_IN_PROGRESS"
            tell_stack(stack, "DELETE_IN_PROGRESS", "User Initiated", token)
            run = Run(stack=stack, around=self, token=token)
            self._start(stack, partial(run.delete, tuple(retain), force=force))

    def _plan(self, stack: Stack, order: Order, previous: Wish | None) -> Blueprint:
        """Check an order against everything that needs no call; raises what AWS answers."""
        template = order.template or (previous.template if previous else None)
        if template is None:
            raise invalid("Either Template URL or Template Body must be specified.")
        check_capabilities(template, order.capabilities)
        declared = template.section("Parameters")
        chosen = parameters.check(declared, list(order.given), previous.parameters if previous else None)
        tags = order.tags if order.tags is not None else (previous.tags if previous else {})
        values = existing.read_store(declared, chosen, stack.home, self.call)
        wish = Wish(
            template=template,
            parameters=chosen,
            values=values,
            tags=tags,
            told=existing.told(template.section("Rules"), declared, values, stack.home, self.call),
            capabilities=order.capabilities,
            notification_arns=order.notification_arns,
            role_arn=order.role_arn,
            timeout_minutes=order.timeout_minutes,
        )
        return blueprint(wish, stack)

    def _refuse_update(self, stack: Stack) -> None:
        if stack.status not in UPDATABLE:
            raise invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")

    def _refuse_delete(self, stack: Stack, *, retain: tuple[str, ...], force: bool) -> None:
        if stack.protected:
            raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.is_busy and stack.status != "CREATE_IN_PROGRESS":
            raise invalid(f"Stack [{stack.stack_id}] cannot be deleted while in status {stack.status}")
        if (retain or force) and stack.status != "DELETE_FAILED":
            raise invalid(
                f"Invalid operation on stack [{stack.stack_id}]. Specify which resources to retain only when "
                "the stack is in the DELETE_FAILED state."
            )

    def _required(self, home: Home, name: str) -> Stack:
        stack = self.find(home, name)
        if stack is None or stack.is_deleted:
            raise invalid(f"Stack [{name}] does not exist")
        return stack

    # --- change sets -------------------------------------------------------------------------------

    def create_change_set(
        self, home: Home, order: Order, name: str, kind: Literal["CREATE", "UPDATE"], description: str = ""
    ) -> tuple[Stack, ChangeSet]:
        """CreateChangeSet; what it would change is worked out in the background, as on AWS."""
        with self._lock:
            stack = self._change_set_stack(home, order.name, name, kind)
            existing = next((row for row in stack.change_sets if row.name == name), None)
            if existing:
                if order.token and existing.token == order.token:
                    return stack, existing
                raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
            plan = self._plan(stack, order, previous=stack.wish)
            change_set = ChangeSet(
                arn=home.arn(f"changeSet/{name}/{uuid4()}"),
                name=name,
                kind=kind,
                wish=plan.wish,
                description=description,
                token=order.token,
                on_failure=order.on_failure,
            )
            self._register(stack, change_set)
            self._start(stack, partial(self._work_out, stack, change_set, plan))
            return stack, change_set

    def execute_change_set(self, home: Home, name: str, stack_name: str, order: Order) -> None:
        """ExecuteChangeSet."""
        with self._lock:
            stack, change_set = self.find_change_set(home, name, stack_name)
            if change_set.execution_status != "AVAILABLE":
                shown = change_set.execution_status
                if change_set.status != "CREATE_COMPLETE":
                    shown = change_set.status
                raise AwsError(
                    "InvalidChangeSetStatus",
                    f"ChangeSet [{change_set.arn}] cannot be executed in its current status of [{shown}]",
                )
            plan = blueprint(change_set.wish, stack)
            stack.on_failure = order.on_failure if order.on_failure != "ROLLBACK" else change_set.on_failure
            self._retire_change_sets(stack, change_set)
            if change_set.kind == "CREATE" and stack.status == "REVIEW_IN_PROGRESS":
                self._start_create(stack, plan, order.token)
            else:
                self._refuse_update(stack)
                self._start_update(stack, plan, order.token)

    def delete_change_set(self, home: Home, name: str, stack_name: str) -> None:
        """DeleteChangeSet; one that does not exist is deleted already."""
        with self._lock:
            try:
                stack, change_set = self.find_change_set(home, name, stack_name)
            except AwsError as refusal:
                if refusal.code == "ChangeSetNotFound":
                    return
                raise
            stack.change_sets.remove(change_set)

    def find_change_set(self, home: Home, name: str, stack_name: str) -> tuple[Stack, ChangeSet]:
        """A change set by ARN, or by its name and that of its stack."""
        if not name.startswith("arn:") and not stack_name:
            raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        stacks = [self.find(home, stack_name)] if stack_name else self.all_stacks(home)
        if stack_name and stacks == [None]:
            raise invalid(f"Stack [{stack_name}] does not exist")
        for stack in stacks:
            for change_set in stack.change_sets if stack else []:
                if stack and name in (change_set.arn, change_set.name):
                    return stack, change_set
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)

    def _change_set_stack(self, home: Home, name: str, change_set: str, kind: str) -> Stack:
        stack = self.find(home, name)
        if kind == "UPDATE":
            found = self._required(home, name)
            if found.status == "REVIEW_IN_PROGRESS":
                raise invalid(f"Stack [{name}] does not exist")
            self._refuse_update(found)
            return found
        if stack is None or stack.is_deleted:
            return new_stack(home, name)
        if stack.status != "REVIEW_IN_PROGRESS":
            raise invalid(
                f"Stack [{name}] already exists and cannot be created again with the changeSet "
                f"[{change_set}]."
            )
        return stack

    def _register(self, stack: Stack, change_set: ChangeSet) -> None:
        if stack not in self._stacks:
            self._stacks.append(stack)
            tell_stack(stack, "REVIEW_IN_PROGRESS", "User Initiated", change_set.token)
        stack.change_sets.append(change_set)

    def _work_out(self, stack: Stack, change_set: ChangeSet, plan: Blueprint) -> None:
        change_set.status = "CREATE_IN_PROGRESS"
        if self.stopping.wait(self.event_delay):
            raise StoppedError
        change_set.changes = changes.changes(stack, plan)
        if changes.differs(stack, plan):
            change_set.execution_status, change_set.status = "AVAILABLE", "CREATE_COMPLETE"
        else:
            change_set.reason, change_set.status = NO_CHANGES, "FAILED"

    def _retire_change_sets(self, stack: Stack, executed: ChangeSet) -> None:
        # The other change sets of the stack no longer fit it; CloudFormation deletes them.
        stack.change_sets[:] = [executed]
        executed.execution_status = "EXECUTE_COMPLETE"

    # --- threads -----------------------------------------------------------------------------------

    def _start_create(self, stack: Stack, plan: Blueprint, token: str) -> None:
        tell_stack(stack, "CREATE_IN_PROGRESS", "User Initiated", token)
        self._start(stack, partial(Run(stack=stack, around=self, token=token).create, plan))

    def _start_update(self, stack: Stack, plan: Blueprint, token: str) -> None:
        stack.updated_at = now()
        tell_stack(stack, "UPDATE_IN_PROGRESS", "User Initiated", token)
        self._start(stack, partial(Run(stack=stack, around=self, token=token).update, plan))

    def _start(self, stack: Stack, work: Callable[[], None]) -> None:
        before = self._threads.get(stack.stack_id)
        thread = Thread(target=self._guarded, args=(stack, work, before), daemon=True)
        self._threads[stack.stack_id] = thread
        thread.start()

    def _guarded(self, stack: Stack, work: Callable[[], None], before: Thread | None) -> None:
        if before:
            before.join()
        try:
            work()
        except StoppedError:
            return
        except Exception as error:
            # A bug here must not leave clients waiting for ever on ..._IN_PROGRESS.
            tell_stack(stack, stack.status.replace("IN_PROGRESS", "FAILED"), f"Internal failure: {error!r}")
            traceback.print_exc()
