"""One emulator for the whole folder, emptied before each test, and clients as a user makes them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from provisioner.emulator.server import Emulator

REGION = "eu-central-1"
ACCOUNT = "123456789012"


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as aws:
        yield aws


@pytest.fixture
def aws(emulator: Emulator) -> Iterator[Emulator]:
    emulator.reset()
    emulator.set_delay(0.0)
    yield emulator


Client = Callable[..., Any]


@pytest.fixture(scope="session")
def clients(emulator: Emulator) -> Client:
    """Clients for the whole session: making one takes longer than most tests."""

    @cache
    def make(service: str, region: str = REGION, key: str = "testing", retries: int = 3) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=emulator.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": retries}),
        )

    return make


@pytest.fixture
def client(aws: Emulator, clients: Client) -> Client:
    """A client of the emptied emulator."""
    return clients


@dataclass
class Stacks:
    """CloudFormation with the waiting done."""

    api: Any

    def create(self, name: str, template: Any, *, wait: bool = True, **more: Any) -> str:
        body = template if isinstance(template, str) else json.dumps(template)
        more.setdefault("Capabilities", ["CAPABILITY_IAM"])
        stack_id: str = self.api.create_stack(StackName=name, TemplateBody=body, **more)["StackId"]
        if wait:
            self.settle(stack_id)
        return stack_id

    def update(self, name: str, template: Any, **more: Any) -> str:
        more.setdefault("Capabilities", ["CAPABILITY_IAM"])
        stack_id: str = self.api.update_stack(StackName=name, TemplateBody=json.dumps(template), **more)[
            "StackId"
        ]
        return self.settle(stack_id)

    def delete(self, name: str, **more: Any) -> str:
        stack_id = self.show(name)["StackId"]
        self.api.delete_stack(StackName=name, **more)
        return self.settle(stack_id)

    def settle(self, name: str) -> str:
        """Wait for the end of the running operation and say how it ended."""
        while (status := self.show(name)["StackStatus"]).endswith("_IN_PROGRESS"):
            time.sleep(0.01)
        return str(status)

    def show(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def story(self, name: str) -> list[tuple[str, str]]:
        """Every event from the first, as (logical id, status)."""
        return [(row["LogicalResourceId"], row["ResourceStatus"]) for row in self.events(name)]

    def events(self, name: str) -> list[dict[str, Any]]:
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=name)
        return [row for page in pages for row in page["StackEvents"]][::-1]

    def outputs(self, name: str) -> dict[str, str]:
        return {row["OutputKey"]: row["OutputValue"] for row in self.show(name).get("Outputs", [])}

    def physical_id(self, name: str, logical_id: str) -> str:
        found = self.api.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])


@pytest.fixture
def stacks(client: Client) -> Stacks:
    return Stacks(client("cloudformation"))


@pytest.fixture
def refused() -> Callable[..., tuple[str, str]]:
    """The (code, message) with which AWS refuses a call."""

    def ask(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            call(**parameters)
        error = caught.value.response["Error"]
        return error["Code"], error.get("Message", "")

    return ask
