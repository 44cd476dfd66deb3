"""One workload in several ways: the sums by hand, the crossings, and what has no price."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_estimates import price_book
from cost_estimates.compare import Comparison, Workload, choose_machine, compare
from cost_estimates.model import BookStamp, CostError

BOOK = price_book.load()
STAMP = BookStamp(as_of=BOOK.as_of, sha256=BOOK.sha256, stale=False)


def run(
    steps: Any = 100, hours: Any = 1, machine: str = "m5.xlarge", region: str = "us-east-1", **more: Any
) -> Comparison:
    work = Workload(steps=Decimal(steps), hours=Decimal(hours), machine=machine, **more)
    return compare(BOOK, region, work, stamp=STAMP)


def costs(done: Comparison) -> dict[str, tuple[Any, ...]]:
    """Fixed, hourly and monthly by way."""
    return {
        way["name"]: (way["fixed_usd"], way["hourly_usd"], way["monthly_usd"])
        for way in done.as_dict()["ways"]
    }


def test_a_hundred_hours_by_hand() -> None:
    """m5.xlarge 0.192 and ml.m5.xlarge 0.23 an hour; address 0.005; EKS 0.10, NAT 0.045; fee 12 %."""
    assert costs(run()) == {
        "ec2": (0.0, 0.197, 19.7),
        "sagemaker": (0.0, 0.23, 23.0),
        "ec2-always-on": (143.81, 0.0, 143.81),
        "eks": (109.5, 0.21504, 131.004),
    }


def test_the_cheapest_is_first_and_named() -> None:
    value = run().as_dict()
    assert (value["cheapest"], [way["name"] for way in value["ways"]]) == (
        "ec2",
        ["ec2", "sagemaker", "eks", "ec2-always-on"],
    )


def test_break_evens_are_where_fixed_costs_meet_hourly_ones() -> None:
    """34.31 / 0.21504 = 159.55 h; 143.81 / 0.23 = 625.26 h; 109.5 / 0.01496 = 7,319.5 h."""
    points = [(p["below"], p["above"], p["hours"]) for p in run().as_dict()["break_evens"]]
    assert points == [
        ("eks", "ec2-always-on", 159.5517),
        ("sagemaker", "ec2-always-on", 625.2609),
        ("sagemaker", "eks", 7319.5187),
    ]


def test_spot_cuts_machines_but_neither_fee_nor_address() -> None:
    done = run(spot=True, spot_saving=Decimal(50))
    assert {name: hourly for name, (_, hourly, _) in costs(done).items()} == {
        "ec2": 0.101,
        "sagemaker": 0.115,
        "eks": 0.11904,
    }
    assert done.as_dict()["notes"][-1] == (
        "Spot is assumed to save 50 % of a machine's price: its real price is in no list."
    )


def test_more_hours_than_a_month_has_need_more_machines_left_on() -> None:
    always = {w["name"]: w for w in run(steps=1000, hours=2).as_dict()["ways"]}["ec2-always-on"]
    assert (always["words"], always["fixed_usd"], always["most_hours"]) == (
        "3 EC2 machines left on all month",
        431.43,
        2190.0,
    )


def test_a_region_without_prices_is_unknown_and_not_zero() -> None:
    value = run(region="cn-north-1").as_dict()
    assert (value["cheapest"], value["unknown"], value["break_evens"]) == (None, 4, [])
    assert {(w["monthly_usd"], w["unknown"]) for w in value["ways"]} == {
        (None, "no prices for cn-north-1 in the price book")
    }


def test_a_way_without_a_price_stands_last_and_says_which() -> None:
    value = run(machine="m7i.large").as_dict()
    last = value["ways"][-1]
    assert (last["name"], last["unknown"]) == (
        "sagemaker",
        "no price for SageMaker training-hour ml.m7i.large in us-east-1 (not in the price book)",
    )
    assert value["cheapest"] == "ec2"


@pytest.mark.parametrize(
    ("size", "gpu", "machine"),
    [
        ("small", False, "m5.large"),
        ("medium", False, "m5.xlarge"),
        ("small", True, "g4dn.xlarge"),
        ("large", True, "g5.12xlarge"),
        ("c5.2xlarge", False, "c5.2xlarge"),
        ("ml.c5.2xlarge", True, "c5.2xlarge"),
    ],
)
def test_a_size_is_a_machine_that_the_region_sells(size: str, gpu: bool, machine: str) -> None:
    assert choose_machine(BOOK, "us-east-1", size, gpu=gpu) == machine


def test_where_the_first_machine_is_not_sold_the_next_one_is_taken() -> None:
    assert choose_machine(BOOK, "ap-southeast-6", "medium", gpu=False) == "m6i.xlarge"


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(CostError) as caught:
        choose_machine(BOOK, "us-east-1", "huge", gpu=False)
    assert (caught.value.message, caught.value.hint[:32]) == (
        "no machine size 'huge'",
        "sizes are small, medium, large; ",
    )


@given(st.integers(0, 5000), st.decimals(0, 10, places=2), st.booleans())
def test_at_a_break_even_both_ways_cost_the_same(steps: int, hours: Decimal, spot: bool) -> None:
    done = run(steps=steps, hours=hours, spot=spot)
    ways = {way.way.name: way for way in done.ways}
    for point in done.break_evens:
        sums = [ways[n].fixed_usd + ways[n].hourly_usd * point.hours for n in (point.below, point.above)]
        assert abs(sums[0] - sums[1]) < Decimal("1e-9")


def test_no_work_costs_what_is_fixed() -> None:
    assert {name: monthly for name, (_, _, monthly) in costs(run(steps=0)).items()} == {
        "sagemaker": 0.0,
        "ec2": 0.0,
        "eks": 109.5,
        "ec2-always-on": 143.81,
    }


def test_the_stamp_says_that_a_book_is_old() -> None:
    old = BookStamp(as_of=date(2020, 1, 1), sha256="x", stale=True)
    work = Workload(steps=Decimal(1), hours=Decimal(1), machine="m5.large")
    assert compare(BOOK, "us-east-1", work, stamp=old).as_dict()["price_book"]["stale"] is True
