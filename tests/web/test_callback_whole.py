"""From a link to the registry and back, without a verb in between: emulator, function and server are real."""

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from provisioner import deploy, destroy, teardown
from provisioner import spec as specs
from provisioner.cli import status
from provisioner.registry import Registration
from provisioner.template import Template

NAME = "churn-dev"
ACCOUNT = "123456789012"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/moto"
SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYPLANTED000"
Serve = Callable[..., str]


def calling(world: Any, server: str, **more: Any) -> Any:
    return world.spec(register={"how": "callback", "server": server}, **more)


def delete(world: Any, state: Any) -> str:
    """What somebody does in the console, who has never heard of us."""
    world.cloud.session.client("cloudformation").raw.delete_stack(StackName=state.id)
    return str(deploy.follow(world.cloud.stacks, state.id, clock=world.clock, on_event=print).status)


def until(ask: Callable[[], Any], wanted: Any) -> Any:
    """What a background thread ends in."""
    for _ in range(400):
        if ask() == wanted:
            break
        time.sleep(0.05)
    return ask()


def test_a_stack_registers_itself_and_tells_when_it_is_deleted(world: Any, serve: Serve) -> None:
    state = world.click(world.link(calling(world, serve())))
    assert state.status == "CREATE_COMPLETE"
    assert (world.held(), world.statuses()) == ({NAME: "unverified"}, ["unverified"])
    assert state.outputs["CallbackTicket"] == (
        f"{NAME} is kept as unverified until somebody with credentials of account {ACCOUNT} proves it: "
        f"stackwright finish {NAME}"
    )
    kept = world.registry.stack(NAME)
    assert (kept.connector["role_arn"], kept.owner) == (state.outputs["AccessRoleArn"], "")
    assert world.finish().status == "registered"
    assert delete(world, state) == "DELETE_COMPLETE"
    assert (world.held(), world.statuses()) == ({NAME: "deleted"}, ["deleted"])


def test_a_copy_on_a_zenml_server_that_is_away_is_marked_when_the_stack_goes(
    world: Any, serve: Serve
) -> None:
    state = world.click(world.link(calling(world, serve())))
    keep_copy(world, "http://127.0.0.1:1")
    assert delete(world, state) == "DELETE_COMPLETE"
    assert world.held() == {NAME: "deleted"}
    assert until(lambda: copies(world), ["stale"]) == ["stale"]


def test_a_zenml_server_that_hangs_keeps_no_deletion_waiting(
    world: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        server = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        monkeypatch.setenv("STACKWRIGHT_ZENML_URL", server)
        monkeypatch.setenv("STACKWRIGHT_ZENML_API_KEY", "ZENKEY_PLANTED")
        state = world.click(world.link(calling(world, serve())))
        keep_copy(world, server)
        assert delete(world, state) == "DELETE_COMPLETE"
        assert (world.held(), copies(world)) == ({NAME: "deleted"}, ["removing"])


def keep_copy(world: Any, server: str) -> None:
    copy = Registration(stack=NAME, server=server, remote_id="1", status="registered", updated_at=world.now)
    world.registry.record_registration(copy)


def copies(world: Any) -> list[str]:
    return [r.status for r in world.registry.registrations()]


def test_what_a_killed_server_left_undone_is_begun_anew_by_the_next(world: Any, serve: Serve) -> None:
    world.click(world.link(calling(world, serve())))
    keep_copy(world, "http://127.0.0.1:1")
    world.registry.record_registration(replace(world.registry.registrations()[0], status="removing"))
    world.registry.set_status(NAME, "deleted")
    serve()
    assert until(lambda: copies(world), ["stale"]) == ["stale"]


def test_a_stack_under_another_name_is_the_links_all_the_same(world: Any, serve: Serve) -> None:
    state = world.click(world.link(calling(world, serve())), name="whatever-the-console-user-likes")
    assert (state.status, world.held()) == ("CREATE_COMPLETE", {NAME: "unverified"})


def test_a_server_that_is_away_fails_no_stack_and_finish_closes_later(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        server = f"http://127.0.0.1:{closed.getsockname()[1]}"
    patiently(monkeypatch)
    state = world.click(world.link(calling(world, server)))
    assert (state.status, world.held(), world.statuses()) == ("CREATE_COMPLETE", {}, ["open"])
    assert state.outputs["CallbackTicket"].startswith(f"retry: stackwright finish {NAME} (")
    assert world.finish().status == "registered"
    assert delete(world, state) == "DELETE_COMPLETE"


def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function of this test's template waits no seconds between its tries."""
    from stacks import callback

    quick = callback.code().replace("PAUSES = (0, 2, 4, 8)", "PAUSES = (0, 0)")
    monkeypatch.setattr(callback, "code", lambda: quick)


def test_a_server_that_has_credentials_proves_what_it_is_told(world: Any, serve: Serve) -> None:
    spec = calling(
        world,
        serve("--prove"),
        access={"trust": "principal", "principal": CALLER, "external_id": True},
    )
    world.click(world.link(spec, expected_account=ACCOUNT))
    assert until(world.held, {NAME: "registered"}) == {NAME: "registered"}
    assert world.statuses() == ["registered"]


def test_a_stack_that_is_rolled_back_after_its_callback_is_told_of_as_deleted(
    world: Any, serve: Serve
) -> None:
    enrolment = world.link(calling(world, serve()))
    body = json.loads(world.drafted(specs.parse(dict(enrolment.spec)))[1].text)
    body["Resources"]["Last"] = {"Type": "AWS::Logs::LogGroup", "DependsOn": "Callback"}
    world.aws.fail("Last", "no luck")
    with pytest.raises(deploy.FailedError, match=r"ROLLBACK_COMPLETE: Last .*: no luck"):
        world.click(enrolment, template=Template(body=body))
    assert (world.held(), world.statuses()) == ({NAME: "deleted"}, ["deleted"])


def test_an_update_that_changes_nothing_to_tell_is_not_told(world: Any, serve: Serve) -> None:
    state = world.click(world.link(calling(world, serve())))
    world.finish()
    client = world.cloud.session.client("cloudformation").raw
    client.update_stack(
        StackName=state.id,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": key, "UsePreviousValue": True} for key in state.parameters if key != "Team"
        ]
        + [{"ParameterKey": "Team", "ParameterValue": "other"}],
    )
    after = deploy.follow(world.cloud.stacks, state.id, clock=world.clock, on_event=print)
    assert (after.status, world.held()) == ("UPDATE_COMPLETE", {NAME: "registered"})


def test_deploy_registers_what_calls_back_and_destroy_is_not_disturbed_by_it(
    world: Any, serve: Serve
) -> None:
    server = serve()
    world.deploy(calling(world, server))
    world.finish()
    assert (world.held(), world.statuses()) == ({NAME: "registered"}, ["registered"])
    bigger = {**specs.PRESETS["minimal"], "image_builder": "codebuild"}
    world.deploy(calling(world, server, components=bigger))
    # The update was told, and what is proved waits for its own proof.
    assert world.held() == {NAME: "registered"}
    assert "image_builder" not in world.registry.stack(NAME).components
    world.finish()
    assert world.held() == {NAME: "registered"}
    assert "image_builder" in world.registry.stack(NAME).components
    doors = world.cloud.for_destroy()
    found = destroy.look(NAME, doors=doors, account=world.account, region=world.region)
    for step in teardown.plan(destroy.begin(found, doors=doors, now=world.now)):
        destroy.apply(step, doors=doors, clock=world.clock, on_event=world.events.append)
    assert world.held() == {}


def test_a_callback_taken_out_is_told_as_a_deletion_and_mended_by_the_same_deploy(
    world: Any, serve: Serve
) -> None:
    world.deploy(calling(world, serve()))
    world.finish()
    world.deploy(world.spec())
    assert world.held() == {NAME: "deleted"}
    assert status.look(NAME, world.cloud)["next"] == f"`stackwright finish {NAME}`"
    world.finish()
    assert world.held() == {NAME: "registered"}


def test_no_secret_is_in_any_output_log_or_table(
    world: Any, serve: Serve, tmp_path: Path, home: Path
) -> None:
    state = world.click(world.link(calling(world, serve())))
    said = until(lambda: "is kept as unverified" in "".join(logged(world)), True)
    assert said
    files = [p for p in home.rglob("*") if p.is_file()]
    seen = "".join(p.read_bytes().decode("latin-1") for p in (*files, tmp_path / "serve.log"))
    seen += json.dumps([*logged(world), state.outputs, state.parameters])
    secrets = (SECRET, "X-Amz-Signature=[0-9a-f]", "X-Amz-Security-Token=", "ASIA[A-Z0-9]{8}", "/response/")
    assert [secret for secret in secrets if re.search(secret, seen)] == []


def logged(world: Any) -> list[str]:
    logs = world.cloud.session.client("logs").raw
    return [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
    ]


# What the endpoint says to whoever is not a stack


def asked(url: str, *, method: str = "GET", body: bytes | None = None) -> tuple[int, Any]:
    from urllib.error import HTTPError

    try:
        with urlopen(Request(url, body, method=method)) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_server_says_that_it_is_there_and_a_get_closes_nothing(world: Any, serve: Serve) -> None:
    server = serve()
    assert asked(f"{server}/health")[1]["status"] == "ok"
    state = world.click(world.link(calling(world, server)))
    before = (world.held(), world.statuses())
    status, body = asked(state.outputs["FinishUrl"])
    assert (status, body["error"]["message"]) == (405, "a GET closes nothing")
    assert (world.held(), world.statuses()) == before


def test_a_body_that_is_too_long_is_not_read(world: Any, serve: Serve) -> None:
    status, body = asked(
        f"{serve()}/api/v1/enrolments/{'a' * 32}/callback", method="POST", body=b"x" * 100_000
    )
    assert (status, body["error"]["message"]) == (413, "a callback of more than 65,536 bytes")
