"""Templates made by the CDK, and reviewed snapshots of what one component adds to them.

`UPDATE_SNAPSHOTS=1 pytest tests/stacks` writes the snapshots anew; read the difference before you commit it.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner import synth
from provisioner.component import pascal
from provisioner.components import CATALOGUE
from provisioner.template import Template

FOLDER = Path(__file__).parent / "snapshots"
_synthesize = cache(synth.synthesize)

Make = Callable[..., Template]
Check = Callable[[str], None]


@pytest.fixture
def make() -> Make:
    """The template of a spec's components, given as in `stack.yaml`."""

    def of(components: Mapping[str, Any], **more: Any) -> Template:
        base = {"version": 1, "name": "churn", "region": "eu-central-1", "components": components}
        return _synthesize(plans.make(specs.parse(base | more)).shape)

    return of


@pytest.fixture
def check_snapshot(make: Make) -> Check:
    """Holds what a component adds to a template against its reviewed snapshot."""

    def check(name: str) -> None:
        component = next(c for c in CATALOGUE if c.name == name)
        needed = {"artifact_store": "s3", "container_registry": "ecr"}
        host = dict(component.beside[:1])
        chosen = (
            {t: f for t, f in needed.items() if host or t in component.needs}
            | host
            | {component.type: component.flavor}
        )
        text = yaml.safe_dump(
            added(make(chosen), component.type), sort_keys=False, width=110, allow_unicode=True
        )
        path = FOLDER / f"{name}.yaml"
        if os.environ.get("UPDATE_SNAPSHOTS") == "1":
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


def added(template: Template, type_: str) -> dict[str, Any]:
    """Everything in a template that belongs to one component; the tags are the catalogue test's."""
    resources = {k: dict(r) for k, r in template.resources.items() if template.component_of(k) == type_}
    for resource in resources.values():
        properties = resource["Properties"]
        resource["Properties"] = {k: v for k, v in properties.items() if k != "Tags"}
    policies = template.resources["AccessRole"]["Properties"].get("Policies", [])
    return {
        "Parameters": _named(template.parameters, type_),
        "Resources": resources,
        "Access": [p["PolicyDocument"] for p in policies if p["PolicyName"] == type_.replace("_", "-")],
        "Outputs": _named(template.body["Outputs"], type_),
    }


def _named(section: Mapping[str, Any], type_: str) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name.startswith(pascal(type_))}
