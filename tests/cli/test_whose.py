"""Whose a stack is, asked of every verb that takes the name of one."""

from collections.abc import Iterator
from typing import Any

import click
import pytest

from provisioner.cli import root
from provisioner.cli.options import open_registry
from tests.registry.values import STACK_ID, component, registration, stack

UUID = "11111111-2222-3333-4444-555555555555"
CLAIMED = STACK_ID.removesuffix("1") + UUID
ADDRESS = f"v=1&enrolment={'a' * 32}&stack={CLAIMED}&access.role_arn=arn:aws:iam::111122223333:role/a"
SPEC = ("--preset", "minimal", "--name", "churn", "--region", "eu-central-1")
BUCKET = "arn:aws:s3:::team"
# Verb -> one command line that names the stack.
NAMING = {
    "component delete": ("churn.artifact_store", "--yes"),
    "component show": ("churn.artifact_store",),
    "connector verify": ("churn",),
    "cost actual": ("churn",),
    "deploy": (*SPEC, "--yes"),
    "destroy": ("churn", "--yes", "--region", "eu-central-1"),
    "doctor": ("churn",),
    "finish": ("churn",),
    "stack copy": ("churn", "fraud", BUCKET),
    "stack delete": ("churn", "--yes"),
    "stack diff": ("churn", "fraud"),
    "stack export": ("churn",),
    "stack set": ("churn",),
    "stack share": ("churn", "--everybody"),
    "stack show": ("churn",),
    "status": ("churn",),
    "wait": ("churn",),
    "zenml add": ("churn",),
    "zenml remove": ("churn", "--yes"),
}
# Names that are no stack's: a connector of others is not there at all, and prices are everybody's.
OTHER = {"connector show", "prices show"}


@pytest.fixture(autouse=True)
def eve(monkeypatch: pytest.MonkeyPatch, home: Any) -> None:
    """The stack is ann's, and eve asks."""
    monkeypatch.setenv("STACKWRIGHT_USER", "ann")
    part = component()
    registry = open_registry()
    registry.register(stack("churn", part, stack_id=CLAIMED), [part])
    registry.record_registration(registration(status="registered"))
    monkeypatch.setenv("STACKWRIGHT_USER", "eve")


def verbs(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from verbs(found, (*path, name))
        if not isinstance(found, click.Group) or found.invoke_without_command:
            yield " ".join((*path, name)), found


def test_no_verb_that_takes_a_name_is_left_out() -> None:
    takes = {
        verb
        for verb, command in verbs(root)
        for p in command.params
        if isinstance(p, click.Argument) and p.name in ("name", "what", "source", "a")
    }
    assert takes - OTHER == NAMING.keys() - {"deploy"}


@pytest.mark.parametrize("verb", NAMING)
def test_every_verb_refuses_another_users_stack_alike(cli: Any, verb: str) -> None:
    before = open_registry().stacks(), open_registry().registrations()
    error = cli(*verb.split(), *NAMING[verb], "--json").error
    assert error == {
        "message": "churn is ann's and not shared with eve",
        "hint": "ann shares it by `stackwright stack share churn --group NAME`;"
        " STACKWRIGHT_GROUPS names your groups",
        "field": "name",
        "exit_code": 3,
    }
    assert (open_registry().stacks(), open_registry().registrations()) == before


@pytest.mark.parametrize("verb", ["finish", "destroy", "status"])
def test_its_id_is_refused_like_its_name(cli: Any, verb: str) -> None:
    error = cli(verb, CLAIMED, "--json").error
    assert error["message"] == "churn is ann's and not shared with eve"


def test_its_address_is_refused_like_its_name(cli: Any) -> None:
    assert cli("finish", ADDRESS, "--json").error["message"] == "churn is ann's and not shared with eve"


def test_lists_leave_out_what_is_another_users(cli: Any) -> None:
    assert cli("component", "list", "--json").json == {"components": []}
    assert cli("zenml", "status", "--json").json == {"servers": []}


def test_whoever_it_is_shared_with_is_not_refused(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    open_registry().share(stack("churn", component(), stack_id=CLAIMED, owner="ann"), ["ml"])
    monkeypatch.setenv("STACKWRIGHT_GROUPS", "ml")
    assert cli("component", "show", "churn.artifact_store").code == 0
    assert cli("zenml", "remove", "churn", "--forget", "--yes").code == 0
    assert [c["name"] for c in cli("component", "list", "--json").json["components"]] == [
        "churn.artifact_store"
    ]
