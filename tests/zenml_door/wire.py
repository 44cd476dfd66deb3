"""What real servers answered, request by request: recorded by record.py, replayed in tests."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

FOLDER = Path(__file__).parent / "recorded"
VERSIONS = ("0.70.0", "0.85.0", "0.98.0")
URL = "https://zenml.example.com"
TOKEN = "the-token-of-a-test"
# What a recording must not hold, and no output of ours either.
PLANTED = ("AKIAPLANTEDPLANTED01", "PLANTED-secret-of-a-key", TOKEN)
# Of 60 flavors those that a test names, and of their words none.
FLAVORS = {
    *(("artifact_store", "s3"), ("container_registry", "aws"), ("image_builder", "aws")),
    *(("image_builder", "local"), ("orchestrator", "kubernetes"), ("orchestrator", "local")),
    *(("orchestrator", "sagemaker"), ("step_operator", "sagemaker"), ("experiment_tracker", "mlflow")),
}
_WORDS = ("description", "logo_url", "docs_url", "sdk_docs_url", "title", "user", "created", "updated")


class Replay(httpx.MockTransport):
    """Answers the next recorded request, and only if it is the one that comes."""

    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        super().__init__(self._answer)
        self._left = list(exchanges)
        self.keys: list[str] = []
        self.writes: list[str] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert self._left, f"nothing more was recorded, and now {request.method} {request.url}"
        expected = self._left.pop(0)
        assert asked(request) == expected["request"]
        if request.method == "POST" and "verify" not in request.url.path:
            self.keys.append(request.headers.get("Idempotency-Key", ""))
        if request.method != "GET" and "verify" not in request.url.path:
            self.writes.append(f"{request.method} {request.url.path.removeprefix('/api/v1')}")
        return httpx.Response(expected["status"], text=json.dumps(expected["answer"]))

    @property
    def is_done(self) -> bool:
        return not self._left


class Recorder(httpx.HTTPTransport):
    """A real connection that notes what is asked and answered, without the secrets of either."""

    def __init__(self) -> None:
        super().__init__()
        self.exchanges: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        note = asked(request)
        answer = super().handle_request(request)
        answer.read()
        self.exchanges.append(
            {"request": note, "status": answer.status_code, "answer": slim(answer.json(), request.url.path)}
        )
        return answer


def asked(request: httpx.Request) -> dict[str, Any]:
    """A request without what differs from run to run."""
    query = dict(request.url.params)
    text = request.content.decode()
    for secret in PLANTED:
        text = text.replace(secret, "***")
    body = json.loads(text) if text else None
    return {"method": request.method, "path": request.url.path, "query": query, "body": body}


def slim(value: Any, path: str) -> Any:
    """The answer without words for people; who made a thing stays."""
    if path.endswith("/flavors"):
        items = [i for i in value["items"] if (i["body"]["type"], i["name"]) in FLAVORS]
        value = value | {"items": items, "total": len(items), "total_pages": 1}
    if path.endswith("/service_connector_types/aws"):
        value = {key: value[key] for key in ("connector_type", "local", "remote")}
    return _slim(value)


def _slim(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_slim(v) for v in value]
    if not isinstance(value, Mapping):
        return value
    if key == "connector_type":
        return {"connector_type": value["connector_type"]}
    if key == "user":
        return {"name": value["name"]}
    kept = (k for k in value if k not in _WORDS or k == "user" or key == "properties")
    return {k: _slim(value[k], k) for k in kept}


def recording(version: str) -> dict[str, list[dict[str, Any]]]:
    """Scene -> its requests and answers."""
    text = (FOLDER / f"{version}.json").read_text(encoding="utf-8")
    read: dict[str, list[dict[str, Any]]] = json.loads(text)
    return read
