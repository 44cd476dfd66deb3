"""Discovery by AWS's own indexes, AWS Config and Resource Explorer: which cells need no look.

An index is believed only where it is proven to know: everywhere else the cell is read as without it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from provisioner.aws.reader import Clients, Once
from provisioner.errors import RefusedError, SpecError
from provisioner.scan.index import TYPES, Word, covers, is_whole, query, records
from provisioner.scan.table import Cell, Reading, Row

Read = Callable[[str, str, Row], Reading]
Account = Callable[[str], Clients]
Pages = Iterator[Mapping[str, Any]]


class Index(Protocol):
    name: str
    # The calls that it took itself.
    calls: int

    def word(self, account: str, region: str, type_: str) -> Word: ...

    def forget(self, account: str) -> None: ...

    def age(self) -> str: ...


class Indexed:
    """Reads cells as a Reader does, but for those that an index proves empty."""

    def __init__(self, read: Read, index: Index) -> None:
        self._read, self._index = read, index
        self._spared = 0
        self._untold: Counter[str] = Counter()

    def read(self, account: str, region: str, row: Row) -> Reading:
        type_ = TYPES.get(row.service)
        if type_ is None or row.scope == "global":
            return self._read(account, region, row)
        word = self._index.word(account, region, type_)
        if word.says == "none":
            self._spared += 1
            cell = Cell(account=account, region=region, service=row.service, state="empty")
            return Reading(cell=cell)
        if word.says == "untold":
            self._untold[word.why] += 1
        return self._read(account, region, row)

    def forget(self, account: str) -> None:
        self._index.forget(account)

    def summary(self) -> str:
        """How far the index was of use, and why it was not where it was not."""
        index = self._index
        told = f"{index.name} ({index.age()}) proved {self._spared:,} cells empty in {index.calls:,} calls"
        reasons = [f"{number:,} × {why}" for why, number in self._untold.most_common()]
        return told + (f"; listed directly: {', '.join(reasons)}" if reasons else "")


class ConfigIndex:
    """A Config aggregator. It is asked once for everything; the recorders of each place once, when needed."""

    name = "AWS Config"

    def __init__(self, caller: Clients, account: Account, *, aggregator: str = "", region: str) -> None:
        """Raises SpecError where the aggregator is not to be had or leaves things out, and RefusedError."""
        client = caller.client("config", region)
        self.calls = 0
        found = _aggregator(
            self._counted(client.pages("describe_configuration_aggregators")), aggregator, region
        )
        self._types = _included(found)
        name = found["ConfigurationAggregatorName"]
        call = "describe_configuration_aggregator_sources_status"
        self._sources = dict(_sources(self._counted(client.pages(call, ConfigurationAggregatorName=name))))
        pages = client.pages(
            "select_aggregate_resource_config", Expression=query(), ConfigurationAggregatorName=name
        )
        rows = [json.loads(row) for page in self._counted(pages) for row in page.get("Results", ())]
        self._there = {(r["accountId"], r["awsRegion"], r["resourceType"]) for r in rows}
        # A recorder of "all supported types" says nothing of which ones its region supports; this does.
        self._proven = {(region, type_) for _, region, type_ in self._there}
        self._account, self._once = account, Once()

    def _counted(self, pages: Pages) -> Pages:
        for page in pages:
            self.calls += 1
            yield page

    def word(self, account: str, region: str, type_: str) -> Word:
        if (account, region, type_) in self._there:
            return Word(says="some")
        why = self._gap(account, region, type_)
        if why:
            return Word(says="untold", why=why)
        recorder = self._once.get((account, region), lambda: self._recorder(account, region))
        if isinstance(recorder, str):
            return Word(says="untold", why=recorder)
        if not records(recorder, type_):
            return Word(says="untold", why=f"{type_} is not recorded")
        return Word(says="none")

    def _gap(self, account: str, region: str, type_: str) -> str:
        """Why the aggregator's silence says nothing; empty where only the recorder can tell."""
        if self._types and type_ not in self._types:
            return f"the aggregator leaves out {type_}"
        status = self._sources.get((account, region), ("",))[0]
        if status != "SUCCEEDED":
            return f"the aggregator's source is {status.lower() or 'missing'}"
        if (region, type_) not in self._proven:
            return f"no account has {type_} recorded in {region}"
        return ""

    def _recorder(self, account: str, region: str) -> Mapping[str, Any] | str:
        """The account's recorder there, or why there is none that runs."""
        client = self._account(account).client("config", region)
        self.calls += 2
        try:
            recorders = client.describe_configuration_recorders()["ConfigurationRecorders"]
            statuses = client.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
        except RefusedError as error:
            return f"the recorder cannot be asked: {error.code or error.message}"
        runs = {s.get("name") for s in statuses if s.get("recording") and s.get("lastStatus") != "Failure"}
        running: list[Mapping[str, Any]] = [r for r in recorders if r.get("name") in runs]
        return running[0] if running else "no recorder runs"

    def forget(self, account: str) -> None:
        self._once.forget(lambda key: isinstance(key, tuple) and key[0] == account)

    def age(self) -> str:
        times = [when for status, when in self._sources.values() if status == "SUCCEEDED" and when]
        return f"oldest source of {min(times):%Y-%m-%d %H:%M} UTC" if times else "no source that works"


def _aggregator(pages: Pages, name: str, region: str) -> Mapping[str, Any]:
    known = {
        a["ConfigurationAggregatorName"]: a
        for page in pages
        for a in page.get("ConfigurationAggregators", ())
    }
    if not name and len(known) == 1:
        name = next(iter(known))
    found: Mapping[str, Any] | None = known.get(name)
    if found is None:
        said = f"no aggregator {name!r}" if name else ("several aggregators" if known else "no aggregator")
        raise SpecError(
            f"AWS Config has {said} in {region}",
            hint=f"--aggregator [REGION/]NAME; there: {', '.join(sorted(known)) or 'none'}",
            field="aggregator",
        )
    if found.get("AggregatorFilters", {}).get("ServicePrincipal", {}).get("Value"):
        raise SpecError(
            f"the aggregator {name} collects service-linked recorders only, which say nothing of the rest",
            hint="take another one, or scan with --engine direct",
            field="aggregator",
        )
    return found


def _included(aggregator: Mapping[str, Any]) -> frozenset[str]:
    """The only types that the aggregator collects; none for all."""
    return frozenset(aggregator.get("AggregatorFilters", {}).get("ResourceType", {}).get("Value", ()))


def _sources(pages: Pages) -> Iterator[tuple[tuple[str, str], tuple[str, datetime | None]]]:
    for page in pages:
        for source in page.get("AggregatedSourceStatusList", ()):
            place = (source.get("SourceId", ""), source.get("AwsRegion", ""))
            yield place, (source.get("LastUpdateStatus", ""), source.get("LastUpdateTime"))


class ExplorerIndex:
    """A Resource Explorer view. Each type is listed once; each account once says where it is indexed."""

    name = "Resource Explorer"

    def __init__(self, caller: Clients, account: Account, *, view: str = "", region: str) -> None:
        """Raises SpecError for a view that leaves things out, and RefusedError."""
        self._region = view.split(":")[3] if view else region
        client = caller.client("resource-explorer-2", self._region)
        self._view = _view(client, view, self._region)
        self.calls = 1 if view else 2
        self._names = dict(_names(self._counted(client.pages("list_supported_resource_types"))))
        self._client = client
        self._account, self._once = account, Once()
        self._oldest: datetime | None = None

    def _counted(self, pages: Pages) -> Pages:
        for page in pages:
            self.calls += 1
            yield page

    def word(self, account: str, region: str, type_: str) -> Word:
        names = self._names.get(type_)
        if not names:
            return Word(says="untold", why=f"it does not know {type_}")
        if not covers(self._view, account):
            return Word(says="untold", why="the view does not tell of the account")
        there = self._once.get(type_, lambda: self._places(names))
        if (account, region) in there:
            return Word(says="some")
        indexed = self._once.get((account,), lambda: self._indexed(account))
        if isinstance(indexed, str):
            return Word(says="untold", why=indexed)
        if region not in indexed:
            return Word(says="untold", why="the region has no index")
        return Word(says="none")

    def _places(self, names: Sequence[str]) -> frozenset[tuple[str, str]]:
        """Account and region of each resource of a type."""
        found: set[tuple[str, str]] = set()
        for name in names:
            # Unlike Search, this does not end after a thousand.
            pages = self._client.pages(
                "list_resources",
                ViewArn=self._view["ViewArn"],
                Filters={"FilterString": f"resourcetype:{name}"},
                MaxResults=1000,
            )
            for page in self._counted(pages):
                for resource in page.get("Resources", ()):
                    found.add((resource["OwningAccountId"], resource["Region"]))
                    self._note(resource.get("LastReportedAt"))
        return frozenset(found)

    def _note(self, when: datetime | None) -> None:
        if when and (self._oldest is None or when < self._oldest):
            self._oldest = when

    def _indexed(self, account: str) -> frozenset[str] | str:
        """The regions of an account that the view's region knows of, or why that cannot be told."""
        client = self._account(account).client("resource-explorer-2", self._region)
        try:
            pages = self._counted(client.pages("list_indexes"))
            kinds = {i["Region"]: i["Type"] for page in pages for i in page.get("Indexes", ())}
        except RefusedError as error:
            return f"the indexes cannot be asked for: {error.code or error.message}"
        # Only the aggregator index has a copy of the others.
        alone = frozenset({self._region} & kinds.keys())
        return frozenset(kinds) if kinds.get(self._region) == "AGGREGATOR" else alone

    def forget(self, account: str) -> None:
        self._once.forget(lambda key: key == (account,))

    def age(self) -> str:
        return f"oldest entry of {self._oldest:%Y-%m-%d %H:%M} UTC" if self._oldest else "no entry"


def _view(client: Any, arn: str, region: str) -> Mapping[str, Any]:
    arn = arn or client.get_default_view().get("ViewArn", "")
    if not arn:
        raise SpecError(
            f"Resource Explorer has no default view in {region}",
            hint="--view ARN; `aws resource-explorer-2 list-views` lists them",
            field="view",
        )
    view: Mapping[str, Any] = client.get_view(ViewArn=arn)["View"]
    if not is_whole(view):
        raise SpecError(
            f"the view {arn} leaves out what does not match {view['Filters']['FilterString']!r}",
            hint="take a view without a filter: what one leaves out would look as if it were not there",
            field="view",
        )
    return view


def _names(pages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """CloudFormation's name of a type -> those of Resource Explorer."""
    known: dict[str, list[str]] = {}
    for page in pages:
        for type_ in page.get("ResourceTypes", ()):
            for name in type_.get("CFNResourceTypes", ()):
                known.setdefault(name, []).append(type_["ResourceType"])
    yield from known.items()
