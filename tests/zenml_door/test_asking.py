"""Who asks for a ZenML server: options and stack.yaml do; the environment only says where and whose."""

from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from provisioner.registry import Registration
from tests.cli.conftest import cli
from tests.conftest import NAME, World
from tests.zenml_door.listening import listening

__all__ = ["cli"]

DEPLOY = ("deploy", "--preset", "minimal", "--name", NAME, "--yes", "--json")


class Asked(BaseHTTPRequestHandler):
    """No ZenML server at all: whoever asks anything of it ends badly."""

    def do_GET(self) -> None:
        self.send_response(500)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The login variables of a server, as for `zenml status` or another project."""
    with listening(Asked) as port:
        monkeypatch.setenv("STACKWRIGHT_ZENML_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("STACKWRIGHT_ZENML_TOKEN", "a-token")
        yield f"http://127.0.0.1:{port}"


def test_login_variables_alone_put_no_stack_anywhere(url: str, cli: Any, world: World) -> None:
    done = cli(*DEPLOY)
    assert (done.code, done.json["registrations"], "ZenML" in done.err) == (0, [], False), done
    again = cli("finish", NAME, "--json")
    assert (again.code, again.json["registrations"]) == (0, []), again
    world.cloud.buckets.create_private("team-artifacts")
    copied = cli("stack", "copy", NAME, "churn-copy", "arn:aws:s3:::team-artifacts",
                 f"container_registry={done.json['components']['container_registry']['outputs']['repository_arn']}",
                 "--unfit", "--json")  # fmt: skip
    assert (copied.code, copied.json["registrations"]) == (0, []), copied


@pytest.mark.parametrize("how", ["option", "to", "variable of the verb"])
def test_who_means_it_is_heard(
    how: str, url: str, cli: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how.startswith("variable"):
        monkeypatch.setenv("STACKWRIGHT_DEPLOY_TO", "zenml")
    options = {"option": ("--zenml-url", url), "to": ("--to", "zenml")}
    refused = cli(*DEPLOY, *options.get(how, ()))
    assert (refused.code, refused.error["message"][:12]) == (4, "ZenML server")


def test_add_means_it(url: str, cli: Any, world: World) -> None:
    world.deploy()
    world.finish()
    world.registry.set_bootstrapped(NAME)
    assert cli("zenml", "add", NAME, "--json").code == 4


def test_to_local_wins_over_the_address(url: str, cli: Any, world: World) -> None:
    assert cli(*DEPLOY, "--to", "local", "--zenml-url", url).code == 0


def test_a_stack_that_should_be_in_zenml_and_is_not_is_told(cli: Any, world: World) -> None:
    world.deploy(world.spec(register={"to": "zenml"}))
    world.finish()
    world.registry.set_bootstrapped(NAME)
    words = f"`stackwright zenml add {NAME}`"
    assert cli("status", NAME, "--json").json["next"].startswith(words)
    assert words in cli("stack", "list").err


@pytest.mark.parametrize(
    ("status", "hint"),
    [("unverified", "`stackwright finish churn-dev`"), ("deleted", "`stackwright stack delete churn-dev`")],
)
def test_a_stack_that_is_not_proved_is_not_added(
    status: Any, hint: str, url: str, cli: Any, world: World
) -> None:
    world.deploy()
    world.finish()
    world.registry.set_status(NAME, status)
    refused = cli("zenml", "add", NAME, "--json")
    assert (refused.code, refused.error["message"]) == (
        3,
        f"{NAME} is {status}, and only a proved stack goes into ZenML",
    )
    assert refused.error["hint"].startswith(hint)


def test_a_connector_of_a_deleted_stack_is_not_tried(url: str, cli: Any, world: World) -> None:
    world.deploy()
    world.finish()
    world.registry.set_status(NAME, "deleted")
    held = Registration(
        stack=NAME, server=url, status="stale", remote_id="", ids={"connector:x": "1"}, updated_at=world.now
    )
    world.registry.record_registration(held)
    refused = cli("connector", "verify", NAME, "--json")
    assert (refused.code, refused.error["hint"], "Waiting" in refused.err) == (
        3,
        f"`stackwright zenml remove {NAME}` takes it out of ZenML",
        False,
    )
