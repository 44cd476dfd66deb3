"""A real ZenML server on this machine: an environment of its own, loopback only, one folder."""

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

PYTHON = Path(__file__).parents[2] / "build" / "zenml-venv" / "bin" / "python"
PATIENCE = 120  # seconds until a server that does not answer is given up; 8 on a quiet machine


@dataclass(frozen=True)
class Answer:
    """What the server said: the status, and the JSON of the body."""

    status: int
    body: Any


@dataclass(frozen=True)
class ZenMLServer:
    """A server that answers, and the one who may do everything on it."""

    url: str
    username: str
    password: str

    @cached_property
    def token(self) -> str:
        form = {"grant_type": "password", "username": self.username, "password": self.password}
        answer = self._send("POST", "/login", urlencode(form).encode(), {})
        assert answer.status == 200, answer
        return str(answer.body["access_token"])

    def get(self, path: str, **query: object) -> Any:
        answer = self.ask("GET", f"{path}?{urlencode(query)}" if query else path)
        assert answer.status == 200, answer
        return answer.body

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Any request under /api/v1, with the token; a refusal is an answer too."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self._send(method, path, data, headers)

    def _send(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}", data=data, headers=dict(headers), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Answer(reply.status, json.load(reply))
        except urllib.error.HTTPError as refusal:
            text = refusal.read().decode()
            return Answer(refusal.code, json.loads(text) if text.startswith(("{", "[")) else text)


@contextmanager
def running(home: Path, python: Path = PYTHON, **settings: str) -> Iterator[ZenMLServer]:
    """A server as long as the block lasts; `settings` join its environment, AWS_ENDPOINT_URL say."""
    assert python.exists(), f"the ZenML server is missing: make build/{python.parts[-3]}/.ok"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ZenMLServer(f"http://127.0.0.1:{port}", "admin", secrets.token_urlsafe(12))
    where = ["--host", "127.0.0.1", "--port", str(port)]
    log = home / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [python, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", *where],
            env=_environment(home, server) | settings,
            stdout=out,
            stderr=out,
            cwd=home,
        )
    try:
        _wait(server, process, log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(home: Path, server: ZenMLServer) -> dict[str, str]:
    """Nothing of this machine's own ZenML or AWS settings, and nothing written outside the folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ZENML_", "AWS_"))}
    return kept | {
        "HOME": str(home),
        "ZENML_SERVER": "true",
        "ZENML_CONFIG_PATH": str(home / "config"),
        "ZENML_LOCAL_STORES_PATH": str(home / "stores"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_SERVER_AUTO_ACTIVATE": "1",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
        "ZENML_SERVER_DISPLAY_ANNOUNCEMENTS": "false",
        "ZENML_SERVER_JWT_SECRET_KEY": secrets.token_hex(32),
        "ZENML_DEFAULT_USER_NAME": server.username,
        "ZENML_DEFAULT_USER_PASSWORD": server.password,
    }


def _wait(server: ZenMLServer, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE * 10):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{server.url}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer in {PATIENCE} s: {log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def zenml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenMLServer]:
    with running(tmp_path_factory.mktemp("zenml")) as server:
        yield server
