"""What stands on the path of the quick verbs: no slow library, and no process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner import synth

ROOT = Path(__file__).parent.parent
SHAPE = ROOT / "provisioner" / "shapes" / "minimal.account.retain.json"
URL = "https://bucket.s3.us-east-1.amazonaws.com/template.json"

SLOW = {
    *("alembic", "aws_cdk", "boto3", "botocore", "cfnlint", "constructs", "fastapi", "httpx", "jinja2"),
    *("jsii", "moto", "pydantic", "rich", "sqlalchemy", "stacks"),
}
# Verbs of the registry and of AWS, which a quick verb has no business with.
NOT_THEIRS = {"provisioner.registry", "provisioner.aws", "provisioner.emulator", "provisioner.render"}

RUNNER = """
import json, sys
started = []
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn")
sys.addaudithook(lambda event, args: started.append(event) if event in STARTS else None)
from provisioner.cli import run
code = run(sys.argv[1:])
sys.stdout.flush()
print("\\n" + json.dumps({"code": code, "started": started, "modules": sorted(sys.modules)}))
"""

VERBS = {
    "help": ["--help"],
    "help of a verb": ["plan", "--help"],
    "plan": ["plan", "--preset", "minimal", "--json"],
    "plan as text": ["plan", "--preset", "sagemaker"],
    "link": ["link", "--preset", "minimal", "--template-url", URL, "--json"],
    "cost": ["cost", "estimate", str(SHAPE), "--region", "us-east-1", "--json"],
    "synth": ["synth", "--preset", "minimal", "--name", "churn"],
}


@dataclass(frozen=True)
class Run:
    """What a verb printed and wrote, and what its process had loaded and started at the end."""

    printed: str
    written: list[str]
    code: int
    started: list[str]
    modules: set[str]


Runs = Callable[[str], Run]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Each verb once, in a folder of its own."""
    return cache(lambda verb: run(VERBS[verb], tmp_path_factory.mktemp("home")))


def run(arguments: list[str], home: Path) -> Run:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("STACKWRIGHT_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, *arguments],
        cwd=home,
        env={**clean, "STACKWRIGHT_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    printed, _, last = done.stdout.rstrip("\n").rpartition("\n")
    report = json.loads(last)
    return Run(
        printed=printed,
        written=sorted(str(p.relative_to(home)) for p in home.rglob("*")),
        code=report["code"],
        started=report["started"],
        modules=set(report["modules"]),
    )


@pytest.mark.parametrize("verb", VERBS)
def test_a_quick_verb_loads_no_slow_library_and_starts_no_process(verb: str, runs: Runs) -> None:
    done = runs(verb)
    loaded = {name.split(".")[0] for name in done.modules} & SLOW
    assert (done.code, loaded, done.started) == (0, set(), [])
    assert NOT_THEIRS & done.modules == set()


def test_help_loads_neither_a_verb_nor_yaml(runs: Runs) -> None:
    done = runs("help")
    ours = {name for name in done.modules if name.startswith(("provisioner", "cost_estimates"))}
    assert ours == {"provisioner", "provisioner.cli", "provisioner.errors"}
    assert "yaml" not in done.modules


@pytest.mark.parametrize(
    ("verb", "written"),
    [
        ("help", []),
        ("plan", []),
        ("plan as text", []),
        ("cost", []),
        ("link", ["registry.db"]),
        ("synth", ["churn.template.json"]),
    ],
)
def test_a_verb_writes_only_what_it_is_for(verb: str, written: list[str], runs: Runs) -> None:
    assert runs(verb).written == written


def test_a_link_carries_the_address_it_was_given(runs: Runs) -> None:
    assert json.loads(runs("link").printed)["template_url"] == URL


@pytest.mark.parametrize("preset", specs.PRESETS)
def test_the_shape_of_a_preset_is_known(preset: str) -> None:
    plan = plans.make(specs.preset(preset, name="churn", region="eu-central-1"))
    assert plan.shape.key in synth.index()
