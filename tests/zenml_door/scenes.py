"""The scenes that are recorded and replayed: a stack comes, stays, changes and goes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from provisioner.components import find
from provisioner.registry import Registration, Registry
from provisioner.zenml import engine, login
from provisioner.zenml.server import Credential, Server
from provisioner.zenml.wanted import Part, Stack
from tests.zenml_door.wire import PLANTED

ACCOUNT, REGION, NAME = "111122223333", "eu-central-1", "churn-dev"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/churn-dev-AccessRole-1"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{NAME}/6d9e2f10-c77a-11f0-8a55-0a1b2c3d4e5f"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
KEY = engine.Key(id=PLANTED[0], secret=PLANTED[1])
EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/churn-dev-Execution-1"
OUTPUTS = {
    "artifact_store": {"bucket_name": "churn-dev-1", "bucket_arn": "arn:aws:s3:::churn-dev-1"},
    "container_registry": {
        "repository_uri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn-dev",
        "repository_arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/churn-dev",
    },
    "orchestrator": {"execution_role_arn": EXECUTION},
    "step_operator": {"execution_role_arn": EXECUTION},
    "image_builder": {
        "project_name": "churn-dev-1",
        "project_arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/churn-dev-1",
        "build_image": "aws/codebuild/standard:8.0",
        "build_size": "BUILD_GENERAL1_SMALL",
    },
    "experiment_tracker": {"server_arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-app/app-1"},
    "model_deployer": {"execution_role_arn": EXECUTION},
}
FLAVORS = {
    "artifact_store": "s3",
    "container_registry": "ecr",
    "orchestrator": "sagemaker",
    "step_operator": "sagemaker",
    "image_builder": "codebuild",
    "experiment_tracker": "mlflow",
    "model_deployer": "sagemaker",
}


def part(type_: str, flavor: str = "") -> Part:
    """A component as `finish` registers it."""
    component = find(type_, flavor or FLAVORS[type_])
    assert component is not None
    outputs = OUTPUTS[type_]
    config = component.register_config(OUTPUTS)
    return Part(type=type_, flavor=component.flavor, config=dict(config), outputs=outputs)


def stack(**flavors: str) -> Stack:
    """Everything there is, but for what is given another flavor; "" takes one out."""
    chosen = FLAVORS | flavors
    parts = tuple(part(type_, flavor) for type_, flavor in chosen.items() if flavor)
    return Stack(name=NAME, id=STACK_ID, account=ACCOUNT, region=REGION, partition="aws", parts=parts)


@dataclass
class Stage:
    """A door, a registry and a way to log in; `steps` tells what was done."""

    server: Server
    registry: Registry
    with_key: bool = False
    key: engine.Key = KEY

    def __post_init__(self) -> None:
        self.steps: list[str] = []

    @property
    def doors(self) -> engine.Doors:
        return engine.Doors(
            server=self.server,
            registry=self.registry,
            login=self._login,
            now=lambda: NOW,
            on_step=lambda step: self.steps.append(step.words),
        )

    def _login(self, implicit: bool) -> Any:
        key = self.key if self.with_key else None
        mark = key.mark(STACK_ID) if key else ""
        chosen = login.choose(connector={"role_arn": ROLE}, implicit=implicit, key_mark=mark)
        return chosen, key

    def registration(self) -> Registration:
        (found,) = self.registry.registrations_of(NAME)
        return found


def scenes(stage: Stage) -> Iterator[tuple[str, Any]]:
    """One after the other, on one server, each with what came of it."""
    yield "register", engine.register(stack(), doors=stage.doors)
    yield "again", engine.register(stack(), doors=stage.doors)
    smaller = stack(orchestrator="local", step_operator="", image_builder="", experiment_tracker="")
    yield "change", engine.register(smaller, doors=stage.doors)
    yield "unregister", engine.unregister(stage.registration(), labels=stack().labels, doors=stage.doors)


def door(url: str, token: str, transport: Any) -> Server:
    return Server(
        url, Credential(kind="token", secret=token), new_id=lambda: str(uuid4()), transport=transport
    )
