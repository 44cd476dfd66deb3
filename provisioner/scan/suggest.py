"""Complete stacks out of what a scan found, the best first; what is missing is to be built.

A suggestion is a preset whose slots are taken by resources of one account and region. Its score is the
mean of its slots' points, so it needs no price and is the same whenever the same things are found.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from provisioner import arn as arns
from provisioner import fit
from provisioner.component import Component, ComponentType, Outputs
from provisioner.components import CATALOGUE, find, flavors, for_arn, known_types
from provisioner.errors import SpecError
from provisioner.fit import Answer, Fitness
from provisioner.scan.likely import rank as likelihood
from provisioner.scan.row import GLOBAL, Found
from provisioner.scan.rows.quotas import NAMES as QUOTAS
from provisioner.spec import DEFAULT_PRESET, PARAMETER_TAGS, PRESETS, legal_name

MOST = 20
# Candidates of a slot that are looked at together; as many roles are held against the chosen bucket.
_SHORTLIST, _ROLES = 8, 3
# A resource that surely fits always beats one that may, and either beats nothing.
BEST = {"fit": 100.0, "unknown": 50.0}
WORST = {"fit": 60.0, "unknown": 5.0}
COSTS = {"error": 5.0, "warning": 10.0, "info": 2.0}
# A part that the template builds fits, but is not there yet.
BUILT = 40.0
# It needs nothing, and is nobody's reason to choose a stack.
LOCAL = 50.0
BUILD = "build"
_KIN_TAGS = ("stackwright:stack", *PARAMETER_TAGS)

Slot = tuple[ComponentType, str]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A resource as one component; `points` are of a hundred."""

    component: Component
    found: Found
    fitness: Fitness
    points: float

    @property
    def slot(self) -> Slot:
        return (self.component.type, self.component.flavor)

    @property
    def order(self) -> tuple[float, tuple[int, str]]:
        return (-self.points, likelihood(self.found))


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A stack of one account and region: a candidate per slot, or None for what is to be built."""

    account: str
    region: str
    slots: Mapping[ComponentType, tuple[str, Candidate | None]]
    score: float
    kin: int
    # What the region says of the whole stack, whatever its parts are.
    checks: tuple[Answer, ...] = ()

    @property
    def found(self) -> list[Candidate]:
        return [c for _, c in self.slots.values() if c]

    @property
    def missing(self) -> list[ComponentType]:
        return [t for t, (flavor, c) in self.slots.items() if c is None and flavor != "local"]

    @property
    def order(self) -> tuple[Any, ...]:
        return (-self.score, -self.kin, self.account, self.region, self.slots["orchestrator"][0])

    def as_dict(self, rank: int) -> dict[str, Any]:
        """The suggestion of the JSON contract; the price of what is missing is not known here."""
        there = {t: slot for t, slot in self.slots.items() if t in self.missing or slot[1]}
        return {
            "rank": rank,
            "account": self.account,
            "region": self.region,
            "components": {t: c.found.arn if c else BUILD for t, (_, c) in there.items()},
            "flavors": {t: flavor for t, (flavor, _) in self.slots.items()},
            "score": self.score,
            "missing": list(self.missing),
            "monthly_usd": None if self.missing else 0,
            "why": {t: self._why(*slot) for t, slot in self.slots.items()},
            "checks": [dict(vars(answer)) for answer in self.checks],
        }

    def _why(self, flavor: str, candidate: Candidate | None) -> str:
        if flavor == "local":
            return f"{LOCAL:g} points: needs nothing in AWS"
        if candidate is None:
            return f"{BUILT:g} points: none that was found fits"
        others = [c.found for c in self.found if c.found.arn != candidate.found.arn]
        shared = list(dict.fromkeys(words for other in others for words in _shared(candidate.found, other)))
        return "; ".join([f"{candidate.points:g} points: {_words(candidate.fitness)}", *shared])


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The best suggestions, and of how many."""

    suggestions: tuple[Suggestion, ...]
    of: int

    def as_dicts(self) -> list[dict[str, Any]]:
        return [suggestion.as_dict(rank) for rank, suggestion in enumerate(self.suggestions, 1)]


def rank(resources: Iterable[Found], *, today: date | None = None, most: int = MOST) -> Ranking:
    """The best stacks of what was found, which comes account by account; one account is kept at a time."""
    best: list[Suggestion] = []
    total = 0
    for account, found in groupby(resources, key=lambda f: f.account):
        made = list(_of_account(account, found, today))
        total += len(made)
        best = sorted([*best, *made], key=lambda s: s.order)[:most]
    return Ranking(suggestions=tuple(best), of=total)


# Candidates

Shelf = dict[Slot, list[Candidate]]


def _of_account(account: str, found: Iterable[Found], today: date | None) -> Iterator[Suggestion]:
    shelves: dict[str, Shelf] = defaultdict(lambda: defaultdict(list))
    quotas: dict[str, list[Found]] = defaultdict(list)
    for candidate in _candidates(_without_quotas(found, quotas), today):
        shelf = shelves[candidate.found.region][candidate.slot]
        shelf.append(candidate)
        # Now and then: ten thousand buckets never stand here at once, and few are sorted often.
        if len(shelf) >= 64 * _SHORTLIST:
            shelf[:] = sorted(shelf, key=lambda c: c.order)[:_SHORTLIST]
    anywhere = _shortlisted(shelves.pop(GLOBAL, {}))
    for region, shelf_of in sorted(shelves.items()):
        shelf_here = {**anywhere, **_shortlisted(shelf_of)}
        for flavor in flavors("orchestrator"):
            made = _suggestion(account, region, flavor, shelf_here, quotas[region])
            if made:
                yield made


def _without_quotas(found: Iterable[Found], quotas: dict[str, list[Found]]) -> Iterator[Found]:
    """The things; quotas are put aside by region."""
    for resource in found:
        if resource.kind == "job_quota":
            quotas[resource.region].append(resource)
        else:
            yield resource


def _candidates(found: Iterable[Found], today: date | None) -> Iterator[Candidate]:
    for resource in found:
        for component in for_arn(resource.arn) if resource.region else ():
            fitness = fit.check(component, resource, region=resource.region, today=today)
            if fitness.verdict != "unfit":
                yield _candidate(component, resource, fitness)


def _candidate(component: Component, found: Found, fitness: Fitness) -> Candidate:
    return Candidate(component=component, found=found, fitness=fitness, points=points(fitness))


def points(fitness: Fitness) -> float:
    """Of a hundred: 0 is unfit; a warning costs ten, and half of that where nobody could look."""
    if fitness.verdict == "unfit":
        return 0.0
    lost = sum(COSTS[a.severity] * (1 if a.ok is False else 0.5) for a in fitness.checks if a.ok is not True)
    return max(WORST[fitness.verdict], BEST[fitness.verdict] - lost)


def _shortlisted(shelf: Shelf) -> Shelf:
    return {slot: sorted(found, key=lambda c: c.order)[:_SHORTLIST] for slot, found in shelf.items()}


# Combinations


def _suggestion(
    account: str, region: str, flavor: str, shelf: Shelf, quotas: Sequence[Found]
) -> Suggestion | None:
    """The best stack with this orchestrator; None where it has no preset, or nothing to build it on."""
    preset = next((p for p in PRESETS.values() if p.get("orchestrator") == flavor), None)
    if preset is None or not _is_worth_it(flavor, shelf):
        return None
    chosen = _with_roles(_kindred(preset, shelf), shelf, region)
    slots = {t: (f, chosen.get(t)) for t, f in preset.items()}
    slots |= {c.component.type: (c.component.flavor, c) for c in _extras(slots, shelf, region)}
    if not any(c and c.found.region != GLOBAL for _, c in slots.values()):
        return None
    needed = [_points_of(*slots[t]) for t in preset]
    kin = [c.found for _, c in slots.values() if c]
    checks = tuple(_quota_left(quotas)) if flavor == "sagemaker" else ()
    lost = sum(COSTS[c.severity] for c in checks if c.ok is False)
    return Suggestion(
        account=account,
        region=region,
        slots={t: slots[t] for t in known_types() if t in slots},
        score=round(max(0.0, sum(needed) / len(needed) - lost), 1),
        checks=checks,
        kin=sum(len(_shared(a, b)) for n, a in enumerate(kin) for b in kin[n + 1 :] if a.arn != b.arn),
    )


def _quota_left(quotas: Sequence[Found]) -> Iterator[Answer]:
    """Whether the region lets jobs run; nobody could look where no quota was found."""
    values = {q.name: q.attributes.get("value") for q in quotas}
    none = [name for name in QUOTAS if values.get(name) == 0]
    yield Answer(
        id="quota",
        ok=False if none else True if set(QUOTAS) <= set(values) else None,
        severity="warning",
        reason="the account's quotas let its jobs run here",
        detail=", ".join(f"{name} is 0" for name in none),
    )


def _is_worth_it(flavor: str, shelf: Shelf) -> bool:
    """Who has no cluster is not advised to build one: only the default preset's orchestrator is."""
    return flavor in ("local", PRESETS[DEFAULT_PRESET]["orchestrator"]) or ("orchestrator", flavor) in shelf


def _points_of(flavor: str, candidate: Candidate | None) -> float:
    if flavor == "local":
        return LOCAL
    return candidate.points if candidate else BUILT


def _kindred(preset: Mapping[ComponentType, str], shelf: Shelf) -> dict[ComponentType, Candidate]:
    """The best of each slot; of equals those that share tags or the beginning of their names."""
    equals = {t: _equals(shelf.get((t, flavor), [])) for t, flavor in preset.items()}
    present = {t: some for t, some in equals.items() if some}
    if not present:
        return {}
    first = next(iter(present))
    combinations = [
        {t: max(some, key=lambda c, a=anchor: len(_shared(a.found, c.found))) for t, some in present.items()}  # type: ignore[misc]  # a lambda's default has no type
        | {first: anchor}
        for anchor in present[first]
    ]
    return max(combinations, key=lambda chosen: _kinship(chosen[first], chosen.values()))


def _equals(candidates: Sequence[Candidate]) -> list[Candidate]:
    return [c for c in candidates if c.points == candidates[0].points]


def _kinship(anchor: Candidate, others: Iterable[Candidate]) -> int:
    return sum(len(_shared(anchor.found, c.found)) for c in others if c is not anchor)


def _with_roles(
    chosen: dict[ComponentType, Candidate], shelf: Shelf, region: str
) -> dict[ComponentType, Candidate]:
    """With the role that reaches this very bucket and repository, where there is one."""
    kept = dict(chosen)
    for type_, candidate in chosen.items():
        if candidate.found.kind == "role":
            del kept[type_]
            best = _role(candidate.slot, shelf, chosen, region)
            if best:
                kept[type_] = best
    return kept


def _role(
    slot: Slot, shelf: Shelf, chosen: Mapping[ComponentType, Candidate], region: str
) -> Candidate | None:
    outputs: dict[str, Outputs] = {
        t: _outputs(c) for t, c in chosen.items() if t in ("artifact_store", "container_registry")
    }
    kin = [c for t, c in chosen.items() if t in outputs]
    tried = [
        _candidate(c.component, c.found, fit.check(c.component, c.found, region=region, outputs=outputs))
        for c in shelf.get(slot, [])[:_ROLES]
    ]
    fitting = [c for c in tried if c.fitness.verdict != "unfit"]
    return min(fitting, key=lambda c: (-c.points, -_kinship(c, kin), likelihood(c.found)), default=None)


def _outputs(candidate: Candidate) -> Outputs:
    return candidate.component.outputs_of(arns.parse(candidate.found.arn))


def _extras(
    slots: Mapping[ComponentType, tuple[str, Candidate | None]], shelf: Shelf, region: str
) -> Iterator[Candidate]:
    """What was found for slots that the preset leaves open; a cluster is not named twice."""
    taken = {c.found.arn for _, c in slots.values() if c}
    chosen = {t: c for t, (_, c) in slots.items() if c}
    for type_ in known_types():
        found = [
            best
            for component in CATALOGUE
            if component.type == type_ and type_ not in slots and set(component.needs) <= set(slots)
            for best in [_best(component, shelf, chosen, region)]
            if best and best.found.arn not in taken
        ]
        if found:
            yield max(found, key=lambda c: c.points)


def _best(
    component: Component, shelf: Shelf, chosen: Mapping[ComponentType, Candidate], region: str
) -> Candidate | None:
    candidates = shelf.get((component.type, component.flavor), [])
    if candidates and candidates[0].found.kind == "role":
        return _role(candidates[0].slot, shelf, chosen, region)
    return max(_equals(candidates), key=lambda c: _kinship(c, chosen.values()), default=None)


def _shared(one: Found, other: Found) -> list[str]:
    """What makes two resources look like one team's."""
    mine, theirs = _lower(one), _lower(other)
    tags = [f"shares {k}={mine[k]}" for k in _KIN_TAGS if mine.get(k) and mine.get(k) == theirs.get(k)]
    start = _start(one.name)
    return [*tags, *([f"also named {start}…"] if start and start == _start(other.name) else [])]


def _lower(found: Found) -> dict[str, str]:
    return {key.lower(): value for key, value in (found.tags or {}).items()}


def _start(name: str) -> str:
    """The first word of a name, as far as it says anything."""
    word = re.split(r"[-_./]", name.lower())[0]
    return word if len(word) > 2 and word not in ("aws", "amazonsagemaker", "sagemaker") else ""


def _words(fitness: Fitness) -> str:
    against = [a for a in fitness.checks if a.ok is not True and a.severity != "info"]
    return ", but ".join([fitness.verdict, *([", ".join(map(_doubt, against))] if against else [])])


def _doubt(answer: Answer) -> str:
    return f"{'not' if answer.ok is False else 'unknown'} {answer.id}"


# What becomes of a suggestion, fresh or read from a file


def pick(suggestions: object, number: int) -> Mapping[str, Any]:
    """The suggestion of this rank; raises SpecError for none, and for what no scan has written."""
    hint = "`stackwright scan --suggest --json > scan.json` writes them, where anything fits"
    if not isinstance(suggestions, list) or not suggestions:
        raise SpecError("the scan suggests no stack", hint=hint, field="suggestion")
    found = next((s for s in suggestions if isinstance(s, dict) and s.get("rank") == number), None)
    if found is None:
        raise SpecError(
            f"there is no suggestion {number}",
            hint=f"the scan has 1 to {len(suggestions)}",
            field="suggestion",
        )
    return _checked(found)


def _checked(suggestion: Mapping[str, Any]) -> Mapping[str, Any]:
    texts = all(isinstance(suggestion.get(key), str) for key in ("account", "region"))
    components, kinds = suggestion.get("components"), suggestion.get("flavors")
    if not texts or not isinstance(components, dict) or not isinstance(kinds, dict):
        raise _forged(suggestion)
    if not set(components) <= set(kinds) or not all(find(t, str(f)) for t, f in kinds.items()):
        raise _forged(suggestion)
    return suggestion


def _forged(suggestion: Mapping[str, Any]) -> SpecError:
    return SpecError(
        f"suggestion {suggestion.get('rank')} is none that this stackwright wrote",
        hint="scan again: `stackwright scan --suggest`",
        field="suggestion",
    )


def unready(suggestion: Mapping[str, Any]) -> list[str]:
    """What a deployment has to do before the stack works, in words; empty where all of it is there."""
    parts: Mapping[str, str] = suggestion["components"]
    built = [f"{type_} is to be built" for type_, arn in parts.items() if arn == BUILD]
    found = [find(t, suggestion["flavors"][t]) for t, arn in parts.items() if arn != BUILD]
    # A cluster must be given a namespace and its pods a role, whoever built it.
    return built + [f"{c.type} {c.flavor} has to be set up" for c in found if c and c.manifests]


def wish(suggestion: Mapping[str, Any], *, name: str = "") -> dict[str, Any]:
    """The `stack.yaml` of a suggestion, as plain values: what was found is reused, the rest is built."""
    return {
        "version": 1,
        "name": name or legal_name("-".join(("mlops", str(suggestion["flavors"].get("orchestrator"))))),
        "region": suggestion["region"],
        "components": {
            type_: _slot(flavor, suggestion["components"].get(type_, BUILD))
            for type_, flavor in suggestion["flavors"].items()
        },
    }


def _slot(flavor: str, arn: str) -> dict[str, str]:
    return {"flavor": flavor} if arn == BUILD else {"flavor": flavor, "reuse": arn}


def priced(suggestion: Mapping[str, Any], cost: Mapping[str, Any] | None) -> dict[str, Any]:
    """With what the missing parts cost a month, by the estimate of the mixed stack; None is not known."""
    if cost is None:
        return {**suggestion, "monthly_usd": None}
    known = cost["unknown"] == 0
    return {**suggestion, "monthly_usd": cost["total"]["typical"] if known else None}
