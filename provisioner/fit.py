"""May this found resource fill that slot, and if not, why."""

from dataclasses import asdict, dataclass
from typing import Literal

from provisioner.component import Component, Severity
from provisioner.components import for_arn
from provisioner.scan.table import Found

Verdict = Literal["fit", "unfit", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One check's answer; `reason` says what holds when `ok` is true, None is "I could not look"."""

    id: str
    ok: bool | None
    severity: Severity
    reason: str


@dataclass(frozen=True, kw_only=True)
class Fitness:
    verdict: Verdict
    checks: tuple[Answer, ...]

    def as_dict(self) -> dict[str, object]:
        return {"verdict": self.verdict, "checks": [asdict(answer) for answer in self.checks]}


def check(component: Component, found: Found, *, region: str) -> Fitness:
    """The fitness of a found resource for one slot of a stack in this region."""
    facts = dict(found.attributes)
    if found.region:
        facts["same_region"] = found.region == region
    answers = tuple(
        Answer(id=c.id, ok=c.test(facts), severity=c.severity, reason=c.reason) for c in component.checks
    )
    return Fitness(verdict=_verdict(answers), checks=answers)


def best(found: Found, region: str) -> Fitness:
    """The fitness for the first slot that the resource could take; unknown without one."""
    component = next(iter(for_arn(found.arn)), None)
    return check(component, found, region=region) if component else Fitness(verdict="unknown", checks=())


def _verdict(answers: tuple[Answer, ...]) -> Verdict:
    deciding = [answer.ok for answer in answers if answer.severity == "error"]
    if False in deciding:
        return "unfit"
    return "unknown" if None in deciding else "fit"
