"""Rows of prices become the book: newest first, low confidence out, the same bytes every time."""

import importlib.util
import random
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType

from cost_estimates.price_rows import PriceRow, make_book, render_book

ROOT = Path(__file__).resolve().parents[2]
ROW = PriceRow(
    service="ECR",
    usage="storage-gb-month",
    unit="GB-month",
    region="us-east-1",
    instance_type="",
    usd="0.10",
    source="a list",
    as_of=date(2025, 6, 5),
    confidence="high",
)
SNAPSHOT = """\
service,usage,unit,region,instance_type,usd,source_repo,source_path,source_date,confidence,n_sources,note
ECR,storage-gb-month,GB-month,us-east-1,,0.10,someone/prices,ecr.json,2025-06-05,high,1,
ECR,storage-gb-month,GB-month,eu-west-1,,0.11,(repo not named by index),a table,2025-06-06,low,1,"a, b"
"""


def held(*rows: PriceRow) -> object:
    return make_book(rows)["prices"]["ECR"]["storage-gb-month"]["regions"]


def test_the_newest_row_of_a_key_stays() -> None:
    newer = replace(ROW, usd="0.12", as_of=date(2026, 1, 1))
    assert held(newer, ROW) == held(ROW, newer) == {"us-east-1": {"": ["0.12", 0]}}


def test_on_one_day_the_surer_row_stays() -> None:
    doubtful = replace(ROW, usd="0.12", confidence="medium")
    assert held(doubtful, ROW) == held(ROW, doubtful) == {"us-east-1": {"": ["0.10", 0]}}


def test_no_digit_of_a_price_is_lost() -> None:
    assert held(replace(ROW, usd="0.000000400")) == {"us-east-1": {"": ["0.000000400", 0]}}


def test_what_is_missing_is_said() -> None:
    elsewhere = replace(ROW, region="eu-west-1", usage="scan")
    doubtful = replace(ROW, region="eu-north-1", confidence="low")
    assert make_book([ROW, elsewhere, doubtful])["gaps"] == {
        "ECR": {
            "scan": {"no source gives it": ["us-east-1"]},
            "storage-gb-month": {
                "no source gives it": ["eu-west-1"],
                "the only price found is of low confidence": ["eu-north-1"],
            },
        }
    }


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [replace(ROW, region=f"r-{n}", source=f"list {n % 3}", usd=f"0.{n + 1}") for n in range(30)]
    shuffled = random.Random(7).sample(rows, k=len(rows))
    assert render_book(make_book(rows)) == render_book(make_book(shuffled))


def test_the_script_reads_a_snapshot(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.csv"
    snapshot.write_text(SNAPSHOT, encoding="utf-8")
    assert list(read_script().read_rows(snapshot)) == [
        replace(ROW, source="someone/prices ecr.json"),
        replace(
            ROW,
            region="eu-west-1",
            usd="0.11",
            source="unnamed repository, a table",
            as_of=date(2025, 6, 6),
            confidence="low",
        ),
    ]


def test_the_script_writes_the_book(tmp_path: Path) -> None:
    snapshot, book = tmp_path / "snapshot.csv", tmp_path / "book.json"
    snapshot.write_text(SNAPSHOT, encoding="utf-8")
    script = read_script()
    argv, sys.argv = sys.argv, ["build_price_book.py", str(snapshot), "-o", str(book)]
    try:
        script.main()
    finally:
        sys.argv = argv
    assert book.read_text(encoding="utf-8") == render_book(make_book(script.read_rows(snapshot)))


def read_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_price_book", ROOT / "scripts/build_price_book.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
