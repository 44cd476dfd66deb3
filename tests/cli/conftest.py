"""The command line in process: what it printed, said and returned."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Ran:
    """One command: exit code, data, story."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        assert set(self.json) == {"error"}
        assert set(self.json["error"]) == {"message", "hint", "field", "exit_code"}
        assert self.json["error"]["exit_code"] == self.code
        return self.json["error"]


Cli = Callable[..., Ran]


@pytest.fixture
def cli(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """Runs a command in an empty folder, off a terminal."""
    from provisioner.cli import run

    folder = tmp_path / "churn-dev"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", StringIO())

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        return Ran(code, *capsys.readouterr())

    return ran
