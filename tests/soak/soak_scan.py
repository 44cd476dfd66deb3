"""200 accounts × 17 regions in bad weather; `make soak` runs it, `make test` does not."""

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.seeded_cloud import truth
from tests.seeded_cloud.scanning import EVERY_SERVICE, SCAN, cloud, environment, kill_after, wrong
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import REGIONS, SERVICES, World

WORLD = World(accounts=int(os.environ.get("SOAK_ACCOUNTS", "200")), regions=REGIONS)
WEATHER = Weather(throttles=0.05, denials=0.10, resets=0.002, dead_regions=("ap-northeast-3",))
CELLS = WORLD.accounts * ((len(SERVICES) - 1) * len(REGIONS) + 1)
MOST_MEMORY = 300 * 1024


def measured(arguments: list[str], env: dict[str, str], folder: Path) -> tuple[dict[str, Any], int]:
    """The answer of a whole scan, and the most memory that its process held, in KiB."""
    with (folder / "answer.json").open("wb") as out, (folder / "story.txt").open("wb") as story:
        running = subprocess.Popen([*SCAN, *arguments], env=env, stdout=out, stderr=story)
        _, status, usage = os.wait4(running.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 5, (folder / "story.txt").read_text()[-2000:]
    return json.loads((folder / "answer.json").read_text()), usage.ru_maxrss


@pytest.mark.parametrize("killed", [False, True])
def test_an_organization_is_seen_whole_in_little_memory(tmp_path: Path, killed: bool) -> None:
    arguments = ["--organization", "--region", "all", *EVERY_SERVICE]
    with cloud(WORLD, WEATHER) as endpoint:
        env = environment(endpoint, tmp_path, WORLD)
        if killed:
            kill_after(random.randint(1, WORLD.accounts * 3 // 4), [*SCAN, *arguments], env)
            arguments = ["--resume"]
        answer, memory = measured(arguments, env, tmp_path)
    summary = answer["summary"]
    print(f"{len(answer['cells'])} cells, {summary}, {memory / 1024:.0f} MiB")
    assert wrong(answer, WORLD, WEATHER) == {}
    assert len(answer["cells"]) == CELLS
    assert sum(len(arns) for _, arns, _ in truth.told(answer).values()) == summary["resources"]
    assert memory < MOST_MEMORY
