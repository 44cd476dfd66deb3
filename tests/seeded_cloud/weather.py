"""Bad weather by seed: latency, throttles, denials, resets and a dead region, the same in every run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from tests.seeded_cloud.wire import AwsError, Call, Request
from tests.seeded_cloud.world import World

# What a scan cannot do without.
_SPARED = ("sts", "organizations", "account", "tagging")
_THROTTLED = {
    "s3": ("SlowDown", 503),
    "ec2": ("RequestLimitExceeded", 503),
    "iam": ("Throttling", 400),
    "sts": ("Throttling", 400),
    "codebuild": ("ThrottlingException", 400),
    "eks": ("TooManyRequestsException", 429),
}
_DENIED = {
    "s3": "AccessDenied",
    "s3control": "AccessDenied",
    "iam": "AccessDenied",
    "ec2": "UnauthorizedOperation",
}
Drop = Literal["reset", "dead"]


@dataclass(frozen=True, kw_only=True)
class Weather:
    """Shares of all calls; a denial holds for a whole service in one account and region."""

    seed: str = "1"
    latency: float = 0.0
    throttles: float = 0.0
    denials: float = 0.0
    # Such as eks:DescribeCluster: denied in every account and region.
    denied_calls: tuple[str, ...] = ()
    resets: float = 0.0
    dead_regions: tuple[str, ...] = ()
    # Seconds that a dead region keeps a connection before it closes it without a word.
    hang: float = 0.0

    def drop(self, call: Call, request: Request) -> Drop | None:
        """How the connection ends instead of an answer, if it does."""
        if call.region in self.dead_regions and call.service not in ("sts", "organizations", "account"):
            return "dead"
        return "reset" if self._hits(self.resets, "reset", *_exactly(call, request)) else None

    def check(self, call: Call, request: Request) -> None:
        """Raises AwsError for a call that is throttled or denied."""
        if self._hits(self.throttles, "throttle", *_exactly(call, request)):
            code, status = _THROTTLED.get(call.service, ("ThrottlingException", 400))
            raise AwsError(code, "Rate exceeded", status)
        named = f"{call.service}:{call.operation}" in self.denied_calls
        if named or self.is_denied(call.account, call.region, call.service):
            code = _DENIED.get(call.service, "AccessDeniedException")
            raise AwsError(code, f"not authorized to perform: {call.service}:{call.operation}", 403)

    def is_denied(self, account: str, region: str, service: str) -> bool:
        return service not in _SPARED and self._hits(self.denials, "deny", account, region, service)

    def _hits(self, share: float, *parts: object) -> bool:
        return share > 0 and World(seed=self.seed).number(*parts) % 10_000 < share * 10_000

    def as_text(self) -> str:
        return json.dumps(asdict(self))


def parse(text: str) -> Weather:
    known: Mapping[str, object] = json.loads(text)
    return Weather(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})  # type: ignore[arg-type]  # written by as_text


def _exactly(call: Call, request: Request) -> tuple[object, ...]:
    """One attempt of one call; the next attempt is drawn anew, and so is another page."""
    return (call.account, call.region, call.operation, request.target, request.body.decode(), call.attempt)
