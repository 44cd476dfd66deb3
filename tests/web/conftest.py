"""A real `stackwright serve` as a process of its own, beside the emulator of the tests."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
Serve = Callable[..., str]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[str]:
    """The address of a server, with this test's home and AWS."""
    log = (folder / "serve.log").open("a")
    command = [sys.executable, "-m", "provisioner.cli", "serve", "--port", "0", "--json", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        assert process.stdout
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait()
        log.close()


@pytest.fixture
def serve(world: Any, tmp_path: Path) -> Iterator[Serve]:
    """Starts a server; every one of them ends with the test."""
    with ExitStack() as running:
        yield lambda *arguments: running.enter_context(serving(tmp_path, *arguments))
