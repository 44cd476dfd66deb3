"""Whole scans of a seeded cloud, each in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.seeded_cloud import truth
from tests.seeded_cloud.serving import Processes
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import SERVICES, World

SCAN = [sys.executable, "-m", "provisioner.cli", "scan", "--json"]
EVERY_SERVICE = [word for service in SERVICES.values() for word in ("--service", service)]


@contextmanager
def cloud(world: World, weather: Weather) -> Iterator[str]:
    arguments = ["--accounts", str(world.accounts), "--regions", str(len(world.regions))]
    arguments += ["--seed", world.seed, "--sizes", json.dumps(dict(world.sizes))]
    with Processes("tests.seeded_cloud", [*arguments, "--weather", weather.as_text()]) as running:
        yield running.endpoint


def environment(endpoint: str, home: Path, world: World) -> dict[str, str]:
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": f"AKIA{world.account(0)}ROOT",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": world.home,
        "STACKWRIGHT_HOME": str(home),
    }


def scanned(arguments: Sequence[str], env: dict[str, str], *, code: int = 5) -> tuple[dict[str, Any], str]:
    done = subprocess.run([*SCAN, *arguments], env=env, capture_output=True, text=True)
    assert done.returncode == code, done.stderr[-2000:]
    return json.loads(done.stdout), done.stderr


def kill_after(
    accounts: int, command: Sequence[str], env: dict[str, str], *, by: signal.Signals = signal.SIGKILL
) -> str:
    """Start a scan, and kill -9 it when it has told so many accounts; answers what it said after that."""
    running = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stderr
    told = (line for line in running.stderr if " cells, " in line)
    assert [next(told) for _ in range(accounts)]
    running.send_signal(by)
    rest = running.stderr.read()
    running.wait()
    return rest


def wrong(answer: dict[str, Any], world: World, weather: Weather) -> dict[truth.Place, object]:
    """The cells that tell something else than the seed; empty where all is exact."""
    should, does = truth.expected(world, weather), truth.told(answer)
    return {p: (should.get(p), does.get(p)) for p in {*should, *does} if should.get(p) != does.get(p)}
