"""Build cost_estimates/data/price_book.json from a snapshot of price rows.

Example: python scripts/build_price_book.py SNAPSHOT.csv
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from cost_estimates.price_book import DATA_FILE
from cost_estimates.price_rows import PriceRow, make_book, render_book

UNNAMED = "(repo not named by index)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snapshot", type=Path, help="CSV with one observed price per row")
    parser.add_argument("-o", "--output", type=Path, default=DATA_FILE)
    options = parser.parse_args()
    book = make_book(read_rows(options.snapshot))
    text = render_book(book)
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    header = book["header"]
    print(f"{options.output}: {header['count']} prices as of {header['as_of']}, {len(text)} bytes")


def read_rows(path: Path) -> Iterator[PriceRow]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield PriceRow(
                service=row["service"],
                usage=row["usage"],
                unit=row["unit"],
                region=row["region"],
                instance_type=row["instance_type"],
                usd=row["usd"],
                source=read_source(row["source_repo"], row["source_path"]),
                as_of=date.fromisoformat(row["source_date"]),
                confidence=row["confidence"],
            )


def read_source(repository: str, path: str) -> str:
    return f"unnamed repository, {path}" if repository == UNNAMED else f"{repository} {path}"


if __name__ == "__main__":
    main()
