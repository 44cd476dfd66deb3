"""Door to CloudFormation: stacks, change sets, events."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from provisioner.aws.session import Client
from provisioner.errors import RefusedError, SpecError

Verdict = Literal["done", "busy", "failed", "gone", "draft"]
ENROLMENT = "EnrolmentId"
CAPABILITIES = ["CAPABILITY_IAM"]
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@dataclass(frozen=True, kw_only=True)
class StackState:
    """What DescribeStacks says of one stack."""

    id: str
    name: str
    status: str
    reason: str
    created_at: datetime
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    protected: bool = False

    @property
    def verdict(self) -> Verdict:
        """`failed` needs a hand: a rolled-back creation can only be deleted."""
        if self.status == "REVIEW_IN_PROGRESS":
            return "draft"
        if self.status == "DELETE_COMPLETE":
            return "gone"
        if self.status in _DONE:
            return "done"
        return "busy" if self.status.endswith("_IN_PROGRESS") else "failed"

    @property
    def account(self) -> str:
        return self.id.split(":")[4]

    @property
    def region(self) -> str:
        return self.id.split(":")[3]

    @property
    def enrolment_id(self) -> str:
        return self.parameters.get(ENROLMENT, "")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a stack's story."""

    id: str
    at: datetime
    logical_id: str
    type: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    id: str
    status: str
    reason: str
    execution: str = ""

    @property
    def is_waiting(self) -> bool:
        """Being worked out, or ready to be executed."""
        return self.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS") or self.execution == "AVAILABLE"

    @property
    def is_empty(self) -> bool:
        """CloudFormation calls a change set without changes FAILED; only the text tells."""
        return self.status == "FAILED" and (
            "didn't contain changes" in self.reason or "No updates" in self.reason
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that an update would take away or make anew; `replacement` may be Conditional."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str = ""

    @property
    def takes_away(self) -> bool:
        """Whether what is there now goes, or may go."""
        return self.action in ("Remove", "Dynamic") or self.replacement in ("True", "Conditional")


class Stacks:
    """The stacks of one account and region."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def describe(self, name_or_id: str) -> StackState | None:
        """The stack, or None where there is none of this name; raises SpecError for an empty one."""
        if not name_or_id:
            # DescribeStacks takes it for "all", and the first of them is somebody's.
            raise SpecError("a stack needs a name", field="name")
        try:
            answer = self._client.describe_stacks(StackName=name_or_id)
        except RefusedError as error:
            if error.code == "ValidationError" and "does not exist" in error.message:
                return None
            raise
        return _state(answer["Stacks"][0])

    def find(self, *, name: str, enrolment_ids: Sequence[str]) -> StackState | None:
        """The stack that came from one of the enrolments, whatever its user called it in the console."""
        named = self.describe(name)
        if named and named.enrolment_id and named.enrolment_id in enrolment_ids:
            return named
        live = {s.enrolment_id: s for s in self.all()} if enrolment_ids else {}
        return next((live[id_] for id_ in enrolment_ids if id_ in live), None)

    def all(self) -> Iterator[StackState]:
        for page in self._client.pages("describe_stacks"):
            yield from (_state(raw) for raw in page["Stacks"])

    def create_from_url(self, *, name: str, template_url: str, parameters: Mapping[str, str]) -> str:
        """What the console does with a quick-create link. The stack's id."""
        answer = self._client.create_stack(
            StackName=name,
            TemplateURL=template_url,
            Parameters=_listed(parameters),
            Capabilities=CAPABILITIES,
        )
        return str(answer["StackId"])

    def propose(
        self,
        *,
        stack: str,
        change_set: str,
        create: bool,
        template: str,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """Asks for a change set; one of the same name that an interrupted run left waiting is used."""
        request = {
            "StackName": stack,
            "ChangeSetName": change_set,
            "ChangeSetType": "CREATE" if create else "UPDATE",
            "TemplateBody": template,
            "Parameters": _listed(parameters),
            "Capabilities": CAPABILITIES,
            "Tags": [{"Key": k, "Value": v} for k, v in tags.items()],
        }
        try:
            self._client.create_change_set(**request)
        except RefusedError as error:
            if error.code != "AlreadyExistsException" or "ChangeSet" not in error.message:
                raise
            left = self.change_set(stack=stack, change_set=change_set)
            if left is None or not left.is_waiting:
                # An executed change set keeps its name until it is deleted.
                self.drop_change_set(stack=stack, change_set=change_set)
                self._client.create_change_set(**request)

    def change_set(self, *, stack: str, change_set: str) -> ChangeSet | None:
        try:
            raw = self._client.describe_change_set(StackName=stack, ChangeSetName=change_set)
        except RefusedError as error:
            if error.code in ("ChangeSetNotFound", "ChangeSetNotFoundException"):
                return None
            raise
        return ChangeSet(
            id=raw["ChangeSetId"],
            status=raw["Status"],
            reason=raw.get("StatusReason", ""),
            execution=raw.get("ExecutionStatus", ""),
        )

    def changes(self, *, stack: str, change_set: str) -> list[Change]:
        """What a change set would do to each resource, of all its pages."""
        pages = self._client.pages("describe_change_set", StackName=stack, ChangeSetName=change_set)
        return [_change(raw) for page in pages for raw in page.get("Changes", []) if "ResourceChange" in raw]

    def execute(self, *, stack: str, change_set: str) -> None:
        self._client.execute_change_set(StackName=stack, ChangeSetName=change_set)

    def drop_change_set(self, *, stack: str, change_set: str) -> None:
        self._client.delete_change_set(StackName=stack, ChangeSetName=change_set)

    def events(self, stack_id: str, *, after: str = "") -> list[Event]:
        """The events since the one with id `after`, oldest first."""
        found: list[Event] = []
        for page in self._client.pages("describe_stack_events", StackName=stack_id):
            for raw in page["StackEvents"]:
                if raw["EventId"] == after:
                    return found[::-1]
                found.append(_event(raw))
        return found[::-1]

    def template(self, stack_id: str) -> Mapping[str, Any]:
        """The template as it was handed in, parsed; raises RefusedError where it is not JSON."""
        body = self._client.get_template(StackName=stack_id, TemplateStage="Original")["TemplateBody"]
        if isinstance(body, Mapping):
            return body
        try:
            parsed: Mapping[str, Any] = json.loads(body)
        except ValueError:
            # The CDK CLI hands in YAML.
            parsed = _yaml(body)
        return parsed

    def delete(self, stack_id: str) -> None:
        self._client.delete_stack(StackName=stack_id)


def _yaml(text: str) -> Mapping[str, Any]:
    import yaml

    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RefusedError(f"the stack's template cannot be read: {error}") from error
    return parsed if isinstance(parsed, Mapping) else {}


def _state(raw: Mapping[str, Any]) -> StackState:
    return StackState(
        id=raw["StackId"],
        name=raw["StackName"],
        status=raw["StackStatus"],
        reason=raw.get("StackStatusReason", ""),
        created_at=raw["CreationTime"],
        parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in raw.get("Parameters", [])},
        outputs={o["OutputKey"]: o["OutputValue"] for o in raw.get("Outputs", [])},
        tags={t["Key"]: t["Value"] for t in raw.get("Tags", [])},
        protected=bool(raw.get("EnableTerminationProtection")),
    )


def _change(raw: Mapping[str, Any]) -> Change:
    row = raw["ResourceChange"]
    return Change(
        action=row["Action"],
        logical_id=row["LogicalResourceId"],
        type=row["ResourceType"],
        physical_id=row.get("PhysicalResourceId", ""),
        replacement=row.get("Replacement", ""),
    )


def _event(raw: Mapping[str, Any]) -> Event:
    return Event(
        id=raw["EventId"],
        at=raw["Timestamp"],
        logical_id=raw.get("LogicalResourceId", ""),
        type=raw.get("ResourceType", ""),
        status=raw.get("ResourceStatus", ""),
        reason=raw.get("ResourceStatusReason", ""),
    )


def _listed(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
