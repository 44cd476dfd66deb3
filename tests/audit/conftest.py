"""Every template through every scanner, once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

from provisioner import synth
from provisioner.plan import Plan
from provisioner.template import Template
from tests.audit import identities, scanners, things
from tests.audit.checks import Result, run
from tests.audit.explained import construct
from tests.audit.plans import every_plan
from tests.audit.scanners import Finding
from tests.audit.world import World, worlds


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the scanners and our own checks say; all by the name of the template."""

    plans: Mapping[str, Plan]
    templates: Mapping[str, Template]
    worlds: Mapping[str, list[World]]
    results: Mapping[str, list[Result]]
    cfn_lint: list[Finding]
    checkov: list[Finding]
    nag: list[Finding]
    # How many resources checkov was given, and how many it understood.
    scanned: tuple[int, int]

    @property
    def own(self) -> list[Finding]:
        return [
            Finding(name, result.check, result.logical_id, result.problem)
            for name, results in self.results.items()
            for result in results
            if result.problem
        ]

    def construct(self, finding: Finding) -> str:
        """The module that makes the resource of a finding."""
        plan, template = self.plans[finding.template], self.templates[finding.template]
        return construct(plan, template, finding.logical_id)


def own_checks(world: World) -> list[Result]:
    return list(run((*identities.CHECKS, *things.CHECKS, things.tags(world)), world))


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    plans, made = every_plan(), tmp_path_factory.mktemp("shapes")
    templates = {name: synth.template(plan, cache_dir=made) for name, plan in plans.items()}
    some = distinct(templates)
    folder = write(some, tmp_path_factory.mktemp("templates"))
    both = {name: worlds(template) for name, template in templates.items()}
    with (
        scanners.start_checkov(folder, tmp_path_factory.mktemp("checkov")) as checkov,
        scanners.start_cfn_lint(folder, tmp_path_factory.mktemp("cfn-lint")) as cfn_lint,
    ):
        nag = scanners.nag({name: both[name][0] for name in some}, tmp_path_factory.mktemp("nag"))
        found, summary = scanners.read_checkov(checkov)
        linted = scanners.read_cfn_lint(cfn_lint)
    return Audit(
        plans=plans,
        templates=templates,
        worlds=both,
        results={name: list(chain(*map(own_checks, w))) for name, w in both.items()},
        cfn_lint=linted,
        checkov=found,
        nag=nag,
        scanned=(sum(len(t.resources) for t in some.values()), summary["resource_count"]),
    )


def distinct(templates: Mapping[str, Template]) -> dict[str, Template]:
    """As few as hold every resource and statement word for word: scanners are slow, and shapes alike."""
    left = {name: set(pieces(template)) for name, template in templates.items()}
    some = {}
    while any(left.values()):
        most = max(left, key=lambda name: (len(left[name]), name))
        some[most], held = templates[most], left[most]
        left = {name: rest - held for name, rest in left.items()}
    return some


def pieces(template: Template) -> Iterator[str]:
    """A role counts by its statements: scanners judge them one by one."""
    for resource in template.resources.values():
        properties = dict(resource["Properties"])
        for policy in properties.pop("Policies", []):
            yield from map(json.dumps, policy["PolicyDocument"]["Statement"])
        yield json.dumps([resource["Type"], properties])


def write(templates: Mapping[str, Template], folder: Path) -> Path:
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(template.text)
    return folder
