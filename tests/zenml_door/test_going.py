"""A stack that CloudFormation has no more leaves the ZenML servers, however often that takes."""

from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from provisioner.cli import zenml_target
from provisioner.registry import Registration
from tests.cli.conftest import cli
from tests.conftest import NAME, World
from tests.zenml_door.listening import listening

__all__ = ["cli"]


class Empty(BaseHTTPRequestHandler):
    """A ZenML server that holds nothing."""

    def do_GET(self) -> None:
        one = self.path.count("/") > 3 and "?" not in self.path
        self.send_response(404 if one else 200)
        self.end_headers()
        self.wfile.write(b'{"items": [], "total_pages": 1}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stack(world: World) -> Any:
    world.deploy()
    world.finish()
    world.registry.set_bootstrapped(NAME)
    return world.registry.stack(NAME)


def held(world: World, server: str, status: Any) -> None:
    world.registry.record_registration(
        Registration(stack=NAME, server=server, status=status, remote_id="", ids={}, updated_at=world.now)
    )


@pytest.mark.parametrize("status", ["registered", "stale", "removing", "registering"])
def test_status_tries_again_until_no_server_holds_a_deleted_stack(
    status: str, stack: Any, world: World, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cloud.stacks.delete(stack.stack_id)
    world.aws.engine.settle()
    with listening(Empty) as port:
        url = f"http://127.0.0.1:{port}"
    held(world, url, status)
    monkeypatch.setenv("STACKWRIGHT_ZENML_URL", url)
    monkeypatch.setenv("STACKWRIGHT_ZENML_TOKEN", "a-token")
    for _ in range(2):
        away = cli("status", NAME)
        assert f"  ZenML {url}: stale\n" in away.out
        assert f"still has {NAME}: ZenML server 127.0.0.1:{port} cannot be reached" in away.err
        assert f"Next: ZenML {url} still has it: `stackwright status {NAME}` tries once more" in away.err
        assert f"`stackwright zenml remove {NAME} --forget`" in away.err
    with listening(Empty, port=port):
        back = cli("status", NAME, "--json")
    assert (back.json["registrations"], back.json["registry"], back.json["enrolment"]) == (
        [],
        "deleted",
        "deleted",
    )
    assert back.json["next"].startswith("the CloudFormation stack is gone")


def test_whoever_calls_hears_which_servers_keep_a_copy(stack: Any, world: World) -> None:
    held(world, "http://127.0.0.1:1", "registered")
    assert zenml_target.gone(NAME, world.registry) == ["http://127.0.0.1:1"]
    assert [r.status for r in world.registry.registrations_of(NAME)] == ["stale"]
    world.registry.forget_registration(NAME, "http://127.0.0.1:1")
    assert zenml_target.gone(NAME, world.registry) == []
