"""Findings over a plan and its template: the table of checks, and who runs it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from provisioner.plan import Plan
from provisioner.preflight import (
    access,
    clusters,
    components,
    cost,
    data,
    links,
    machines,
    online,
    places,
    reuse,
)
from provisioner.preflight.row import Case, Finding, Question, Row, Seen, Unanswered
from provisioner.template import Template

__all__ = ["ROWS", "Ask", "Case", "Finding", "Question", "Row", "Seen", "Unanswered"]

Ask = Callable[[set[Question]], Mapping[Question, Any]]
ROWS: tuple[Row, ...] = (
    *links.ROWS,
    *places.ROWS,
    *access.ROWS,
    *reuse.ROWS,
    *data.ROWS,
    *components.ROWS,
    *clusters.ROWS,
    *machines.ROWS,
    *cost.ROWS,
    *online.ROWS,
)
_BLOCKERS = frozenset(row.id for row in ROWS if row.blocks)
_GRAVITY = ("error", "warning", "info")


def check(
    plan: Plan,
    template: Template,
    estimate: Mapping[str, Any],
    *,
    today: date,
    ask: Ask | None = None,
    live: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Every finding, the gravest first; `estimate` is the plan's `cost` answer.

    `ask` answers what only AWS can tell, each question once; without it those checks are left out.
    `live` is what a stack that would be updated has already; see Case.
    """
    case = Case(plan=plan, template=template, estimate=estimate, today=today, live=live)
    if ask:
        # Twice: who is asking decides some of the questions.
        for _ in range(2):
            questions = {q for row in ROWS if row.asks for q in row.asks(case)} - case.answers.keys()
            case = replace(case, answers={**case.answers, **ask(questions)})
    found = [finding for row in ROWS for finding in row.check(case)]
    return sorted(found, key=lambda f: _GRAVITY.index(f.severity))


def blocks(finding: Finding) -> bool:
    """Whether no link is made and nothing deployed before it is mended; a plan can be had all the same."""
    return finding.severity == "error" or finding.id in _BLOCKERS


def link_blockers(findings: list[Finding]) -> list[str]:
    """Why no link can be made, in words; empty where one can."""
    return [f"{f.subject}: {f.message}" for f in findings if blocks(f)]
