"""CloudFormation's API: requests to the stack engine, its answers as AWS shapes them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from moto.core.responses import ActionResult, EmptyResult

from provisioner.emulator import parameters, templates
from provisioner.emulator.capabilities import needed_capability
from provisioner.emulator.engine import Engine, Order
from provisioner.emulator.refusal import invalid
from provisioner.emulator.responses import TaughtResponse
from provisioner.emulator.stack import ChangeSet, Event, Home, OnFailure, Resource, Stack
from provisioner.emulator.template import Template

Item = TypeVar("Item")
Shown = dict[str, Any]
PAGE = 100
NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*")


class CloudFormationResponse(TaughtResponse):
    """One request to CloudFormation; the methods are named after the API's actions."""

    engine: ClassVar[Engine]
    endpoint: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    # --- the request -------------------------------------------------------------------------------

    @property
    def home(self) -> Home:
        """Account and region of the request."""
        return Home(account=self.current_account, region=self.region)

    def _text(self, name: str) -> str:
        return str(self._get_param(name) or "")

    def _template(self) -> Template | None:
        if self._get_param("UsePreviousTemplate"):
            return None
        source = templates.Source(body=self._get_param("TemplateBody"), url=self._get_param("TemplateURL"))
        return templates.read(source, self.home, self.engine.call, self.endpoint)

    def _order(self, template: Template | None) -> Order:
        tags = self._get_param("Tags")
        return Order(
            name=self._stack_name(),
            template=template,
            given=tuple(_given(row) for row in self._get_param("Parameters") or []),
            tags={row["Key"]: row["Value"] for row in tags} if tags is not None else None,
            capabilities=tuple(self._get_param("Capabilities") or []),
            notification_arns=tuple(self._get_param("NotificationARNs") or []),
            on_failure=self._on_failure(),
            role_arn=self._text("RoleARN"),
            timeout_minutes=self._get_param("TimeoutInMinutes"),
            protected=bool(self._get_param("EnableTerminationProtection")),
            token=self._text("ClientRequestToken") or self._text("ClientToken"),
        )

    def _on_failure(self) -> OnFailure:
        chosen = self._get_param("OnFailure") or self._get_param("OnStackFailure")
        if chosen and self._get_param("DisableRollback") is not None:
            raise invalid("Either DisableRollback or OnFailure can be specified, not both.")
        if self._get_param("DisableRollback"):
            return "DO_NOTHING"
        known: Mapping[str, OnFailure] = {"DO_NOTHING": "DO_NOTHING", "DELETE": "DELETE"}
        return known.get(str(chosen), "ROLLBACK")

    def _stack_name(self) -> str:
        name = self._text("StackName")
        if NAME.fullmatch(name) and (len(name) <= 128 or name.startswith("arn:")):
            return name
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME.pattern}"
        )

    def _found(self, words: str = "Stack with id {} does not exist") -> Stack:
        name = self._text("StackName")
        stack = self.engine.find(self.home, name)
        if stack is None:
            raise invalid(words.format(name))
        return stack

    def _page(self, rows: Sequence[Item], *, from_end: bool = False) -> tuple[list[Item], str | None]:
        return page(rows, self._text("NextToken"), from_end=from_end)

    # --- stacks ------------------------------------------------------------------------------------

    def create_stack(self) -> ActionResult:
        """CreateStack."""
        stack = self.engine.create_stack(self.home, self._order(self._template()))
        return ActionResult({"StackId": stack.stack_id})

    def update_stack(self) -> ActionResult:
        """UpdateStack."""
        stack = self.engine.update_stack(self.home, self._order(self._template()))
        return ActionResult({"StackId": stack.stack_id})

    def delete_stack(self) -> ActionResult:
        """DeleteStack."""
        self.engine.delete_stack(
            self.home,
            self._stack_name(),
            self._get_param("RetainResources") or (),
            force=self._get_param("DeletionMode") == "FORCE_DELETE_STACK",
            token=self._text("ClientRequestToken"),
        )
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        """UpdateTerminationProtection."""
        stack = self._found("Stack [{}] does not exist")
        stack.protected = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.stack_id})

    def describe_stacks(self) -> ActionResult:
        """DescribeStacks."""
        if self._text("StackName"):
            return ActionResult({"Stacks": [show_stack(self._found())]})
        rows, token = self._page(self.engine.living(self.home))
        return ActionResult({"Stacks": [show_stack(stack) for stack in rows], "NextToken": token})

    def list_stacks(self) -> ActionResult:
        """ListStacks; deleted stacks included."""
        wanted = self._get_param("StackStatusFilter") or []
        stacks = [s for s in self.engine.all_stacks(self.home) if not wanted or s.status in wanted]
        rows, token = self._page(stacks)
        return ActionResult({"StackSummaries": [show_summary(stack) for stack in rows], "NextToken": token})

    def list_exports(self) -> ActionResult:
        """ListExports."""
        rows = [
            {"ExportingStackId": s.stack_id, "Name": row["ExportName"], "Value": row["OutputValue"]}
            for s in self.engine.living(self.home)
            for row in s.outputs
            if "ExportName" in row
        ]
        found, token = self._page(rows)
        return ActionResult({"Exports": found, "NextToken": token})

    # --- resources and events ----------------------------------------------------------------------

    def describe_stack_events(self) -> ActionResult:
        """DescribeStackEvents: newest first."""
        stack = self._found("Stack [{}] does not exist")
        rows, token = self._page(list(stack.events), from_end=True)
        return ActionResult({"StackEvents": [show_event(row, stack) for row in rows], "NextToken": token})

    def describe_stack_resources(self) -> ActionResult:
        """DescribeStackResources, by stack or by physical id."""
        stack = self._by_physical_id() if self._text("PhysicalResourceId") else self._found()
        wanted = self._text("LogicalResourceId")
        rows = [row for row in list(stack.resources.values()) if wanted in ("", row.logical_id)]
        return ActionResult({"StackResources": [show_resource(row, stack) for row in rows]})

    def _by_physical_id(self) -> Stack:
        wanted = self._text("PhysicalResourceId")
        for stack in self.engine.living(self.home):
            if any(row.physical_id == wanted for row in stack.resources.values()):
                return stack
        raise invalid(f"Stack for {wanted} does not exist")

    def describe_stack_resource(self) -> ActionResult:
        """DescribeStackResource."""
        stack, wanted = self._found("Stack '{}' does not exist"), self._text("LogicalResourceId")
        if wanted not in stack.resources:
            raise invalid(f"Resource {wanted} does not exist for stack {stack.name}")
        resource = stack.resources[wanted]
        detail = show_resource(resource, stack)
        detail["LastUpdatedTimestamp"] = detail.pop("Timestamp")
        return ActionResult({"StackResourceDetail": detail})

    def list_stack_resources(self) -> ActionResult:
        """ListStackResources."""
        stack = self._found()
        rows, token = self._page(list(stack.resources.values()))
        summaries = [show_resource(row, stack) for row in rows]
        for row in summaries:
            row["LastUpdatedTimestamp"] = row.pop("Timestamp")
        return ActionResult({"StackResourceSummaries": summaries, "NextToken": token})

    # --- templates ---------------------------------------------------------------------------------

    def get_template(self) -> ActionResult:
        """GetTemplate: the body exactly as given."""
        template = self._stored_template()
        stages = ["Original", "Processed"] if template else []
        return ActionResult({"TemplateBody": template.body if template else "", "StagesAvailable": stages})

    def _stored_template(self) -> Template | None:
        """The template of a stack or change set; a stack in review has none yet."""
        if self._text("ChangeSetName"):
            return self._change_set()[1].wish.template
        wish = self._found().wish
        return wish.template if wish else None

    def get_template_summary(self) -> ActionResult:
        """GetTemplateSummary, of a given template or of a stack's."""
        stored = self._stored_template() if self._text("StackName") else None
        return ActionResult(show_template(stored or self._given_template()))

    def validate_template(self) -> ActionResult:
        """ValidateTemplate."""
        shown = show_template(self._given_template())
        for row in shown["Parameters"]:
            for key in ("ParameterType", "ParameterConstraints"):
                row.pop(key, None)
        return ActionResult(shown)

    def _given_template(self) -> Template:
        template = self._template()
        if template is None:
            raise invalid("Either Template URL or Template Body must be specified.")
        return template

    # --- change sets -------------------------------------------------------------------------------

    def _change_set(self) -> tuple[Stack, ChangeSet]:
        return self.engine.find_change_set(self.home, self._text("ChangeSetName"), self._text("StackName"))

    def create_change_set(self) -> ActionResult:
        """CreateChangeSet."""
        kind = self._text("ChangeSetType") or "UPDATE"
        if kind == "IMPORT":
            raise invalid("The emulator imports no resources.")
        stack, made = self.engine.create_change_set(
            self.home,
            self._order(self._template()),
            self._text("ChangeSetName"),
            "CREATE" if kind == "CREATE" else "UPDATE",
            self._text("Description"),
        )
        return ActionResult({"Id": made.arn, "StackId": stack.stack_id})

    def describe_change_set(self) -> ActionResult:
        """DescribeChangeSet."""
        stack, found = self._change_set()
        rows, token = self._page(found.changes)
        shown = show_change_set(stack, found)
        shown.update(
            Parameters=found.wish.shown_parameters(),
            Tags=tag_rows(found.wish.tags),
            Capabilities=list(found.wish.capabilities),
            NotificationARNs=list(found.wish.notification_arns),
            Changes=rows,
            NextToken=token,
        )
        return ActionResult(shown)

    def list_change_sets(self) -> ActionResult:
        """ListChangeSets."""
        stack = self._found("Stack [{}] does not exist")
        rows, token = self._page(list(stack.change_sets))
        return ActionResult({"Summaries": [show_change_set(stack, row) for row in rows], "NextToken": token})

    def execute_change_set(self) -> ActionResult:
        """ExecuteChangeSet."""
        order = Order(
            name="",
            template=None,
            on_failure=self._on_failure(),
            token=self._text("ClientRequestToken"),
        )
        self.engine.execute_change_set(self.home, self._text("ChangeSetName"), self._text("StackName"), order)
        return EmptyResult()

    def delete_change_set(self) -> ActionResult:
        """DeleteChangeSet."""
        self.engine.delete_change_set(self.home, self._text("ChangeSetName"), self._text("StackName"))
        return EmptyResult()


def page(rows: Sequence[Item], token: str, *, from_end: bool = False) -> tuple[list[Item], str | None]:
    """One page and the token of the next; `from_end` walks backwards, unmoved by rows added meanwhile."""
    if from_end:
        end = _decoded(token) if token else len(rows)
        start = max(0, end - PAGE)
        return list(reversed(rows[start:end])), _encoded(start) if start else None
    start = _decoded(token) if token else 0
    end = start + PAGE
    return list(rows[start:end]), _encoded(end) if end < len(rows) else None


def _encoded(position: int) -> str:
    return base64.urlsafe_b64encode(f"position:{position}".encode()).decode()


def _decoded(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("position:"))
    except ValueError:
        raise invalid("NextToken is not valid") from None


def _given(row: Mapping[str, Any]) -> parameters.Given:
    return parameters.Given(
        name=row["ParameterKey"],
        value=row.get("ParameterValue"),
        use_previous=bool(row.get("UsePreviousValue")),
    )


def tag_rows(tags: Mapping[str, str]) -> list[Shown]:
    """Tags as a list of pairs."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def show_stack(stack: Stack) -> Shown:
    """One entry of DescribeStacks."""
    wish = stack.wish
    shown: Shown = {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "EnableTerminationProtection": stack.protected,
        "Outputs": list(stack.outputs),
        "RollbackConfiguration": {},
        "NotificationARNs": [],
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }
    if wish:
        shown.update(
            Description=wish.template.document.get("Description"),
            Parameters=wish.shown_parameters(),
            Tags=tag_rows(wish.tags),
            Capabilities=list(wish.capabilities),
            NotificationARNs=list(wish.notification_arns),
            RoleARN=wish.role_arn or None,
            TimeoutInMinutes=wish.timeout_minutes,
        )
    return shown


def show_summary(stack: Stack) -> Shown:
    """One entry of ListStacks."""
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "TemplateDescription": stack.wish.template.document.get("Description") if stack.wish else None,
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def show_event(event: Event, stack: Stack) -> Shown:
    """One entry of DescribeStackEvents."""
    return {
        "StackId": stack.stack_id,
        "EventId": event.event_id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": event.properties or None,
        "ClientRequestToken": event.token or None,
    }


def show_resource(resource: Resource, stack: Stack) -> Shown:
    """One entry of DescribeStackResources."""
    return {
        "StackName": stack.name,
        "StackId": stack.stack_id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "Timestamp": resource.at,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def show_change_set(stack: Stack, found: ChangeSet) -> Shown:
    """What DescribeChangeSet and ListChangeSets have in common."""
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.arn,
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "Description": found.description or None,
        "CreationTime": found.at,
        "ExecutionStatus": found.execution_status,
        "Status": found.status,
        "StatusReason": found.reason or None,
        "IncludeNestedStacks": False,
    }


def show_template(template: Template) -> Shown:
    """GetTemplateSummary."""
    capability = needed_capability(template)
    types = [resource["Type"] for resource in template.resources.values()]
    declared = template.section("Parameters")
    named = sorted({name for name in types if name.startswith("AWS::IAM::")})
    return {
        "Description": template.document.get("Description"),
        "Parameters": [_show_parameter(name, row) for name, row in declared.items()],
        "Capabilities": [capability] if capability else [],
        "CapabilitiesReason": _capability_words(named) if capability else None,
        "ResourceTypes": list(dict.fromkeys(types)),
        "Version": str(template.document.get("AWSTemplateFormatVersion", "2010-09-09")),
        "Metadata": None,
        "DeclaredTransforms": [],
    }


def _capability_words(types: list[str]) -> str:
    return f"The following resource(s) require capabilities: [{', '.join(types)}]"


def _show_parameter(name: str, row: Mapping[str, Any]) -> Shown:
    default = row.get("Default")
    return {
        "ParameterKey": name,
        "DefaultValue": None if default is None else str(default),
        "ParameterType": row["Type"],
        "NoEcho": parameters.is_no_echo(row),
        "Description": row.get("Description"),
        "ParameterConstraints": {"AllowedValues": [str(v) for v in row.get("AllowedValues", [])]},
    }
