"""`stackwright demo`: the whole flow, one link, nothing left behind; `--keep` leaves a living AWS."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from provisioner import link as links

COMMAND = [sys.executable, "-m", "provisioner.cli", "demo", "--event-delay", "0"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo makes its folders."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def emulators(folder: Path) -> list[int]:
    """Embedded AWSs whose log lies below the folder: nobody else's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            errors = str((process / "fd" / "2").readlink())
        except OSError:
            continue
        if b"provisioner.emulator" in command and errors.startswith(str(folder)):
            found.append(int(process.name))
    return found


def gone(pid: int) -> bool:
    """Whether a process ends; waits for it a while."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_preset_that_the_demo_has_not_is_refused_before_anything_starts(tmp_path: Path) -> None:
    ran = subprocess.run([*COMMAND, "--preset", "huge"], cwd=tmp_path, text=True, capture_output=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "'huge' is not one of 'minimal', 'sagemaker'" in ran.stderr


@pytest.mark.parametrize("preset", ["sagemaker", "minimal"])
def test_the_demo_goes_from_a_wish_to_a_registered_stack(
    temporary: Path, tmp_path: Path, home: Path, preset: str
) -> None:
    ran = subprocess.run([*COMMAND, "--preset", preset], cwd=tmp_path, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    (line,) = [line for line in (ran.stdout + ran.stderr).splitlines() if "#/stacks/create/review" in line]
    link = links.parse(line)
    assert links.quick_create(link) == line
    assert (link.stack_name, link.region, "EnrolmentId" in link.parameters) == (
        "churn-dev",
        "eu-central-1",
        True,
    )
    assert "churn-dev is registered and active: artifact_store s3, container_registry ecr" in ran.stdout
    assert ran.stdout.count(line) == 1
    steps = [line for line in ran.stderr.splitlines() if line.startswith("$ stackwright ")]
    assert [step.split()[2] for step in steps] == [
        *("init", "plan", "publish", "link", "link", "wait", "finish", "stack", "doctor", "scan"),
    ]
    titles = re.findall(r"^\d+(?=\. )", ran.stderr, re.MULTILINE)
    assert titles == [str(number) for number in range(1, 10)]
    assert "FAILED" not in ran.stdout + ran.stderr
    assert "$0.00 a month" not in ran.stdout
    assert (emulators(temporary), [*temporary.iterdir()], home.exists()) == ([], [], False)


def test_a_kept_demo_goes_on_answering_at_its_endpoint(temporary: Path, tmp_path: Path) -> None:
    command = [*COMMAND, "--preset", "minimal", "--keep"]
    ran = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    (pid,) = emulators(temporary)
    try:
        assert ran.returncode == 0, ran.stderr[-3000:]
        exported = dict(re.findall(r"^  export (\w+)='?([^'\n]*)'?$", ran.stdout, re.MULTILINE))
        work = re.search(r"^  cd (\S+)    # stack.yaml lies here$", ran.stdout, re.MULTILINE)
        assert work is not None
        assert (Path(work[1]) / "stack.yaml").is_file()
        assert f"  kill {pid} && rm -r {Path(work[1]).parent}\n" in ran.stdout
        with urlopen(f"{exported['AWS_ENDPOINT_URL']}/_stackwright/health") as answer:
            assert answer.status == 200
        listed = [sys.executable, "-m", "provisioner.cli", "stack", "list"]
        shown = subprocess.run(listed, env={**os.environ, **exported}, text=True, capture_output=True)
        assert re.search(r"^\* +churn-dev +registered", shown.stdout, re.MULTILINE)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert gone(pid)
