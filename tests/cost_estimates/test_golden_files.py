"""Golden costs in data files: worked out from snapshot rows, and published by others."""

import ast
import operator
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from cost_estimates.estimate import monthly

TODAY = date(2026, 1, 15)
FOLDER = Path(__file__).with_name("golden")
WITHIN = Decimal("0.01")
OPERATORS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def load(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


WORKED_OUT = [(family, case) for family in load("snapshot.yaml") for case in family["cases"]]
PUBLISHED = [(place, case) for place in load("published.yaml") for case in place["cases"]]


def worked_out(node: ast.expr, prices: dict[str, str]) -> Decimal:
    """Sums and products, as on paper."""
    if isinstance(node, ast.BinOp):
        left, right = worked_out(node.left, prices), worked_out(node.right, prices)
        return OPERATORS[type(node.op)](left, right)
    return Decimal(prices[node.id]) if isinstance(node, ast.Name) else Decimal(ast.unparse(node))


def typical(template: dict[str, Any], region: str, usage: dict[str, Any]) -> tuple[Decimal, int]:
    it = monthly(template, region, usage={"profile": "idle", **usage}, today=TODAY)
    return it.total.typical, it.unknown


@pytest.mark.parametrize("family,case", WORKED_OUT, ids=lambda it: it.get("what") or it["region"])
def test_a_month_costs_what_the_formula_gives(family: dict[str, Any], case: dict[str, Any]) -> None:
    usd, unknown = typical(family["template"], case["region"], family["usage"])
    assert (round(usd, 8), unknown) == (round(Decimal(case["usd"]), 8), 0)


@pytest.mark.parametrize("family,case", WORKED_OUT, ids=lambda it: it.get("what") or it["region"])
def test_the_formula_with_its_figures_gives_the_result(family: dict[str, Any], case: dict[str, Any]) -> None:
    formula = ast.parse(family["formula"], mode="eval").body
    assert worked_out(formula, case["prices"]) == Decimal(case["usd"])
    assert case["sources"]
    assert set(case["prices"]) == set(family["rows"])


@pytest.mark.parametrize("place,case", PUBLISHED, ids=lambda it: it.get("what", ""))
def test_a_month_costs_what_others_published(place: dict[str, Any], case: dict[str, Any]) -> None:
    usd, unknown = typical({"Resources": case["resources"]}, place["region"], case.get("usage", {}))
    published = Decimal(str(case["usd"]))
    assert (abs(usd - published) <= published * WITHIN, unknown) == (True, 0), usd
    assert place["source"]


def test_there_are_enough_cases_in_enough_regions() -> None:
    regions = {case["region"] for _, case in WORKED_OUT}
    types = {
        resource["Type"]
        for family, _ in WORKED_OUT
        for resource in family["template"]["Resources"].values()
        if isinstance(resource, dict)
    }
    assert len(WORKED_OUT) + len(PUBLISHED) >= 200
    assert len(regions) >= 20
    assert len(types) >= 40
