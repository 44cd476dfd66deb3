"""Which Kubernetes version a cluster starts with, and what is said about the others."""

from datetime import date, timedelta

import pytest

from cost_estimates.rules.kubernetes import EKS_STANDARD_SUPPORT_ENDS
from provisioner import kubernetes_versions as kubernetes

STANDARD_ENDS = date(2026, 12, 2)  # of 1.34


@pytest.mark.parametrize(
    ("name", "today", "standing"),
    [
        ("1.34", STANDARD_ENDS - timedelta(days=61), "supported"),
        ("1.34", STANDARD_ENDS - timedelta(days=60), "ending"),
        ("1.34", STANDARD_ENDS - timedelta(days=1), "ending"),
        ("1.34", STANDARD_ENDS, "extended"),
        ("1.34", date(2027, 12, 1), "extended"),
        ("1.34", date(2027, 12, 2), "ended"),
        ("1.21", date(2026, 11, 22), "ended"),
        ("1.99", date(2026, 11, 22), "unknown"),
    ],
)
def test_a_version_stands_where_its_dates_say(name: str, today: date, standing: str) -> None:
    assert kubernetes.check(name, today)[0] == standing


def test_the_default_is_the_newest_that_is_settled_and_lasts() -> None:
    assert kubernetes.default() == "1.36"
    assert kubernetes.check(kubernetes.default(), kubernetes.as_of())[0] == "supported"


@pytest.mark.parametrize(
    ("today", "chosen"),
    [
        (date(2026, 7, 31), "1.35"),  # 1.36 is out since June 2, its add-ons are not
        (date(2026, 8, 1), "1.36"),
        (date(2030, 1, 1), "1.36"),  # a stale table: the one supported longest
    ],
)
def test_a_fresh_release_waits_for_its_add_ons(today: date, chosen: str) -> None:
    assert kubernetes.newest(today) == chosen


def test_every_version_is_supported_for_fourteen_months_and_twelve_more() -> None:
    for version in kubernetes.versions():
        standard = (version.standard_until - version.released).days
        assert 420 <= standard <= 430, version
        assert (version.extended_until - version.standard_until).days in (365, 366), version


def test_the_price_rules_know_the_same_dates() -> None:
    ours = {v.name: v.standard_until for v in kubernetes.versions()}
    assert ours == {name: EKS_STANDARD_SUPPORT_ENDS[name] for name in ours}
