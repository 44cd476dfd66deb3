"""Write provisioner/data/instances.json: where EC2 sells machines with GPUs, as the price book knows.

Usage: python scripts/build_instance_facts.py
"""

import json
import re
from pathlib import Path

BOOK = Path(__file__).parent.parent / "cost_estimates" / "data" / "price_book.json"
TARGET = Path(__file__).parent.parent / "provisioner" / "data" / "instances.json"
METER = "ondemand-linux-shared-hour"
GPU = re.compile(r"(g|gr|p)\d")


def meters(book: object) -> dict[str, dict[str, object]]:
    """Region -> prices of the EC2 meter, wherever the book keeps it."""
    if not isinstance(book, dict):
        return {}
    if METER in book:
        found: dict[str, dict[str, object]] = book[METER]["regions"]
        return found
    return next((found for value in book.values() if (found := meters(value))), {})


def facts() -> dict[str, object]:
    book = json.loads(BOOK.read_text())
    by_region = {r: " ".join(sorted(t for t in types if GPU.match(t))) for r, types in meters(book).items()}
    return {
        "as_of": book["header"]["as_of"],
        "source": "cost_estimates/data/price_book.json: on-demand Linux prices of EC2",
        "gpus": dict(sorted(by_region.items())),
    }


def main() -> None:
    made = facts()
    TARGET.write_text(json.dumps(made, indent=1) + "\n")
    print(f"{TARGET.name}: {len(made['gpus'])} regions")


if __name__ == "__main__":
    main()
