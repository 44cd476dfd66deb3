"""One client per service for every account and region: both are chosen when a request is signed.

Building a client costs 5–200 ms and a megabyte, and an organization has thousands of pairs of account and
region. So a call carries its account's credentials and its region through botocore's own events:
before-endpoint-resolution sets the region, before-sign the credentials, needs-retry the patience.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from random import random
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

import botocore.session
from botocore import exceptions
from botocore.config import Config

from provisioner.aws import models
from provisioner.aws.patience import Patience, Trouble
from provisioner.aws.session import (
    IMPATIENT,
    Client,
    guarded,
    is_offered,
    is_throttle,
    quick_times,
    regional_tokens,
    without_account_host,
)
from provisioner.errors import RefusedError

# Patience retries, not botocore: its adaptive mode would slow down every account for one that throttles.
_CONFIG = IMPATIENT.merge(
    Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=64,
        # What a scan sends stands in tables, and the tests send it.
        parameter_validation=False,
        # botocore puts its own together anew for each request, a sixth of a call's CPU.
        user_agent=f"botocore/{botocore.__version__}",
    )
)
# As many hosts as a scan can have: regions × services.
_HOSTS = 512
_PASSING = (
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalError",
    "InternalFailure",
    "ServiceUnavailable",
)
_BROKEN = (500, 502, 503, 504)
NEVER = float("inf")


@dataclass(frozen=True, kw_only=True)
class _Call:
    """On whose behalf and where a call is made, and until when it is worth waiting for."""

    account: str
    service: str
    region: str
    credentials: Any
    deadline: float = NEVER

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.account, self.service, self.region)


_CALL: ContextVar[_Call] = ContextVar("call")


class SharedClients:
    """The clients, and the patience that all calls share."""

    def __init__(
        self,
        home: str,
        *,
        patience: Patience | None = None,
        config: Config | None = None,
        kept: Path | None = None,
    ) -> None:
        """`kept` is a folder in which the next process finds what is slow to read."""
        self.home = home
        self.patience = patience or Patience(clock=monotonic, sleep=sleep, random=random)
        self._config = _CONFIG.merge(config) if config else _CONFIG
        self._session = botocore.session.get_session()
        regional_tokens(self._session)
        known = guarded(lambda: self._session.get_component("data_loader"))
        self._session.register_component("data_loader", models.shared((*known.search_paths,), kept))
        quick_times(self._session)
        self._clients: dict[str, Any] = {}
        self._lock = Lock()
        self._http: Any = None

    def raw(self, service: str) -> Any:
        """The one botocore client of a service."""
        known = self._clients.get(service)
        if known is not None:
            return known
        # botocore sessions are not safe for making clients in several threads at a time.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = guarded(lambda: self._made(service))
            return self._clients[service]

    def prepare(self, services: Iterable[str]) -> None:
        """Make clients while somebody else waits for an answer."""
        names = list(dict.fromkeys(services))
        Thread(target=self._prepared, args=(names,), name="clients", daemon=True).start()

    def _prepared(self, services: list[str]) -> None:
        # Whoever needs a client that cannot be made hears of it then.
        with suppress(RefusedError):
            for service in services:
                self.raw(service)

    def _made(self, service: str) -> Any:
        try:
            raw = self._session.create_client(
                service,
                region_name=self.home,
                config=self._config,
                # So that nobody looks for any; each request is signed with its own.
                **dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "none"),
            )
        except ValueError as error:
            # botocore has no error of its own for an endpoint that is no URL.
            raise RefusedError(str(error), hint="check AWS_ENDPOINT_URL and the AWS config file") from error
        self._share_connections(raw)
        events = raw.meta.events
        events.register("before-endpoint-resolution", _in_its_region)
        events.register("before-sign", self._sign)
        events.register("before-sign.s3-control", without_account_host)
        events.register("needs-retry", self._pause)
        return raw

    def _share_connections(self, raw: Any) -> None:
        """One pool of connections and one TLS context for all; botocore keeps ten hosts for each client."""
        if self._http is None:
            self._http = raw._endpoint.http_session
            kinds = self._http._manager.pool_classes_by_scheme
            kind = type(self._http._manager)
            self._http._manager = kind(num_pools=_HOSTS, **self._http._get_pool_manager_kwargs())
            self._http._manager.pool_classes_by_scheme = kinds
        raw._endpoint.http_session = self._http

    def _sign(self, request: Any, **_: Any) -> None:
        call = _CALL.get()
        self.patience.before(call.place, call.deadline)
        signing = {**request.context.get("signing", {}), "request_credentials": call.credentials}
        if call.region:
            signing.setdefault("region", call.region)
        request.context["signing"] = signing

    def _pause(self, response: Any, attempts: int, caught_exception: Any, **_: Any) -> float | None:
        """Seconds to wait before the next attempt; None ends the call with what it has got."""
        call = _CALL.get()
        trouble = _trouble(response, caught_exception)
        if trouble == "unreachable" and call.region and not is_offered(call.service, call.region):
            # There is no such host: that says nothing of the region.
            return None
        return self.patience.after(call.place, trouble, caught_exception, attempts, call.deadline)


class AccountSession:
    """The clients as one account uses them; takes the place of a Session where only clients are asked for."""

    def __init__(self, shared: SharedClients, account: str, credentials: Any) -> None:
        self.shared, self.account, self.credentials = shared, account, credentials
        self.region = shared.home

    def client(self, service: str, region: str = "") -> "Borrowed":
        call = _Call(account=self.account, service=service, region=region, credentials=self.credentials)
        return Borrowed(self.shared.raw(service), call)


class Borrowed(Client):
    """A shared client on behalf of one account in one region."""

    def __init__(self, raw: Any, call: _Call) -> None:
        super().__init__(raw)
        self._call = call

    def until(self, deadline: float) -> "Borrowed":
        return Borrowed(self.raw, replace(self._call, deadline=deadline))

    def _run(self, act: Callable[[], Any]) -> Any:
        token = _CALL.set(self._call)
        try:
            return guarded(act)
        finally:
            _CALL.reset(token)


def _in_its_region(builtins: dict[str, Any], **_: Any) -> None:
    region = _CALL.get().region
    if region:
        builtins["AWS::Region"] = region


def _trouble(response: Any, caught: Any) -> Trouble | None:
    """What went wrong, if another attempt may help."""
    if caught is not None:
        return (
            "unreachable"
            if isinstance(caught, exceptions.HTTPClientError | exceptions.ConnectionError)
            else None
        )
    http, parsed = response
    code = parsed.get("Error", {}).get("Code", "")
    if is_throttle(code, http.status_code):
        return "throttled"
    return "passing" if code in _PASSING or http.status_code in _BROKEN else None
