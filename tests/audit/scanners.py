"""What other people's scanners say about our templates: cfn-lint, checkov, cdk-nag, parliament."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import parliament

from provisioner.component import Outputs, Statement, fill
from provisioner.template import Template
from tests.audit.world import World

ROOT = Path(__file__).parents[2]
CHECKOV = ROOT / "build" / "audit-venv" / "bin" / "checkov"
CFN_LINT = Path(sys.executable).parent / "cfn-lint"
Templates = Mapping[str, Template]


@dataclass(frozen=True, order=True)
class Finding:
    """One rule that one resource of one template breaks."""

    template: str
    rule: str
    logical_id: str
    words: str


class Scan:
    """A scanner in a process of its own over a folder of templates: start-up is slow, so one for all."""

    def __init__(self, command: list[str | Path], home: Path) -> None:
        settings = {"HOME": str(home), "BC_SKIP_MAPPING": "TRUE", "LOG_LEVEL": "CRITICAL"}
        self._out = home / "out"
        with self._out.open("w") as out, (home / "err").open("w") as err:
            self._run = subprocess.Popen(
                command, stdout=out, stderr=err, env={**os.environ, **settings}, cwd=home
            )

    def __enter__(self) -> "Scan":
        return self

    def __exit__(self, *error: object) -> None:
        self._run.kill()
        self._run.wait()

    def answer(self) -> Any:
        # Both exit with something else than 0 when they find something.
        self._run.wait()
        return json.loads(self._out.read_text())


def start_checkov(folder: Path, home: Path) -> Scan:
    assert CHECKOV.exists(), "checkov is missing: make build/audit-venv/.ok"
    options = ["--framework", "cloudformation", "--output", "json", "--compact"]
    return Scan([CHECKOV, "--directory", folder, *options], home)


def read_checkov(scan: Scan) -> tuple[list[Finding], Mapping[str, int]]:
    answer = scan.answer()
    findings = [
        Finding(
            template=Path(row["file_path"]).stem,
            rule=row["check_id"],
            logical_id=row["resource"].rpartition(".")[2],
            words=row["check_name"],
        )
        for row in answer["results"]["failed_checks"]
    ]
    return findings, answer["summary"]


def start_cfn_lint(folder: Path, home: Path) -> Scan:
    files = sorted(folder.iterdir())
    return Scan([CFN_LINT, "--include-checks", "W", "I", "--format", "json", "--", *files], home)


def read_cfn_lint(scan: Scan) -> list[Finding]:
    return [
        Finding(
            template=Path(row["Filename"]).stem,
            rule=row["Rule"]["Id"],
            logical_id=str((row["Location"]["Path"] or ["", ""])[1]),
            words=row["Message"],
        )
        for row in scan.answer()
    ]


def nag(worlds: Mapping[str, World], folder: Path) -> list[Finding]:
    """cdk-nag's AwsSolutions pack; it reads constructs, so each template becomes a stack of one app."""
    from aws_cdk import App, BootstraplessSynthesizer, Stack, Validations
    from aws_cdk.cloudformation_include import CfnInclude
    from cdk_nag import AwsSolutionsChecks

    app = App(outdir=str(folder / "out"), analytics_reporting=False)
    for number, world in enumerate(worlds.values()):
        path = folder / f"{number}.json"
        # A pack reads values, not conditions; what it says of outputs nobody asked.
        kept = {key: world.body[key] for key in ("Parameters", "Mappings") if key in world.body}
        path.write_text(json.dumps({**kept, "Resources": world.resources}))
        stack = Stack(app, f"t{number}", synthesizer=BootstraplessSynthesizer())
        CfnInclude(stack, "T", template_file=str(path))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        # It raises because it found something; what it found stands in the report.
        assert "alidation" in str(error), error
    report = json.loads((folder / "out" / "validation-report.json").read_text())
    return list(_violations(report, list(worlds)))


def _violations(report: Mapping[str, Any], names: list[str]) -> Iterator[Finding]:
    (pack,) = [p for p in report["pluginReports"] if p["pluginName"] == "AwsSolutions"]
    for violation in pack["violations"]:
        for where in violation["violatingConstructs"]:
            stack, _, logical_id = where["constructPath"].split("/")[:3]
            yield Finding(names[int(stack[1:])], violation["ruleName"], logical_id, violation["description"])


def read_parliament(statement: Statement, values: Mapping[str, Outputs]) -> list[str]:
    """What parliament says of one statement of the catalogue, with examples for what it promises."""
    document = {
        "Effect": statement.effect,
        "Action": list(statement.actions),
        "Resource": [fill(text, values) for text in statement.resources],
    }
    if statement.conditions:
        document["Condition"] = json.loads(fill(json.dumps(statement.conditions), values))
    policy = {"Version": "2012-10-17", "Statement": [document]}
    found = parliament.analyze_policy_string(json.dumps(policy)).findings
    return [f"{f.issue} {f.detail}" for f in found if not (_is_newer(f) or _is_start_of_machines(f))]


def _is_start_of_machines(finding: Any) -> bool:
    """Starting one acts on many kinds of resources, each with conditions of its own: a statement for each."""
    details = finding.detail if isinstance(finding.detail, list) else []
    actions = {row.get("action") for row in details if isinstance(row, dict)}
    return finding.issue == "RESOURCE_MISMATCH" and actions == {"ec2:RunInstances"}


def _is_newer(finding: Any) -> bool:
    """An action that only parliament's list lacks: cfn-lint's is newer."""
    service, _, action = str(finding.detail).rpartition(" ")[2].lower().partition(":")
    return finding.issue == "UNKNOWN_ACTION" and action in _newer().get(service, {}).get("Actions", {})


@cache
def _newer() -> Mapping[str, Any]:
    path = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json"
    services: Mapping[str, Any] = json.loads(path.read_text())
    return services
