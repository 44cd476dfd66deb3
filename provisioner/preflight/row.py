"""What a preflight check is made of: one row with its id, severity, why and fix."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from provisioner.component import Severity
from provisioner.plan import Plan
from provisioner.template import Template

# What only AWS can tell: a kind and its arguments, such as ("quota", "vpc", "L-F678F1CE").
Question = tuple[str, ...]
COULD_NOT_LOOK = "could not look"


@dataclass(frozen=True, kw_only=True)
class Unanswered:
    """AWS did not tell: denied, not there to be asked, or no answer in time."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the checks look at; `answers` is empty offline.

    `live` is what the stack has already, by logical id: its own things are nobody's in the way. None is for
    a plan, which has not looked for the stack.
    """

    plan: Plan
    template: Template
    estimate: Mapping[str, Any]
    today: date
    answers: Mapping[Question, Any] = field(default_factory=dict)
    live: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a check found; `fix` is the next step, where the row's own does not fit."""

    subject: str
    message: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`severity` error stops link and deploy; `fix` is the next step, or empty where none is needed."""

    id: str
    severity: Severity
    subject: str
    message: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One check. `why` says what goes wrong without it; `asks` names what only AWS can tell."""

    id: str
    severity: Severity
    why: str
    look: Callable[[Case], Iterable[Seen]]
    fix: str = ""
    asks: Callable[[Case], Iterable[Question]] | None = None
    # A plan may be made all the same, but no link and no deployment.
    blocks: bool = False

    def check(self, case: Case) -> list[Finding]:
        """The findings of this row; where AWS did not answer, that is the finding."""
        questions = list(self.asks(case)) if self.asks else []
        if self.asks and not case.answers:
            return []
        unanswered = [(q, a) for q in questions if isinstance(a := case.answers.get(q), Unanswered)]
        if unanswered:
            return [self._could_not_look(*unanswered[0])]
        return [
            Finding(
                id=self.id,
                severity=self.severity,
                subject=seen.subject,
                message=seen.message,
                fix=seen.fix or self.fix,
            )
            for seen in self.look(case)
        ]

    def _could_not_look(self, question: Question, answer: Unanswered) -> Finding:
        return Finding(
            id=self.id,
            severity="info",
            subject=" ".join(question),
            message=f"{COULD_NOT_LOOK}: {answer.reason}",
            fix=f"unchecked: {self.why}",
        )
