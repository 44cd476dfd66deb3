"""The user's side: our command line, a real ZenML server on our emulator, and a real ZenML client."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioner.emulator.calls import Call
from provisioner.emulator.rules import Rules
from tests.cli.conftest import cli
from tests.conftest import REGION
from tests.zenml.conftest import ZenMLServer, running

__all__ = ["cli"]

HERE = Path(__file__).parent
PYTHON = HERE.parents[2] / "build" / "zenml-client-venv" / "bin" / "python"
# Of a server that runs in AWS these would be its own role's.
OWN_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "of-the-server"}


@pytest.fixture(scope="session")
def server(emulator: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenMLServer]:
    """A server that may use its own credentials, as one in AWS does, and finds our AWS by its address."""
    home = tmp_path_factory.mktemp("zenml-e2e")
    settings = OWN_CREDENTIALS | {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "ZENML_ENABLE_IMPLICIT_AUTH_METHODS": "true",
    }
    with running(home, PYTHON, **settings) as answering:
        yield answering


class Listener(Rules):
    """The emulator's refusals as ever, and a record of who asked for what."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: set[tuple[str, str]] = set()

    def concerns(self, access_key: str) -> bool:
        return True

    def check(self, call: Call, principal: str, action: str) -> None:
        self.heard.add((principal, action))
        super().check(call, principal, action)

    def asked_as(self, role_arn: str) -> set[str]:
        """The IAM actions that sessions of a role asked for."""
        name = role_arn.rpartition("/")[2]
        return {action for principal, action in self.heard if f":assumed-role/{name}/" in principal}


@pytest.fixture
def listener(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Listener:
    listening = Listener()
    monkeypatch.setattr(aws, "rules", listening)
    return listening


def allowed(iam: Any, role_arn: str) -> set[str]:
    """The actions that a role's own policies allow; none of ours has a wildcard."""
    name = role_arn.rpartition("/")[2]
    policies = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    rows = [row for policy in policies for row in policy["Statement"] if row["Effect"] == "Allow"]
    return {action for row in rows for action in _list(row["Action"])}


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@dataclass(frozen=True)
class User:
    """Somebody with a ZenML client on a machine without any stackwright."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, script: str, *arguments: str) -> str:
        """What a script of the user's project prints, run by the real client."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)} | dict(self.environment)
        ran = subprocess.run(
            [PYTHON, script, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
        return ran.stdout

    def start_pipeline(self) -> str:
        """The id of the run."""
        (line,) = [li for li in self.run("pipeline.py").splitlines() if li.startswith("run ")]
        return line.removeprefix("run ")

    def read_back(self, run: str) -> Any:
        return json.loads(self.run("read_back.py", run).splitlines()[-1])


@pytest.fixture
def user_of(aws: Any, server: ZenMLServer, tmp_path: Path) -> Callable[[str], User]:
    """A user of the stack with this id on the server."""

    def make(stack_id: str) -> User:
        folder = tmp_path / "project"
        folder.mkdir()
        for script in ("pipeline.py", "read_back.py"):
            shutil.copy(HERE / script, folder)
        return User(folder, client_environment(aws, server, folder) | {"ZENML_ACTIVE_STACK_ID": stack_id})

    return make


def client_environment(aws: Any, server: ZenMLServer, folder: Path) -> dict[str, str]:
    """A client logged in to the server; AWS it reaches by what the server's connector hands out."""
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "ZENML_STORE_URL": server.url,
        "ZENML_STORE_API_TOKEN": server.token,
        "ZENML_CONFIG_PATH": str(folder / "config"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_COLORS_DISABLED": "true",
    }
