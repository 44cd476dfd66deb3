"""Custom resources: a function is told, and the engine waits for what it puts to its ResponseURL."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

from provisioner.emulator.handler import HandlerError, Properties, ResourceType, Site, physical_name

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
LONGEST_WAIT = 3_600
MAX_ANSWER = 4_096
PATH = "/_stackwright/response/"
_POLL = 0.01


class Answers:
    """What functions have put, by the secret in the address they were given."""

    def __init__(self) -> None:
        self._given: dict[str, bytes | None] = {}
        self._closed = False

    def expect(self) -> str:
        """A new token to answer under."""
        token = secrets.token_urlsafe(24)
        self._given[token] = None
        return token

    def give(self, token: str, body: bytes) -> bool:
        """Take an answer; False for an address that nobody waits at."""
        if token not in self._given:
            return False
        self._given[token] = body
        return True

    def wait(self, token: str, seconds: float) -> bytes | None:
        """The answer, or None when the time is over or the emulator is reset."""
        end = time.monotonic() + seconds
        try:
            while self._given[token] is None and time.monotonic() < end and not self._closed:
                time.sleep(_POLL)
            return self._given[token]
        finally:
            del self._given[token]

    def close(self) -> None:
        """Let nobody wait any longer, until `open`."""
        self._closed = True

    def open(self) -> None:
        """Wait again."""
        self._closed = False


ANSWERS = Answers()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a function said of one request."""

    physical_id: str
    data: Mapping[str, Any]
    failure: str


class AnyName(frozenset[str]):
    """Attributes that only the function's answer tells."""

    def __contains__(self, name: object) -> bool:
        return True


class CustomResource(ResourceType):
    """AWS::CloudFormation::CustomResource and every Custom:: type."""

    name = "AWS::CloudFormation::CustomResource"
    any_property = True
    required = frozenset({"ServiceToken"})
    create_only = frozenset({"ServiceToken"})
    attribute_names = AnyName()
    # Where functions answer; set by the server.
    endpoint: ClassVar[str] = ""
    # By stack and logical id: the last answer.
    _answers: ClassVar[dict[tuple[str, str], Answer]] = {}

    def create(self, site: Site, properties: Properties) -> str:
        """A failure is told by `configure`, so that what was half made is deleted again."""
        answer = self._ask(site, "Create", properties)
        self._answers[site.stack_id, site.logical_id] = answer
        return answer.physical_id

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        answer = self._answers[site.stack_id, site.logical_id]
        if old:
            answer = self._ask(site, "Update", new, physical_id=physical_id, old=old)
            if answer.physical_id != physical_id and not answer.failure:
                raise HandlerError("The emulator replaces no custom resource: its physical id changed")
            self._answers[site.stack_id, site.logical_id] = answer
        if answer.failure:
            raise HandlerError(answer.failure)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return self._answers[site.stack_id, site.logical_id].data

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        answer = self._ask(site, "Delete", properties, physical_id=physical_id)
        if answer.failure:
            raise HandlerError(answer.failure)

    def _ask(
        self,
        site: Site,
        kind: str,
        properties: Properties,
        *,
        physical_id: str = "",
        old: Properties | None = None,
    ) -> Answer:
        token, request = ANSWERS.expect(), str(uuid4())
        event = {
            "RequestType": kind,
            "ServiceToken": properties["ServiceToken"],
            "ResponseURL": f"{self.endpoint}{PATH}{token}",
            "StackId": site.stack_id,
            "RequestId": request,
            "LogicalResourceId": site.logical_id,
            "ResourceType": self.name,
            "ResourceProperties": as_texts(properties),
        }
        event |= {"PhysicalResourceId": physical_id} if physical_id else {}
        event |= {"OldResourceProperties": as_texts(old)} if old else {}
        self._tell(site, str(properties["ServiceToken"]), event)
        body = ANSWERS.wait(token, _patience(properties))
        made_up = physical_id or physical_name(site, 128)
        if body is None:
            return Answer(physical_id=made_up, data={}, failure=_SILENT.format(request))
        return read(body, event, made_up)

    def _tell(self, site: Site, token: str, event: Mapping[str, Any]) -> None:
        if ":lambda:" not in token:
            raise HandlerError(f"The emulator tells functions only, not {token}")
        payload = json.dumps(event).encode()
        site.call("lambda", "Invoke", FunctionName=token, InvocationType="Event", Payload=payload)


_SILENT = (
    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for "
    "requestId [{}]. If you are using the Python cfn-response module, you may need to update your Lambda "
    "function code so that CloudFormation can attach the updated version."
)


def read(body: bytes, event: Mapping[str, Any], made_up: str) -> Answer:
    """A function's answer, or CloudFormation's word for what is wrong with it."""

    def failed(why: str) -> Answer:
        return Answer(physical_id=made_up, data={}, failure=why)

    if len(body) > MAX_ANSWER:
        return failed("Response object is too long.")
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or said.get("Status") not in ("SUCCESS", "FAILED"):
        return failed("Invalid Response object: Value of property Status must be SUCCESS or FAILED")
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        if said.get(key) != event[key]:
            return failed(f"Invalid Response object: Value of property {key} is not the request's")
    physical_id = said.get("PhysicalResourceId")
    if said["Status"] == "FAILED":
        reason = said.get("Reason") or "See the details in CloudWatch Log Stream"
        words = f"Received response status [FAILED] from custom resource. Message returned: {reason} "
        return Answer(
            physical_id=physical_id or made_up, data={}, failure=f"{words}(RequestId: {event['RequestId']})"
        )
    if not isinstance(physical_id, str) or not 0 < len(physical_id) <= 1024:
        return failed("Invalid PhysicalResourceId")
    data = said.get("Data") or {}
    if not isinstance(data, dict):
        return failed("Invalid Response object: Value of property Data must be an object")
    return Answer(physical_id=physical_id, data=data, failure="")


def _patience(properties: Properties) -> float:
    given = str(properties.get("ServiceTimeout", LONGEST_WAIT))
    if not given.isdigit() or not 1 <= int(given) <= LONGEST_WAIT:
        raise HandlerError("Invalid ServiceTimeout: it must be an integer from 1 to 3600")
    return float(given)


def as_texts(value: Any) -> Any:
    """CloudFormation hands every scalar on as text."""
    if isinstance(value, Mapping):
        return {key: as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_texts(item) for item in value]
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
