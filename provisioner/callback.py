"""A callback: what the function in a stack says to a server, and the proof of who said it.

The claim is text, and its proof a presigned `sts:GetCallerIdentity` made out to one server, one enrolment and
that very text: their headers are signed but never sent, so a server fills in its own and asks STS.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from provisioner import finish_address, regions
from provisioner.component import Statement
from provisioner.errors import CheckError, SpecError
from provisioner.finish_address import Address

# Logical ids, by which the names that CloudFormation gives are known again.
RESOURCE, FUNCTION, ROLE, LOGS = "Callback", "CallbackFunction", "CallbackRole", "CallbackLogs"
TYPE = "Custom::StackwrightCallback"
STATEMENTS = (
    Statement(
        sid="CallbackLog",
        role="callback",
        actions=("logs:CreateLogStream", "logs:PutLogEvents"),
        resources=("{callback.log_group_arn}",),
        words="the callback may write its own log, and nothing else; who it is needs no permission to prove",
    ),
)

RequestKind = Literal["Create", "Update", "Delete"]
MAX_BYTES = 64 * 1024
# A signature serves the moment; clocks may differ by a minute.
MAX_AGE = timedelta(minutes=5)
_SKEW = timedelta(minutes=1)
_HEADERS = ("x-stackwright-claim", "x-stackwright-enrolment", "x-stackwright-server")
_SIGNED = ";".join(("host", *_HEADERS))
_QUERY = {
    "Action": r"GetCallerIdentity",
    "Version": r"2011-06-15",
    "X-Amz-Algorithm": r"AWS4-HMAC-SHA256",
    "X-Amz-Credential": r"[A-Z0-9]{16,128}/\d{8}/[a-z0-9-]+/sts/aws4_request",
    "X-Amz-Date": r"\d{8}T\d{6}Z",
    "X-Amz-Expires": r"\d{1,3}",
    "X-Amz-Security-Token": r"[A-Za-z0-9+/=_-]{16,8192}",
    "X-Amz-SignedHeaders": r"[a-z0-9;-]+",
    "X-Amz-Signature": r"[0-9a-f]{64}",
}
_HINT = (
    "only the function of a stack's own template can call back; `stackwright finish NAME` needs no callback"
)


@dataclass(frozen=True, kw_only=True)
class Callback:
    """One message as it came in: still a claim. `text` is what was signed."""

    kind: RequestKind
    request_id: str
    address: Address
    text: str
    identity: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def account(self) -> str:
        return self.address.stack.account

    @property
    def stack_name(self) -> str:
        return self.address.stack.resource.split("/")[1]


@dataclass(frozen=True, kw_only=True)
class Used:
    """A callback that was taken, and what was answered."""

    digest: str
    answer: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """What STS says of whoever signed."""

    account: str
    arn: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a server asks STS: an address of its own making, and headers with its own values."""

    url: str
    headers: Mapping[str, str]


def parse(body: bytes) -> Callback:
    """A callback from a request's body; raises SpecError."""
    if len(body) > MAX_BYTES:
        raise SpecError(f"a callback of more than {MAX_BYTES:,} bytes", hint=_HINT, field="body")
    outer = _object(body, ("version", "claim", "identity"), "body")
    if outer["version"] != 1 or isinstance(outer["version"], bool):
        raise SpecError("a callback of another version than 1", hint=_HINT, field="version")
    text, identity = _text(outer, "claim"), _text(outer, "identity")
    claim = _object(text.encode(), ("request", "request_id", "stack", "address"), "claim")
    if claim["request"] not in get_args(RequestKind):
        raise SpecError("this is no request of CloudFormation", hint=_HINT, field="request")
    request_id = _text(claim, "request_id")
    if not re.fullmatch(r"[\w-]{1,128}", request_id, re.ASCII):
        raise SpecError("request_id is missing or malformed", hint=_HINT, field="request_id")
    address = finish_address.parse(_text(claim, "address"))
    if str(address.stack) != claim["stack"]:
        raise CheckError("the callback is of one stack and its address of another", field="stack")
    return Callback(
        kind=claim["request"],
        request_id=request_id,
        address=address,
        text=text,
        identity=identity,
    )


def _text(said: Mapping[str, Any], key: str) -> str:
    """A text that can be hashed, kept and repeated; JSON knows others: NUL, and halves of characters."""
    found = said[key]
    if not isinstance(found, str) or not found.isprintable():
        raise SpecError(f"{key} of a callback is no plain text", hint=_HINT, field=key)
    return found


def _object(text: bytes, keys: tuple[str, ...], what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != set(keys):
        wanted = ", ".join(keys)
        raise SpecError(f"the {what} of a callback is JSON with {wanted}", hint=_HINT, field=what)
    return found


def sts_endpoint(region: str) -> str:
    """The regional STS, whose partition is the region's."""
    return f"https://sts.{region}.{regions.partition(region).suffix}"


def question(
    callback: Callback, *, enrolment_id: str, region: str, server: str, endpoint: str, now: datetime
) -> Question:
    """What to ask STS about a callback; raises CheckError for a proof that is not made out to us.

    `server` is our own public host, `endpoint` the only STS that counts. Nothing of the answer's address is
    the sender's but the query that was signed.
    """
    try:
        given = urlsplit(callback.identity)
    except ValueError:
        raise SpecError("the identity of a callback is no address", hint=_HINT, field="identity") from None
    if f"{given.scheme}://{given.netloc}" != endpoint or given.path not in ("", "/") or given.fragment:
        raise _unproved(f"the signature is for {given.netloc[:80] or 'nobody'}, not for {endpoint}")
    query = _query(given.query)
    if query["X-Amz-SignedHeaders"] != _SIGNED:
        raise _unproved("the signature leaves out a header: it must cover " + _SIGNED.replace(";", ", "))
    _check_scope(query, region, now)
    values = dict(zip(_HEADERS, (callback.digest, enrolment_id, server), strict=True))
    return Question(url=f"{endpoint}/?{given.query}", headers=values)


def _query(text: str) -> dict[str, str]:
    """The one thing that may be asked, once."""
    pairs = parse_qsl(text, keep_blank_values=True)
    query = dict(pairs)
    if query.get("Action", "GetCallerIdentity") != "GetCallerIdentity":
        raise _unproved(f"the signature is for {query['Action'][:40]}, not for GetCallerIdentity")
    if len(pairs) != len(query) or set(query) != set(_QUERY):
        raise _unproved("the signature is not a presigned GetCallerIdentity")
    for key, pattern in _QUERY.items():
        if not re.fullmatch(pattern, query[key], re.ASCII):
            raise _unproved(f"{key} of the signature is malformed")
    return query


def _check_scope(query: Mapping[str, str], region: str, now: datetime) -> None:
    _, day, where, _, _ = query["X-Amz-Credential"].split("/")
    if where != region:
        raise _unproved(f"the signature is for {where}, the link was for {region}")
    try:
        signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _unproved("X-Amz-Date of the signature is malformed") from None
    if day != query["X-Amz-Date"][:8]:
        raise _unproved("the signature is of two days")
    if now - signed > MAX_AGE:
        raise _unproved("the signature is older than 5 minutes")
    if signed - now > _SKEW:
        raise _unproved("the signature is of the future")


def check_caller(callback: Callback, caller: Caller) -> None:
    """The caller is the callback's own role in the account that the claim names; raises CheckError."""
    if caller.account != callback.account:
        raise _unproved(f"account {caller.account} signed, and the stack is said to be in {callback.account}")
    found = re.fullmatch(
        r"arn:[a-z-]+:sts::(\d{12}):assumed-role/([\w+=,.@-]+)/([\w+=,.@-]+)", caller.arn, re.ASCII
    )
    if not found or found[1] != caller.account:
        raise _unproved("no role's session signed")
    named = ((found[2], ROLE), (found[3], FUNCTION))
    if not all(_is_named_after(name, callback.stack_name, logical) for name, logical in named):
        raise _unproved(f"{found[2]} signed, which is not the callback of stack {callback.stack_name}")


def _is_named_after(name: str, stack: str, logical_id: str) -> bool:
    """`stack-LogicalId-random`, as CloudFormation names what has no name of its own; long ones are cut."""
    start, found, rest = name.partition(f"-{logical_id}-")
    if not found or not re.fullmatch(r"[A-Za-z0-9]{8,16}", rest):
        return False
    return start == stack or (len(name) >= _CUT and len(start) >= _LEAST and stack.startswith(start))


# Role and function names have 64 characters; what CloudFormation cuts is nearly as long.
_CUT = 60
_LEAST = 20


def _unproved(why: str) -> CheckError:
    return CheckError(f"the callback proves nothing: {why}", hint=_HINT, field="identity")
