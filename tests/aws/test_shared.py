"""One client for all accounts and regions: each request is signed for its own."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.retries.standard import ThrottledRetryableChecker
from botocore.utils import parse_timestamp

from provisioner.aws.accounts import Accounts, Way, assumed
from provisioner.aws.patience import Limits, Patience
from provisioner.aws.reader import Reader
from provisioner.aws.session import Session, moment
from provisioner.aws.shared import AccountSession, SharedClients
from provisioner.errors import RefusedError
from provisioner.scan.row import Cell
from provisioner.scan.table import ROWS
from provisioner.scan.target import Target, Told
from tests.seeded_cloud.scanning import cloud
from tests.seeded_cloud.serving import Processes
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import OFF, REGIONS, World

WORLD = World(accounts=2, regions=REGIONS[:3], sizes={"repository": 1})
ONE, TWO = WORLD.ids
ECR = next(row for row in ROWS if row.service == "ecr")


def session(shared: SharedClients, account: str) -> AccountSession:
    return AccountSession(shared, account, Credentials(f"AKIA{account}ROOT", "any"))


class Sent:
    """Requests as they were signed, and never sent."""

    def __init__(self, shared: SharedClients, service: str) -> None:
        self.urls: list[str] = []
        self.scopes: list[str] = []
        shared.raw(service).meta.events.register_first("before-send", self._note)

    def _note(self, request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        self.urls.append(request.url)
        found = re.search(r"Credential=([^/]+)/\d+/([^/]+)/", str(request.headers["Authorization"]))
        self.scopes.append(f"{found[1]} {found[2]}" if found else "")
        return AWSResponse(request.url, 403, {}, type("Raw", (), {"stream": lambda self: iter([b"{}"])})())


@pytest.mark.parametrize(
    ("service", "call", "region", "url", "scope"),
    [
        (
            "ecr",
            "describe_repositories",
            "eu-west-1",
            "https://api.ecr.eu-west-1.amazonaws.com/",
            "eu-west-1",
        ),
        ("ecr", "describe_repositories", "", "https://api.ecr.us-west-2.amazonaws.com/", "us-west-2"),
        ("s3", "list_buckets", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/", "eu-west-1"),
        ("eks", "list_clusters", "eu-west-3", "https://eks.eu-west-3.amazonaws.com/clusters", "eu-west-3"),
        # Of no region: AWS has them in one place.
        ("iam", "list_roles", "", "https://iam.amazonaws.com/", "us-east-1"),
        ("organizations", "list_accounts", "", "https://organizations.us-east-1.amazonaws.com/", "us-east-1"),
        ("account", "list_regions", "", "https://account.us-east-1.amazonaws.com/listRegions", "us-east-1"),
        ("sts", "get_caller_identity", "", "https://sts.us-west-2.amazonaws.com/", "us-west-2"),
    ],
)
def test_a_request_goes_where_its_call_says_and_is_signed_for_it(
    service: str, call: str, region: str, url: str, scope: str
) -> None:
    shared = SharedClients("us-west-2")
    sent = Sent(shared, service)
    for account in (ONE, TWO):
        with pytest.raises(RefusedError):
            getattr(session(shared, account).client(service, region), call)()
    assert sent.urls == [url, url]
    assert sent.scopes == [f"AKIA{ONE}ROOT {scope}", f"AKIA{TWO}ROOT {scope}"]


def test_clients_share_their_connections() -> None:
    shared = SharedClients("us-west-2")
    ecr, eks = shared.raw("ecr"), shared.raw("eks")
    assert ecr._endpoint.http_session is eks._endpoint.http_session
    assert shared.raw("ecr") is ecr


@pytest.fixture(scope="module")
def calm() -> Iterator[str]:
    with cloud(WORLD, Weather()) as endpoint:
        yield endpoint


def cell(shared: SharedClients, account: str, region: str, **more: Any) -> Cell:
    return Reader(lambda account: session(shared, account), **more).read(account, region, ECR).cell


def quick(**limits: Any) -> Patience:
    return Patience(
        clock=lambda: 0.0,
        sleep=lambda seconds: None,
        random=lambda: 0.0,
        limits=Limits(shortest=0.0, **limits),
    )


@pytest.mark.parametrize(
    ("weather", "state", "note"),
    [
        (Weather(throttles=1.0), "throttled", "DescribeRepositories was throttled"),
        (Weather(denials=1.0), "denied", "DescribeRepositories was denied: not authorized to perform"),
        (Weather(resets=1.0), "failed", "could not reach AWS: Connection was closed"),
        (Weather(dead_regions=("us-east-1",), hang=30), "timeout", "could not reach AWS: Read timeout"),
    ],
)
def test_each_kind_of_bad_weather_has_its_state(
    monkeypatch: pytest.MonkeyPatch, weather: Weather, state: str, note: str
) -> None:
    with cloud(WORLD, weather) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        hasty = SharedClients("us-east-1", patience=quick(), config=Config(read_timeout=0.2))
        told = cell(hasty, ONE, "us-east-1")
    assert (told.state, told.note[: len(note)]) == (state, note)


def test_the_weather_stands_before_any_endpoint(calm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weather = Weather(throttles=0.5, latency=0.01)
    with Processes("tests.seeded_cloud.proxy", ["--to", calm, "--weather", weather.as_text()]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        shared = SharedClients("us-east-1", patience=quick(throttled=50))
        told = [cell(shared, account, region) for account in WORLD.ids for region in WORLD.regions]
    assert [(c.state, c.count) for c in told] == [("found", 1)] * 6


# Accounts


class Codes:
    """Answers of one operation, in turn, in place of the cloud's."""

    def __init__(
        self, shared: SharedClients, service: str, call: str, code: str, message: str = "no"
    ) -> None:
        def act(**_: Any) -> Any:
            from types import SimpleNamespace

            return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": message}}

        shared.raw(service).meta.events.register(f"before-call.*.{call}", act)


@pytest.fixture
def shared(calm: str, monkeypatch: pytest.MonkeyPatch) -> SharedClients:
    monkeypatch.setenv("AWS_ENDPOINT_URL", calm)
    return SharedClients("us-east-1", patience=quick())


def opened(shared: SharedClients, *regions: str) -> Target:
    way = Way(account=ONE, source="test", credentials=Credentials(f"AKIA{ONE}ROOT", "any"))
    return Accounts(shared, [way], regions).open(ONE)


def test_all_regions_are_those_switched_on(shared: SharedClients) -> None:
    assert opened(shared, "all").regions == tuple(sorted(WORLD.regions))


def test_what_an_account_says_of_its_regions_is_remembered_while_it_is_open(shared: SharedClients) -> None:
    def regions(**_: Any) -> Any:
        from types import SimpleNamespace

        rows = [("us-east-1", "ENABLED_BY_DEFAULT"), ("ap-east-1", "ENABLED"), ("eu-south-1", "ENABLING")]
        told = [
            {"RegionName": name, "RegionOptStatus": status} for name, status in [*rows, (OFF, "DISABLED")]
        ]
        return SimpleNamespace(status_code=200), {"Regions": told}

    shared.raw("account").meta.events.register("before-call.*.ListRegions", regions)
    way = Way(account=ONE, source="test", credentials=Credentials(f"AKIA{ONE}ROOT", "any"))
    accounts = Accounts(shared, [way], ("all",))
    assert accounts.open(ONE).regions == ("ap-east-1", "eu-south-1", "us-east-1")
    # One that is being switched on does not accept every key yet.
    asked = ("ap-east-1", "eu-south-1", OFF)
    assert [accounts.is_on(ONE, region) for region in asked] == [True, False, False]
    accounts.close(ONE)
    assert not accounts.is_on(ONE, "ap-east-1")


def test_where_the_account_may_not_be_asked_ec2_is(shared: SharedClients) -> None:
    Codes(shared, "account", "ListRegions", "AccessDeniedException")

    def regions(**_: Any) -> Any:
        from types import SimpleNamespace

        rows = [("us-east-1", "opt-in-not-required"), ("eu-south-1", "opted-in"), (OFF, "not-opted-in")]
        return SimpleNamespace(status_code=200), {
            "Regions": [{"RegionName": name, "OptInStatus": status} for name, status in rows]
        }

    shared.raw("ec2").meta.events.register("before-call.*.DescribeRegions", regions)
    assert opened(shared, "all").regions == ("eu-south-1", "us-east-1")


def test_where_nobody_tells_every_region_is_asked_and_the_account_says_why(shared: SharedClients) -> None:
    Codes(shared, "account", "ListRegions", "AccessDeniedException", "not allowed")
    Codes(shared, "ec2", "DescribeRegions", "UnauthorizedOperation")
    target = opened(shared, "all")
    assert {"us-east-1", OFF} < set(target.regions)
    assert "cn-north-1" not in target.regions
    assert target.note == ("cannot tell which regions are switched on: ListRegions was denied: not allowed")


def test_regions_that_every_account_has_are_not_asked_about(shared: SharedClients) -> None:
    Codes(shared, "account", "ListRegions", "AccessDeniedException")
    assert opened(shared, "us-east-1") == Target(account=ONE, regions=("us-east-1",))


def test_expired_credentials_are_no_denial(shared: SharedClients) -> None:
    Codes(shared, "sts", "AssumeRole", "ExpiredToken")
    way = assumed(session(shared, ONE), f"arn:aws:iam::{TWO}:role/stackwright-scan")
    target = Accounts(shared, [way], ("us-east-1",)).open(TWO)
    note = f"no way into {TWO} by {way.source}: the AWS credentials have expired"
    assert target.told == {"global": Told(state="failed", note=note)}
    assert target.lost is not None


def test_a_role_is_assumed_again_before_it_expires(shared: SharedClients) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    asked = []
    shared.raw("sts").meta.events.register("before-call.*.AssumeRole", lambda **_: asked.append(now[0]))
    role = f"arn:aws:iam::{TWO}:role/stackwright-scan"
    way = assumed(session(shared, ONE), role, external_id="x-1", now=lambda: now[0])
    for later in (timedelta(), timedelta(days=1), timedelta(days=73 * 365 + 17)):
        now[0] += later
        assert way.credentials.get_frozen_credentials().access_key == f"ASIA{TWO}SCAN"
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large"),
        (
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z",
        ),
        ("SignatureDoesNotMatch", "Signature not yet current: 20260101T001000Z is still later than 2026"),
    ],
)
def test_a_clock_that_is_off_is_told_as_such(shared: SharedClients, code: str, message: str) -> None:
    Codes(shared, "ecr", "DescribeRepositories", code, message)
    told = cell(shared, ONE, "us-east-1")
    assert (told.state, told.note) == (
        "failed",
        f"the clock of this machine is off: AWS refuses what it signs ({code})",
    )


def test_clients_made_ahead_are_the_ones_that_are_used() -> None:
    shared = SharedClients("us-west-2")
    shared.prepare(["ecr", "no-such-service", "eks"])
    asked = {name: shared.raw(name) for name in ("eks", "ecr")}
    assert {name: shared.raw(name) for name in ("eks", "ecr")} == asked
    with pytest.raises(RefusedError, match="no-such-service"):
        shared.raw("no-such-service")


# Throttles, and tokens


class Refusals:
    """The same HTTP answer to every request of a service, in place of the cloud's."""

    def __init__(self, shared: SharedClients, service: str, code: str, status: int) -> None:
        self.asked = 0
        self._code, self._status = code, status
        shared.raw(service).meta.events.register_first("before-send", self._refuse)

    def _refuse(self, request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        self.asked += 1
        body = f'{{"__type": "{self._code}"}}'.encode()
        raw = type("Raw", (), {"stream": lambda self: iter([body])})()
        return AWSResponse(request.url, self._status, {}, raw)


@pytest.mark.parametrize(
    ("code", "status", "state", "asked"),
    [
        # A quota that is used up is used up tomorrow, too.
        ("LimitExceededException", 400, "failed", 1),
        ("LimitExceededException", 429, "throttled", 12),
        ("SomethingNewException", 429, "throttled", 12),
        *(
            (code, 400, "throttled", 12)
            for code in ThrottledRetryableChecker._THROTTLED_ERROR_CODES
            if code != "LimitExceededException"
        ),
    ],
)
def test_whatever_a_throttle_is_called_it_is_waited_out(
    shared: SharedClients, code: str, status: int, state: str, asked: int
) -> None:
    refusals = Refusals(shared, "ecr", code, status)
    assert (cell(shared, ONE, "us-east-1").state, refusals.asked) == (state, asked)


def test_tokens_come_from_the_regional_endpoint_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    plain = Session("us-west-2", credentials={"AccessKeyId": "AKIA", "SecretAccessKey": "any"})
    urls = [c.meta.endpoint_url for c in (plain.client("sts").raw, SharedClients("us-west-2").raw("sts"))]
    assert urls == ["https://sts.us-west-2.amazonaws.com"] * 2


def test_an_answer_that_is_no_text_is_told_in_words(shared: SharedClients) -> None:
    def garble(**_: Any) -> Any:
        b"\xff".decode()

    shared.raw("ecr").meta.events.register("before-call.*.DescribeRepositories", garble)
    told = cell(shared, ONE, "us-east-1")
    assert (told.state, told.note) == ("failed", "the answer cannot be read: invalid start byte")


@pytest.mark.parametrize(
    "value",
    [
        *("2026-11-22T07:53:25Z", "2026-11-22T07:53:25.123Z", "2026-11-22T07:53:25.123456+02:00"),
        *("2026-11-22 07:53:25 UTC", "Sun, 22 Nov 2026 07:53:25 GMT"),
        *(1795334005, 1795334005.5, "1795334005", "1795334005.123", "1.795334005E9", 0, -1, 253402300799),
    ],
)
def test_a_time_is_what_botocore_takes_it_for(value: object) -> None:
    assert moment(value) == parse_timestamp(value)


@pytest.mark.parametrize("value", ["", "soon", 1e20, "1e400", "nan", None, "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused_as_botocore_does(value: object) -> None:
    with pytest.raises(Exception) as theirs:
        parse_timestamp(value)
    with pytest.raises(theirs.type):
        moment(value)


def test_a_time_without_a_zone_is_of_utc() -> None:
    assert moment("2026-11-22T07:53:25") == datetime(2026, 11, 22, 7, 53, 25, tzinfo=UTC)
