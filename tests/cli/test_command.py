"""The real command in a process of its own: streams, exit codes, secrets, and a terminal that goes away."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NAME = "churn-dev"
MINIMAL = ("--preset", "minimal", "--name", NAME)
SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYPLANTED000"


@pytest.fixture
def stackwright(home: Path, tmp_path: Path) -> Any:
    command = Path(sys.executable).parent / "stackwright"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(command), *arguments], cwd=tmp_path, text=True, capture_output=True, stdin=subprocess.DEVNULL
        )

    return run


def test_data_goes_to_stdout_and_the_story_to_stderr(stackwright: Any, aws: Any) -> None:
    ran = stackwright("deploy", *MINIMAL, "--yes", "--json")
    assert (ran.returncode, json.loads(ran.stdout)["status"]) == (0, "registered")
    assert "CREATE_COMPLETE" in ran.stderr


def test_an_error_is_json_on_stdout_and_a_sentence_on_stderr(stackwright: Any, home: Path) -> None:
    ran = stackwright("plan", "--json")
    assert (ran.returncode, json.loads(ran.stdout)["error"]["exit_code"]) == (2, 2)
    assert ran.stderr.startswith("Error: there is no stack.yaml here")


def test_without_arguments_help_starts_with_an_example(stackwright: Any) -> None:
    ran = stackwright("--help")
    assert (ran.returncode, ran.stdout.index("Example:") < ran.stdout.index("Commands:")) == (0, True)


def test_a_reader_who_has_seen_enough_is_no_error(home: Path, tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "stackwright"
    line = f"'{command}' plan --preset minimal --json | head -c 1"
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, text=True, capture_output=True)
    assert (ran.stdout, ran.stderr) == ("{", "")


def test_no_planted_secret_comes_out_of_anything(stackwright: Any, world: Any, home: Path) -> None:
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == SECRET
    ran = [
        stackwright("publish", *MINIMAL, "--yes"),
        stackwright("link", *MINIMAL, "--json"),
        stackwright("deploy", *MINIMAL, "--yes", "--json"),
        stackwright("doctor", NAME, "--json"),
        stackwright("scan", "--json"),
        stackwright("destroy", NAME, "--json"),
    ]
    assert [r.returncode for r in ran] == [0, 0, 0, 0, 0, 2]
    written = [p.read_bytes() for p in home.rglob("*") if p.is_file()]
    template = world.cloud.session.client("cloudformation").raw.get_template(StackName=NAME)
    everything = b"".join(
        [*written, *((r.stdout + r.stderr).encode() for r in ran), json.dumps(template, default=str).encode()]
    )
    state = world.cloud.stacks.describe(NAME)
    assert (SECRET.encode() in everything, SECRET in f"{state.parameters}{state.outputs}") == (False, False)
