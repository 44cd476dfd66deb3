"""Suggested stacks on the command line: priced, told in words, taken from a file or from the last scan."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner import text
from provisioner.cli.options import now, places, story
from provisioner.errors import SpecError, StackwrightError
from provisioner.scan import suggest
from provisioner.text import usd

if TYPE_CHECKING:
    from provisioner.plan import Plan
    from provisioner.scan.engine import Scan

Suggestion = Mapping[str, Any]
Cost = Callable[[Suggestion], Mapping[str, Any] | None]
LAST = "last"
NONE = "No stack can be suggested: nothing that was found fits as a part of one."
_STALE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A scan's suggestions and when it was made, as far as it says so."""

    suggestions: object
    made_at: datetime | None
    words: str


def of_scan(scan: "Scan") -> list[dict[str, Any]]:
    """The best suggestions of a fresh scan, each with the price of what is missing."""
    ranking = suggest.rank(scan.resources, today=scan.today)
    if ranking.of > len(ranking.suggestions):
        shown = f"{len(ranking.suggestions)} of {ranking.of:,}"
        story(f"The best {shown} stacks; a scan of fewer accounts or regions shows others.")
    cost = _estimator()
    return [_priced(one, cost) for one in ranking.as_dicts()]


def _priced(suggestion: dict[str, Any], cost: Cost) -> dict[str, Any]:
    return suggest.priced(suggestion, cost(suggestion)) if suggestion["missing"] else suggestion


def _estimator() -> Cost:
    """What mixed stacks cost; alike ones are estimated once. What nobody can tell stops no scan."""
    known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def cost(suggestion: Suggestion) -> Mapping[str, Any] | None:
        from provisioner import plan as plans
        from provisioner import spec as specs

        try:
            plan = plans.make(specs.parse(suggest.wish(suggestion)))
            key = (plan.shape.key, plan.spec.region)
            if key not in known:
                known[key] = _estimate(plan)
            return known[key]
        except StackwrightError as error:
            story(f"  no price for suggestion {suggestion['rank']}: {error.message}", color="yellow")
            return None

    return cost


def _estimate(plan: "Plan") -> Mapping[str, Any]:
    from provisioner import synth
    from provisioner.cli.planning import estimate

    template = synth.template(plan, cache_dir=places().cache)
    return estimate(template.body, plan.spec.region, usage=plan.spec.usage, parameters=plan.parameters)


# In words


def in_words(suggestions: Sequence[Suggestion]) -> str:
    return "\n".join(
        ["Suggested stacks, the best first:", *(line for s in suggestions for line in _lines(s))]
    )


def _lines(suggestion: Suggestion) -> Iterator[str]:
    number, flavors = suggestion["rank"], suggestion["flavors"]
    where = f"{flavors['orchestrator']} in {suggestion['account']} {suggestion['region']}"
    yield ""
    yield f"{number}. {where}, score {suggestion['score']:g}: {_state(suggestion)}"
    rows = [
        [type_, flavor, _part(suggestion["components"].get(type_)), suggestion["why"].get(type_, "")]
        for type_, flavor in flavors.items()
    ]
    yield text.table(rows, indent=5)
    for check in suggestion.get("checks", ()):
        if check["ok"] is False:
            yield f"     ! {check['id']}: {check['detail']}; ask for more at Service Quotas first"
        elif check["ok"] is None:
            yield f"     ? {check['id']}: I could not look whether {check['reason']}"
    if suggest.unready(suggestion):
        yield f"     stackwright init --from-scan --suggestion {number}"
    else:
        yield f"     stackwright register --suggestion {number}"


def _part(arn: str | None) -> str:
    if arn is None:
        return "-"
    return "to be built" if arn == suggest.BUILD else arn.rpartition(":")[2]


def _state(suggestion: Suggestion) -> str:
    if not suggestion["missing"]:
        return "all of it is there"
    cost = suggestion["monthly_usd"]
    price = "at a price that is not known" if cost is None else f"for about {usd(cost)} a month of light use"
    return f"{', '.join(suggestion['missing'])} to be built {price}"


# Kept ones


def find(number: int, source: str) -> tuple[Suggestion, Source]:
    """A suggestion of a scan's JSON file, or of the last scan; raises SpecError, and says what is old."""
    found = _of_last() if source == LAST else _of_file(source)
    _say_age(found)
    return suggest.pick(found.suggestions, number), found


def _of_file(path: str) -> Source:
    from provisioner.cli.scan_answer import read

    answer = read(path)
    return Source(
        suggestions=answer.get("suggestions"),
        made_at=_moment(answer.get("scanned_at")),
        words=f"the scan in {Path(path).name}",
    )


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_last() -> Source:
    from provisioner.checkpoint import Checkpoint, newest

    path = newest(places().registry.parent / "scans")
    if path is None:
        raise SpecError(
            "there is no last scan",
            hint="`stackwright scan --suggest` makes one; or name its JSON file",
            field="from",
        )
    made_at = datetime.strptime(path.stem.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    with closing(Checkpoint(path)) as checkpoint:
        ranking = suggest.rank(checkpoint.resources, today=made_at.date())
    return Source(suggestions=ranking.as_dicts(), made_at=made_at, words="the last scan")


def _say_age(source: Source) -> None:
    if source.made_at is None:
        story(f"{source.words} does not say when it was made.", color="yellow")
        return
    age = now() - source.made_at
    if age > _STALE:
        story(
            f"{source.words} is {age.days} days old: what it found may have changed since, or be gone.",
            color="yellow",
        )
