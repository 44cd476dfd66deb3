"""What the stack engine remembers: stacks, their resources, events and change sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from provisioner.emulator import parameters as parameter_rules
from provisioner.emulator.intrinsics import Scope, check_rules, choose_branches, evaluate_conditions
from provisioner.emulator.refusal import invalid
from provisioner.emulator.template import Document, Template, depends_on, references

OnFailure = Literal["ROLLBACK", "DELETE", "DO_NOTHING"]


def now() -> datetime:
    """The time of an event (UTC)."""
    return datetime.now(UTC)


MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Home:
    """Whose stack it is, and where."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        """An ARN of CloudFormation in this account and region."""
        return f"arn:aws:cloudformation:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one create or update asks for."""

    template: Template
    parameters: Mapping[str, str]
    # The parameters with what the parameter store holds in place of its names.
    values: Mapping[str, str]
    tags: Mapping[str, str]
    # What Fn::ValueOf of the template's rules says of VPCs and subnets: "SubnetIds.VpcId" -> values.
    told: Mapping[str, Any] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    role_arn: str = ""
    timeout_minutes: int | None = None

    @property
    def declared(self) -> parameter_rules.Declarations:
        """The parameters that the template declares."""
        return self.template.section("Parameters")

    def shown_parameters(self) -> list[dict[str, str]]:
        """The parameters as Describe calls show them."""
        shown = parameter_rules.shown(self.declared, self.parameters)
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in shown.items()]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a stack's story."""

    event_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    properties: str = ""
    token: str = ""
    at: datetime = field(default_factory=now)


@dataclass(kw_only=True)
class Resource:
    """One resource of a stack, as last seen."""

    logical_id: str
    type: str
    physical_id: str = ""
    status: str = ""
    reason: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    definition: Document = field(default_factory=dict)
    at: datetime = field(default_factory=now)

    @property
    def exists(self) -> bool:
        """Is there something in AWS behind it?"""
        return bool(self.physical_id) and self.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(kw_only=True)
class ChangeSet:
    """One change set and what it would change."""

    arn: str
    name: str
    kind: Literal["CREATE", "UPDATE"]
    wish: Wish
    description: str = ""
    token: str = ""
    status: str = "CREATE_PENDING"
    reason: str = ""
    execution_status: str = "UNAVAILABLE"
    on_failure: OnFailure = "ROLLBACK"
    changes: list[dict[str, Any]] = field(default_factory=list)
    at: datetime = field(default_factory=now)


@dataclass(kw_only=True)
class Stack:
    """One stack, living or deleted."""

    stack_id: str
    name: str
    home: Home
    wish: Wish | None = None
    status: str = ""
    reason: str = ""
    on_failure: OnFailure = "ROLLBACK"
    protected: bool = False
    # Set by DeleteStack during CREATE_IN_PROGRESS: the running operation ends early.
    abandoned: bool = False
    token: str = ""
    created_at: datetime = field(default_factory=now)
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    change_sets: list[ChangeSet] = field(default_factory=list)

    @property
    def is_deleted(self) -> bool:
        """Gone by name; still described by id."""
        return self.status == "DELETE_COMPLETE"

    @property
    def is_busy(self) -> bool:
        """Does an operation run on it?"""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


def next_moment(stack: Stack) -> datetime:
    """The time of the stack's next event: clients sort by milliseconds, so no two events share one."""
    latest = stack.events[-1].at + MILLISECOND if stack.events else now()
    return max(now(), latest)


def new_stack(home: Home, name: str) -> Stack:
    """An empty stack with a fresh id."""
    return Stack(stack_id=home.arn(f"stack/{name}/{uuid4()}"), name=name, home=home)


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A wish made concrete for one stack: conditions decided, dependencies ordered."""

    wish: Wish
    scope: Scope
    resources: Mapping[str, Document]
    order: tuple[str, ...]
    outputs: Mapping[str, Document]


def blueprint(wish: Wish, stack: Stack) -> Blueprint:
    """Decide conditions, drop what they leave out, and order the rest; raises ValidationError."""
    template = wish.template
    values = parameter_rules.typed(wish.declared, wish.values)
    scope = Scope(
        parameters={**values, **pseudo_parameters(stack, wish)},
        mappings=template.section("Mappings"),
        told=wish.told,
    )
    conditions = evaluate_conditions(template.section("Conditions"), scope)
    check_rules(template.section("Rules"), scope)
    resources = _active(template.resources, conditions)
    return Blueprint(
        wish=wish,
        scope=Scope(parameters=scope.parameters, conditions=conditions, mappings=scope.mappings),
        resources=resources,
        order=_ordered(resources, known=set(scope.parameters)),
        outputs=_active(template.section("Outputs"), conditions),
    )


def pseudo_parameters(stack: Stack, wish: Wish) -> dict[str, Any]:
    """AWS::Region and its kind."""
    return {
        "AWS::AccountId": stack.home.account,
        "AWS::Region": stack.home.region,
        "AWS::Partition": "aws",
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.stack_id,
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NotificationARNs": list(wish.notification_arns),
    }


def _active(section: Document, conditions: Mapping[str, bool]) -> dict[str, Document]:
    chosen = {name: item for name, item in section.items() if conditions.get(item.get("Condition", ""), True)}
    return {name: choose_branches(item, conditions) for name, item in chosen.items()}


def _ordered(resources: Mapping[str, Document], known: set[str]) -> tuple[str, ...]:
    needs = {name: _needs(name, item, resources, known) for name, item in resources.items()}
    order: list[str] = []
    while len(order) < len(resources):
        ready = [name for name in resources if name not in order and needs[name] <= set(order)]
        if not ready:
            circle = [name for name in resources if name not in order]
            raise invalid(f"Circular dependency between resources: [{', '.join(circle)}]")
        order.extend(ready)
    return tuple(order)


def _needs(name: str, item: Document, resources: Mapping[str, Document], known: set[str]) -> set[str]:
    # A DependsOn on a resource that a condition left out is ignored; a reference to it is an error.
    needed = {target for target in depends_on(item) if target in resources}
    for reference in references({"Properties": item.get("Properties", {})}):
        if reference.name in known or reference.name == "AWS::NoValue":
            continue
        if reference.name not in resources:
            raise invalid(
                f"Template format error: Unresolved resource dependencies [{reference.name}] "
                "in the Resources block of the template"
            )
        needed.add(reference.name)
    return needed
