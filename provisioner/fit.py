"""May this found resource fill that slot, and if not, why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from provisioner import arn as arns
from provisioner.component import Check, Component, Outputs, Severity, Statement, fill, places
from provisioner.components import for_arn
from provisioner.scan import simulate
from provisioner.scan.checks import FOR_KIND
from provisioner.scan.table import GLOBAL, Found

Verdict = Literal["fit", "unfit", "unknown"]
_ORDER: tuple[Verdict, ...] = ("fit", "unknown", "unfit")
# What an output looks like that nobody has chosen yet.
_SHAPES: Mapping[str, str] = {
    "bucket_arn": "arn:{aws.partition}:s3:::" + simulate.UNKNOWN,
    "repository_arn": "arn:{aws.partition}:ecr:{aws.region}:{aws.account}:repository/" + simulate.UNKNOWN,
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One check's answer; `reason` says what holds when `ok` is true, None is "I could not look"."""

    id: str
    ok: bool | None
    severity: Severity
    reason: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Fitness:
    verdict: Verdict
    checks: tuple[Answer, ...]

    def as_dict(self) -> dict[str, object]:
        return {"verdict": self.verdict, "checks": [dict(vars(answer)) for answer in self.checks]}


def check(
    component: Component,
    found: Found,
    *,
    region: str,
    today: date | None = None,
    outputs: Mapping[str, Outputs] | None = None,
) -> Fitness:
    """The fitness of a found resource for one slot of a stack in this region.

    `outputs` are those of the stack's other components, as far as they are chosen; without `today` a
    version's support is told as of the date of its table.
    """
    facts = _facts(found, region, today)
    if found.kind == "role":
        facts |= _permissions(component, found, region, outputs or {})
    return _judge(component.checks, facts)


def best(found: Found, region: str, today: date | None = None) -> Fitness:
    """The fitness for the slot that the resource fits best, of equal ones the first, or else for its kind."""
    slots = [check(component, found, region=region, today=today) for component in for_arn(found.arn)]
    if slots:
        return min(slots, key=lambda fitness: _ORDER.index(fitness.verdict))
    return _judge(FOR_KIND.get(found.kind, ()), _facts(found, region, today))


def _facts(found: Found, region: str, today: date | None) -> dict[str, object]:
    facts = dict(found.attributes)
    if found.region:
        facts["same_region"] = found.region == region
    return facts | ({"today": today} if today else {})


def _judge(checks: Sequence[Check], facts: Mapping[str, object]) -> Fitness:
    answers = tuple(
        Answer(id=c.id, ok=c.test(facts), severity=c.severity, reason=c.reason, detail=c.detail(facts))
        for c in checks
    )
    return Fitness(verdict=_verdict(answers), checks=answers)


def _verdict(answers: tuple[Answer, ...]) -> Verdict:
    deciding = [answer.ok for answer in answers if answer.severity == "error"]
    if False in deciding:
        return "unfit"
    return "unknown" if None in deciding or not deciding else "fit"


def _permissions(
    component: Component, found: Found, region: str, outputs: Mapping[str, Outputs]
) -> Mapping[str, object]:
    """The actions that the role surely lacks, and those that it may have; nothing of policies unread."""
    policies: Any = found.attributes.get("policies")
    boundary: Any = found.attributes.get("boundary")
    if policies is None:
        return {}
    told: dict[str, list[simulate.Told]] = {}
    for need in _needs(component, found, region, outputs):
        told.setdefault(need.action, []).append(simulate.allowed(policies, need, boundary=boundary))
    missing = sorted(action for action, answers in told.items() if False in answers)
    untold = sorted(action for action, answers in told.items() if None in answers and action not in missing)
    return {"missing_actions": missing, "untold_actions": untold}


def _needs(
    component: Component, found: Found, region: str, outputs: Mapping[str, Outputs]
) -> Iterator[simulate.Need]:
    """What the component's own execution role would be granted, always; what a key of yours needs is not."""
    arn = arns.parse(found.arn)
    # A role is of no region: judged by itself, it may serve in any.
    home = simulate.UNKNOWN if region in ("", GLOBAL) else region
    known = {
        "aws": {"partition": arn.partition, "region": home, "account": found.account},
        **outputs,
        component.type: component.outputs_of(arn),
    }
    for statement in component.statements:
        if (statement.role, statement.effect, statement.when) != ("execution", "Allow", ""):
            continue
        for resource in statement.resources:
            filled = _filled(resource, known)
            for action in statement.actions:
                yield simulate.Need(action=action, resource=filled, context=_context(statement, known))


def _filled(text: str, known: Mapping[str, Mapping[str, str]]) -> str:
    """The ARN with what is known; a value that is still to be chosen keeps the shape it will have."""
    shapes = {
        scope: {key: fill(_SHAPES.get(key, simulate.UNKNOWN), known)}
        for scope, key in places(text)
        if key not in known.get(scope, {})
    }
    return fill(text, {**known, **{s: {**known.get(s, {}), **v} for s, v in shapes.items()}})


def _context(statement: Statement, known: Mapping[str, Outputs]) -> Mapping[str, tuple[str, ...]]:
    """What requests will say, as the minimal policy's own conditions allow it."""
    return {
        key: tuple(_filled(value, known) for value in ((values,) if isinstance(values, str) else values))
        for keys in statement.conditions.values()
        for key, values in keys.items()
    }
