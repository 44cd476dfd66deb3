"""The estimator in process: loading the price book, and a template of 200 resources."""

import time
from datetime import date
from pathlib import Path

from timing import in_turns, report

from cost_estimates import price_book
from cost_estimates.estimate import monthly

COPIES = 25


def template() -> dict[str, object]:
    """Eight resources of every kind that the presets build, copied to 200."""
    text = (
        Path(price_book.__file__).parent.parent / "provisioner/shapes/sagemaker.account.retain.json"
    ).read_text()
    import json

    body = json.loads(text)
    body["Resources"] = {f"{k}{n}": v for n in range(COPIES) for k, v in body["Resources"].items()}
    return body


def main() -> None:
    body, text = template(), price_book.DATA_FILE.read_text(encoding="utf-8")

    def timed(call: object) -> float:
        started = time.perf_counter()
        call()  # type: ignore[operator]
        return time.perf_counter() - started

    cases = {
        "load the price book": lambda: timed(lambda: price_book.read(text)),
        "estimate 200 resources": lambda: timed(
            lambda: monthly(body, "us-east-1", usage="light", today=date(2026, 1, 1))
        ),
    }
    targets = {"load the price book": "0.025 s", "estimate 200 resources": "0.020 s"}
    report("Estimator, in process", in_turns(cases), base="load the price book", targets=targets)


if __name__ == "__main__":
    main()
