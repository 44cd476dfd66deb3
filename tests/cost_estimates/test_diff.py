"""Two estimates set side by side: what came, what went, what moved, and what drives a total."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cost_estimates import diff as diffs
from cost_estimates import drivers
from cost_estimates.estimate import monthly
from cost_estimates.model import Estimate

TODAY = date(2026, 1, 15)
KEY = {"Type": "AWS::KMS::Key"}
GATE = {"Type": "AWS::EC2::NatGateway"}
ROVER = {"Type": "AWS::Mars::Rover"}


def machine(kind: str) -> dict[str, Any]:
    return {"Type": "AWS::EC2::Instance", "Properties": {"InstanceType": kind}}


def estimate(**resources: Any) -> Estimate:
    return monthly({"Resources": resources}, "us-east-1", usage="idle", today=TODAY)


def short(old: Estimate, new: Estimate) -> list[tuple[str, str, float]]:
    value = diffs.make(old, new).as_dict()
    return [(r["kind"], r["logical_id"], r["change"]["typical"]) for r in value["resources"]]


def test_what_changes_most_stands_first_and_the_rest_is_only_counted() -> None:
    old = estimate(Box=machine("m5.large"), Gate=GATE, Key=KEY)
    new = estimate(Box=machine("m5.xlarge"), Key=KEY, Vault={"Type": "AWS::SecretsManager::Secret"})
    assert short(old, new) == [
        ("changed", "Box", 70.08),
        ("removed", "Gate", -32.85),
        ("added", "Vault", 0.4),
    ]
    assert diffs.make(old, new).as_dict()["counts"] == {"added": 1, "removed": 1, "changed": 1, "same": 1}


def test_the_answer_in_full() -> None:
    value = diffs.make(estimate(), estimate(Key=KEY)).as_dict()
    one = {"idle": 1.0, "low": 1.0, "typical": 1.0, "high": 1.0}
    none = dict.fromkeys(one, 0.0)
    new = value["resources"][0].pop("new")
    assert (new["status"], new["typical"]) == ("priced", 1.0)
    value["price_book"].pop("sha256")
    assert value == {
        "region": "us-east-1",
        "currency": "USD",
        "price_book": {"as_of": "2025-10-30", "stale": False},
        "usage": {"profile": "idle", "overrides": {}},
        "old": {"total": none, "unknown": 0},
        "new": {"total": one, "unknown": 0},
        "change": one,
        "counts": {"added": 1, "removed": 0, "changed": 0, "same": 0},
        "resources": [
            {"logical_id": "Key", "type": "AWS::KMS::Key", "kind": "added", "old": None, "change": one}
        ],
    }


def test_an_unknown_resource_is_counted_on_its_side() -> None:
    value = diffs.make(estimate(Odd=ROVER, Key=KEY), estimate(Key=KEY, Strange=ROVER, Odd=KEY)).as_dict()
    assert (value["old"]["unknown"], value["new"]["unknown"]) == (1, 1)
    assert [(r["logical_id"], r["kind"]) for r in value["resources"]] == [
        ("Odd", "changed"),
        ("Strange", "added"),
    ]


def test_becoming_unknown_is_a_change_even_at_the_same_amount() -> None:
    free = {"Type": "AWS::IAM::User"}
    assert short(estimate(One=free), estimate(One=ROVER)) == [("changed", "One", 0.0)]


def test_the_same_template_changes_nothing() -> None:
    one = estimate(Box=machine("m5.large"), Odd=ROVER)
    value = diffs.make(one, one).as_dict()
    assert (value["resources"], value["change"]["typical"], value["counts"]["same"]) == ([], 0.0, 2)


KINDS = st.sampled_from([KEY, GATE, ROVER, machine("m5.large"), machine("t3.nano"), machine("x9.none")])
TEMPLATES = st.dictionaries(st.sampled_from("ABCDEF"), KINDS, max_size=6)


@given(TEMPLATES, TEMPLATES)
def test_the_changes_add_up_to_the_difference_of_the_totals(old: Any, new: Any) -> None:
    made = diffs.make(estimate(**old), estimate(**new))
    back = diffs.make(made.new, made.old)
    assert sum((r.change.typical for r in made.resources), start=Decimal(0)) == made.change.typical
    assert made.change.typical == -back.change.typical
    assert len(made.resources) == len({*old, *new})


def test_drivers_are_the_dearest_meters_with_their_share() -> None:
    found = drivers.top(estimate(Box=machine("m5.large"), Gate=GATE, Key=KEY, Odd=ROVER), count=2)
    assert [(d.logical_id, d.usage, float(d.monthly_usd)) for d in found] == [
        ("Box", "EC2 ondemand-linux-shared-hour m5.large", 70.08),
        ("Gate", "VPC nat-gateway-hour", 32.85),
    ]
    assert [d.as_dict()["share"] for d in found] == [0.6702, 0.3141]  # of 104.57, with a key and 8 GB of disk


def test_tiers_of_one_meter_are_one_driver() -> None:
    store = monthly(
        {"Resources": {"Store": {"Type": "AWS::S3::Bucket"}}},
        "us-east-1",
        usage={"profile": "idle", "s3_storage_gb": 100_000},
        today=TODAY,
    )
    # 51,200 GB at 0.023 and 48,800 GB at 0.022.
    assert [(d.usage, float(d.monthly_usd)) for d in drivers.top(store)] == [
        ("S3 standard-storage-gb-month", 2251.2)
    ]


def test_nothing_drives_what_costs_nothing() -> None:
    assert drivers.top(estimate(Odd=ROVER)) == ()
