"""Stacks into a real ZenML server and out again: it is left as it was, whatever happens in between."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from provisioner import spec as specs
from provisioner.cli import zenml_target
from provisioner.components import find
from provisioner.zenml import engine, login
from provisioner.zenml.server import Credential, Server
from provisioner.zenml.steps import World as Holding
from provisioner.zenml.wanted import Login, Part
from tests.cli.conftest import cli
from tests.conftest import NAME, REGION, World
from tests.zenml.conftest import ZenMLServer, running
from tests.zenml.e2e.conftest import OWN_CREDENTIALS, PYTHON

__all__ = ["cli"]

KEY_ID, KEY_SECRET = "AKIAPLANTEDPLANTED01", "PLANTED-secret-of-a-key"
# What only a user can know: who may reach the cluster, or the machines.
OPTIONS = {
    "eks": {"public_access_cidrs": ["198.51.100.7/32"]},
    "ec2": {"ssh_cidrs": ["198.51.100.7/32"]},
}


@pytest.fixture(scope="session")
def server(emulator: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenMLServer]:
    """A server with a role of its own in AWS, which connectors may use."""
    settings = OWN_CREDENTIALS | {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "ZENML_ENABLE_IMPLICIT_AUTH_METHODS": "true",
    }
    with running(tmp_path_factory.mktemp("zenml-aws"), PYTHON, **settings) as answering:
        yield answering


@pytest.fixture
def zenml(server: ZenMLServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZenMLServer]:
    """The same, logged in to by the environment; nothing of ours is left behind."""
    monkeypatch.setenv("STACKWRIGHT_ZENML_URL", server.url)
    monkeypatch.setenv("STACKWRIGHT_ZENML_TOKEN", server.token)
    yield server
    for path in ("/stacks", "/components", "/service_connectors"):
        for thing in server.get(path, size=200)["items"]:
            if thing["name"] != "default":
                server.ask("DELETE", f"{path}/{thing['id']}")


def held(server: ZenMLServer) -> dict[str, list[str]]:
    """What the server has, by name."""
    paths = ("stacks", "components", "service_connectors")
    return {p: sorted(t["name"] for t in server.get(f"/{p}", size=200)["items"]) for p in paths}


def wish(preset: str) -> specs.Spec:
    text = specs.preset(preset, name=NAME, region=REGION).as_dict()
    components: Any = text["components"]
    if preset in OPTIONS:
        components["orchestrator"] = {"flavor": preset, "options": OPTIONS[preset]}
    return specs.parse({**text, "register": {"to": "zenml"}})


@pytest.fixture
def deployed(world: World) -> Any:
    """Makes the stack of a preset, as `deploy` does, and calls it registered."""

    def make(preset: str) -> Any:
        world.deploy(wish(preset))
        world.finish()
        world.registry.set_bootstrapped(NAME)
        return world.registry.stack(NAME)

    return make


CONNECTORS = {
    "minimal": {"docker-registry", "s3-bucket"},
    "sagemaker": {"aws-generic", "docker-registry", "s3-bucket"},
    "eks": {"aws-generic", "docker-registry", "kubernetes-cluster", "s3-bucket"},
    "ec2": {"aws-generic", "docker-registry", "s3-bucket"},
}


@pytest.mark.parametrize("preset", specs.PRESETS)
def test_a_preset_comes_is_verified_stays_and_goes_without_a_trace(
    preset: str, deployed: Any, zenml: ZenMLServer, cli: Any
) -> None:
    before = held(zenml)
    stack = deployed(preset)
    first = cli("zenml", "add", NAME, "--json")
    assert first.code == 0, first
    (registration,) = first.json["registrations"]
    assert (registration["server"], registration["status"]) == (zenml.url, "registered")
    assert registration["left_out"] == []
    assert held(zenml) == {
        "stacks": [NAME, "default"],
        "components": sorted([*before["components"], *(f"{NAME}.{t}" for t in stack.components)]),
        "service_connectors": sorted(f"{NAME}.{c}" for c in CONNECTORS[preset]),
    }
    verified = cli("connector", "verify", NAME, "--json")
    assert verified.code == 0, verified
    assert {c["resource_type"]: c["ok"] for c in verified.json["checks"]} == dict.fromkeys(
        CONNECTORS[preset], True
    )
    again = cli("zenml", "add", NAME, "--json")
    assert (again.json, again.code) == (first.json, 0)
    assert "all as it should be" in again.err
    assert cli("stack", "delete", NAME, "--yes").code == 0
    assert held(zenml) == before


def test_every_component_has_its_flavor_its_configuration_and_its_connector(
    deployed: Any, zenml: ZenMLServer, cli: Any, world: World
) -> None:
    stack = deployed("sagemaker")
    cli("zenml", "add", NAME)
    kept = {c.type: c for c in world.registry.components_of(stack).values()}
    for item in zenml.get("/components", name=f"startswith:{NAME}.", hydrate="true")["items"]:
        component = kept[item["body"]["type"]]
        flavor = find(component.type, component.flavor)
        assert flavor is not None
        assert item["body"]["flavor_name"] == flavor.zenml_flavor
        configuration = item["metadata"]["configuration"]
        assert {k: str(configuration[k]) for k in component.config} == dict(component.config)
        assert item["metadata"]["connector"]["name"].startswith(f"{NAME}.")
        assert item["metadata"]["labels"]["stackwright"] == NAME


def test_deploy_registers_and_destroy_takes_out_first(zenml: ZenMLServer, cli: Any, world: World) -> None:
    before = held(zenml)
    asked = ("--preset", "minimal", "--name", NAME, "--to", "zenml")
    done = cli("deploy", *asked, "--yes", "--json")
    assert (done.code, [r["status"] for r in done.json["registrations"]]) == (0, ["registered"]), done.err
    assert NAME in held(zenml)["stacks"]
    gone = cli("destroy", NAME, "--yes", "--json")
    assert (gone.code, held(zenml)) == (0, before), gone.err
    assert f"1. take {NAME} out of ZenML {zenml.url}" in gone.err


def test_one_status_takes_out_a_stack_that_cloudformation_has_no_more(
    deployed: Any, zenml: ZenMLServer, cli: Any, world: World
) -> None:
    before = held(zenml)
    stack = deployed("minimal")
    cli("zenml", "add", NAME)
    world.cloud.stacks.delete(stack.stack_id)
    said = cli("status", NAME, "--json").json
    assert (said["registry"], said["registrations"], held(zenml)) == ("deleted", [], before)


def test_a_changed_stack_is_changed_in_place(
    deployed: Any, zenml: ZenMLServer, cli: Any, world: World
) -> None:
    deployed("sagemaker")
    (first,) = cli("zenml", "add", NAME, "--json").json["registrations"]
    changed = wish("sagemaker").as_dict()
    components: Any = changed["components"]
    del components["step_operator"]
    components["orchestrator"] = "local"
    world.deploy(specs.parse(changed))
    world.finish()
    (second,) = cli("zenml", "add", NAME, "--json").json["registrations"]
    assert second["remote_id"] == first["remote_id"]
    assert second["components"]["artifact_store"] == first["components"]["artifact_store"]
    assert held(zenml)["service_connectors"] == [f"{NAME}.docker-registry", f"{NAME}.s3-bucket"]
    stack = zenml.get("/stacks", name=NAME, hydrate="true")["items"][0]["metadata"]["components"]
    assert {t: c[0]["body"]["flavor_name"] for t, c in stack.items()} == {
        "artifact_store": "s3",
        "container_registry": "aws",
        "orchestrator": "local",
    }


class Killed(BaseException):
    """As by kill -9: nothing is tidied up."""


class Wire(httpx.HTTPTransport):
    """A real connection that counts writes, and dies before or after one of them."""

    def __init__(self, *, die_at: int = 0, answered: bool = False) -> None:
        super().__init__()
        self.writes: list[str] = []
        self._die_at = die_at
        self._answered = answered

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if request.method == "GET" or path.endswith(("/verify", "/login")):
            return super().handle_request(request)
        self.writes.append(f"{request.method} {path.rsplit('/', 1)[0] if path.count('/') > 1 else path}")
        dies = len(self.writes) == self._die_at
        if dies and not self._answered:
            raise Killed
        answer = super().handle_request(request)
        if dies:
            answer.read()
            raise Killed
        return answer


def doors(zenml: ZenMLServer, world: World, wire: Wire | None = None) -> engine.Doors:
    from uuid import uuid4

    stack = world.registry.stack(NAME)
    door = Server(
        zenml.url,
        Credential(kind="token", secret=zenml.token),
        new_id=lambda: str(uuid4()),
        transport=wire,
    )
    key = engine.Key(id=KEY_ID, secret=KEY_SECRET)
    return engine.Doors(
        server=door,
        registry=world.registry,
        login=lambda implicit: (
            login.choose(connector=stack.connector, implicit=implicit, key_mark=key.mark(stack.stack_id)),
            key,
        ),
        now=lambda: world.now,
    )


def shape(holding: Holding) -> Any:
    """What the server holds, without the ids that differ from run to run."""
    names = {t.id: t.name for things in holding.things().values() for t in things}
    return (
        {c.name: (c.method, c.resource_types, c.resource_id, dict(c.labels)) for c in holding.connectors},
        {c.name: (c.flavor, dict(c.configuration), names.get(c.connector_id), c.resource_id, dict(c.labels))
         for c in holding.components},
        {s.name: ({t: [names[i] for i in ids] for t, ids in s.components.items()}, dict(s.labels))
         for s in holding.stacks},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_killed_at_any_write_the_same_command_ends_like_an_undisturbed_one(
    answered: bool, deployed: Any, zenml: ZenMLServer, world: World
) -> None:
    stack = zenml_target.plain(deployed("sagemaker"), world.registry)
    before = held(zenml)
    wire = Wire()
    engine.register(stack, doors=doors(zenml, world, wire))
    door = doors(zenml, world).server
    undisturbed = shape(door.world(NAME))
    for number in range(1, len(wire.writes) + 1):
        (registration,) = world.registry.registrations_of(NAME)
        engine.unregister(registration, labels=stack.labels, doors=doors(zenml, world))
        assert held(zenml) == before
        with pytest.raises(Killed):
            engine.register(stack, doors=doors(zenml, world, Wire(die_at=number, answered=answered)))
        assert [r.status for r in world.registry.registrations_of(NAME)] == ["registering"]
        engine.register(stack, doors=doors(zenml, world))
        assert shape(door.world(NAME)) == undisturbed, number
        assert [r.status for r in world.registry.registrations_of(NAME)] == ["registered"]


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_killed_at_any_change_the_same_command_ends_like_an_undisturbed_one(
    answered: bool, deployed: Any, zenml: ZenMLServer, world: World
) -> None:
    """Another orchestrator, no step operator, another way in: every kind of step there is."""
    whole = zenml_target.plain(deployed("sagemaker"), world.registry)
    orchestrator = Part(type="orchestrator", flavor="local", config={})
    kept = [p for p in whole.parts if p.type not in ("orchestrator", "step_operator")]
    changed = replace(whole, parts=(*kept, orchestrator))

    def by_own_identity(wire: Wire | None = None) -> engine.Doors:
        found = doors(zenml, world, wire)
        role = Login(method="implicit", role_arn=world.registry.stack(NAME).connector["role_arn"])
        return replace(found, login=lambda implicit: (role, None))

    door = doors(zenml, world).server
    wire = Wire()
    engine.register(whole, doors=doors(zenml, world))
    engine.register(changed, doors=by_own_identity(wire))
    undisturbed = shape(door.world(NAME))
    for number in range(1, len(wire.writes) + 1):
        engine.register(whole, doors=doors(zenml, world))
        with pytest.raises(Killed):
            engine.register(changed, doors=by_own_identity(Wire(die_at=number, answered=answered)))
        engine.register(changed, doors=by_own_identity())
        assert shape(door.world(NAME)) == undisturbed, wire.writes[number - 1]


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_killed_at_any_deletion_the_same_command_leaves_nothing(
    answered: bool, deployed: Any, zenml: ZenMLServer, world: World
) -> None:
    stack = zenml_target.plain(deployed("minimal"), world.registry)
    before = held(zenml)
    for number in range(1, 7):
        engine.register(stack, doors=doors(zenml, world))
        (registration,) = world.registry.registrations_of(NAME)
        with pytest.raises(Killed):
            engine.unregister(
                registration,
                labels=stack.labels,
                doors=doors(zenml, world, Wire(die_at=number, answered=answered)),
            )
        (registration,) = world.registry.registrations_of(NAME)
        assert registration.status == "removing"
        engine.unregister(registration, labels=stack.labels, doors=doors(zenml, world))
        assert (held(zenml), world.registry.registrations_of(NAME)) == (before, [])


def test_a_planted_key_is_on_the_server_and_nowhere_else(
    deployed: Any, zenml: ZenMLServer, cli: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed("minimal")
    monkeypatch.setenv("STACKWRIGHT_ZENML_AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("STACKWRIGHT_ZENML_AWS_SECRET_ACCESS_KEY", KEY_SECRET)
    ran = [cli("zenml", "add", NAME, "--json"), cli("stack", "show", NAME, "--json"), cli("zenml", "status")]
    (connector,) = zenml.get(
        "/service_connectors", name=f"{NAME}.s3-bucket", expand_secrets="true", hydrate="true"
    )["items"]
    assert connector["body"]["auth_method"] == "iam-role"
    assert connector["metadata"]["configuration"]["aws_secret_access_key"] == KEY_SECRET
    written = "".join(r.out + r.err for r in ran)
    stored = b"".join(p.read_bytes() for p in world.home.rglob("*") if p.is_file())
    for secret in (KEY_ID, KEY_SECRET, zenml.token):
        assert secret not in written
        assert secret.encode() not in stored
    cli("stack", "delete", NAME, "--yes")
    assert zenml.get("/secrets", size=200)["total"] == 0


def test_a_corrected_secret_of_the_same_key_is_sent_again(
    deployed: Any, zenml: ZenMLServer, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed("minimal")
    monkeypatch.setenv("STACKWRIGHT_ZENML_AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("STACKWRIGHT_ZENML_AWS_SECRET_ACCESS_KEY", "a-typing-mistake")
    assert cli("zenml", "add", NAME).code == 0
    monkeypatch.setenv("STACKWRIGHT_ZENML_AWS_SECRET_ACCESS_KEY", KEY_SECRET)
    again = cli("zenml", "add", NAME, "--json")
    assert (again.code, [r["status"] for r in again.json["registrations"]]) == (0, ["registered"])
    kept = zenml.get(
        "/service_connectors", name=f"startswith:{NAME}.", expand_secrets="true", hydrate="true"
    )["items"]
    assert {c["metadata"]["configuration"]["aws_secret_access_key"] for c in kept} == {KEY_SECRET}
    assert "all as it should be" in cli("zenml", "add", NAME).err


def test_a_name_that_somebody_else_has_is_theirs(deployed: Any, zenml: ZenMLServer, cli: Any) -> None:
    deployed("minimal")
    default = zenml.get("/stacks", name="default", hydrate="true")["items"][0]
    parts = {t: [c[0]["id"]] for t, c in default["metadata"]["components"].items()}
    zenml.ask("POST", "/stacks", {"name": NAME, "components": parts})
    before = held(zenml)
    refused = cli("zenml", "add", NAME, "--json")
    assert (refused.code, refused.error["message"]) == (
        3,
        f"the ZenML server has a stack '{NAME}' already, which is not stackwright's, but made by admin",
    )
    assert held(zenml) == before


def test_deploy_builds_nothing_under_a_name_that_is_taken_there(
    zenml: ZenMLServer, cli: Any, world: World
) -> None:
    default = zenml.get("/stacks", name="default", hydrate="true")["items"][0]
    parts = {t: [c[0]["id"]] for t, c in default["metadata"]["components"].items()}
    theirs = zenml.ask("POST", "/stacks", {"name": NAME, "components": parts})
    asked = ("deploy", "--preset", "minimal", "--name", NAME, "--to", "zenml", "--yes", "--json")
    refused = cli(*asked)
    assert (refused.code, refused.error["message"]) == (
        3,
        f"the ZenML server has a stack '{NAME}' already, which is not stackwright's, but made by admin",
    )
    assert (world.cloud.stacks.describe(NAME), world.registry.stacks()) == (None, [])
    zenml.ask("DELETE", f"/stacks/{theirs.body['id']}")
    assert cli(*asked).code == 0
    again = cli(*asked)
    assert (again.code, "all as it should be" in again.err) == (0, True)


def test_a_component_that_others_use_stays_and_is_named(deployed: Any, zenml: ZenMLServer, cli: Any) -> None:
    deployed("minimal")
    (registration,) = cli("zenml", "add", NAME, "--json").json["registrations"]
    parts = {t: [i] for t, i in registration["components"].items()}
    theirs = zenml.ask("POST", "/stacks", {"name": "theirs", "components": parts})
    refused = cli("stack", "delete", NAME, "--yes", "--json")
    assert refused.code == 5
    assert refused.error["message"].startswith(f"the ZenML server keeps component {NAME}.artifact_store, ")
    zenml.ask("DELETE", f"/stacks/{theirs.body['id']}")
    assert cli("stack", "delete", NAME, "--yes").code == 0


def test_an_api_key_of_a_service_account_is_a_login(
    deployed: Any,
    zenml: ZenMLServer,
    cli: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    account = zenml.ask("POST", "/service_accounts", {"name": "ci", "active": True, "description": ""}).body
    made = zenml.ask("POST", f"/service_accounts/{account['id']}/api_keys", {"name": "k", "description": ""})
    key = made.body["body"]["key"]
    monkeypatch.delenv("STACKWRIGHT_ZENML_TOKEN")
    monkeypatch.setenv("STACKWRIGHT_ZENML_API_KEY", key)
    deployed("minimal")
    assert cli("zenml", "add", NAME).code == 0
    rotated = zenml.ask("DELETE", f"/service_accounts/{account['id']}/api_keys/{made.body['id']}")
    assert rotated.status == 200
    refused = cli("zenml", "add", NAME, "--json")
    assert (refused.code, key in refused.out + refused.err) == (4, False)
    assert "does not take this API key" in refused.error["message"]
    assert (key in caplog.text, "eyJ" in caplog.text) == (False, False)


def test_status_tells_what_is_there_still(deployed: Any, zenml: ZenMLServer, cli: Any) -> None:
    deployed("minimal")
    (registration,) = cli("zenml", "add", NAME, "--json").json["registrations"]
    (found,) = cli("zenml", "status", "--json").json["servers"]
    assert found == {
        "server": zenml.url,
        "version": zenml.get("/info")["version"],
        "user": "admin",
        "login": "the environment",
        "aws_connector": True,
        "implicit": True,
        "missing": [],
        "error": "",
        "hint": "",
        "stacks": [{"name": NAME, "status": "registered", "there": "registered", "called": NAME}],
    }
    zenml.ask("PUT", f"/stacks/{registration['remote_id']}", {"name": "theirs"})
    (found,) = cli("zenml", "status", "--json").json["servers"]
    assert found["stacks"] == [{"name": NAME, "status": "registered", "there": "changed", "called": "theirs"}]
    assert f"where somebody calls it theirs: `stackwright zenml add {NAME}`" in cli("zenml", "status").out
    zenml.ask("DELETE", f"/stacks/{registration['remote_id']}")
    (found,) = cli("zenml", "status", "--json").json["servers"]
    assert found["stacks"] == [{"name": NAME, "status": "registered", "there": "missing", "called": ""}]
    assert cli("zenml", "add", NAME).code == 0
    (found,) = cli("zenml", "status", "--json").json["servers"]
    assert found["stacks"] == [{"name": NAME, "status": "registered", "there": "registered", "called": NAME}]


def test_a_role_that_is_gone_is_found_by_the_server_and_told_with_the_way_out(
    deployed: Any, zenml: ZenMLServer, cli: Any, world: World
) -> None:
    stack = deployed("minimal")
    cli("zenml", "add", NAME)
    role = stack.connector["role_arn"].rpartition("/")[2]
    for policy in world.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        world.iam.delete_role_policy(RoleName=role, PolicyName=policy)
    world.iam.delete_role(RoleName=role)
    ran = cli("connector", "verify", NAME, "--json")
    assert (ran.code, {c["ok"] for c in ran.json["checks"]}) == (3, {False})
    assert "Next: the server's identity may not assume the role" in ran.err


def test_the_stacks_own_key_goes_from_secrets_manager_to_the_server(
    zenml: ZenMLServer, cli: Any, world: World
) -> None:
    spec = {**wish("minimal").as_dict(), "access": {"trust": "access_key"}}
    world.deploy(specs.parse(spec))
    world.finish()
    added = cli("zenml", "add", NAME, "--json")
    assert added.code == 0, added
    verified = cli("connector", "verify", NAME, "--json")
    assert (verified.code, {c["ok"] for c in verified.json["checks"]}) == (0, {True}), verified
    (connector,) = zenml.get(
        "/service_connectors", name=f"{NAME}.s3-bucket", expand_secrets="true", hydrate="true"
    )["items"]
    secret = connector["metadata"]["configuration"]["aws_secret_access_key"]
    stored = b"".join(p.read_bytes() for p in world.home.rglob("*") if p.is_file())
    assert (secret in added.out + added.err + verified.out, secret.encode() in stored) == (False, False)


def test_a_stack_of_found_things_needs_a_way_in_and_gets_the_one_that_is_named(
    zenml: ZenMLServer, cli: Any, world: World
) -> None:
    world.deploy(wish("minimal"))
    role = world.finish().connector["role_arn"]
    world.cloud.buckets.create_private("team-artifacts")
    asked = ("register", "arn:aws:s3:::team-artifacts", "--stack", "shared", "--unfit")
    refused = cli(*asked, "--to", "zenml", "--json")
    assert (refused.code, refused.error["message"]) == (
        3,
        "the stack has no access role, so the ZenML server has no way into its account",
    )
    done = cli(*asked, "--to", "zenml", "--zenml-role", role, "--json")
    assert (done.code, [r["status"] for r in done.json["registrations"]]) == (0, ["registered"]), done
    assert "shared" in held(zenml)["stacks"]
    assert cli("stack", "set", "shared").err.endswith("For ZenML's own client: `zenml stack set shared`.\n")
    assert cli("stack", "delete", "shared", "--yes").code == 0
    assert "shared" not in held(zenml)["stacks"]
