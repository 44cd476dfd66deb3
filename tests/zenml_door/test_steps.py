"""What is wanted against what is there: pure values, no server."""

from dataclasses import replace
from typing import Any

import pytest

from provisioner.errors import CheckError
from provisioner.zenml import steps, wanted
from provisioner.zenml.steps import FoundComponent, FoundConnector, FoundStack, Own, World
from provisioner.zenml.wanted import Flavor, Login, Part, Wanted
from tests.zenml_door.scenes import NAME, ROLE, stack
from tests.zenml_door.wire import recording

LOGIN = Login(method="implicit", role_arn=ROLE)


def flavors() -> dict[tuple[str, str], Flavor]:
    """Those of 0.98, as it tells them."""
    from provisioner.zenml.server import _flavor

    asked = (e for e in recording("0.98.0")["register"] if e["request"]["path"].endswith("/flavors"))
    found = [_flavor(item) for item in next(asked)["answer"]["items"]]
    return {(f.type, f.name): f for f in found}


def made(login: Login = LOGIN, **chosen: str) -> Wanted:
    return wanted.make(stack(**chosen), flavors=flavors(), login=login, version="0.98.0")


def world(of: Wanted, **more: Any) -> World:
    """A server that holds exactly this."""
    connectors = tuple(
        FoundConnector(
            id=c.key,
            name=c.name,
            labels=c.labels,
            connector_type="aws",
            method=c.method,
            resource_types=(c.resource_type,),
            resource_id=c.resource_id,
            configuration=c.configuration,
        )
        for c in of.connectors
    )
    components = tuple(
        FoundComponent(
            id=c.type,
            name=c.name,
            labels=c.labels,
            type=c.type,
            flavor=c.flavor,
            configuration=c.configuration,
            connector_id=c.connector,
            resource_id=c.resource_id,
        )
        for c in of.components
    )
    whole = FoundStack(
        id="stack", name=of.name, labels=of.labels, components={c.type: (c.type,) for c in of.components}
    )
    return replace(World(connectors=connectors, components=components, stacks=(whole,)), **more)


OWN = Own(labels=stack().labels)


def told(of: Wanted, at: World, own: Own = OWN) -> list[str]:
    return [step.words for step in steps.plan(of, at, own)]


def test_what_is_there_already_takes_no_step() -> None:
    assert told(made(), world(made())) == []


def test_an_empty_server_takes_a_step_for_each_part() -> None:
    assert [w.split()[:2] for w in told(made(), World())] == [
        *[["create", "connector"]] * 3,
        *[["create", "component"]] * 5,
        ["create", "stack"],
    ]


def test_another_way_in_is_changed_under_components_that_let_go_of_it() -> None:
    by_key = Login(method="iam-role", role_arn=ROLE, key_mark="1")
    done = told(made(by_key), world(made()))
    assert done[:2] == [
        f"detach component {NAME}.artifact_store",
        f"update connector {NAME}.s3-bucket",
    ]
    assert sorted(done[-5:]) == sorted(f"update component {c.name}" for c in made().components)


def test_a_new_key_of_the_same_kind_updates_connectors_alone() -> None:
    first = Login(method="iam-role", role_arn=ROLE, key_mark="1")
    done = told(made(replace(first, key_mark="2")), world(made(first)))
    assert done == [f"update connector {c.name}" for c in made().connectors]


def test_secrets_that_a_server_shows_or_hides_are_no_difference() -> None:
    there = world(made())
    shown = tuple(
        replace(c, configuration={**c.configuration, "aws_secret_access_key": "x", "endpoint_url": None})
        for c in there.connectors
    )
    assert told(made(), replace(there, connectors=shown)) == []


def test_what_a_person_added_to_a_configuration_stays_until_we_change_it() -> None:
    there = world(made())
    tuned = tuple(
        replace(c, configuration={**c.configuration, "instance_type": "ml.m5.4xlarge"})
        for c in there.components
    )
    assert told(made(), replace(there, components=tuned)) == []


def test_a_component_that_lost_its_connector_gets_it_back() -> None:
    there = world(made())
    loose = tuple(replace(c, connector_id="") if c.type == "orchestrator" else c for c in there.components)
    assert told(made(), replace(there, components=loose)) == [f"update component {NAME}.orchestrator"]


def test_a_renamed_stack_is_ours_by_its_id_and_gets_its_name_back() -> None:
    there = world(made())
    renamed = (replace(there.stacks[0], name="mine", labels={}),)
    own = replace(OWN, ids=frozenset({"stack"}))
    assert told(made(), replace(there, stacks=renamed), own) == [f"update stack {NAME}"]


@pytest.mark.parametrize("kind", ["connectors", "components", "stacks"])
def test_a_name_of_somebody_else_stops_everything(kind: str) -> None:
    there = world(made())
    first = getattr(there, kind)[0]
    taken = replace(first, labels={"stackwright": NAME, "stackwright-stack": "arn:another"}, owner="ann")
    with pytest.raises(CheckError, match="already, which is of the stack arn:another"):
        told(made(), replace(World(), **{kind: (taken,)}))


def test_removal_takes_what_is_ours_and_nothing_else() -> None:
    there = world(made())
    theirs = replace(there.components[0], id="x", labels={})
    done = steps.removal(replace(there, components=(*there.components, theirs)), OWN)
    assert [s.kind for s in done] == ["stack", *["component"] * 5, *["connector"] * 3]
    assert "x" not in [s.id for s in done]


def test_without_labels_only_what_is_remembered_is_ours() -> None:
    done = steps.removal(world(made()), Own(labels={}, ids=frozenset({"stack", "orchestrator"})))
    assert [s.id for s in done] == ["stack", "orchestrator"]


def test_a_connector_is_for_one_resource_in_the_stacks_region() -> None:
    connectors = made().connectors
    assert {c.resource_type: c.resource_id for c in connectors} == {
        "s3-bucket": "s3://churn-dev-1",
        "docker-registry": "111122223333.dkr.ecr.eu-central-1.amazonaws.com",
        "aws-generic": "eu-central-1",
    }
    assert {c.configuration["region"] for c in connectors} == {"eu-central-1"}


def test_a_second_cluster_has_a_connector_of_its_own() -> None:
    def on(type_: str, cluster: str) -> Part:
        return Part(type=type_, flavor="eks", config={}, outputs={"cluster_name": cluster})

    base = stack(orchestrator="", step_operator="", image_builder="")
    two = replace(base, parts=(*base.parts, on("orchestrator", "one"), on("step_operator", "two")))
    known = flavors()
    known["step_operator", "kubernetes"] = replace(known["orchestrator", "kubernetes"], type="step_operator")
    found = wanted.make(two, flavors=known, login=LOGIN, version="0.98.0").connectors
    assert {c.key: c.name for c in found if c.resource_type == "kubernetes-cluster"} == {
        "connector:kubernetes-cluster": f"{NAME}.kubernetes-cluster",
        "connector:kubernetes-cluster:two": f"{NAME}.kubernetes-cluster.two",
    }


def test_a_customers_key_is_in_the_session_policy_of_the_bucket_alone() -> None:
    key = "arn:aws:kms:eu-central-1:111122223333:key/1"
    found = {c.resource_type: c.configuration for c in made(replace(LOGIN, data_key=key)).connectors}
    assert key in found["s3-bucket"]["policy"]
    assert '"Resource":"arn:aws:s3:::churn-dev-1/*"' in found["s3-bucket"]["policy"]
    assert [t for t, c in found.items() if "policy" in c] == ["s3-bucket"]


def test_values_are_of_the_flavors_own_types() -> None:
    schema = {"properties": {"spot": {"type": "boolean"}, "size": {"anyOf": [{"type": "integer"}]}}}
    flavor = Flavor(type="orchestrator", name="x", schema=schema)
    part = Part(type="orchestrator", flavor="x", config={"spot": "true", "size": "5"})
    assert wanted.typed(part, flavor) == {"spot": True, "size": 5}
    with pytest.raises(CheckError, match="orchestrator: spot is 'maybe', and the server wants boolean"):
        wanted.typed(replace(part, config={"spot": "maybe"}), flavor)


def test_a_stack_without_an_orchestrator_gets_a_local_one_and_says_so() -> None:
    found = made(orchestrator="", step_operator="", image_builder="")
    assert {c.type: c.flavor for c in found.components}["orchestrator"] == "local"
    assert found.notes == ("ZenML runs no stack without an orchestrator: a local one stands in",)


def test_a_stack_without_an_artifact_store_is_refused() -> None:
    with pytest.raises(CheckError, match="needs an artifact_store, and this one has none"):
        made(artifact_store="")


def test_a_stack_of_found_things_is_known_by_what_it_holds() -> None:
    found = replace(stack(), id="")
    fewer = replace(found, parts=found.parts[:2])
    assert found.mark == replace(stack(), id="").mark != fewer.mark
    assert stack().mark == stack().id
