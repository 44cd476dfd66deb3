"""The real command in a process of its own: streams, exit codes, secrets, and a terminal that goes away."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provisioner import regions

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


def full_disk(*arguments: str, folder: Path) -> tuple[int, str]:
    """What is said when stdout takes nothing."""
    command = Path(sys.executable).parent / "stackwright"
    with Path("/dev/full").open("w") as out:
        ran = subprocess.run(
            [str(command), *arguments], cwd=folder, text=True, stdout=out, stderr=subprocess.PIPE
        )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_full_disk_is_no_bug(home: Path, tmp_path: Path, form: tuple[str, ...]) -> None:
    said = "Error: cannot write: No space left on device\n  Next: make room, then run it again\n"
    assert full_disk("plan", "--preset", "minimal", *form, folder=tmp_path) == (4, said)


def test_an_error_that_cannot_be_written_is_still_told(home: Path, tmp_path: Path) -> None:
    code, told = full_disk("plan", "--json", folder=tmp_path)
    assert (code, told.splitlines()[0]) == (2, "Error: there is no stack.yaml here")


@pytest.mark.parametrize("variable", ["STACKWRIGHT_JSON", "STACKWRIGHT_PLAN_JSON"])
@pytest.mark.parametrize("value", ["1", "true"])
@pytest.mark.parametrize("arguments", [("-f", "none.yaml"), ("--fail-on", "sometimes")])
def test_json_asked_for_by_a_variable_is_also_for_errors(
    cli: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv(variable, value)
    ran = cli("plan", *arguments)
    assert (ran.code, ran.error["exit_code"]) == (2, 2)


def test_a_bug_is_json_on_stdout_and_a_traceback_on_stderr(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("provisioner.cli.plan.read_spec", broken)
    ran = cli("plan", "--json")
    assert (ran.code, ran.error) == (
        1,
        {
            "message": "KeyError: 'surprise'",
            "hint": "a bug: please report it with the lines on stderr",
            "field": "",
            "exit_code": 1,
        },
    )
    assert ran.err.startswith("Traceback (most recent call last):")
    assert cli("plan").out == ""


@pytest.mark.parametrize("group", [(), ("cost",), ("stack",), ("prices",)])
def test_a_group_without_a_verb_shows_its_help(cli: Any, group: tuple[str, ...]) -> None:
    ran = cli(*group)
    usage = " ".join(["Usage: stackwright", *group, "[OPTIONS] COMMAND"])
    assert (ran.code, ran.out, ran.err[: len(usage)]) == (2, "", usage)


def test_a_group_without_a_verb_is_a_json_error_where_json_is_asked_for(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWRIGHT_JSON", "1")
    ran = cli("stack")
    assert (ran.code, ran.error["message"]) == (2, "stackwright stack needs a verb")


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("status", NAME),
        ("register", "arn:aws:s3:::team"),
        ("plan", "--preset", "minimal"),
    ],
    ids=lambda a: a[0],
)
def test_a_region_that_does_not_exist_is_answered_with_the_nearest(
    cli: Any, arguments: tuple[str, ...]
) -> None:
    ran = cli(*arguments, "--region", "eu-central1", "--json")
    assert (ran.code, ran.error["message"], ran.error["field"]) == (
        2,
        "unknown region 'eu-central1'",
        "region",
    )
    assert ran.error["hint"] == (
        f"nearest: eu-central-1, me-central-1, eu-central-2; {len(regions.names())} regions, "
        "see docs/stack.schema.json"
    )


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("[broken", (), "Unable to parse config file: "),
        ("[default]\nregion = eu-central-1\n[default]\n", (), "Unable to parse config file: "),
        ("[default]\nendpoint_url = nonsense\n", (), "Invalid endpoint: nonsense"),
        ("", ("--profile", "nobody"), "The config profile (nobody) could not be found"),
    ],
)
def test_a_broken_aws_configuration_is_refused_with_a_hint(
    cli: Any, home: Path, text: str, arguments: tuple[str, ...], message: str
) -> None:
    home.mkdir()
    (home / "aws-config").write_text(text)
    ran = cli("scan", *arguments, "--json")
    assert (ran.code, ran.error["message"][: len(message)], ran.error["hint"] != "") == (4, message, True)


def test_every_variable_that_the_code_reads_is_documented() -> None:
    root = Path(__file__).parent.parent.parent
    code = "".join(p.read_text() for p in (root / "provisioner").rglob("*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\"(STACKWRIGHT_\w+)\"", code))
    table = set(
        re.findall(r"^\| `(STACKWRIGHT_\w+)` \|", (root / "docs" / "cli.md").read_text(), re.MULTILINE)
    )
    assert (read - table, "STACKWRIGHT_HOME" in read) == (set(), True)
