"""Which accounts a scan sees, the way into each, and the regions that each has switched on."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Literal

from botocore.credentials import ReadOnlyCredentials

from provisioner import regions as known_regions
from provisioner.aws.reader import ALWAYS_ON, plain_state
from provisioner.aws.session import EXPIRED, UNKNOWN_KEY, Session
from provisioner.aws.shared import AccountSession, SharedClients
from provisioner.errors import RefusedError, SpecError
from provisioner.scan.table import GLOBAL
from provisioner.scan.target import Target, Told

ALL = "all"
Switch = Literal["on", "off", "turning"]
# What an account says of a region. One that is being switched on takes hours to accept its keys.
_SWITCHES: Mapping[str, Switch] = {
    "ENABLED": "on",
    "ENABLED_BY_DEFAULT": "on",
    "ENABLING": "turning",
}
_SESSION_NAME = "stackwright-scan"
# A call that is on its way must not arrive too late.
_EARLY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Way:
    """How to get into an account; the credentials are fetched, and renewed, when a call needs them."""

    account: str
    source: str
    credentials: Any
    name: str = ""


class Accounts:
    """The accounts of one scan."""

    def __init__(self, shared: SharedClients, ways: Iterable[Way], regions: Sequence[str]) -> None:
        """`regions` may be ("all",): those that an account has switched on."""
        self._shared, self._regions = shared, tuple(regions)
        # The first way in wins: two profiles may well lead into one account.
        self._ways = {way.account: way for way in reversed(list(ways))}
        self._order = tuple(reversed(self._ways))
        self._on: dict[str, frozenset[str]] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        return self._order

    def session(self, account: str) -> AccountSession:
        return AccountSession(self._shared, account, self._ways[account].credentials)

    def close(self, account: str) -> None:
        """Nothing more is asked there."""
        self._shared.patience.forget(account)
        self._on.pop(account, None)

    def stop(self) -> None:
        """Nothing more is asked anywhere."""
        self._shared.patience.stop()

    def is_on(self, account: str, region: str) -> bool:
        """Whether the open account itself told that it has switched the region on."""
        return region in self._on.get(account, ())

    def open(self, account: str) -> Target:
        """The account's regions, as far as they can be learnt; where nobody gets in, why."""
        way = self._ways[account]
        try:
            way.credentials.get_frozen_credentials()
        except RefusedError as error:
            return self._shut(way, error)
        if self._regions != (ALL,) and all(region in ALWAYS_ON for region in self._regions):
            return Target(account=account, regions=self._regions)
        switched = _switched_on(self.session(account))
        return self._target(account, switched)

    def _shut(self, way: Way, error: RefusedError) -> Target:
        regions = self._every_region() if self._regions == (ALL,) else self._regions
        lost = error.code in EXPIRED or error.code in ("NoCredentials", "ClockSkew")
        # AWS was asked and said no; where nobody could be asked, nothing was denied.
        denied = not lost and error.code in UNKNOWN_KEY
        state = "failed" if lost else "denied" if denied else plain_state(error)
        by = "" if way.account == way.source else f" by {way.source}"
        note = f"no way into {way.account}{by}: {error.message}"
        return Target(
            account=way.account,
            regions=regions,
            told={GLOBAL: Told(state=state, note=note)},
            note=note,
            lost=error if lost else None,
        )

    def _target(self, account: str, switched: Mapping[str, Switch] | RefusedError) -> Target:
        if isinstance(switched, RefusedError):
            regions = self._every_region() if self._regions == (ALL,) else self._regions
            note = f"cannot tell which regions are switched on: {switched.message}"
            return Target(account=account, regions=regions, told=_unknown(regions), note=note)
        self._on[account] = frozenset(r for r, switch in switched.items() if switch == "on")
        off = {r for r, switch in switched.items() if switch == "off"}
        if self._regions == (ALL,):
            return Target(account=account, regions=tuple(sorted(switched.keys() - off)))
        told = {region: _off(account, region) for region in self._regions if region in off}
        unknown = _unknown(region for region in self._regions if region not in switched)
        return Target(account=account, regions=self._regions, told={**told, **unknown})

    def _every_region(self) -> tuple[str, ...]:
        partition = known_regions.partition(self._shared.home)
        return tuple(r for r in known_regions.names() if known_regions.partition(r) == partition)


def _off(account: str, region: str) -> Told:
    how = f"`aws account enable-region --region-name {region}` switches it on"
    return Told(state="not_enabled", note=f"{region} is not switched on in account {account}; {how}")


def _unknown(regions: Iterable[str]) -> dict[str, Told]:
    """What there is to say of regions that nobody knows."""
    told = {}
    for region in regions:
        try:
            known_regions.check(region)
        except SpecError as error:
            told[region] = Told(state="failed", note=f"{error.message}; {error.hint}")
    return told


def _switched_on(session: AccountSession) -> Mapping[str, Switch] | RefusedError:
    """Region -> its switch, from the first API that may be asked; else the first refusal."""
    refusals = []
    for ask in (_from_account, _from_ec2):
        try:
            return dict(ask(session))
        except RefusedError as error:
            refusals.append(error)
    return refusals[0]


def _from_account(session: AccountSession) -> Iterator[tuple[str, Switch]]:
    for page in session.client("account").pages("list_regions"):
        yield from ((r["RegionName"], _SWITCHES.get(r["RegionOptStatus"], "off")) for r in page["Regions"])


def _from_ec2(session: AccountSession) -> Iterator[tuple[str, Switch]]:
    answer = session.client("ec2").describe_regions(AllRegions=True)
    yield from (
        (r["RegionName"], "off" if r["OptInStatus"] == "not-opted-in" else "on") for r in answer["Regions"]
    )


# The ways in


def own(session: Session, shared: SharedClients, source: str = "the caller's credentials") -> Way:
    """The account that the session's credentials are of; raises RefusedError."""
    credentials = session.credentials()
    account = AccountSession(shared, "", credentials).client("sts").get_caller_identity()["Account"]
    return Way(account=account, source=source, credentials=credentials)


def closed(source: str, error: RefusedError) -> Way:
    """A way that leads nowhere; nobody knows to which account it would have led."""
    return Way(account=source, source=source, credentials=_Refused(error))


class _Refused:
    """Credentials that are none."""

    def __init__(self, error: RefusedError) -> None:
        self._error = error

    def get_frozen_credentials(self) -> Any:
        raise self._error


def as_caller(shared: SharedClients, way: Way) -> AccountSession:
    """The session that assumes the roles of others."""
    return AccountSession(shared, way.account, way.credentials)


class _Assumed:
    """A role's credentials, assumed when they are first needed, and again before they expire.

    botocore's own would log a traceback for each role that cannot be assumed.
    """

    def __init__(self, assume: Callable[[], Mapping[str, Any]], now: Callable[[], datetime]) -> None:
        self._assume, self._now = assume, now
        self._lock = Lock()
        self._held: ReadOnlyCredentials | None = None
        self._until = datetime.min.replace(tzinfo=UTC)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        with self._lock:
            if self._held is None or self._now() > self._until - _EARLY:
                got = self._assume()["Credentials"]
                self._held = ReadOnlyCredentials(
                    got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]
                )
                self._until = got["Expiration"]
            return self._held


def assumed(
    caller: AccountSession,
    role_arn: str,
    *,
    external_id: str = "",
    name: str = "",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Way:
    """The way into a role's account."""
    wish = {"RoleArn": role_arn, "RoleSessionName": _SESSION_NAME}
    wish |= {"ExternalId": external_id} if external_id else {}
    return Way(
        account=role_arn.split(":")[4],
        source=role_arn,
        credentials=_Assumed(lambda: caller.client("sts").assume_role(**wish), now),
        name=name,
    )


def members(caller: AccountSession) -> list[tuple[str, str]]:
    """Id and name of the organization's active accounts; raises RefusedError."""
    pages = caller.client("organizations").pages("list_accounts")
    # AWS replaces Status by State. https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    return [
        (account["Id"], account.get("Name", ""))
        for page in pages
        for account in page["Accounts"]
        if account.get("State", account.get("Status")) == "ACTIVE"
    ]


def through(
    caller: AccountSession, accounts: Iterable[tuple[str, str]], role_name: str, *, external_id: str = ""
) -> list[Way]:
    """A way into each account by the role of this name; the caller's own account needs none."""
    partition = known_regions.partition(caller.region).name
    return [
        Way(account=account, source="the caller's credentials", credentials=caller.credentials, name=name)
        if account == caller.account
        else assumed(
            caller,
            f"arn:{partition}:iam::{account}:role/{role_name}",
            external_id=external_id,
            name=name,
        )
        for account, name in accounts
    ]
