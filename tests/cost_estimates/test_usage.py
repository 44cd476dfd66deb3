"""Usage: profiles, overrides, and what is refused."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cost_estimates.model import CostError
from cost_estimates.usage import AMOUNTS, KEYS, MACHINES, PROFILES, Levels, parse


def refusal(wish: Any) -> CostError:
    with pytest.raises(CostError) as caught:
        parse(wish)
    return caught.value


def test_idle_adds_nothing() -> None:
    assert set(parse("idle").amounts.values()) == {Levels(Decimal(0), Decimal(0), Decimal(0))}


@pytest.mark.parametrize("profile", PROFILES)
def test_no_amount_falls_from_low_to_high(profile: str) -> None:
    assert all(list(levels) == sorted(levels) for levels in parse(profile).amounts.values())


@pytest.mark.parametrize("key", AMOUNTS)
def test_each_profile_uses_more_than_the_one_before(key: str) -> None:
    bands = [parse(profile).amounts[key] for profile in PROFILES]
    assert bands == sorted(bands)
    assert bands[-1].typical > bands[0].typical


def test_every_number_has_its_reasoning() -> None:
    assert [key for key, amount in AMOUNTS.items() if len(amount.why) < 20] == []
    assert [key for key, machine in MACHINES.items() if len(machine.why) < 20] == []


def test_a_usage_that_is_already_parsed_stays() -> None:
    usage = parse("team")
    assert parse(usage) is usage


def test_a_mapping_without_profile_is_light() -> None:
    assert parse({}) == parse("light")


def test_one_number_overrides_all_three_levels() -> None:
    usage = parse({"profile": "light", "s3_storage_gb": 12.5})
    assert usage.amounts["s3_storage_gb"] == Levels(Decimal("12.5"), Decimal("12.5"), Decimal("12.5"))
    assert usage.overrides == {"s3_storage_gb": 12.5}


def test_three_numbers_override_one_by_one() -> None:
    usage = parse({"profile": "team", "nat_data_gb": {"low": 1, "typical": "2", "high": 3}})
    assert usage.amounts["nat_data_gb"] == Levels(Decimal(1), Decimal(2), Decimal(3))


def test_an_override_leaves_the_rest_of_the_profile() -> None:
    usage = parse({"profile": "team", "ecr_storage_gb": 1})
    rest = {key: levels for key, levels in usage.amounts.items() if key != "ecr_storage_gb"}
    assert rest == {key: parse("team").amounts[key] for key in rest}


def test_a_machine_can_be_chosen() -> None:
    usage = parse({"profile": "light", "sagemaker_job_instance_type": "ml.c5.xlarge"})
    assert usage.machines["sagemaker_job_instance_type"] == ("ml.c5.xlarge",)


def test_an_unknown_profile_names_the_profiles() -> None:
    error = refusal("busy")
    assert (error.message, error.hint, error.field) == (
        "no usage profile 'busy'",
        "profiles are idle, light, team, heavy",
        "usage.profile",
    )


def test_an_unknown_key_names_the_nearest_and_all_allowed() -> None:
    error = refusal({"profile": "light", "s3_storage": 5})
    assert (error.message, error.field) == ("no usage key 's3_storage'", "usage.s3_storage")
    assert error.hint.startswith("did you mean s3_storage_gb")
    assert all(key in error.hint for key in KEYS)


def test_an_unknown_key_like_no_other_still_names_all_allowed() -> None:
    assert refusal({"zzz": 5}).hint == f"allowed are {', '.join(KEYS)}"


@pytest.mark.parametrize(
    "value", [-1, "many", True, None, float("nan"), float("inf"), "1e999", [1], "", 10**12 + 1]
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    error = refusal({"nat_data_gb": value})
    assert (error.message, error.field) == (f"nat_data_gb is {value!r}, not an amount", "usage.nat_data_gb")


@pytest.mark.parametrize("value", [{"low": 1}, {"low": 1, "typical": 2, "high": 3, "top": 4}])
def test_levels_come_in_threes(value: dict[str, int]) -> None:
    assert refusal({"nat_data_gb": value}).message == (
        "nat_data_gb needs low, typical, high, or one number for all three"
    )


def test_levels_must_not_fall() -> None:
    error = refusal({"nat_data_gb": {"low": 3, "typical": 2, "high": 1}})
    assert error.message == "nat_data_gb must not fall from low to high"


@pytest.mark.parametrize("value", ["m5.xlarge", "ml.big", "", 5, None])
def test_a_job_needs_an_ml_instance_type(value: object) -> None:
    error = refusal({"sagemaker_job_instance_type": value})
    assert (error.message, error.hint) == (
        f"sagemaker_job_instance_type is {value!r}, not such an instance type",
        "for example ml.m5.xlarge",
    )


@pytest.mark.parametrize("wish", [None, 5, ["light"]])
def test_what_is_no_usage_is_refused(wish: object) -> None:
    assert refusal(wish).message == "usage is a profile name or a mapping"


def test_the_page_of_all_keys_is_fresh() -> None:
    script = Path(__file__).resolve().parents[2] / "scripts/build_usage_docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.stdout == "docs/cost-usage.md is fresh\n"
