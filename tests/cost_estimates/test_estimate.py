"""Estimates: their JSON, their sums, and regions with and without prices."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost_estimates import price_book
from cost_estimates.estimate import monthly
from cost_estimates.model import NOTHING, CostError, Estimate, add
from cost_estimates.rules import FREE, RULES
from cost_estimates.usage import AMOUNTS, PROFILES

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 1, 15)
BOOK = price_book.load()
TAGGED = {"Tags": [{"Key": "stackwright:component", "Value": "artifact_store"}]}
SMALL = {
    "Store": {"Type": "AWS::S3::Bucket", "Properties": TAGGED},
    "StorePolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Store"}}},
    "Package": {"Type": "AWS::Panorama::Package", "Properties": TAGGED},
}
KINDS = st.sampled_from([*RULES, *list(FREE)[:5], "AWS::Panorama::Package"])
REGIONS = st.sampled_from(sorted(BOOK.regions))


def estimate(resources: dict[str, Any], region: str = "us-east-1", usage: Any = "light") -> Estimate:
    return monthly({"Resources": resources}, region, usage=usage, today=TODAY)


def test_the_json_is_exactly_this() -> None:
    usage = {"profile": "idle", "s3_storage_gb": {"low": 1, "typical": 10, "high": "0.1e3"}}
    band = {"idle": 0.0, "low": 0.023, "typical": 0.23, "high": 2.3}
    nothing = {"idle": 0.0, "low": 0.0, "typical": 0.0, "high": 0.0}
    answer = estimate(SMALL, usage=usage).as_dict()
    assert json.loads(json.dumps(answer)) == {
        "region": "us-east-1",
        "currency": "USD",
        "hours_per_month": 730,
        "price_book": {"as_of": "2025-10-30", "sha256": BOOK.sha256, "stale": False},
        "usage": {
            "profile": "idle",
            "overrides": {"s3_storage_gb": {"low": 1, "typical": 10, "high": "0.1e3"}},
        },
        "total": band,
        "unknown": 1,
        "components": [{"component": "artifact_store", **band}],
        "resources": [
            {
                "logical_id": "Store",
                "type": "AWS::S3::Bucket",
                "status": "usage",
                "reason": "charged for what is stored, asked and downloaded",
                **band,
                "lines": [
                    {
                        "usage": "S3 standard-storage-gb-month-tier1",
                        "quantity": 10.0,
                        "unit": "GB-month",
                        "unit_usd": 0.023,
                        "monthly_usd": 0.23,
                        "source": "lamngockhuong/aws-price lib/data/pricing/s3.json@508fb45296",
                        "as_of": "2025-10-22",
                    }
                ],
            },
            {
                "logical_id": "StorePolicy",
                "type": "AWS::S3::BucketPolicy",
                "status": "free",
                "reason": "a setting of another resource, which carries the charge",
                **nothing,
                "lines": [],
            },
            {
                "logical_id": "Package",
                "type": "AWS::Panorama::Package",
                "status": "unknown",
                "reason": "no price rule for AWS::Panorama::Package yet",
                **nothing,
                "lines": [],
            },
        ],
    }


def test_a_tiny_unit_price_is_not_rounded_away() -> None:
    usage = {"profile": "idle", "s3_get_requests": 1}
    [resource, *_] = estimate(SMALL, usage=usage).as_dict()["resources"]
    [line] = resource["lines"]
    assert (line["unit_usd"], line["monthly_usd"]) == (0.0000004, 0.0)


def test_the_book_stamp_says_when_prices_are_old() -> None:
    late = monthly({"Resources": {}}, "us-east-1", usage="idle", today=date(2027, 1, 1))
    assert (late.price_book.as_of, late.price_book.stale) == (BOOK.as_of, True)


def test_an_empty_template_costs_nothing() -> None:
    empty = estimate({})
    assert (empty.total, empty.unknown, empty.components, empty.resources) == (NOTHING, 0, (), ())


def test_a_resource_whose_condition_is_false_is_not_there() -> None:
    body = {
        "Parameters": {"Nat": {"Type": "String", "Default": "no"}},
        "Conditions": {"WithNat": {"Fn::Equals": [{"Ref": "Nat"}, "yes"]}},
        "Resources": {"Gateway": {"Type": "AWS::EC2::NatGateway", "Condition": "WithNat"}},
    }
    without = monthly(body, "us-east-1", usage="idle", today=TODAY)
    with_nat = monthly(body, "us-east-1", usage="idle", parameters={"Nat": "yes"}, today=TODAY)
    assert (without.total.idle, with_nat.total.idle) == (Decimal(0), Decimal("32.85"))


def test_an_open_condition_counts_the_resource_and_says_so() -> None:
    body = {
        "Parameters": {"Nat": {"Type": "String"}},
        "Conditions": {"WithNat": {"Fn::Equals": [{"Ref": "Nat"}, "yes"]}},
        "Resources": {"Gateway": {"Type": "AWS::EC2::NatGateway", "Condition": "WithNat"}},
    }
    [gateway] = monthly(body, "us-east-1", usage="idle", today=TODAY).resources
    assert gateway.reason.endswith("; condition WithNat is open: taken as true")


@pytest.mark.parametrize(
    "region", ["cn-north-1", "cn-northwest-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1"]
)
def test_a_region_without_prices_is_all_unknown(region: str) -> None:
    it = estimate(SMALL, region=region)
    assert (it.total, it.unknown) == (NOTHING, 3)
    assert {one.reason for one in it.resources} == {f"no prices for {region} in the price book"}


@pytest.mark.parametrize(
    ("region", "hint"),
    [("eu-centrall-1", "did you mean eu-central-1, "), ("mars", "did you mean af-south-1, ")],
)
def test_a_region_that_does_not_exist_is_refused_with_names(region: str, hint: str) -> None:
    with pytest.raises(CostError) as caught:
        estimate(SMALL, region=region)
    assert (caught.value.message, caught.value.field) == (f"no region {region!r}", "region")
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("template", [{}, {"Resources": []}, [], None, "text"])
def test_what_is_no_template_is_refused(template: Any) -> None:
    with pytest.raises(CostError, match="not a CloudFormation template"):
        monthly(template, "us-east-1", usage="light", today=TODAY)


def test_values_nested_without_end_are_refused() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(CostError, match="nested too deeply"):
        estimate({"It": {"Type": "AWS::EC2::Instance", "Properties": {"InstanceType": deep}}})


def test_a_book_can_be_handed_in() -> None:
    other = price_book.read(price_book.DATA_FILE.read_text(encoding="utf-8"))
    assert monthly({"Resources": SMALL}, "us-east-1", usage="light", today=TODAY, book=other) == estimate(
        SMALL
    )


@given(kinds=st.lists(KINDS, max_size=8), region=REGIONS)
def test_idle_usage_has_one_price(kinds: list[str], region: str) -> None:
    total = estimate({f"R{n}": {"Type": kind} for n, kind in enumerate(kinds)}, region, "idle").total
    assert total.idle == total.low == total.typical == total.high


@given(kinds=st.lists(KINDS, max_size=8), region=REGIONS, profile=st.sampled_from(PROFILES))
def test_the_idle_part_is_the_same_in_every_profile(kinds: list[str], region: str, profile: str) -> None:
    resources = {f"R{n}": {"Type": kind} for n, kind in enumerate(kinds)}
    assert estimate(resources, region, profile).total.idle == estimate(resources, region, "idle").total.idle


@given(kinds=st.lists(KINDS, max_size=10), region=REGIONS, profile=st.sampled_from(PROFILES))
def test_components_and_resources_add_up_to_the_total(kinds: list[str], region: str, profile: str) -> None:
    resources = {
        f"R{n}": {"Type": kind, "Properties": TAGGED if n % 2 else {}} for n, kind in enumerate(kinds)
    }
    it = estimate(resources, region, profile)
    assert add(component.band for component in it.components) == it.total
    assert add(one.band for one in it.resources) == it.total
    assert it.unknown == sum(one.status == "unknown" for one in it.resources)


@given(
    key=st.sampled_from(sorted(AMOUNTS)),
    amounts=st.lists(st.integers(0, 10**12), min_size=2, max_size=2),
    region=REGIONS,
)
def test_more_usage_never_costs_less(key: str, amounts: list[int], region: str) -> None:
    resources = {kind: {"Type": kind} for kind in RULES}
    less, more = (
        estimate(resources, region, {"profile": "idle", key: amount}).total for amount in sorted(amounts)
    )
    assert less.typical <= more.typical
    assert less.idle == more.idle


@given(count=st.integers(1, 12), profile=st.sampled_from(PROFILES))
def test_usage_is_the_templates_and_does_not_multiply_with_buckets(count: int, profile: str) -> None:
    many = estimate({f"B{n}": {"Type": "AWS::S3::Bucket"} for n in range(count)}, usage=profile)
    one = estimate({"B": {"Type": "AWS::S3::Bucket"}}, usage=profile)
    assert abs(many.total.high - one.total.high) < Decimal("1e-9")


@given(kinds=st.lists(KINDS, max_size=6), region=REGIONS)
def test_low_typical_and_high_rise(kinds: list[str], region: str) -> None:
    for one in estimate({f"R{n}": {"Type": kind} for n, kind in enumerate(kinds)}, region).resources:
        assert one.band.idle <= one.band.low <= one.band.typical <= one.band.high


@given(kinds=st.lists(KINDS, max_size=6), region=REGIONS)
def test_the_lines_are_those_of_the_typical_month(kinds: list[str], region: str) -> None:
    for one in estimate({f"R{n}": {"Type": kind} for n, kind in enumerate(kinds)}, region).resources:
        assert round(sum(line.monthly_usd for line in one.lines), 9) == round(one.band.typical, 9)


def test_an_estimate_needs_nothing_but_the_standard_library() -> None:
    """It stands on the path of `link`, which has a quarter of a second for everything."""
    script = (
        "import sys; from cost_estimates.estimate import monthly; from datetime import date\n"
        "body = {'Resources': {'It': {'Type': 'AWS::EC2::Instance'}}}\n"
        "monthly(body, 'us-east-1', usage='light', today=date(2026, 1, 15)).as_dict()\n"
        "names = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names\n"
        "print(sorted(name for name in names if not name.startswith('_')), 'difflib' in sys.modules)"
    )
    answer = subprocess.run(  # without site, so that no installed package starts by itself
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "['cost_estimates'] False"
