"""Every template through every scanner, once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

from provisioner.plan import Plan
from provisioner.template import Template
from tests import test_catalogue as catalogue
from tests.audit import identities, scanners, things
from tests.audit.checks import Result, run
from tests.audit.explained import construct
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
    plans = {name.removesuffix(".json"): plan for name, plan in catalogue.PLANS.items()}
    templates = {name.removesuffix(".json"): catalogue.template(name) for name in catalogue.PLANS}
    some = distinct(templates)
    folder = write(some, tmp_path_factory.mktemp("templates"))
    checkov = scanners.start_checkov(folder, tmp_path_factory.mktemp("checkov"))
    cfn_lint = scanners.start_cfn_lint(folder, tmp_path_factory.mktemp("cfn-lint"))
    both = {name: worlds(template) for name, template in templates.items()}
    nag = scanners.nag({name: both[name][0] for name in some}, tmp_path_factory.mktemp("nag"))
    found, summary = scanners.read_checkov(checkov)
    return Audit(
        plans=plans,
        templates=templates,
        worlds=both,
        results={name: list(chain(*map(own_checks, w))) for name, w in both.items()},
        cfn_lint=scanners.read_cfn_lint(cfn_lint),
        checkov=found,
        nag=nag,
        scanned=(sum(len(t.resources) for t in some.values()), summary["resource_count"]),
    )


def distinct(templates: Mapping[str, Template]) -> dict[str, Template]:
    """As few as hold every resource word for word, the largest first: scanners are slow, and shapes alike."""
    seen: set[str] = set()
    some = {}
    for name, template in sorted(templates.items(), key=lambda row: -row[1].size):
        resources = {json.dumps([r["Type"], r["Properties"]]) for r in template.resources.values()}
        if not resources <= seen:
            some[name] = template
        seen |= resources
    return some


def write(templates: Mapping[str, Template], folder: Path) -> Path:
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(template.text)
    return folder
