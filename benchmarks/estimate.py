"""The estimator in process: loading the price book, templates of 200 resources, and the memory they take."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from timing import in_turns, report

from cost_estimates import price_book
from cost_estimates.estimate import monthly
from cost_estimates.rules import FREE, RULES

COPIES = 25
RESOURCES = 200
TODAY = date(2026, 1, 1)
SHAPE = Path(price_book.__file__).parent.parent / "provisioner/shapes/sagemaker.account.retain.json"
MEMORY_MB = 120
# A process of its own, since a measurement would else hold this one's history.
PEAK = """
import resource, estimate
for body in estimate.templates().values():
    estimate.run(body)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def templates() -> dict[str, dict[str, Any]]:
    return {"of a preset": preset(), "of every type": mixed()}


def preset() -> dict[str, Any]:
    """The resources of a preset, copied to 200."""
    body: dict[str, Any] = json.loads(SHAPE.read_text())
    body["Resources"] = {f"{k}{n}": v for n in range(COPIES) for k, v in body["Resources"].items()}
    return body


def mixed() -> dict[str, Any]:
    """Every type with a rule, then free ones, up to 200: what a large platform template looks like."""
    kinds = [*RULES, *FREE][:RESOURCES]
    tags = [{"Key": "team", "Value": {"Ref": "Team"}}]
    resources = {f"R{n}": {"Type": kind, "Properties": {"Tags": tags}} for n, kind in enumerate(kinds)}
    return {"Parameters": {"Team": {"Type": "String", "Default": "x"}}, "Resources": resources}


def run(body: dict[str, Any]) -> None:
    monthly(body, "us-east-1", usage="team", today=TODAY)


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    text = price_book.DATA_FILE.read_text(encoding="utf-8")
    cases = {
        "load the price book": lambda: timed(lambda: price_book.read(text)),
        **{
            f"estimate {RESOURCES} resources {name}": lambda body=body: timed(lambda: run(body))
            for name, body in templates().items()
        },
    }
    targets = dict.fromkeys(cases, "0.020 s") | {"load the price book": "0.025 s"}
    report("Estimator, in process", in_turns(cases), base="load the price book", targets=targets)
    here = Path(__file__).parent
    peak = subprocess.run([sys.executable, "-c", PEAK], cwd=here, capture_output=True, text=True, check=True)
    print(f"\nPeak memory of a process that estimates both: {float(peak.stdout):.0f} MB of {MEMORY_MB} MB")


if __name__ == "__main__":
    main()
