"""Whole scans of many accounts in bad weather, against the truth of the seed."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.seeded_cloud.scanning import EVERY_SERVICE, SCAN, cloud, environment, kill_after, scanned, wrong
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import REGIONS, World

WORLD = World(accounts=20, regions=REGIONS[:5])
WEATHER = Weather(throttles=0.05, denials=0.10, resets=0.01, dead_regions=("us-west-1",))


@pytest.fixture(scope="module")
def bad_weather() -> Iterator[str]:
    with cloud(WORLD, WEATHER) as endpoint:
        yield endpoint


def test_every_cell_is_exact_whatever_the_weather(bad_weather: str, tmp_path: Path) -> None:
    answer, story = scanned(
        ["--organization", "--region", "all", *EVERY_SERVICE], environment(bad_weather, tmp_path, WORLD)
    )
    assert wrong(answer, WORLD, WEATHER) == {}
    assert len(answer["cells"]) == 20 * (8 * 5 + 1)
    states = answer["summary"]["states"]
    assert f"{states['denied'] + states['failed']:,} cells could not be seen" in story
    assert "us-west-1 does not answer: given up after 6 failures in a row" in story


def test_a_scan_that_is_killed_goes_on_and_answers_the_same(bad_weather: str, tmp_path: Path) -> None:
    env = environment(bad_weather, tmp_path, WORLD)
    command = [*SCAN, "--organization", "--region", "all", *EVERY_SERVICE]
    for _ in range(3):
        kill_after(random.randint(1, 5), command, env)
        command = [*SCAN, "--resume"]
    answer, story = scanned(["--resume"], env)
    assert wrong(answer, WORLD, WEATHER) == {}
    assert "cells were read before." in story


def test_a_scan_that_is_interrupted_says_how_it_goes_on(bad_weather: str, tmp_path: Path) -> None:
    env = environment(bad_weather, tmp_path, WORLD)
    command = [*SCAN, "--organization", "--region", "all", *EVERY_SERVICE]
    story = kill_after(2, command, env, by=signal.SIGINT)
    assert "What was read is kept: `stackwright scan --resume` goes on from there." in story
    assert "Traceback" not in story
