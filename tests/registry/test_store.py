"""The registry: every write whole or not at all, and two doors to the same tables."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from provisioner import enrolments
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.enrolments import QuickRegistry, Status
from provisioner.errors import CheckError
from provisioner.registry import RegisteredComponent, RegisteredStack, Registry, with_status
from tests.registry.conftest import open_quickly
from tests.registry.values import (
    ID,
    NOW,
    STACK_ID,
    component,
    enrolment,
    held,
    publication,
    registration,
    stack,
)

# Stacks and components


def test_what_is_registered_is_read_back_whole(registry: Registry) -> None:
    part = component()
    registry.register(stack("churn", part), [part])
    assert held(registry) == ([stack("churn", part)], [part], "")
    assert registry.stack("churn") == stack("churn", part)
    assert registry.component(part.name) == part
    assert registry.components_of(stack("churn", part)) == {"artifact_store": part}


def test_a_fresh_registry_holds_nothing(registry: Registry) -> None:
    assert held(registry) == ([], [], "")
    assert (registry.stack("x"), registry.component("x"), registry.enrolment("x")) == (None, None, None)


def test_registering_twice_ends_the_same(registry: Registry) -> None:
    part = component()
    for _ in range(2):
        registry.register(stack("churn", part), [part])
    assert held(registry) == ([stack("churn", part)], [part], "")


def test_a_name_taken_by_another_stack_is_refused_and_nothing_is_written(registry: Registry) -> None:
    part = component()
    registry.register(stack("churn", part), [part])
    before = held(registry)
    other = component(outputs={"bucket_name": "evil"})
    with pytest.raises(CheckError) as caught:
        registry.register(stack("churn", other, stack_id="another"), [other])
    assert caught.value.message == (
        "a stack 'churn' is registered already (account 111122223333, eu-central-1)"
    )
    assert (caught.value.field, caught.value.exit_code) == ("name", 3)
    assert held(registry) == before


def found_stack(bucket: str) -> tuple[RegisteredStack, list[RegisteredComponent]]:
    part = component(origin="found", outputs={"bucket_name": bucket}, config={"path": f"s3://{bucket}"})
    return stack("churn", part, stack_id="", connector={}, estimate={}, template_sha256=""), [part]


def test_a_found_stack_never_replaces_one_that_holds_other_things(registry: Registry) -> None:
    registry.register(*found_stack("one"))
    before = held(registry)
    with pytest.raises(CheckError) as caught:
        registry.register(*found_stack("two"))
    assert (caught.value.message, caught.value.field) == (
        "a stack 'churn' is registered already (account 111122223333, eu-central-1)",
        "name",
    )
    assert held(registry) == before
    registry.register(*found_stack("one"))
    assert held(registry) == before


def test_a_found_stack_never_replaces_a_built_one_nor_the_other_way_round(registry: Registry) -> None:
    part = component(outputs={"bucket_name": "one"})
    registry.register(stack("churn", part), [part])
    with pytest.raises(CheckError, match="'churn' is registered already"):
        registry.register(*found_stack("one"))
    assert held(registry) == ([stack("churn", part)], [part], "")
    registry.unregister(stack("churn", part))
    registry.register(*found_stack("one"))
    with pytest.raises(CheckError, match="'churn' is registered already"):
        registry.register(stack("churn", part), [part])
    assert registry.stacks() == [found_stack("one")[0]]


def test_the_name_of_a_deleted_stack_is_free(registry: Registry) -> None:
    registry.register(stack("churn", status="deleted"), [])
    registry.register(stack("churn", stack_id="new"), [])
    assert registry.stacks() == [stack("churn", stack_id="new")]


def test_stack_components_and_enrolment_are_one_transaction(registry: Registry) -> None:
    registry.open_enrolment(enrolment())
    part = component()
    unwritable = stack("churn", part, estimate={"total": object()})
    closed = with_status(enrolment(), "registered", stack_id=STACK_ID)
    with pytest.raises((sa.exc.StatementError, TypeError)):
        registry.register(unwritable, [part], closed)
    assert held(registry) == ([], [], "")
    assert registry.enrolment(ID) == enrolment()
    registry.register(stack("churn", part), [part], closed)
    assert registry.enrolment(ID) == closed


def test_a_component_registered_twice_is_one(registry: Registry) -> None:
    registry.register_component(component())
    registry.register_component(component(created_at=NOW + timedelta(days=1)))
    assert [c.name for c in registry.components()] == ["churn.artifact_store"]


def test_another_component_of_the_same_name_is_refused(registry: Registry) -> None:
    registry.register_component(component())
    with pytest.raises(CheckError) as caught:
        registry.register_component(component(account="444455556666"))
    assert caught.value.message == (
        "a component 'churn.artifact_store' is registered already and is another one"
    )
    assert registry.components() == [component()]


def test_unregistering_forgets_a_stack_and_what_it_built(registry: Registry) -> None:
    part = component()
    registry.open_enrolment(enrolment(stack_id=STACK_ID, status="registered"))
    registry.register(stack("churn", part), [part])
    registry.set_active("churn")
    registry.unregister(stack("churn", part))
    assert held(registry) == ([], [], "")
    assert registry.enrolment(ID) == enrolment(stack_id=STACK_ID, status="deleted")


def test_unregistering_a_found_stack_forgets_the_components_it_introduced(registry: Registry) -> None:
    local = component("churn.orchestrator", flavor="local", origin="found", outputs={}, config={})
    own = component(origin="found")
    registry.register(stack("churn", own, local, stack_id=""), [own, local])
    registry.unregister(stack("churn", own, local, stack_id=""))
    assert held(registry) == ([], [], "")


def test_a_component_is_forgotten_unless_a_stack_uses_it(registry: Registry) -> None:
    shared, alone = component("team.artifact_store", origin="found"), component("other.artifact_store")
    for name in ("one", "two"):
        registry.register(stack(name, shared, stack_id=name), [shared])
    registry.register_component(alone)
    registry.forget_component("other.artifact_store")
    with pytest.raises(CheckError) as caught:
        registry.forget_component("team.artifact_store")
    assert (caught.value.message, caught.value.hint) == (
        "team.artifact_store is used by one, two",
        "`stackwright stack delete one` forgets the stack first",
    )
    assert registry.components() == [shared]


def test_unregistering_keeps_what_another_stack_uses_and_what_was_registered_alone(
    registry: Registry,
) -> None:
    shared, own = component("churn.artifact_store"), component("churn.orchestrator")
    found = component("team.container_registry", origin="found")
    first = stack("churn", shared, own, found)
    second = stack("other", shared, stack_id="other")
    registry.register(first, [shared, own, found])
    registry.register(second, [shared])
    registry.set_active("other")
    registry.unregister(first)
    assert held(registry) == ([second], [shared, found], "other")


def test_unregistering_twice_ends_the_same(registry: Registry) -> None:
    registry.register(stack(), [])
    registry.unregister(stack())
    registry.unregister(stack())
    assert held(registry) == ([], [], "")


def test_one_stack_is_active(registry: Registry) -> None:
    registry.set_active("churn")
    registry.set_active("other")
    assert registry.active() == "other"


def test_a_status_is_changed_alone(registry: Registry) -> None:
    registry.register(stack(), [])
    registry.set_status("churn", "deleting")
    assert registry.stacks() == [stack(status="deleting")]


# Copies on servers


def test_a_copy_on_a_server_is_kept_beside_the_stack_and_forgotten_alone(registry: Registry) -> None:
    done = registration(
        status="registered", remote_id="9f", ids={"artifact_store": "1a", "connector:aws": "2b"}
    )
    elsewhere, other = registration(server="https://b.example.com"), registration("other")
    for r in (registration(), done, other, elsewhere):
        registry.record_registration(r)
    assert registry.registrations() == [elsewhere, done, other]
    assert registry.registrations_of("churn") == [elsewhere, done]
    registry.forget_registration("churn", done.server)
    registry.forget_registration("nobody", done.server)
    assert registry.registrations() == [elsewhere, other]


# Enrolments and publications


def test_an_enrolment_carries_what_its_link_carries() -> None:
    made = enrolment(expected_account="111122223333")
    assert made.parameters == {
        "ArtifactStoreNoncurrentDays": "30",
        "ArtifactStoreAbortUploadDays": "7",
        "ContainerRegistryUntaggedDays": "14",
        "ContainerRegistryEmptyOnDelete": "false",
        "EnrolmentId": ID,
    }
    assert (made.start_by, made.finish_by) == (NOW + timedelta(hours=1), NOW + timedelta(hours=24))


def test_only_a_shape_with_an_external_id_gets_one() -> None:
    access = {"trust": "principal", "principal": "arn:aws:iam::111122223333:role/ml"}
    spec = specs.preset("minimal", name="churn", region="eu-central-1").as_dict() | {"access": access}
    ids = iter(["a" * 32, "b" * 32])
    made = enrolments.make(
        plan=plans.make(specs.parse(spec)),
        template_sha256="",
        estimate={},
        now=NOW,
        random_id=lambda: next(ids),
    )
    assert (made.parameters["EnrolmentId"], made.parameters["ExternalId"]) == ("a" * 32, "b" * 32)


def test_the_newest_enrolment_of_a_name_comes_first(registry: Registry) -> None:
    for n, minutes in enumerate([0, 5, 5]):
        registry.open_enrolment(enrolment(id=str(n), opened_at=NOW + timedelta(minutes=minutes)))
    registry.open_enrolment(enrolment(id="us", region="us-east-1"))
    assert [e.id for e in registry.enrolments_of("churn", "eu-central-1")] == ["2", "1", "0"]
    assert [e.id for e in registry.enrolments_of("churn", "us-east-1")] == ["us"]
    assert registry.enrolments_of("other") == []


def test_an_enrolment_is_updated_by_its_id(registry: Registry) -> None:
    registry.open_enrolment(enrolment())
    registry.open_enrolment(enrolment(id="other"))
    registry.update_enrolment(with_status(enrolment(), "failed"))
    assert registry.enrolment(ID) == enrolment(status="failed")
    assert registry.enrolment("other") == enrolment(id="other")


@pytest.mark.parametrize("open_", [open_quickly, Registry])
def test_links_find_what_they_need_in_a_file_and_in_a_database(
    place: Path | str, open_: Callable[[Path | str], QuickRegistry | Registry]
) -> None:
    door = open_(place)
    assert door.publication(sha256="ab", region="eu-central-1") is None
    assert (door.publication_at("https://x"), door.enrolment(ID)) == (None, None)
    for url in ("https://old", "https://x"):
        door.record_publication(publication(url=url))
    door.open_enrolment(enrolment())
    assert door.publication(sha256="ab", region="eu-central-1") == publication()
    assert door.publication(sha256="ab", region="us-east-1") is None
    assert (door.publication_at("https://x"), door.publication_at("https://old")) == (publication(), None)
    assert door.enrolment(ID) == enrolment()


def test_an_enrolment_is_opened_once(place: Path | str) -> None:
    open_quickly(place).open_enrolment(enrolment())
    with pytest.raises((sqlite3.IntegrityError, sa.exc.IntegrityError)):
        open_quickly(place).open_enrolment(enrolment(name="other"))
    assert Registry(place).enrolment(ID) == enrolment()


# What happens between a look and a write


PROVED = enrolment(status="registered", stack_id=STACK_ID)


@pytest.mark.parametrize("status", ["open", "unverified", "failed", "expired"])
def test_an_enrolment_that_was_proved_meanwhile_stays_so(registry: Registry, status: Status) -> None:
    registry.open_enrolment(PROVED)
    registry.update_enrolment(enrolment(status=status))
    assert registry.enrolment(ID) == PROVED
    registry.update_enrolment(replace(PROVED, status="deleted"))
    assert registry.enrolment(ID) == replace(PROVED, status="deleted")


@pytest.mark.parametrize("status", ["registered", "needs_bootstrap", "failed", "deleted", "expired"])
def test_an_address_closes_nothing_that_was_closed_meanwhile(registry: Registry, status: Status) -> None:
    was = enrolment(status=status, stack_id=STACK_ID)
    registry.open_enrolment(was)
    with pytest.raises(CheckError, match=f"this enrolment is {status}: an address works once"):
        registry.register(stack(status="unverified"), [], with_status(was, "unverified"))
    assert (held(registry), registry.enrolment(ID)) == (([], [], ""), was)


def test_an_enrolment_is_for_one_stack(registry: Registry) -> None:
    was = enrolment(status="unverified", stack_id=STACK_ID)
    registry.open_enrolment(was)
    with pytest.raises(CheckError, match="the enrolment was used by another stack"):
        registry.register(stack(stack_id="other"), [], with_status(was, "registered", stack_id="other"))
    assert (held(registry), registry.enrolment(ID)) == (([], [], ""), was)


def test_a_stack_never_replaces_a_component_that_is_not_its_own(registry: Registry) -> None:
    registry.register_component(component(origin="found", outputs={"bucket_name": "old"}))
    before = held(registry)
    with pytest.raises(CheckError, match=r"'churn.artifact_store' is registered already and is another one"):
        registry.register(stack("churn", component()), [component()])
    assert held(registry) == before


def test_a_stack_replaces_its_own_components(registry: Registry) -> None:
    registry.register(stack("churn", component()), [component()])
    changed = component(outputs={"bucket_name": "c", "bucket_arn": "arn:aws:s3:::c"})
    registry.register(stack("churn", changed), [changed])
    assert registry.components() == [changed]


def test_a_snapshot_answers_as_the_registry_did(registry: Registry) -> None:
    part, lone = component(), stack("lone", stack_id="lone", components={"artifact_store": "gone"})
    registry.register(stack("churn", part), [part])
    registry.register(lone, [])
    registry.record_registration(registration())
    registry.set_active("churn")
    held = registry.snapshot()
    registry.unregister(stack("churn", part))
    assert (held.stacks(), held.active()) == ([stack("churn", part), lone], "churn")
    assert held.registrations_of("churn") == [registration()] and held.registrations_of("lone") == []
    assert [held.components_of(s) for s in held.stacks()] == [{"artifact_store": part}, {}]
