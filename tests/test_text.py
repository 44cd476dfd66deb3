"""Answers as plain text for a terminal."""

from typing import Any

import pytest

from provisioner import text

ESTIMATE: dict[str, Any] = {
    "region": "eu-central-1",
    "usage": {"profile": "light"},
    "price_book": {"as_of": "2026-03-01", "stale": False},
    "components": [
        {"component": "artifact_store", "idle": 0.0, "low": 1.2, "typical": 2.345, "high": 1234.5}
    ],
    "total": {"idle": 0.0, "low": 1.2, "typical": 2.345, "high": 1234.5},
    "unknown": 0,
}


def permission(
    component: str, role: str, words: str, *, action: str = "s3:Get", effect: str = "Allow", reason: str = ""
) -> dict[str, Any]:
    told = {"component": component, "role": role, "words": words, "reason": reason}
    return told | {"actions": (action,), "effect": effect}


PLAN: dict[str, Any] = {
    "spec": {
        "name": "churn",
        "region": "eu-central-1",
        "components": {"artifact_store": {"flavor": "s3"}, "orchestrator": {"flavor": "local"}},
    },
    "resources": [
        {"component": "access", "action": "build", "type": "AWS::IAM::Role", "logical_id": "AccessRole"},
        {"component": "artifact_store", "action": "reuse", "type": "s3", "logical_id": "arn:aws:s3:::team"},
    ],
    "permissions": [
        permission("access", "AccessRole", "may list your bucket"),
        permission("access", "AccessRole", "may ask ECR for a login token", reason="because"),
        permission("access", "AccessRole", "may ask ECR for a login token", reason="because"),
        permission("access", "AccessRole", "one role, and nobody else", action="sts:AssumeRole"),
        permission("artifact_store", "Bucket", "nobody may come without TLS", effect="Deny"),
    ],
    "deploy_policy": {"words": ["setup can create roles: admin-equivalent"], "pieces": 1},
    "cost": ESTIMATE,
    "findings": [
        {"severity": "warning", "message": "An old price book", "fix": "refresh it"},
        {"severity": "info", "message": "word " * 30, "fix": ""},
    ],
    "link_blockers": [],
}


def test_columns_are_aligned_and_numbers_flush_right() -> None:
    rows = [["", "idle"], ["bucket", "$1.20"], ["x", "$1,235"]]
    assert text.table(rows, right=[1]) == "            idle\n  bucket   $1.20\n  x       $1,235"
    assert text.table([["a", "b"], ["ccc", "d"]], indent=0) == "a    b\nccc  d"
    assert text.table([]) == ""


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "$0.00"), (0.005, "$0.01"), (1.2, "$1.20"), (99.99, "$99.99"), (100, "$100"), (12345.6, "$12,346")],
)
def test_dollars_have_cents_below_a_hundred(amount: float, words: str) -> None:
    assert text.usd(amount) == words


def test_a_section_without_a_body_is_left_out() -> None:
    assert text.section("Resources", "  a") == "Resources\n  a\n"
    assert text.section("Resources", "") == ""


def test_the_cost_is_a_band_per_component() -> None:
    assert text.cost(ESTIMATE) == (
        "                   idle    low  typical    high\n"
        "  artifact_store  $0.00  $1.20    $2.35  $1,234\n"
        "  total           $0.00  $1.20    $2.35  $1,234\n"
        "  USD per month in eu-central-1, usage profile light, prices of 2026-03-01."
    )


def test_what_the_cost_leaves_out_is_said() -> None:
    book = {"as_of": "2025-01-01", "stale": True}
    told = text.cost({**ESTIMATE, "price_book": book, "unknown": 2}).splitlines()[-2:]
    assert told == [
        "  USD per month in eu-central-1, usage profile light, prices of 2025-01-01. "
        "The price book is old: compare before you rely on it.",
        "  2 resources have no known price and are not in the total.",
    ]


def test_a_plan_is_what_may_how_much_and_what_to_know() -> None:
    assert text.plan(PLAN) == (
        "churn in eu-central-1: artifact_store s3, orchestrator local\n"
        "\n"
        "Resources (2)\n"
        "  access          build  AWS::IAM::Role  AccessRole\n"
        "  artifact_store  reuse  s3              arn:aws:s3:::team\n"
        "\n"
        "Permissions\n"
        "  access: AccessRole\n"
        "    who: one role, and nobody else\n"
        "    - may list your bucket\n"
        "    - may ask ECR for a login token *\n"
        "  artifact_store: Bucket\n"
        "    ! nobody may come without TLS\n"
        "  * wider than this stack's own resources; `plan --json` gives the reason\n"
        "\n"
        "Who deploys\n"
        "  setup can create roles: admin-equivalent\n"
        "  `stackwright synth --policy` prints the policies to attach\n"
        "\n"
        f"Cost\n{text.cost(ESTIMATE)}\n"
        "\n"
        "Findings\n"
        "  warning An old price book\n"
        "          → refresh it\n"
        f"  info    {'word ' * 17}word\n"
        f"          {'word ' * 11}word"
    )


def test_what_blocks_a_link_stands_last() -> None:
    told = text.plan({**PLAN, "link_blockers": ["AWS::X: is missing"]})
    assert told.endswith("\n\nNo link can be made\n  AWS::X: is missing")


def test_an_arn_is_never_broken() -> None:
    long = "arn:aws:iam::111122223333:role/" + "a" * 120
    rows = [{"severity": "info", "message": f"may be assumed by {long}", "fix": ""}]
    assert long in text.plan({**PLAN, "findings": rows})


def test_a_table_keeps_a_line_per_row_whatever_its_cells_hold() -> None:
    rows = [["name", "n"], ["a\nb\x1b[2J", "1"]]
    assert text.table(rows, indent=0) == "name         n\na\\nb\\x1b[2J  1"
