"""A scan laid out for people: what was seen where, what was not and why, and what was found is good for.

Everything is read from the JSON answer, so that a saved scan is shown as a fresh one is.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.scan.row import COULD_NOT_LOOK, SEEN

Cell = Mapping[str, Any]
Resource = Mapping[str, Any]

# The gravest last; the words that a legend explains.
STATES: Mapping[str, str] = {
    "found": "something is there",
    "empty": "looked, and there is nothing",
    "unsupported": "the region does not have the service",
    "not_enabled": "the account has not switched the region or service on",
    "throttled": "AWS asked to slow down until the end",
    "timeout": "nobody answered in time",
    "denied": "the caller may not look",
    "failed": "something else went wrong",
}
_TIMES = re.compile(r" ×\d+")
_GRAVITY = {state: number for number, state in enumerate(STATES)}
_VERDICTS = ("fit", "unknown", "unfit")


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One square of the coverage matrix; `state` is the gravest of the cells that it stands for.

    `gaps` are the questions that got no answer.
    """

    state: str
    count: int
    note: str
    gaps: int = 0

    @property
    def seen(self) -> bool:
        return self.state in SEEN


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """One account: a line per region, a square per service; None where a service was not asked."""

    account: str
    note: str
    lines: tuple[tuple[str, tuple[Spot | None, ...]], ...]
    whole: Spot
    not_seen: int
    partly_seen: int = 0


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why cells could not be seen, or not whole: so many, one of them, and their unanswered questions."""

    state: str
    note: str
    cells: int
    example: str
    gaps: int = 0


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The resources of one kind, the fit ones first."""

    name: str
    resources: tuple[Resource, ...]
    verdicts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Report:
    services: tuple[str, ...]
    accounts: tuple[Coverage, ...]
    states: Mapping[str, int]
    reasons: tuple[Reason, ...]
    kinds: tuple[Kind, ...]
    summary: Mapping[str, Any]
    suggestions: Sequence[Mapping[str, Any]]

    @property
    def gaps(self) -> int:
        return sum(account.whole.gaps for account in self.accounts)

    @property
    def partly_seen(self) -> int:
        return sum(account.partly_seen for account in self.accounts)

    @property
    def sight(self) -> tuple[str, ...]:
        """What could not be seen, in words; empty where all could."""
        return sight(self.summary["not_seen"], self.partly_seen, self.gaps)

    @property
    def regions(self) -> int:
        return len({region for account in self.accounts for region, _ in account.lines} - {"global"})


def make(answer: Mapping[str, Any]) -> Report:
    """The report of a scan's JSON answer."""
    cells, summary = list(answer["cells"]), answer["summary"]
    # What belongs to no region stands last: in the matrix its column is empty but for one line.
    placed = sorted(cells, key=lambda cell: cell["region"] == "global")
    services = tuple(dict.fromkeys(cell["service"] for cell in placed))
    by_account: dict[str, list[Cell]] = {}
    for cell in cells:
        by_account.setdefault(cell["account"], []).append(cell)
    notes = answer.get("notes", {})
    states = Counter(cell["state"] for cell in cells)
    return Report(
        services=services,
        accounts=tuple(
            _coverage(account, own, services, notes.get(account, "")) for account, own in by_account.items()
        ),
        states={state: states[state] for state in STATES if states[state]},
        reasons=_reasons(cells),
        kinds=_kinds(answer["resources"]),
        summary=summary,
        suggestions=answer.get("suggestions", ()),
    )


def sight(not_seen: int, partly_seen: int, gaps: int) -> tuple[str, ...]:
    """What a scan could not see, in words; empty where it saw everything."""
    hidden = f"{_many(not_seen, 'cell')} could not be seen" if not_seen else ""
    were = "was" if partly_seen == 1 else "were"
    partly = f"{_many(partly_seen, 'cell')} {were} seen only in part, {_many(gaps, 'question')} got no answer"
    return tuple(filter(None, (hidden, partly if partly_seen else "")))


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def gaps_of(cell: Cell) -> int:
    """How many questions got no answer; a scan of before they were counted says at least whether any."""
    told: int = cell.get("gaps", int(COULD_NOT_LOOK in cell["note"]))
    return told


def why_partly(note: str) -> str:
    """A note's reason, without the numbers in which alike cells differ."""
    _, found, reason = note.partition(COULD_NOT_LOOK)
    return _TIMES.sub("", found + reason) if found else note


def _coverage(account: str, cells: Sequence[Cell], services: Sequence[str], note: str) -> Coverage:
    spots = {(cell["region"], cell["service"]): _spot([cell]) for cell in cells}
    regions = sorted({cell["region"] for cell in cells}, key=lambda region: (region == "global", region))
    return Coverage(
        account=account,
        note=note,
        lines=tuple((r, tuple(spots.get((r, service)) for service in services)) for r in regions),
        whole=_spot(cells),
        not_seen=sum(cell["state"] not in SEEN for cell in cells),
        partly_seen=sum(cell["state"] in SEEN and gaps_of(cell) > 0 for cell in cells),
    )


def _spot(cells: Sequence[Cell]) -> Spot:
    grave = max(cells, key=lambda cell: _grave(cell["state"]))
    count, gaps = sum(c["count"] for c in cells), sum(map(gaps_of, cells))
    return Spot(state=grave["state"], count=count, note=grave["note"], gaps=gaps)


def _grave(state: str) -> int:
    """Found beats empty and the like; what was not seen beats all."""
    if state in SEEN:
        return {"found": 0}.get(state, -1)
    return _GRAVITY.get(state, len(_GRAVITY))


def _reasons(cells: Iterable[Cell]) -> tuple[Reason, ...]:
    """Why cells were not seen, then why only in part, then what the others tell; the most frequent first."""
    reasons: dict[tuple[str, str, bool], Reason] = {}
    for cell in cells:
        gaps = gaps_of(cell)
        if cell["state"] in SEEN and not cell["note"]:
            continue
        note = why_partly(cell["note"]) if gaps else cell["note"]
        key = (cell["state"], note, gaps > 0)
        example = f"{cell['account']} {cell['region']} {cell['service']}"
        known = reasons.get(key, Reason(state=cell["state"], note=note, cells=0, example=example))
        reasons[key] = replace(known, cells=known.cells + 1, gaps=known.gaps + gaps)
    return tuple(sorted(reasons.values(), key=lambda r: (r.state in SEEN, r.gaps == 0, -r.cells)))


def _kinds(resources: Iterable[Resource]) -> tuple[Kind, ...]:
    by_kind: dict[str, list[Resource]] = {}
    for resource in resources:
        by_kind.setdefault(resource["kind"], []).append(resource)
    return tuple(_kind(name, own) for name, own in by_kind.items())


def _kind(name: str, resources: Sequence[Resource]) -> Kind:
    verdicts = Counter(r["fitness"]["verdict"] for r in resources)
    return Kind(
        name=name,
        resources=tuple(sorted(resources, key=lambda r: _VERDICTS.index(r["fitness"]["verdict"]))),
        verdicts={verdict: verdicts[verdict] for verdict in _VERDICTS if verdicts[verdict]},
    )


def why_not(resource: Resource) -> list[str]:
    """What speaks against a resource or is not known of it, the gravest first; details behind a colon."""
    order = {"error": 0, "warning": 1, "info": 2}
    against = [c for c in resource["fitness"]["checks"] if c["ok"] is not True and c["severity"] != "info"]
    return [_words(check) for check in sorted(against, key=lambda c: (order[c["severity"]], c["ok"] is None))]


def _words(check: Mapping[str, Any]) -> str:
    id_ = check["id"]
    no = id_.removeprefix("not_") if id_.startswith("not_") else f"not {id_}"
    word = no if check["ok"] is False else f"unknown: {id_}"
    detail = check.get("detail", "")
    return f"{word} ({detail})" if detail else word


def told(answer: object) -> str:
    """A value of a change in words; None is what nobody could see, or a tag that is not there."""
    words: Mapping[object, str] = {True: "yes", False: "no", None: "unknown", "": "nothing"}
    return words.get(answer, str(answer))
