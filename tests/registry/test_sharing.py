"""Who may use a stack, what a project is, and which stack is active where."""

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.registry import Registry
from provisioner.sharing import EVERYBODY, Seat, may_use, project
from tests.registry.values import STACK_ID, stack

ANN = Seat(user="ann", groups=("ml", "web"), host="laptop", directory="/home/ann/churn")


@pytest.mark.parametrize(
    ("owner", "groups", "may"),
    [
        ("", [], True),
        ("ann", [], True),
        ("bob", [], False),
        ("bob", ["ml"], True),
        ("bob", ["ops", "web"], True),
        ("bob", ["ops"], False),
        ("bob", ["ann"], False),
        ("bob", [EVERYBODY], True),
        ("", ["ops"], True),
    ],
)
def test_a_stack_is_its_owners_and_its_groups(owner: str, groups: list[str], may: bool) -> None:
    assert may_use(ANN, owner=owner, groups=groups) is may


def test_whoever_has_no_name_may_use_what_has_no_owner() -> None:
    assert [may_use(Seat(), owner=owner, groups=[]) for owner in ("", "ann")] == [True, False]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ({}, "/a/b/c"),
        ({"/a/b/c": {"stack.yaml"}, "/a": {".git"}}, "/a/b/c"),
        ({"/a/b": {".git"}, "/a": {"stack.yaml"}}, "/a/b"),
        ({"/": {".git", "stack.yaml"}}, "/"),
        ({"/a/b": {"readme.md"}}, "/a/b/c"),
    ],
)
def test_a_project_is_the_nearest_folder_that_says_so(held: dict[str, set[str]], found: str) -> None:
    upwards = ["/a/b/c", "/a/b", "/a", "/"]
    assert project((path, frozenset(held.get(path, ()))) for path in upwards) == found


def test_no_folder_is_no_project() -> None:
    assert project([]) == ""


def seats(place: Path | str, **others: Seat) -> dict[str, Registry]:
    return {name: Registry(place, seat=seat) for name, seat in others.items()}


def test_each_directory_host_and_user_has_an_active_stack_of_its_own(place: Path | str) -> None:
    asked = seats(
        place,
        here=ANN,
        elsewhere=replace(ANN, directory="/home/ann/fraud"),
        desktop=replace(ANN, host="desktop"),
        bob=replace(ANN, user="bob"),
    )
    asked["here"].set_active("default")
    asked["here"].set_active_here("churn")
    asked["elsewhere"].set_active_here("fraud")
    assert {name: (r.active(), r.active_here()) for name, r in asked.items()} == {
        "here": ("churn", "churn"),
        "elsewhere": ("fraud", "fraud"),
        "desktop": ("default", ""),
        "bob": ("", ""),
    }


def test_what_was_active_before_users_were_told_apart_is_everybodys_last_resort(place: Path | str) -> None:
    Registry(place).set_active("old")
    ann = Registry(place, seat=ANN)
    assert ann.active() == "old"
    ann.set_active("mine")
    assert (ann.active(), Registry(place, seat=replace(ANN, user="bob")).active()) == ("mine", "old")


def test_a_stack_that_is_forgotten_is_active_nowhere(place: Path | str) -> None:
    asked = seats(place, ann=ANN, bob=replace(ANN, user="bob"))
    asked["ann"].register(stack(), [])
    for registry in asked.values():
        registry.set_active("churn")
        registry.set_active_here("churn")
    asked["ann"].unregister(stack())
    assert [r.active() for r in asked.values()] == ["", ""]


def test_a_stack_that_is_deleted_in_aws_is_active_nowhere(place: Path | str) -> None:
    ann = Registry(place, seat=ANN)
    ann.register(stack(), [])
    ann.set_active("churn")
    ann.set_active_here("churn")
    ann.set_status("churn", "deleting")
    assert ann.active() == "churn"
    ann.set_status("churn", "deleted")
    assert ann.active() == ""


def test_who_registers_a_stack_owns_it_through_every_update(place: Path | str) -> None:
    ann, bob = seats(place, ann=ANN, bob=replace(ANN, user="bob")).values()
    kept = ann.register(stack(), [])
    assert kept == stack(owner="ann")
    shared = ann.share(kept, ["ml"])
    assert bob.register(stack(status="needs_bootstrap"), []) == stack(
        status="needs_bootstrap", owner="ann", groups=("ml",)
    )
    assert (shared, bob.stacks()) == (
        stack(owner="ann", groups=("ml",)),
        [stack(status="needs_bootstrap", owner="ann", groups=("ml",))],
    )


def test_whoever_takes_the_name_of_a_deleted_stack_owns_it(place: Path | str) -> None:
    ann, bob = seats(place, ann=ANN, bob=replace(ANN, user="bob")).values()
    ann.share(ann.register(stack(), []), ["ml"])
    ann.set_status("churn", "deleted")
    assert bob.register(stack(stack_id=STACK_ID + "b"), []) == stack(stack_id=STACK_ID + "b", owner="bob")


def test_who_shares_what_has_no_owner_becomes_it(place: Path | str) -> None:
    Registry(place).register(stack(), [])
    ann = Registry(place, seat=ANN)
    assert ann.share(stack(), ["ml"]) == stack(owner="ann", groups=("ml",))
    assert ann.stacks() == [stack(owner="ann", groups=("ml",))]
