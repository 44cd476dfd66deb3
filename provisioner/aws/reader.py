"""Reads one cell of a scan: every page of a list call, then what fitness needs to know of each resource."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import inf
from threading import Lock
from time import monotonic
from typing import Any, Protocol, TypeVar

from provisioner.aws.session import DENIED, EXPIRED, THROTTLED, UNKNOWN_KEY, Client, is_offered
from provisioner.errors import RefusedError
from provisioner.scan.likely import likeliest
from provisioner.scan.row import COULD_NOT_LOOK, TAGGING
from provisioner.scan.table import (
    GLOBAL,
    AccountDetail,
    Attributes,
    Batch,
    Cell,
    Detail,
    Followup,
    Found,
    Place,
    Reading,
    Row,
    State,
)

T = TypeVar("T")
# ARN -> what was learnt of it.
_Learnt = Mapping[str, Attributes]

_STATES: Mapping[str, State] = {
    **dict.fromkeys(DENIED, "denied"),
    **dict.fromkeys(THROTTLED, "throttled"),
    **dict.fromkeys(("ConnectTimeoutError", "ReadTimeoutError", "RequestTimeout", "Deadline"), "timeout"),
    **dict.fromkeys(("NoRegionError", "UnknownEndpointError", "UnknownServiceError"), "unsupported"),
    **dict.fromkeys(("OptInRequired", "SubscriptionRequiredException"), "not_enabled"),
}
# The tagging API takes no more ARNs than that.
_TAGGED_AT_ONCE = 100
# What was listed is deleted since; a HEAD request has no other code to say so.
_GONE = ("ResourceNotFoundException", "ResourceNotFound", "NoSuchBucket", "404")
# With these no other cell can be read either.
_OFF = (*EXPIRED, "NoCredentials")
# Regions opened before 2019-03-20; an account has to switch on every later one before its keys work there.
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
ALWAYS_ON = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    *("cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1", GLOBAL),
)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
_TOKENS = (
    "{message}, though account {account} has {region} switched on: session tokens of the global STS endpoint "
    "work only in regions that are on by default; take them from a regional endpoint "
    "(AWS_STS_REGIONAL_ENDPOINTS=regional), or make them work in all: `aws iam "
    "set-security-token-service-preferences --global-endpoint-token-version v2Token`"
)


class Clients(Protocol):
    """What a Session and an AccountSession have in common."""

    def client(self, service: str, region: str = "") -> Client: ...


@dataclass(kw_only=True)
class _Visit:
    """One cell while it is read: the calls made, and what could not be looked at."""

    account: str
    region: str
    row: Row
    deadline: float
    calls: int = 0
    passed_over: str = ""
    gaps: Counter[str] = field(default_factory=Counter)
    # ARNs.
    gone: set[str] = field(default_factory=set)

    @property
    def note(self) -> str:
        gaps = [f"{gap} ×{times}" for gap, times in sorted(self.gaps.items())]
        gone = f"gone since listed: {len(self.gone)}" if self.gone else ""
        said = [self.passed_over, gone, f"{COULD_NOT_LOOK}{', '.join(gaps)}" if gaps else ""]
        return "; ".join(filter(None, said))


class Reader:
    """Reads cells, from as many threads as like; sessions, clients and shared listings are made once."""

    def __init__(
        self,
        session_for: Callable[[str], Clients],
        *,
        threads: int = 32,
        clock: Callable[[], float] = monotonic,
        seconds_per_cell: float = inf,
        most_details: int | None = None,
        is_on: Callable[[str, str], bool] = lambda account, region: False,
    ) -> None:
        """`most_details` is how many resources of a cell are looked into, the likeliest first; None: all.

        `is_on` says of account and region whether the account itself told that it has it switched on.
        """
        self._session_for, self._is_on = session_for, is_on
        self._clock = clock
        self._seconds_per_cell, self._most_details = seconds_per_cell, most_details
        self._once = Once()
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="details")

    def read(self, account: str, region: str, row: Row) -> Reading:
        """One cell; raises RefusedError only where the credentials themselves are refused."""
        started = self._clock()
        deadline = started + self._seconds_per_cell
        visit = _Visit(account=account, region=region, row=row, deadline=deadline)
        resources: tuple[Found, ...] = ()
        gaps = 0
        try:
            resources = self._resources(visit)
            state: State = "found" if resources else "empty"
            note, gaps = visit.note, visit.gaps.total()
        except RefusedError as error:
            state, note = self._refused(visit, error)
        cell = Cell(
            account=account,
            region=region,
            service=row.service,
            state=state,
            count=len(resources),
            calls=visit.calls,
            seconds=round(self._clock() - started, 3),
            note=note,
            gaps=gaps,
        )
        return Reading(cell=cell, resources=resources)

    def _refused(self, visit: _Visit, error: RefusedError) -> tuple[State, str]:
        """What a refused listing says of its cell; raises the error if it says more than that."""
        # Only a regional row is listed where its cell is.
        region = visit.region if visit.row.scope == "regional" else GLOBAL
        if error.code in UNKNOWN_KEY and region not in ALWAYS_ON and self._is_on(visit.account, region):
            return "failed", _TOKENS.format(message=error.message, account=visit.account, region=region)
        return _state(error, visit.row, region), error.message

    def _resources(self, visit: _Visit) -> tuple[Found, ...]:
        found = self._shared(visit) if visit.row.scope == "shared" else self._listed(visit, visit.region)
        return self._detailed(visit, found) if found else ()

    def forget(self, account: str) -> None:
        """Let go of what an account shares among its cells: nothing more is asked there."""
        self._once.forget(lambda key: key == account or (isinstance(key, tuple) and key[0] == account))

    def _shared(self, visit: _Visit) -> tuple[Found, ...]:
        """What the account's one listing has in this region; the cell that comes first pays for the calls."""

        def make() -> tuple[tuple[Found, ...], Counter[str]]:
            listed = self._located(visit, self._listed(visit, GLOBAL))
            return listed, Counter(visit.gaps)

        found, gaps = self._once.get((visit.account, visit.row.service), make)
        # What tells no region may lie in any: the gap is every cell's.
        visit.gaps = Counter(gaps)
        return tuple(f for f in found if f.region == visit.region)

    def _listed(self, visit: _Visit, region: str) -> tuple[Found, ...]:
        row, client = visit.row, self._client(visit, visit.row.api, region)
        place = Place(account=visit.account, region=region, partition=client.raw.meta.partition)
        lists: dict[str, list[Any]] = {b.key: [] for b in row.beside}
        shaped = [row.shape(item, place) for item in _items(visit, client, lists)]
        found = tuple(found for found in shaped if found)
        return self._joined(visit, client, found, lists) if row.join and found else found

    def _joined(
        self, visit: _Visit, client: Client, found: tuple[Found, ...], lists: dict[str, list[Any]]
    ) -> tuple[Found, ...]:
        """With what stands in other lists; a refused one is left out, so that nobody takes it for empty."""
        for beside in visit.row.beside:
            if beside.call:
                try:
                    pages = list(_pages(visit, client, beside.call, beside.arguments))
                except RefusedError as error:
                    visit.gaps.update([_gap(beside.call, error)])
                    del lists[beside.key]
                else:
                    lists[beside.key] = [item for page in pages for item in page.get(beside.key, ())]
        return tuple(visit.row.join(found, lists)) if visit.row.join else found

    def _located(self, visit: _Visit, found: tuple[Found, ...]) -> tuple[Found, ...]:
        lost = tuple(f for f in found if not f.region)
        if not lost or not visit.row.locate:
            return found
        learnt = self._asking(visit, GLOBAL, [(f, visit.row.locate) for f in lost])()
        return tuple(
            f if f.region else replace(f, region=str(learnt[f.arn].get("region", ""))) for f in found
        )

    def _detailed(self, visit: _Visit, found: tuple[Found, ...]) -> tuple[Found, ...]:
        """With tags and details: what waits for nothing is asked at once, side by side."""
        row, here = visit.row, visit.region
        candidates = tuple(f for f in found if row.candidate(f))
        tags = self._tagging(visit, found)
        wide = self._account_wide(visit)
        batches = self._in_batches(visit, candidates)
        of_all = self._asking(visit, here, [(f, d) for f in candidates for d in row.details if d.of_all])
        is_tagged = self._is_capped(visit, candidates)
        found = tags() if is_tagged else found
        chosen = self._likeliest(visit, tuple(f for f in found if row.candidate(f)))
        told, spared = wide()
        some = [d for d in row.details if not d.of_all and d.call not in spared]
        of_some = self._asking(visit, here, [(f, d) for f in chosen for d in some])
        learnt: dict[str, dict[str, object]] = {f.arn: {} for f in found}
        for answers in (of_all(), of_some(), batches()):
            for arn, attributes in answers.items():
                learnt[arn].update(attributes)
        found = found if is_tagged else tags()
        detailed = tuple(replace(f, attributes={**f.attributes, **learnt[f.arn], **told}) for f in found)
        if visit.gone:
            detailed = tuple(f for f in detailed if f.arn not in visit.gone)
        passed_over = {f.arn for f in candidates} - {f.arn for f in chosen}
        return self._followed_up(visit, detailed, passed_over)

    def _is_capped(self, visit: _Visit, candidates: tuple[Found, ...]) -> bool:
        """Whether only the likeliest are looked into, which their tags help to tell."""
        most = self._most_details
        return most is not None and len(candidates) > most and any(not d.of_all for d in visit.row.details)

    def _likeliest(self, visit: _Visit, candidates: tuple[Found, ...]) -> tuple[Found, ...]:
        """Those to look into; the cell says how many are passed over."""
        most = self._most_details
        if most is None or not self._is_capped(visit, candidates):
            return candidates
        visit.passed_over = f"looked into {most} of {len(candidates)} (--details all: into each)"
        return likeliest(candidates, most)

    def _in_batches(self, visit: _Visit, found: tuple[Found, ...]) -> Callable[[], _Learnt]:
        """ARN -> what it says, asked for many resources at a time."""
        jobs = [(b, found[n : n + b.size]) for b in visit.row.batches for n in range(0, len(found), b.size)]
        if not jobs:
            return dict
        client = self._client(visit, visit.row.api, visit.region)

        def ask(job: tuple[Batch, tuple[Found, ...]]) -> _Learnt | str:
            batch, some = job
            try:
                return batch.read(getattr(client, batch.call)(**batch.arguments(some)), some)
            except RefusedError as error:
                return _gap(batch.call, error)

        visit.calls += len(jobs)
        asked = self._pool.map(ask, jobs)

        def answers() -> _Learnt:
            learnt: dict[str, Attributes] = {}
            for (_, some), answer in zip(jobs, asked, strict=True):
                if isinstance(answer, str):
                    visit.gaps.update([answer])
                else:
                    learnt.update(answer)
                    # What is not there any more is left out.
                    visit.gone |= {f.arn for f in some} - answer.keys()
            return learnt

        return answers

    def _followed_up(
        self, visit: _Visit, found: tuple[Found, ...], passed_over: Set[str]
    ) -> tuple[Found, ...]:
        """With what only the first answers told how to ask for; one refusal leaves that attribute unknown."""
        looked_into = [f for f in found if f.arn not in passed_over]
        jobs = [(f.arn, u, list(u.arguments(f))) for f in looked_into for u in visit.row.followups]
        if not any(arguments for _, _, arguments in jobs):
            return found
        client = self._client(visit, visit.row.api, visit.region)

        def ask(job: tuple[str, Followup, list[Mapping[str, Any]]]) -> _Answer:
            _, followup, arguments = job
            try:
                answers = [answer for more in arguments for answer in _answers(client, followup, more)]
            except RefusedError as error:
                if error.code in followup.absent:
                    return _Answer(attributes=followup.absent[error.code])
                return _Answer(gaps=(_gap(followup.call, error),))
            return _Answer(attributes=followup.read(answers) if arguments else {})

        learnt: dict[str, dict[str, object]] = {f.arn: {} for f in found}
        for (arn, _, arguments), answer in zip(jobs, self._pool.map(ask, jobs), strict=True):
            visit.calls += len(arguments)
            visit.gaps.update(answer.gaps)
            learnt[arn].update(answer.attributes)
        return tuple(replace(f, attributes={**f.attributes, **learnt[f.arn]}) for f in found)

    def _account_wide(self, visit: _Visit) -> Callable[[], tuple[Attributes, Set[str]]]:
        """What the account says of all its resources, and the details that need no answer any more.

        Asked once per account; the cell that comes first pays.
        """

        def ask(detail: AccountDetail) -> tuple[_Answer, int]:
            calls = 0

            def make() -> _Answer:
                nonlocal calls
                calls = 1
                client = self._client(visit, detail.service, GLOBAL)
                return _ask(client, detail, detail.arguments(visit.account), name=f"account's {detail.call}")

            return self._once.get((visit.account, detail.service, detail.call), make), calls

        details = visit.row.account_details
        asked = self._pool.map(ask, details) if details else iter(())

        def answers() -> tuple[Attributes, Set[str]]:
            learnt: dict[str, object] = {}
            spared: set[str] = set()
            for detail, (answer, calls) in zip(details, asked, strict=True):
                visit.calls += calls
                visit.gaps.update(answer.gaps)
                learnt.update(answer.attributes)
                spared |= {detail.spares} if answer.attributes else set()
            return learnt, spared

        return answers

    def _asking(
        self, visit: _Visit, region: str, jobs: Sequence[tuple[Found, Detail]]
    ) -> Callable[[], _Learnt]:
        """ARN -> what the details say of it, asked side by side."""
        if not jobs:
            return dict
        client = self._client(visit, visit.row.api, region)
        asked = self._pool.map(lambda job: _ask(client, job[1], job[1].arguments(job[0])), jobs)
        visit.calls += len(jobs)

        def answers() -> _Learnt:
            learnt: dict[str, dict[str, object]] = {f.arn: {} for f, _ in jobs}
            for (f, _), answer in zip(jobs, asked, strict=True):
                learnt[f.arn].update(answer.attributes)
                visit.gaps.update(answer.gaps)
                if answer.is_gone:
                    visit.gone.add(f.arn)
            return learnt

        return answers

    def _tagging(self, visit: _Visit, found: tuple[Found, ...]) -> Callable[[], tuple[Found, ...]]:
        """With their tags, a hundred resources a call, side by side; refused, the tags stay unknown."""
        if not visit.row.tagged_as:
            return lambda: found
        client = self._client(visit, TAGGING, visit.region)

        def ask(some: tuple[Found, ...]) -> tuple[Found, ...] | str:
            try:
                answer = client.get_resources(ResourceARNList=[f.arn for f in some])
            except RefusedError as error:
                return _gap("get_resources", error)
            tags = {m["ResourceARN"]: _plain(m["Tags"]) for m in answer["ResourceTagMappingList"]}
            # The tagging API leaves out what never had a tag.
            return tuple(replace(f, tags=tags.get(f.arn, {})) for f in some)

        parts = [found[n : n + _TAGGED_AT_ONCE] for n in range(0, len(found), _TAGGED_AT_ONCE)]
        visit.calls += len(parts)
        asked = self._pool.map(ask, parts)

        def answers() -> tuple[Found, ...]:
            tagged: list[Found] = []
            for part, answer in zip(parts, asked, strict=True):
                visit.gaps.update([answer] if isinstance(answer, str) else [])
                tagged += part if isinstance(answer, str) else answer
            return tuple(tagged)

        return answers

    def _client(self, visit: _Visit, service: str, region: str) -> Client:
        """A client in the region; what belongs to no region is asked in the session's own."""
        session = self._once.get(visit.account, lambda: self._session_for(visit.account))
        return session.client(service, "" if region == GLOBAL else region).until(visit.deadline)


class Once:
    """Values that are made once per key; whoever asks meanwhile waits, and a failure is kept as well."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: dict[Hashable, Future[Any]] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            first = key not in self._made
            future: Future[T] = self._made.setdefault(key, Future())
        if first:
            _settle(future, make)
        return future.result()

    def forget(self, which: Callable[[Hashable], bool]) -> None:
        """A value that somebody still waits for is theirs; the next one to ask makes it anew."""
        with self._lock:
            for key in [key for key in self._made if which(key)]:
                del self._made[key]


def _settle(future: Future[T], make: Callable[[], T]) -> None:
    try:
        future.set_result(make())
    except BaseException as error:
        future.set_exception(error)


@dataclass(frozen=True, kw_only=True)
class _Answer:
    attributes: Attributes = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    is_gone: bool = False


def _ask(
    client: Client, detail: Detail | AccountDetail, arguments: Mapping[str, Any], name: str = ""
) -> _Answer:
    try:
        return _Answer(attributes=detail.read(_whole(client, detail, arguments)))
    except RefusedError as error:
        if error.code in detail.absent:
            return _Answer(attributes=detail.absent[error.code])
        if error.code in _GONE and isinstance(detail, Detail):
            return _Answer(is_gone=True)
        return _Answer(gaps=(_gap(name or detail.call, error),))


def _whole(client: Client, detail: Detail | AccountDetail, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """A detail's answer, with every page of its list."""
    if isinstance(detail, AccountDetail) or not detail.key:
        answer: Mapping[str, Any] = getattr(client, detail.call)(**arguments)
        return answer
    pages = client.pages(detail.call, **arguments)
    return {detail.key: [item for page in pages for item in page.get(detail.key, ())]}


def _answers(client: Client, followup: Followup, arguments: Mapping[str, Any]) -> list[Any]:
    """The answer of one call, or the items of all of its pages."""
    if not followup.key:
        return [getattr(client, followup.call)(**arguments)]
    pages = client.pages(followup.call, **arguments)
    return [item for page in pages for item in page.get(followup.key, ())]


def _gap(call: str, error: RefusedError) -> str:
    """What could not be looked at; raises the error if nothing else can be either."""
    if error.code in _OFF:
        raise error
    return f"{call} {error.code or error.message}"


def _items(visit: _Visit, client: Client, lists: dict[str, list[Any]]) -> Iterator[Any]:
    """Every item of the row's listing; none where the service says that the one asked for is not there.

    What the same pages hold `beside` is put into `lists`.
    """
    row = visit.row
    try:
        for page in _pages(visit, client, row.call, row.arguments):
            for beside in row.beside:
                if not beside.call:
                    lists[beside.key] += page.get(beside.key, ())
            # botocore leaves out a list that the answer's XML has no element for.
            yield from page.get(row.key, ())
    except RefusedError as error:
        if error.code not in row.absent:
            raise


def _pages(
    visit: _Visit, client: Client, call: str, arguments: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Every page of a list call; each is counted, the refused one too."""
    try:
        for page in client.pages(call, **arguments):
            visit.calls += 1
            yield page
    except RefusedError:
        visit.calls += 1
        raise


def _plain(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def plain_state(error: RefusedError) -> State:
    """What a refusal says of whatever was asked."""
    return _STATES.get(_code(error), "failed")


def _code(error: RefusedError) -> str:
    return type(error.__cause__).__name__ if error.code == "Unreachable" else error.code


def _state(error: RefusedError, row: Row, region: str) -> State:
    """What a refusal says of the cell; raises it if it says more than that."""
    code = _code(error)
    if code in _OFF or (code in UNKNOWN_KEY and region in ALWAYS_ON):
        raise error
    if code in UNKNOWN_KEY:
        return "not_enabled"
    told = next((state for sign, state in row.states.items() if sign == code or sign in error.message), None)
    if told:
        return told
    if code == "EndpointConnectionError" and not is_offered(row.api, region):
        return "unsupported"
    return plain_state(error)
