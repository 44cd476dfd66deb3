"""What a row of a scan is, and the cells and resources that come of reading it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from provisioner.arn import Arn
from provisioner.component import ComponentType
from provisioner.components import for_arn

State = Literal["found", "empty", "denied", "not_enabled", "unsupported", "throttled", "timeout", "failed"]
# That a service is not there, or a region not switched on, is an answer: nothing of the account is hidden.
SEEN: tuple[State, ...] = ("found", "empty", "not_enabled", "unsupported")
Attributes = Mapping[str, object]
Item = Mapping[str, Any]
GLOBAL = "global"
# Tells the tags of many resources at once.
TAGGING = "resourcegroupstaggingapi"
# What a cell's note says before its gaps.
COULD_NOT_LOOK = "could not look: "

# regional: one call and one cell per region. shared: one call per account, one cell per region.
# global: one call and one cell per account.
Scope = Literal["regional", "shared", "global"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something that exists; a missing attribute, or tags that are None, mean "I could not look"."""

    arn: str
    account: str
    region: str
    kind: str
    name: str
    attributes: Attributes = field(default_factory=dict)
    tags: Mapping[str, str] | None = None

    @property
    def component_types(self) -> tuple[ComponentType, ...]:
        return tuple(component.type for component in for_arn(self.arn))

    def as_dict(self) -> dict[str, object]:
        """The resource in the JSON contract, without its fitness."""
        return {
            "arn": self.arn,
            "account": self.account,
            "region": self.region,
            "kind": self.kind,
            "name": self.name,
            "component_types": list(self.component_types),
            "tags": dict(self.tags or {}),
            "tags_known": self.tags is not None,
        }


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One (account, region, service) of a scan; `seconds` is wall time, `calls` counts pages and details.

    `state` is that of the listing. `gaps` counts the questions about what was listed that got no answer;
    what the user did not want to know is none.
    """

    account: str
    region: str
    service: str
    state: State
    count: int = 0
    calls: int = 0
    seconds: float = 0.0
    note: str = ""
    gaps: int = 0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A cell and what was found in it."""

    cell: Cell
    resources: tuple[Found, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an item was listed; `region` is "global" for a call that belongs to no region."""

    account: str
    region: str
    partition: str


@dataclass(frozen=True, kw_only=True)
class Detail:
    """One more call per candidate; `absent` maps error codes that are answers to what they say.

    With a `key` every page is read, and `read` is given that one list, whole. What is `of_all` is asked
    of each candidate, also where only the likeliest are looked into.
    """

    call: str
    arguments: Callable[[Found], Mapping[str, Any]]
    read: Callable[[Item], Attributes]
    permission: str = ""
    absent: Mapping[str, Attributes] = field(default_factory=dict)
    key: str = ""
    of_all: bool = False


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One call per `size` candidates, for services that answer about many at a time; ARN -> attributes."""

    call: str
    arguments: Callable[[Sequence[Found]], Mapping[str, Any]]
    read: Callable[[Item, Sequence[Found]], Mapping[str, Attributes]]
    permission: str
    size: int = 100


@dataclass(frozen=True, kw_only=True)
class Followup:
    """Calls that only the details tell how to make, none for most; `read` is given every answer.

    `absent` and `key` are those of a detail; with a `key` the answers are the items of every page.
    """

    call: str
    arguments: Callable[[Found], Sequence[Mapping[str, Any]]]
    read: Callable[[Sequence[Any]], Attributes]
    permission: str
    absent: Mapping[str, Attributes] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A second list that the items are joined with: of the same pages, or of a call made once per cell."""

    key: str
    call: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    permission: str = ""


Lists = Mapping[str, Sequence[Item]]


@dataclass(frozen=True, kw_only=True)
class AccountDetail:
    """One call per account whose answer holds for each of its resources, whatever their own details say.

    Where it says anything, the detail that it `spares` is not asked.
    """

    service: str
    call: str
    arguments: Callable[[str], Mapping[str, str]]
    read: Callable[[Item], Attributes]
    permission: str
    absent: Mapping[str, Attributes] = field(default_factory=dict)
    spares: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """How one kind of thing is listed; `shape` answers None for an item that no component could use.

    `service` names the cell; `client` is the SDK's name where several rows ask one service. `join` makes
    resources complete with the lists `beside`. Only what is a `candidate` is asked for details.
    `tagged_as` is the service's name in the tagging API, where tags come in bulk; `locate` asks for the
    "region" of an item whose listing does not tell it. `one` gives the arguments that list a single
    resource, where the call can; `absent` are the error codes that say there is no such resource.
    `states` maps an error code, or words of its message, to what it says of the cell. What is
    `for_suggestions` is asked only with --suggest, or by name. `also_needs` are actions that no call of the
    row is named after.
    """

    service: str
    kind: str
    scope: Scope
    call: str
    key: str
    permission: str
    shape: Callable[[Any, Place], Found | None]
    client: str = ""
    words: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[Beside, ...] = ()
    join: Callable[[Sequence[Found], Lists], Sequence[Found]] | None = None
    candidate: Callable[[Found], bool] = lambda found: True
    details: tuple[Detail, ...] = ()
    batches: tuple[Batch, ...] = ()
    followups: tuple[Followup, ...] = ()
    account_details: tuple[AccountDetail, ...] = ()
    tagged_as: str = ""
    locate: Detail | None = None
    one: Callable[[Arn], Mapping[str, Any]] | None = None
    absent: tuple[str, ...] = ()
    states: Mapping[str, State] = field(default_factory=dict)
    for_suggestions: bool = False
    also_needs: tuple[str, ...] = ()

    @property
    def api(self) -> str:
        """the SDK's name of the service that is asked."""
        return self.client or self.service

    @property
    def apis(self) -> tuple[str, ...]:
        """Every service that reading this row may ask."""
        beside = (detail.service for detail in self.account_details)
        return (self.api, *beside, *((TAGGING,) if self.tagged_as else ()))

    @property
    def permissions(self) -> tuple[str, ...]:
        """Every IAM action that reading this row needs, sorted."""
        details: tuple[Detail | AccountDetail | Batch | Followup | Beside, ...] = (
            *self.details,
            *self.account_details,
            *self.batches,
            *self.followups,
            *self.beside,
        )
        asked = {self.permission, *self.also_needs, *(detail.permission for detail in details)} - {""}
        return tuple(sorted(asked | ({"tag:GetResources"} if self.tagged_as else set())))


def only(row: Row, arn: Arn) -> Row:
    """The row for a single resource: nothing else is asked about, nor are tags, which fitness never needs."""

    def shape(item: Item, place: Place) -> Found | None:
        found = row.shape(item, place)
        return found if found and found.arn == str(arn) else None

    arguments = row.one(arn) if row.one else row.arguments
    return replace(row, arguments=arguments, shape=shape, tagged_as="")


def paged(size: int) -> Mapping[str, Any]:
    """The paging argument of every list call."""
    return {"PaginationConfig": {"PageSize": size}}
