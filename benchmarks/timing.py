"""Whole commands timed against each other in one run: minimum, median, maximum in seconds."""

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence

RUNS = 15


def whole_process(command: Sequence[str], *, env: dict[str, str] | None = None) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=env)
    return time.perf_counter() - started


def in_turns(cases: dict[str, Callable[[], float]], runs: int = RUNS) -> dict[str, list[float]]:
    """Each case once a round, so that a busy moment of the machine hits all of them alike."""
    for case in cases.values():
        case()
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            times[name].append(case())
    return times


def report(title: str, times: dict[str, list[float]], *, base: str, targets: dict[str, str]) -> None:
    print(f"\n{title}\n")
    print("| what | min | median | max | ratio | target |\n|---|---|---|---|---|---|")
    floor = statistics.median(times[base])
    for name, taken in times.items():
        middle = statistics.median(taken)
        cells = [f"{x:.3f}" for x in (min(taken), middle, max(taken))]
        print(f"| {name} | {' | '.join(cells)} | {middle / floor:.1f} × | {targets.get(name, '')} |")
