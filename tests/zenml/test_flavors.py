"""What we register is what a real ZenML server knows: flavors by type, and their keys."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from provisioner import arn as arns
from provisioner.component import Component, Outputs
from provisioner.components import CATALOGUE
from tests import test_catalogue as catalogue
from tests.zenml.conftest import ZenMLServer

REGISTERED = [c for c in CATALOGUE if c.zenml_flavor]
OURS_ALONE = [c for c in CATALOGUE if not c.zenml_flavor]
Flavors = Mapping[tuple[str, str], Mapping[str, Any]]


@pytest.fixture(scope="session")
def flavors(zenml: ZenMLServer) -> Flavors:
    """(type, name) -> the JSON schema of the configuration."""
    page = zenml.get("/flavors", size=500, hydrate="true")
    assert page["total"] == len(page["items"])
    return {(f["body"]["type"], f["name"]): f["metadata"]["config_schema"] for f in page["items"]}


@dataclass(frozen=True)
class Registration:
    """A component as `finish` would register it in some stack."""

    component: Component
    config: Mapping[str, str]


def outputs_of(component: Component) -> Outputs:
    """Plausible values: of a found thing where one can be found, else the names of the promises."""
    example = catalogue.EXAMPLES.get(component.name)
    return component.outputs_of(arns.parse(example)) if example else {k: k for k in component.outputs}


def registrations(component: Component) -> Iterator[Registration]:
    """With every choice of what the component needs beside it."""
    choices = [[c for c in CATALOGUE if c.type == needed] for needed in component.needs]
    for beside in product(*choices):
        outputs = {c.type: outputs_of(c) for c in (*beside, component)}
        yield Registration(component, component.register_config(outputs))


@cache
def every_registration() -> list[Registration]:
    """Each different one."""
    found: list[Registration] = []
    for component in REGISTERED:
        found += [r for r in registrations(component) if r not in found]
    return found


def test_the_server_is_the_pinned_one(zenml: ZenMLServer) -> None:
    pins = (Path(__file__).parent / "constraints.txt").read_text()
    (pinned,) = re.findall(r"^zenml==(.*)$", pins, re.MULTILINE)
    assert zenml.get("/info")["version"] == pinned


@pytest.mark.parametrize("component", REGISTERED, ids=lambda c: c.name)
def test_the_server_has_the_flavor_for_the_type(component: Component, flavors: Flavors) -> None:
    of_type = [name for type_, name in flavors if type_ == component.type]
    assert component.zenml_flavor in of_type


def test_what_has_no_flavor_with_us_has_none_there(flavors: Flavors) -> None:
    assert [c.name for c in OURS_ALONE if (c.type, c.flavor) in flavors] == []


def test_every_key_is_one_of_the_flavors_configuration(flavors: Flavors) -> None:
    unknown = {
        (r.component.name, key)
        for r in every_registration()
        for key in r.config
        if key not in flavors[r.component.type, r.component.zenml_flavor]["properties"]
    }
    assert unknown == set()


def test_every_required_key_is_there(flavors: Flavors) -> None:
    missing = {
        (r.component.name, key)
        for r in every_registration()
        for key in flavors[r.component.type, r.component.zenml_flavor].get("required", [])
        if key not in r.config
    }
    assert missing == set()


def test_the_server_takes_every_component_and_keeps_its_configuration(zenml: ZenMLServer) -> None:
    for number, registration in enumerate(every_registration()):
        component = registration.component
        request = {
            "name": f"{component.name}-{number}",
            "type": component.type,
            "flavor": component.zenml_flavor,
            "configuration": dict(registration.config),
        }
        answer = zenml.ask("POST", "/components", request)
        assert answer.status == 200, (component.name, answer.body)
        kept = zenml.get(f"/components/{answer.body['id']}", hydrate="true")["metadata"]["configuration"]
        assert {key: as_text(kept[key]) for key in registration.config} == registration.config


def as_text(kept: object) -> str:
    """The server makes true and false of what its flavor has for such."""
    return str(kept).lower() if isinstance(kept, bool) else str(kept)


def test_the_server_refuses_a_key_that_no_flavor_has(zenml: ZenMLServer) -> None:
    request = {
        "name": "wrong",
        "type": "artifact_store",
        "flavor": "s3",
        "configuration": {"path": "s3://bucket", "buckett": "x"},
    }
    assert zenml.ask("POST", "/components", request).status == 400
