"""The wheel works without the repository: templates, shapes and price book come out of it."""

import json
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from provisioner.enrolments import NEWEST

ROOT = Path(__file__).parents[1]
PACKED = ("provisioner", "stacks", "cost_estimates", "templates", "pyproject.toml", "README.md", "LICENSE")
MINIMAL = ("--preset", "minimal", "--name", "churn-dev", "--region", "eu-central-1")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment that has this wheel, and today's dependencies by a path alone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in PACKED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    # By that interpreter: a mere --prefix would uninstall what this one holds.
    into = ["--python", str(environment / "bin" / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, *into, str(wheel)], check=True, capture_output=True)
    # A plain path: the .pth files in that folder, the editable install among them, are not followed.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return environment / "bin"


def run(folder: Path, *command: object) -> str:
    ran = subprocess.run([str(c) for c in command], cwd=folder, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_everything_is_imported_from_the_wheel(installed: Path, empty: Path) -> None:
    code = "import cost_estimates, provisioner, stacks; print(*(m.__file__ for m in "
    code += "(cost_estimates, provisioner, stacks)))"
    found = [Path(p) for p in run(empty, installed / "python", "-c", code).split()]
    (site,) = installed.parent.glob("lib/python*/site-packages")
    assert found == [site / name / "__init__.py" for name in ("cost_estimates", "provisioner", "stacks")]


def test_the_version_is_told(installed: Path, empty: Path) -> None:
    from provisioner import __version__

    assert run(empty, installed / "stackwright", "--version") == f"stackwright, version {__version__}\n"


def test_init_writes_a_spec_from_the_wheels_own_templates(installed: Path, empty: Path) -> None:
    run(empty, installed / "stackwright", "init", *MINIMAL)
    assert "name: churn-dev\n" in (empty / "stack.yaml").read_text()


def test_plan_has_its_shape_and_prices_from_the_wheel(installed: Path, empty: Path) -> None:
    from provisioner.cli import planning
    from provisioner.spec import preset

    plan = json.loads(run(empty, installed / "stackwright", "plan", *MINIMAL, "--json"))
    here = planning.draft(preset("minimal", name="churn-dev", region="eu-central-1"))
    assert (plan["template"]["sha256"], plan["cost"]["total"]) == (here.template.sha256, here.cost["total"])


def test_link_renders_a_page_by_the_wheels_own_templates(installed: Path, empty: Path) -> None:
    url = "https://templates.s3.eu-central-1.amazonaws.com/t.json"
    out = run(
        empty, installed / "stackwright", "link", *MINIMAL, "--template-url", url, "--format", "markdown"
    )
    assert "/cloudformation/home?region=eu-central-1#/stacks/create/review?templateURL=" in out


def test_an_old_registry_is_brought_up_to_date_by_the_wheels_own_migrations(
    installed: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(empty / "registry.db") as database:
        database.executescript((ROOT / "tests" / "registry" / "before_revisions.sql").read_text())
    monkeypatch.setenv("STACKWRIGHT_HOME", str(empty))
    told = json.loads(run(empty, installed / "stackwright", "registry", "status", "--json"))
    assert (told["revision"], told["counts"]["stacks"]) == (NEWEST, 2)


def test_what_ships_is_what_the_repository_holds(installed: Path) -> None:
    (site,) = installed.parent.glob("lib/python*/site-packages")
    for pattern, ours, theirs in (
        ("*.json", ROOT / "provisioner" / "shapes", site / "provisioner" / "shapes"),
        ("*.j2", ROOT / "templates", site / "provisioner" / "templates"),
        ("*.json", ROOT / "cost_estimates" / "data", site / "cost_estimates" / "data"),
    ):
        held = {p.name: p.read_bytes() for p in ours.glob(pattern)}
        assert held
        assert {p.name: p.read_bytes() for p in theirs.glob(pattern)} == held
