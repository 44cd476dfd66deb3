"""AWS clients whose errors are ours: what was refused, and the next step."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore import exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp

from provisioner import __version__
from provisioner.aws import models
from provisioner.errors import RefusedError

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4},
    connect_timeout=5,
    read_timeout=60,
    user_agent_extra=f"stackwright/{__version__}",
    max_pool_connections=32,
)
# A dead region costs a scan three short waits for one cell, not four long ones; the cell says "timeout".
IMPATIENT = _CONFIG.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=2, read_timeout=20)
)
_SIGN_IN = "sign in again (`aws sso login`, or new keys), then run the same command: it goes on where it was"
_SET_UP = "set AWS_PROFILE, run `aws configure` or `aws sso login`; `stackwright demo` needs no account"

# Codes differ by service for the same refusal; the first that fits wins.
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
UNKNOWN_KEY = (
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
)
SKEWED = ("RequestTimeTooSkewed", "RequestInTheFuture", "ClockSkew")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403")
# AWS has many names for one refusal. A LimitExceededException is a quota that is used up, but for HTTP's 429.
THROTTLED = frozenset(
    (
        *("Throttling", "ThrottlingException", "Throttled", "ThrottledException", "EC2ThrottledException"),
        *("RequestThrottled", "RequestThrottledException", "RequestLimitExceeded", "SlowDown"),
        *("TooManyRequestsException", "ProvisionedThroughputExceededException", "BandwidthLimitExceeded"),
        *("PriorRequestNotComplete", "TransactionInProgressException"),
    )
)
_TOO_MANY = 429


class Session:
    """Credentials and a region; hands out guarded clients, one per service and region."""

    def __init__(
        self, region: str, *, profile: str = "", credentials: Mapping[str, str] | None = None
    ) -> None:
        self.region = region
        self._sdk = guarded(lambda: _sdk_session(region, profile, credentials or {}))
        self._config = _CONFIG
        self._clients: dict[tuple[str, str], Client] = {}
        self._making = Lock()

    @cached_property
    def impatient(self) -> "Session":
        """The same session for looking into many places, where one that does not answer is an answer."""
        other = copy(self)
        other._config, other._clients = IMPATIENT, {}
        return other

    def client(self, service: str, region: str = "") -> "Client":
        key = (service, region or self.region)
        # botocore sessions are not safe for making clients in several threads at a time.
        with self._making:
            if key not in self._clients:
                self._clients[key] = Client(guarded(lambda: self._made(*key)))
            return self._clients[key]

    def _made(self, service: str, region: str) -> Any:
        try:
            client = self._sdk.create_client(service, region_name=region, config=self._config)
            client.meta.events.register("before-sign.s3-control", without_account_host)
            return client
        except ValueError as error:
            # botocore has no error of its own for an endpoint that is no URL.
            raise RefusedError(str(error), hint="check AWS_ENDPOINT_URL and the AWS config file") from error

    def credentials(self) -> Any:
        """botocore's credentials, which renew themselves; raises RefusedError where there are none."""
        return guarded(self._credentials)

    def _credentials(self) -> Any:
        found = self._sdk.get_credentials()
        if found is None:
            raise exceptions.NoCredentialsError
        return found

    def identity(self) -> Mapping[str, str]:
        """Account and ARN of the caller."""
        found = self.client("sts").get_caller_identity()
        return {"account": found["Account"], "arn": found["Arn"]}


class Client:
    """A client of botocore that raises only RefusedError."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.raw, name)
        return lambda **arguments: self._run(lambda: method(**arguments))

    def until(self, deadline: float) -> "Client":
        """The client for calls that end by then, where it can tell; this one cannot."""
        return self

    def _run(self, act: Callable[[], Any]) -> Any:
        return guarded(act)

    def pages(self, call: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        """Every page of a list call."""
        pages = self._pages(call, arguments)
        while True:
            page = self._run(lambda: next(pages, None))
            if page is None:
                return
            yield page

    def _pages(self, call: str, arguments: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if self.raw.can_paginate(call):
            yield from self.raw.get_paginator(call).paginate(**arguments)
            return
        # botocore knows no paginator of a few new lists; all of those call the token alike.
        token = ""
        while True:
            page = getattr(self.raw, call)(**arguments, **({"NextToken": token} if token else {}))
            yield page
            token = page.get("NextToken", "")
            if not token:
                return


def guarded(call: Callable[[], Any]) -> Any:
    """The call's result; raises RefusedError with the service's code for whatever botocore raises."""
    try:
        return call()
    except exceptions.ClientError as error:
        raise _refused(error) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise RefusedError("no AWS credentials found", hint=_SET_UP, code="NoCredentials") from error
    except exceptions.ProfileNotFound as error:
        raise RefusedError(str(error), hint="`aws configure list-profiles`", field="profile") from None
    except (exceptions.ConfigParseError, exceptions.ConfigNotFound) as error:
        raise RefusedError(str(error), hint="mend the file, or set AWS_CONFIG_FILE to another") from error
    except (
        exceptions.TokenRetrievalError,
        exceptions.SSOTokenLoadError,
        exceptions.UnauthorizedSSOTokenError,
    ) as error:
        raise RefusedError(f"signing in failed: {error}", hint=_SIGN_IN, code="ExpiredToken") from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise RefusedError(
            f"could not reach AWS: {error}",
            hint="check the network, a proxy, the region, and AWS_ENDPOINT_URL",
            code="Unreachable",
        ) from error
    except ResponseParserError as error:
        raise RefusedError(
            f"what answered does not speak AWS: {_plain(str(error))[:200]}",
            hint="check AWS_ENDPOINT_URL, and whether a proxy answers in AWS's place",
            code="Unreadable",
        ) from error
    except UnicodeDecodeError as error:
        raise RefusedError(
            f"the answer cannot be read: {error.reason}",
            hint="check AWS_ENDPOINT_URL, and whether a proxy answers in AWS's place",
            code="Unreadable",
        ) from error
    except exceptions.BotoCoreError as error:
        raise RefusedError(str(error), code=type(error).__name__) from error


def _refused(error: exceptions.ClientError) -> RefusedError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = _plain(str(error.response.get("Error", {}).get("Message", "")))
    call = error.operation_name
    if code in SKEWED or _is_clock(message):
        return RefusedError(
            f"the clock of this machine is off{_by(error)}: AWS refuses what it signs ({code})",
            hint="set the clock (`timedatectl set-ntp true`), then run the same command",
            code="ClockSkew",
        )
    if code in EXPIRED:
        return RefusedError("the AWS credentials have expired", hint=_SIGN_IN, code=code)
    if code in UNKNOWN_KEY:
        return RefusedError(
            f"AWS does not accept these credentials ({code})",
            hint="check the profile; in a region that the account has not switched on, every key is refused",
            code=code,
        )
    if code in DENIED:
        return RefusedError(
            f"{call} was denied: {message or code}",
            hint=f"the caller needs the permission for {call}",
            code=code,
        )
    if is_throttle(code, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)):
        said = code if code in THROTTLED else "Throttled"
        return RefusedError(f"{call} was throttled", hint="run the same command again", code=said)
    return RefusedError(f"{call}: {message or code}", code=code)


def is_throttle(code: str, status: int) -> bool:
    """Whether a refusal only says: not so fast."""
    return status == _TOO_MANY or code in THROTTLED


def _plain(message: str) -> str:
    """Without the page that somebody else's server answered: whoever wrote it was not AWS."""
    shown, page, _ = message.partition("<")
    is_page = page and message[len(shown) :].lower().startswith(("<!doctype", "<html", "<?xml"))
    return shown.rstrip(" \n:'\"b") if is_page else message


def _is_clock(message: str) -> bool:
    """Whether a signature was refused for its time: services say so in words, under several codes."""
    return message.startswith(("Signature expired", "Signature not yet current"))


def _by(error: exceptions.ClientError) -> str:
    """How far the clock is off, as far as the answer tells."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return ""
    seconds = (datetime.now(UTC) - theirs).total_seconds()
    return f" by {abs(seconds) / 60:.0f} min ({'fast' if seconds > 0 else 'slow'})"


@cache
def is_offered(service: str, region: str) -> bool:
    """Whether the SDK knows the service in the region; what belongs to no region is offered everywhere."""
    sdk = _sdk()
    try:
        return region in sdk.get_available_regions(service, sdk.get_partition_for_region(region))
    except exceptions.UnknownRegionError:
        return True


@cache
def _sdk() -> Any:
    """A session for its tables of endpoints, which are read once."""
    return botocore.session.get_session()


def regional_tokens(session: Any) -> None:
    """The global STS endpoint gives tokens that regions which an account has to switch on do not accept.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
    """
    session.set_config_variable("sts_regional_endpoints", "regional")


def without_account_host(request: Any, **_: Any) -> None:
    """S3 Control puts the account before the host, 111122223333.localhost, which no resolver need know."""
    parts = urlsplit(request.url)
    account, _dot, host = parts.netloc.partition(".")
    if account.isdigit() and host.partition(":")[0] in ("localhost", "127.0.0.1"):
        request.url = parts._replace(netloc=host).geturl()


def quick_times(sdk: Any) -> None:
    """Let a botocore session read times by the standard library: its own guesses at every form there is."""
    sdk.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)


def moment(value: Any) -> datetime:
    """A time in an answer, with its zone; without one it is of UTC."""
    is_iso = isinstance(value, str) and value[4:5] == "-"
    with suppress(ValueError, TypeError, OverflowError, OSError):
        found = datetime.fromisoformat(value) if is_iso else datetime.fromtimestamp(float(value), UTC)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    parsed: datetime = parse_timestamp(value)
    return parsed


def _sdk_session(region: str, profile: str, credentials: Mapping[str, str]) -> Any:
    """With the answer of AssumeRole, or the ambient credentials where it is empty."""
    session = botocore.session.Session(profile=profile or None)
    session.set_config_variable("region", region)
    regional_tokens(session)
    quick_times(session)
    if credentials:
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        session.set_credentials(*(credentials.get(name) for name in names))
    # Whether there is such a profile is looked up here, and said before anything is asked.
    known = session.get_component("data_loader")
    session.register_component("data_loader", models.shared((*known.search_paths,)))
    return session
