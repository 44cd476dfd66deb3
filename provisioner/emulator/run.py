"""One operation on one stack, resource by resource: create, update, delete, and the way back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event as Signal
from typing import Any, Literal, Protocol
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from provisioner.emulator import existing
from provisioner.emulator.handler import NOTHING, HandlerError, ResourceType, Site, check_properties
from provisioner.emulator.intrinsics import Scope, resolve
from provisioner.emulator.outputs import imported, look_up, render_output
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.stack import Blueprint, Event, Resource, Stack, next_moment
from provisioner.emulator.template import depends_on, references
from provisioner.emulator.types import TYPES

Verb = Literal["create", "update", "delete"]
# The last three come from properties of the wrong form, which AWS finds by their schema.
HANDLER_ERRORS = (HandlerError, AwsError, ClientError, BotoCoreError, KeyError, TypeError, AttributeError)
STACK_TYPE = "AWS::CloudFormation::Stack"


class StoppedError(Exception):
    """The emulator is reset, or the stack shall be deleted instead: leave everything as it is."""


class Surroundings(Protocol):
    """What a run needs of the engine."""

    stopping: Signal

    def injected(self, logical_id: str, type_name: str, verb: Verb) -> str | None:
        """The reason of an injected failure, if one is set."""

    def delay(self) -> float:
        """Seconds that each resource takes."""

    def call(self, account: str, region: str, service: str, operation: str, **parameters: Any) -> Any:
        """One AWS call."""

    def exports(self, stack: Stack) -> Mapping[str, str]:
        """Export name to value, of every other stack in the same account and region."""

    def zones(self, stack: Stack, region: str) -> list[str]:
        """Availability zones of a region."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing an update did, remembered for the way back and the cleanup."""

    kind: Literal["created", "updated", "replaced"]
    before: Resource
    after: Resource


def failed_words(verb: Verb, *logical_ids: str) -> str:
    """The sentence that CloudFormation puts on a stack."""
    return f"The following resource(s) failed to {verb}: [{', '.join(logical_ids)}]. "


@dataclass(kw_only=True)
class Run:
    """One operation; `plan` is what the stack shall become."""

    stack: Stack
    around: Surroundings
    token: str = ""
    changes: list[Change] = field(default_factory=list)

    # --- the three operations ----------------------------------------------------------------------

    def create(self, plan: Blueprint) -> None:
        """Make every resource, or go back as `on_failure` says."""
        self.stack.wish = plan.wish
        failure = self._apply(plan)
        if failure is None:
            self._tell_stack("CREATE_COMPLETE")
        elif self.stack.on_failure == "DO_NOTHING":
            self._tell_stack("CREATE_FAILED", failure)
        elif self.stack.on_failure == "DELETE":
            self._tell_stack("CREATE_FAILED", failure)
            self._tell_stack("DELETE_IN_PROGRESS", failure + "Delete requested by user.")
            self.delete(during_create=True)
        else:
            self._tell_stack("ROLLBACK_IN_PROGRESS", failure + "Rollback requested by user.")
            self._delete_all("ROLLBACK", during_create=True)

    def update(self, plan: Blueprint) -> None:
        """Bring every resource to the plan, or back to where it was."""
        before, gone = self.stack.wish, set(self.stack.resources) - set(plan.resources)
        failure = self._apply(plan)
        if failure is None:
            self.stack.wish = plan.wish
            self._tell_stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            self._clean_up(gone)
            self._tell_stack("UPDATE_COMPLETE")
        elif self.stack.on_failure == "DO_NOTHING":
            self._tell_stack("UPDATE_FAILED", failure)
        else:
            self._tell_stack("UPDATE_ROLLBACK_IN_PROGRESS", failure)
            self._roll_back_update()
            self.stack.wish = before

    def delete(self, retain: Iterable[str] = (), *, force: bool = False, during_create: bool = False) -> None:
        """Remove every resource that may go."""
        self._delete_all("DELETE", retain=frozenset(retain), force=force, during_create=during_create)

    # --- forward -----------------------------------------------------------------------------------

    def _apply(self, plan: Blueprint) -> str | None:
        wish, home = plan.wish, self.stack.home
        absent = existing.missing(wish.declared, wish.parameters, home, self.around.call)
        if absent:
            return absent
        for logical_id in plan.order:
            if self.stack.abandoned:
                raise StoppedError
            failure = self._step(logical_id, plan)
            if failure:
                return failure
        return self._set_outputs(plan)

    def _step(self, logical_id: str, plan: Blueprint) -> str | None:
        definition = plan.resources[logical_id]
        before = self.stack.resources.get(logical_id)
        verb: Verb = "update" if before and before.exists else "create"
        after = Resource(logical_id=logical_id, type=definition["Type"], definition=definition)
        if before and before.exists:
            after = replace(before, type=definition["Type"], definition=definition)
        try:
            self._bring(before, after, plan)
        except HANDLER_ERRORS as error:
            self._tell(after, f"{verb.upper()}_FAILED", reason_of(error))
            return failed_words(verb, logical_id)
        return None

    def _bring(self, before: Resource | None, after: Resource, plan: Blueprint) -> None:
        self.stack.resources[after.logical_id] = after
        kind, site = TYPES[after.type], self._site(after.logical_id, plan)
        if before is None or not before.exists:
            self._tell(after, "CREATE_IN_PROGRESS")
            after.properties = self._properties(after, plan)
            self._refuse_injected(after, "create")
            self._make(kind, site, after, "CREATE")
            return
        properties = self._properties(after, plan)
        if after.type == before.type and properties == before.properties and not self._retagged(kind, plan):
            return
        after.properties = properties
        if needs_replacement(before, after):
            self._replace(kind, site, before, after)
        else:
            self._change(kind, site, before, after)

    def _make(self, kind: ResourceType, site: Site, resource: Resource, word: str) -> None:
        check_properties(kind, resource.properties)
        resource.physical_id = kind.create(site, resource.properties)
        if word == "CREATE":
            self._remember("created", resource, resource)
        self._tell(resource, f"{word}_IN_PROGRESS", "Resource creation Initiated")
        kind.configure(site, resource.physical_id, resource.properties, NOTHING)
        resource.attributes = kind.attributes(site, resource.physical_id, resource.properties)
        self._wait()
        self._tell(resource, f"{word}_COMPLETE")

    def _change(self, kind: ResourceType, site: Site, before: Resource, after: Resource) -> None:
        self._remember("updated", before, after)
        self._tell(after, "UPDATE_IN_PROGRESS")
        self._refuse_injected(after, "update")
        check_properties(kind, after.properties)
        kind.configure(site, after.physical_id, after.properties, before.properties)
        after.attributes = kind.attributes(site, after.physical_id, after.properties)
        self._wait()
        self._tell(after, "UPDATE_COMPLETE")

    def _replace(self, kind: ResourceType, site: Site, before: Resource, after: Resource) -> None:
        self._tell(
            after,
            "UPDATE_IN_PROGRESS",
            "Requested update requires the creation of a new physical resource; hence creating one.",
        )
        self._refuse_injected(after, "update")
        refuse_named_replacement(kind, before, after)
        after.physical_id = ""
        self._remember("replaced", before, after)
        self._make(kind, site, after, "UPDATE")

    def _properties(self, resource: Resource, plan: Blueprint) -> Mapping[str, Any]:
        given = resource.definition.get("Properties", {})
        made = resolve(given, self.scope(plan))
        return made if isinstance(made, Mapping) else {}

    def _retagged(self, kind: ResourceType, plan: Blueprint) -> bool:
        old = self.stack.wish.tags if self.stack.wish else {}
        return kind.tagging != "none" and plan.wish.tags != old

    def _set_outputs(self, plan: Blueprint) -> str | None:
        try:
            self.stack.outputs = self._outputs(plan)
        except AwsError as refusal:
            return f"{refusal.message}. "
        return None

    def _outputs(self, plan: Blueprint) -> list[dict[str, str]]:
        taken = self.around.exports(self.stack)
        return [render_output(name, item, self.scope(plan), taken) for name, item in plan.outputs.items()]

    # --- back and away -----------------------------------------------------------------------------

    def _roll_back_update(self) -> None:
        for change in reversed(self.changes):
            if change.kind != "created" and not self._restore(change):
                self._tell_stack("UPDATE_ROLLBACK_FAILED", failed_words("update", change.before.logical_id))
                return
        self._tell_stack("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for change in reversed(self.changes):
            if change.kind != "updated" and change.after.physical_id:
                self._delete_one(change.after, during_create=True)
        self._forget_created()
        self._tell_stack("UPDATE_ROLLBACK_COMPLETE")

    def _forget_created(self) -> None:
        known = {change.before.logical_id for change in self.changes if change.kind == "created"}
        failed = {name for name, row in self.stack.resources.items() if row.status == "CREATE_FAILED"}
        for name in known | failed:
            self.stack.resources.pop(name, None)
        for change in self.changes:
            if change.kind != "created":
                self.stack.resources[change.before.logical_id] = change.before

    def _restore(self, change: Change) -> bool:
        before, after = change.before, change.after
        self.stack.resources[before.logical_id] = before
        self._tell(before, "UPDATE_IN_PROGRESS")
        try:
            if change.kind == "updated":
                TYPES[before.type].configure(
                    self._site(before.logical_id), before.physical_id, before.properties, after.properties
                )
        except HANDLER_ERRORS as error:
            self._tell(before, "UPDATE_FAILED", reason_of(error))
            return False
        self._tell(before, "UPDATE_COMPLETE")
        return True

    def _clean_up(self, gone: set[str]) -> None:
        for change in reversed(self.changes):
            if change.kind == "replaced":
                self._delete_one(change.before, policy="UpdateReplacePolicy")
        for resource in deletion_order(self.stack.resources):
            if resource.logical_id in gone:
                self._delete_one(resource)
                self.stack.resources.pop(resource.logical_id)

    def _delete_all(
        self,
        word: str,
        *,
        retain: frozenset[str] = frozenset(),
        force: bool = False,
        during_create: bool = False,
    ) -> None:
        stuck: list[str] = []
        for resource in deletion_order(self.stack.resources):
            if resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED") or self._is_needed(resource, stuck):
                continue
            if resource.logical_id in retain:
                self._tell(resource, "DELETE_SKIPPED")
            elif not self._delete_one(resource, during_create=during_create, force=force):
                stuck.append(resource.logical_id)
        if stuck:
            self._tell_stack(f"{word}_FAILED", failed_words("delete", *stuck))
        else:
            self._tell_stack(f"{word}_COMPLETE")

    def _is_needed(self, resource: Resource, stuck: list[str]) -> bool:
        """Does a resource that would not go still stand on this one?"""
        target = resource.logical_id
        return any(target in names_in(self.stack.resources[name].definition) for name in stuck)

    def _delete_one(
        self,
        resource: Resource,
        *,
        policy: str = "DeletionPolicy",
        during_create: bool = False,
        force: bool = False,
    ) -> bool:
        if self._is_kept(resource, policy, during_create):
            self._tell(resource, "DELETE_SKIPPED")
            return True
        if not resource.physical_id:
            self._tell(resource, "DELETE_COMPLETE")
            return True
        self._tell(resource, "DELETE_IN_PROGRESS")
        try:
            self._refuse_injected(resource, "delete")
            kind = TYPES[resource.type]
            kind.delete(self._site(resource.logical_id), resource.physical_id, resource.properties)
        except HANDLER_ERRORS as error:
            self._tell(resource, "DELETE_SKIPPED" if force else "DELETE_FAILED", reason_of(error))
            return force
        self._wait()
        self._tell(resource, "DELETE_COMPLETE")
        return True

    def _is_kept(self, resource: Resource, policy: str, during_create: bool) -> bool:
        value = resource.definition.get(policy, "Delete")
        if not resource.physical_id:
            return False
        return value == "Retain" or (value == "RetainExceptOnCreate" and not during_create)

    # --- small things ------------------------------------------------------------------------------

    def scope(self, plan: Blueprint) -> Scope:
        """The plan's scope with the resources made so far."""
        return replace(
            plan.scope,
            lookup=lambda name, attribute: look_up(self.stack.resources, name, attribute),
            export=lambda name: imported(name, self.around.exports(self.stack)),
            zones=lambda region: self.around.zones(self.stack, region),
        )

    def _site(self, logical_id: str, plan: Blueprint | None = None) -> Site:
        wish = plan.wish if plan else self.stack.wish
        home = self.stack.home
        return Site(
            account=home.account,
            region=home.region,
            stack_name=self.stack.name,
            stack_id=self.stack.stack_id,
            logical_id=logical_id,
            stack_tags=wish.tags if wish else {},
            endpoint_call=self.around.call,
        )

    def _remember(
        self, kind: Literal["created", "updated", "replaced"], before: Resource, after: Resource
    ) -> None:
        self.changes.append(Change(kind=kind, before=before, after=after))

    def _refuse_injected(self, resource: Resource, verb: Verb) -> None:
        reason = self.around.injected(resource.logical_id, resource.type, verb)
        if reason is not None:
            raise HandlerError(reason)

    def _wait(self) -> None:
        if self.around.stopping.wait(self.around.delay()):
            raise StoppedError

    def _tell(self, resource: Resource, status: str, reason: str = "") -> None:
        if self.around.stopping.is_set():
            raise StoppedError
        resource.status, resource.reason, resource.at = status, reason, next_moment(self.stack)
        self.stack.events.append(
            Event(
                event_id=f"{resource.logical_id}-{status}-{resource.at.isoformat()}",
                logical_id=resource.logical_id,
                physical_id=resource.physical_id,
                type=resource.type,
                status=status,
                reason=reason,
                properties=json.dumps(resource.properties) if resource.properties else "",
                token=self.token,
                at=resource.at,
            )
        )

    def _tell_stack(self, status: str, reason: str = "") -> None:
        tell_stack(self.stack, status, reason, self.token)


def tell_stack(stack: Stack, status: str, reason: str = "", token: str = "") -> None:
    """Set the stack's status and write it into its story."""
    # The event first: whoever sees the final status must find every event.
    stack.events.append(
        Event(
            event_id=str(uuid4()),
            logical_id=stack.name,
            physical_id=stack.stack_id,
            type=STACK_TYPE,
            status=status,
            reason=reason,
            token=token,
            at=next_moment(stack),
        )
    )
    stack.reason = reason
    if status == "DELETE_COMPLETE":
        stack.deleted_at = stack.events[-1].at
    stack.status = status


def reason_of(error: Exception) -> str:
    """The words of a failed resource, in the form of AWS's resource handlers."""
    if isinstance(error, ClientError):
        return _handler_words(error)
    if isinstance(error, ParamValidationError):
        unknown = re.search(r'Unknown parameter in \S+: "(\w+)"', str(error))
        return f"Encountered unsupported property {unknown[1]}" if unknown else str(error)
    if isinstance(error, KeyError | TypeError | AttributeError):
        return f"Properties validation failed for resource with message: {error!r}"
    return error.message if isinstance(error, AwsError) else str(error)


def _handler_words(error: ClientError) -> str:
    said = error.response["Error"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    message = said.get("Message", said["Code"])
    where = f"Service: {error.response.get('Service', 'AWS')}, Status Code: {status}, Request ID: {uuid4()}"
    code = _handler_code(str(said["Code"]))
    return (
        f'Resource handler returned message: "{message} ({where})" '
        f"(RequestToken: {uuid4()}, HandlerErrorCode: {code})"
    )


def _handler_code(code: str) -> str:
    for part, handler_code in _HANDLER_CODES.items():
        if part in code:
            return handler_code
    return "GeneralServiceException"


_HANDLER_CODES: Mapping[str, str] = {
    "AlreadyExists": "AlreadyExists",
    "AlreadyOwned": "AlreadyExists",
    "AccessDenied": "AccessDenied",
    "NotFound": "NotFound",
    "NoSuch": "NotFound",
    "Invalid": "InvalidRequest",
    "Malformed": "InvalidRequest",
    "Throttl": "Throttling",
    "Limit": "ServiceLimitExceeded",
}


def needs_replacement(before: Resource, after: Resource) -> bool:
    """Does the change need a new physical resource?"""
    if before.type != after.type:
        return True
    names = TYPES[after.type].create_only
    return any(before.properties.get(name) != after.properties.get(name) for name in names)


def refuse_named_replacement(kind: ResourceType, before: Resource, after: Resource) -> None:
    """A user-named resource cannot be replaced under the same name."""
    name = kind.name_property
    if before.type != after.type or not kind.is_named(after.properties):
        return
    if before.properties.get(name) == after.properties[name]:
        raise HandlerError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {after.properties[name]} and update the stack again."
        )


def deletion_order(resources: Mapping[str, Resource]) -> list[Resource]:
    """What nothing else stands on goes first, the youngest before the oldest."""
    left, order = dict(resources), list[Resource]()
    while left:
        needed = {name for row in left.values() for name in names_in(row.definition) - {row.logical_id}}
        name = next((name for name in reversed(left) if name not in needed), next(reversed(left)))
        order.append(left.pop(name))
    return order


def names_in(definition: Mapping[str, Any]) -> set[str]:
    """The logical ids that a resource definition refers to."""
    return {reference.name for reference in references(definition)} | set(depends_on(definition))
