"""The price book: what it holds, what it derives, and what it says where it has nothing."""

import json
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from cost_estimates import price_book, rules
from cost_estimates.price_book import DATA_FILE, FALLBACKS, GLOBAL, LADDERS, Price, PriceBook, Step, Unknown
from cost_estimates.price_rows import PriceRow, count_prices, fingerprint, make_book, render_book
from cost_estimates.rules.machines import EC2_DEDICATED_HOUR
from cost_estimates.rules.rule import Meter

BOOK = price_book.load()
DATA: dict[str, Any] = json.loads(DATA_FILE.read_text(encoding="utf-8"))
FAMILIES = [family for family in vars(rules).values() if isinstance(family, ModuleType)]
METERS = {meter for family in FAMILIES for meter in vars(family).values() if isinstance(meter, Meter)}
FREE_ON_PURPOSE = {("Budgets", "budget-without-actions-day"), ("DataTransfer", "internet-in-gb")}
PRICED_NOWHERE = {
    EC2_DEDICATED_HOUR,
    ("ELB", "gwlb-lcu-hour"),
    ("Lambda", "gb-second-arm-tier2"),
    ("StepFunctions", "express-gb-second-tier2"),
}

EC2_LIST = "lamngockhuong/aws-price lib/data/pricing/ec2-transformed.json@508fb45296"
NOTEBOOK_LIST = "QuinnyPig/aws-price-watcher processed/sagemaker-instances-studionotebook.json@a6645eb2e5"


def test_the_header_counts_and_hashes_what_the_file_holds() -> None:
    header = DATA["header"]
    assert (header["count"], header["sha256"]) == (count_prices(DATA), fingerprint(DATA))


def test_the_file_is_written_as_the_builder_writes_it() -> None:
    assert DATA_FILE.read_text(encoding="utf-8") == render_book(DATA)


def test_a_changed_price_changes_the_hash() -> None:
    changed = json.loads(json.dumps(DATA))
    changed["prices"]["ECR"]["storage-gb-month"]["regions"]["us-east-1"][""][0] = "0.2"
    assert fingerprint(changed) != DATA["header"]["sha256"]


def test_the_book_is_small_enough_to_ship() -> None:
    assert DATA_FILE.stat().st_size <= 700_000


def test_it_is_dated_by_its_middle_price_and_not_by_its_newest() -> None:
    header = DATA["header"]
    assert (header["oldest"], header["as_of"], header["newest"]) == ("2021-07-14", "2025-10-30", "2026-09-24")


@pytest.mark.parametrize(
    ("today", "stale"),
    [(date(2025, 10, 30), False), (date(2026, 4, 28), False), (date(2026, 4, 29), True)],
)
def test_it_is_stale_after_180_days(today: date, stale: bool) -> None:
    assert BOOK.stale(today) is stale


def test_it_knows_34_regions() -> None:
    assert len(BOOK.regions) == 34


def test_a_listed_price_has_its_source_and_date() -> None:
    assert BOOK.price("EC2", "ondemand-linux-shared-hour", "eu-central-1", "m5.large") == Price(
        usd=Decimal("0.115"), unit="hour", source=EC2_LIST, as_of=date(2025, 11, 4)
    )


def test_the_newest_of_two_prices_counts() -> None:
    """c7i.large in eu-south-2 was 0.1008 in June 2025 and 0.09575 in November."""
    price = BOOK.price("EC2", "ondemand-linux-shared-hour", "eu-south-2", "c7i.large")
    assert isinstance(price, Price)
    assert (price.usd, price.as_of) == (Decimal("0.09575"), date(2025, 11, 4))


def test_a_price_for_all_regions_holds_in_each() -> None:
    price = BOOK.price("Budgets", "report-delivered", "ap-east-2")
    assert isinstance(price, Price)
    assert price.usd == Decimal("0.01")


def test_a_sagemaker_job_without_a_price_takes_the_notebook_price() -> None:
    assert BOOK.price("SageMaker", "training-hour", "eu-north-1", "ml.m5.xlarge") == Price(
        usd=Decimal("0.245"),
        unit="hour",
        source=f"derived: studio-notebook-hour ({NOTEBOOK_LIST})",
        as_of=date(2025, 6, 16),
    )


FACTORS = {
    "1.15": "p3.16xlarge p4d.24xlarge p4de.24xlarge p5.48xlarge trn1.32xlarge",
    "1.20": "t3.medium m5.large m6i.2xlarge c5.xlarge c6i.8xlarge r5.4xlarge r7i.large p3.8xlarge",
    "1.25": "p3.2xlarge g4dn.2xlarge g5.48xlarge g6.12xlarge",
    "1.40": "g4dn.xlarge g5.xlarge g6.xlarge",
}


@pytest.mark.parametrize(
    ("machine", "factor"),
    [(machine, factor) for factor, names in FACTORS.items() for machine in names.split()],
)
def test_a_sagemaker_type_without_a_price_takes_the_ec2_price_times_its_factor(
    machine: str, factor: str
) -> None:
    book = book_of(machine)
    assert book.price("SageMaker", "hosting-hour", "us-west-2", f"ml.{machine}") == Price(
        usd=10 * Decimal(factor),
        unit="hour",
        source=f"derived: {factor} × EC2 {machine} (a list)",
        as_of=date(2026, 1, 1),
    )


@pytest.mark.parametrize("machine", ["m7i.large", "p3dn.24xlarge", "g6e.xlarge", "inf2.xlarge"])
def test_a_family_without_a_factor_stays_unknown(machine: str) -> None:
    assert isinstance(
        book_of(machine).price("SageMaker", "hosting-hour", "us-west-2", f"ml.{machine}"), Unknown
    )


def book_of(machine: str) -> PriceBook:
    """A book that holds nothing but ten dollars an hour for one EC2 type."""
    row = PriceRow(
        service="EC2",
        usage="ondemand-linux-shared-hour",
        unit="hour",
        region="us-west-2",
        instance_type=machine,
        usd="10",
        source="a list",
        as_of=date(2026, 1, 1),
        confidence="high",
    )
    return price_book.read(render_book(make_book([row])))


def test_the_auto_mode_fee_is_12_percent_of_the_machine() -> None:
    assert BOOK.price("EKS", "auto-mode-fee-hour", "eu-west-1", "m5.large") == Price(
        usd=Decimal("0.01284"),
        unit="hour",
        source=f"derived: 0.12 × EC2 m5.large ({EC2_LIST})",
        as_of=date(2025, 11, 4),
    )


@pytest.mark.parametrize(
    ("meter", "reason"),
    [
        (
            ("EBS", "gp3-storage-gb-month", "me-central-1", None),
            "no price for EBS gp3-storage-gb-month in me-central-1 (no source gives it)",
        ),
        (
            ("SageMaker", "hosting-hour", "us-east-1", "ml.trn2.48xlarge"),
            "no price for SageMaker hosting-hour ml.trn2.48xlarge in us-east-1 (not in the price book)",
        ),
        (
            ("EC2", "ondemand-linux-shared-hour", "us-east-1", None),
            "no price for EC2 ondemand-linux-shared-hour in us-east-1 (not in the price book)",
        ),
        (
            ("Mars", "rover", "us-east-1", None),
            "no price for Mars rover in us-east-1 (not in the price book)",
        ),
    ],
)
def test_no_price_is_an_answer_with_a_reason(meter: tuple[str, str, str, str | None], reason: str) -> None:
    assert BOOK.price(*meter) == Unknown(reason=reason)


def test_a_price_of_low_confidence_is_left_out_and_named_as_a_gap() -> None:
    gaps = DATA["gaps"]["SageMaker"]["hosting-hour"]
    assert gaps["the only price found is of low confidence"] == [
        "us-east-1 ml.p5.48xlarge",
        "us-east-1 ml.trn1.32xlarge",
    ]


def tiers(service: str, usage: str, region: str, quantity: int) -> list[tuple[str, Decimal]]:
    steps = BOOK.steps(service, usage, region, Decimal(quantity))
    assert isinstance(steps, tuple)
    return [(step.usage, step.quantity) for step in steps]


@pytest.mark.parametrize(
    ("gigabytes", "parts"),
    [
        (0, [0]),
        (51_200, [51_200]),
        (51_201, [51_200, 1]),
        (512_000, [51_200, 460_800]),
        (600_000, [51_200, 460_800, 88_000]),
    ],
)
def test_storage_is_cut_at_50_and_500_tb(gigabytes: int, parts: list[int]) -> None:
    names = [f"standard-storage-gb-month-tier{number}" for number in (1, 2, 3)]
    assert tiers("S3", "standard-storage-gb-month", "eu-west-1", gigabytes) == list(
        zip(names, map(Decimal, parts), strict=False)
    )


def test_a_meter_without_tiers_is_one_step() -> None:
    price = BOOK.price("ECR", "storage-gb-month", "us-east-1")
    assert isinstance(price, Price)
    assert BOOK.steps("ECR", "storage-gb-month", "us-east-1", Decimal(7)) == (
        Step(usage="storage-gb-month", quantity=Decimal(7), price=price),
    )


def test_tiers_get_cheaper_or_stay() -> None:
    for (service, _), rungs in LADDERS.items():
        for region in BOOK.regions:
            prices = [BOOK.price(service, rung, region) for rung, _ in rungs]
            usd = [price.usd for price in prices if isinstance(price, Price)]
            assert usd == sorted(usd, reverse=True), (service, region)


def test_every_price_is_above_zero_unless_free_on_purpose() -> None:
    free = {
        (service, usage)
        for service, usages in DATA["prices"].items()
        for usage, meter in usages.items()
        for types in meter["regions"].values()
        for usd, _ in types.values()
        if not Decimal(usd) > 0
    }
    assert free == FREE_ON_PURPOSE


def test_every_price_has_a_source_and_a_date() -> None:
    assert all(source.strip() and date.fromisoformat(as_of) for source, as_of in DATA["sources"])


@pytest.mark.parametrize("region", sorted(BOOK.regions))
def test_every_region_has_every_meter_of_the_rules_or_an_explicit_gap(region: str) -> None:
    rungs = {(service, rung) for service, usage in METERS for rung, _ in price_book.rungs_of(service, usage)}
    meters = rungs - PRICED_NOWHERE
    assert [meter for meter in meters if not (is_held(*meter, region) or is_gap(*meter, region))] == []


def is_held(service: str, usage: str, region: str) -> bool:
    regions = DATA["prices"].get(service, {}).get(usage, {}).get("regions", {})
    return region in regions or GLOBAL in regions


def is_gap(service: str, usage: str, region: str) -> bool:
    reasons = DATA["gaps"].get(service, {}).get(usage, {})
    return any(region in places for places in reasons.values())


def test_no_gap_hides_a_price() -> None:
    hidden = [
        (service, usage, place)
        for service, usages in DATA["gaps"].items()
        for usage, reasons in usages.items()
        for places in reasons.values()
        for place in places
        if " " not in place and is_held(service, usage, place)
    ]
    assert hidden == []


def test_fallbacks_are_for_meters_that_exist() -> None:
    assert {usage for service, usage in FALLBACKS} <= set(DATA["prices"]["SageMaker"]) | set(
        DATA["prices"]["EKS"]
    )
