"""Servers of three versions, as they really answered: what is written there, in which order, and what not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioner.errors import CheckError
from provisioner.registry import Registry
from provisioner.zenml import engine
from provisioner.zenml.wanted import LeftOut
from tests.zenml_door.scenes import KEY, NAME, NOW, Stage, door, scenes, stack
from tests.zenml_door.wire import PLANTED, TOKEN, URL, VERSIONS, Replay, recording

NO_FLAVOR = LeftOut(type="model_deployer", flavor="sagemaker", reason="ZenML has no flavor for it")
TRACKER = LeftOut(
    type="experiment_tracker",
    flavor="mlflow",
    reason="ZenML takes an ARN as tracking address for a folder of the client",
)
OLD_BUILDER = LeftOut(
    type="image_builder", flavor="codebuild", reason="ZenML 0.70.0 has no image_builder flavor 'aws'"
)
BUILDERS = {"0.70.0": [], "0.85.0": ["image_builder"], "0.98.0": ["image_builder"]}
CREATED = ["artifact_store", "container_registry", "orchestrator", "step_operator"]


@pytest.fixture(params=VERSIONS)
def version(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def wire(version: str) -> Replay:
    return Replay([e for exchanges in recording(version).values() for e in exchanges])


@pytest.fixture
def told(wire: Replay, home: Path) -> dict[str, Any]:
    """What came of each scene, the steps that it took, and the writes that the server saw."""
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    seen: dict[str, Any] = {"stage": stage}
    for scene, outcome in scenes(stage):
        seen[scene] = (outcome, list(stage.steps), list(wire.writes))
        stage.steps.clear()
        wire.writes.clear()
    return seen


def test_a_stack_comes_part_by_part(version: str, told: dict[str, Any]) -> None:
    outcome, steps, writes = told["register"]
    components = [*CREATED, *BUILDERS[version]]
    assert steps == [
        *(f"create connector {NAME}.{t}" for t in ("s3-bucket", "docker-registry", "aws-generic")),
        *(f"create component {NAME}.{t}" for t in components),
        f"create stack {NAME}",
    ]
    base = "/workspaces/default" if version == "0.70.0" else ""
    assert writes == [
        *[f"POST {base}/service_connectors"] * 3,
        *[f"POST {base}/components"] * len(components),
        f"POST {base}/stacks",
    ]
    assert outcome.registration.status == "registered"
    assert set(outcome.registration.ids) == {
        *components,
        *("connector:s3-bucket", "connector:docker-registry", "connector:aws-generic"),
    }


def test_what_a_server_cannot_have_is_named_with_its_reason(version: str, told: dict[str, Any]) -> None:
    outcome, _, _ = told["register"]
    old = [OLD_BUILDER] if version == "0.70.0" else []
    assert outcome.left_out == (*old, TRACKER, NO_FLAVOR)


def test_the_second_time_nothing_is_written(told: dict[str, Any]) -> None:
    first, _, _ = told["register"]
    outcome, steps, writes = told["again"]
    assert (outcome.registration, steps, writes) == (first.registration, [], [])


def test_another_flavor_takes_the_place_of_the_old_one_and_leftovers_go(
    version: str, told: dict[str, Any]
) -> None:
    _, steps, _ = told["change"]
    assert steps[:4] == [
        f"set aside component {NAME}.orchestrator",
        f"create component {NAME}.orchestrator",
        f"update stack {NAME}",
        f"delete component {NAME}.orchestrator.replaced",
    ]
    assert sorted(steps[4:]) == [
        *(f"delete component {NAME}.{t}" for t in [*BUILDERS[version], "step_operator"]),
        f"delete connector {NAME}.aws-generic",
    ]


def test_it_goes_in_the_order_that_servers_allow(told: dict[str, Any], wire: Replay) -> None:
    _, steps, _ = told["unregister"]
    kinds = [s.split()[1] for s in steps]
    assert kinds == ["stack", *["component"] * 3, *["connector"] * 2]
    assert (told["stage"].registry.registrations_of(NAME), wire.is_done) == ([], True)


def test_every_new_thing_is_asked_for_under_a_key_of_its_own(told: dict[str, Any], wire: Replay) -> None:
    assert len(set(wire.keys)) == len(wire.keys) > 0
    assert "" not in wire.keys


def test_recordings_hold_no_secret(version: str) -> None:
    text = str(recording(version))
    assert [s for s in (*PLANTED, "eyJ", "ZENKEY_") if s in text] == []


def test_the_registry_holds_no_secret(told: dict[str, Any], home: Path) -> None:
    stored = (home / "registry.db").read_bytes()
    assert [s for s in PLANTED if s.encode() in stored] == []
    assert told["register"][0].registration.updated_at == NOW
    assert stack().labels == {"stackwright": NAME, "stackwright-stack": stack().id}


class Edited(Replay):
    """A person took the connector from a component meanwhile; what we put there is there again."""

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            self.writes.append(request.url.path)
            return httpx.Response(200, json={})
        answer = super()._answer(request)
        if request.url.path.endswith("/components") and self.edited and not self.writes:
            body = answer.json()
            body["items"][0]["metadata"]["connector"] = None
            return httpx.Response(200, json=body)
        return answer

    edited = False


def test_what_is_updated_in_place_ends_as_registered(version: str, home: Path) -> None:
    wire = Edited([e for scene in ("register", "again") for e in recording(version)[scene]])
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    first = engine.register(stack(), doors=stage.doors).registration
    wire.writes.clear()
    wire.edited = True
    outcome = engine.register(stack(), doors=stage.doors)
    assert [s.action for s in outcome.steps] == ["update"]
    assert (outcome.registration, stage.registration()) == (first, first)
    assert (len(wire.writes), first.status) == (1, "registered")


def test_a_corrected_secret_is_sent_again(version: str, home: Path) -> None:
    """The server's answers of `again` hold the old mark: each connector is written, and read as unchanged."""

    class Taking(Replay):
        sent = 0

        def _answer(self, request: httpx.Request) -> httpx.Response:
            if request.method == "PUT":
                self.sent += b"a-corrected-secret" in request.content
                return httpx.Response(200, json={})
            return super()._answer(request)

    wire = Taking([e for scene in ("register", "again") for e in recording(version)[scene]])
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    engine.register(stack(), doors=stage.doors)
    stage.key = replace(KEY, secret="a-corrected-secret")
    with pytest.raises(CheckError):
        engine.register(stack(), doors=stage.doors)
    assert wire.sent == 3
