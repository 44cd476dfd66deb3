"""What a server reads out of a callback before it asks anybody, and what it asks."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from provisioner import callback, regions
from provisioner.callback import Callback, Caller
from provisioner.errors import CheckError, SpecError, StackwrightError

ID = "0123456789abcdef" * 2
ACCOUNT = "123456789012"
STACK = f"arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/churn-dev/11111111-2222-3333-4444-555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/churn-dev-AccessRole-AbCdEfGh1234"
ADDRESS = f"v=1&enrolment={ID}&stack={STACK}&access.role_arn={ROLE}"
CLAIM = {"request": "Create", "request_id": "r-1", "stack": STACK, "address": ADDRESS}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STS = "https://sts.eu-central-1.amazonaws.com"
QUERY = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "ASIA0123456789ABCDEF/20261122/eu-central-1/sts/aws4_request",
    "X-Amz-Date": "20261122T115800Z",
    "X-Amz-Expires": "300",
    "X-Amz-Security-Token": "token+with/signs==",
    "X-Amz-SignedHeaders": "host;x-stackwright-claim;x-stackwright-enrolment;x-stackwright-server",
    "X-Amz-Signature": "0" * 64,
}


def body(claim: Any = CLAIM, **changed: Any) -> bytes:
    said = {"version": 1, "claim": json.dumps(claim), "identity": f"{STS}/?{urlencode(QUERY)}"}
    return json.dumps(said | changed).encode()


def message(act: Any) -> str:
    with pytest.raises(StackwrightError) as caught:
        act()
    return caught.value.message


# Reading


def test_a_callback_says_what_happened_and_what_finishing_needs() -> None:
    said = callback.parse(body())
    assert (said.kind, said.request_id, said.account, said.stack_name) == (
        "Create",
        "r-1",
        ACCOUNT,
        "churn-dev",
    )
    assert (said.address.enrolment_id, said.address.role_arn) == (ID, ROLE)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"{}", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 50_000, "body"),
        (b"x" * (callback.MAX_BYTES + 1), "body"),
        (body(more="x"), "body"),
        (body(version=2), "version"),
        (body(version=True), "version"),
        (body(claim="x"), "claim"),
        (body(claim=json.dumps({**CLAIM, "more": 1})), "claim"),
        (body({**CLAIM, "request": "Destroy"}), "request"),
        (body({**CLAIM, "request_id": "../x"}), "request_id"),
        (body({**CLAIM, "request": [[[]]]}), "request"),
        (body({**CLAIM, "request": "\ud800"}), "request"),
        (body({**CLAIM, "request_id": 7}), "request_id"),
        (body({**CLAIM, "request_id": "\ud800"}), "request_id"),
        (body({**CLAIM, "address": 7}), "address"),
        (body({**CLAIM, "address": ADDRESS + "&artifact_store.bucket_name=\ud800"}), "address"),
        (body({**CLAIM, "address": ADDRESS + "&artifact_store.bucket_name=a%00b"}), "address"),
        (body({**CLAIM, "address": ADDRESS + "&artifact_store.bucket_name=a%0ab"}), "address"),
        (body(claim="\ud800"), "claim"),
        (body(claim="{}\x00"), "claim"),
        (body(claim=7), "claim"),
        (body(claim="[" * 50_000), "claim"),
        (body(claim='{"request": ' + "[" * 20_000), "claim"),
        (body(claim='{"request": ' + "9" * 9_000 + "}"), "claim"),
        (body(identity="\ud800"), "identity"),
        (body(identity="https://a\x00"), "identity"),
        (body(identity=[]), "identity"),
        (b'{"version": ' + b"9" * 9_000 + b"}", "body"),
        (b'{"version": NaN, "claim": "", "identity": ""}', "version"),
        (b'{"version": ' + b"[" * 500 + b"]" * 500 + b', "claim": "", "identity": ""}', "version"),
        (body({**CLAIM, "address": "v=2"}), "v"),
        (body({**CLAIM, "address": ADDRESS.replace(ID, "x")}), "enrolment"),
    ],
)
def test_what_is_no_callback_is_refused_by_field(sent: bytes, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        callback.parse(sent)
    assert caught.value.field == field


@pytest.mark.parametrize("identity", ["https://[::1", "https://[x]/", "https://a]b", "//["])
def test_an_identity_that_is_no_address_is_refused(identity: str) -> None:
    assert message(lambda: question(identity)) == "the identity of a callback is no address"


@pytest.mark.parametrize("identity", ["https://a:99999999", "https://a:x/", "https://[::1]", "?" * 900])
def test_an_identity_of_nobody_we_know_proves_nothing(identity: str) -> None:
    assert message(lambda: question(identity)).startswith("the callback proves nothing: ")


def test_a_claim_of_another_stack_than_its_address() -> None:
    other = {**CLAIM, "stack": STACK.replace("5555", "6666")}
    assert message(lambda: callback.parse(body(other))) == (
        "the callback is of one stack and its address of another"
    )


# Asking


def question(identity: str = "", *, endpoint: str = STS, now: datetime = NOW) -> callback.Question:
    said = callback.parse(body(identity=identity) if identity else body())
    return callback.question(
        said,
        enrolment_id=ID,
        region="eu-central-1",
        server="mlops.example.com",
        endpoint=endpoint,
        now=now,
    )


def presigned(base: str = STS, **changed: str) -> str:
    values = {k.replace("_", "-"): v for k, v in changed.items()}
    return f"{base}/?{urlencode({k: v for k, v in (QUERY | values).items() if v})}"


def test_the_server_asks_its_own_sts_with_its_own_values() -> None:
    asked = question()
    assert urlsplit(asked.url).netloc == "sts.eu-central-1.amazonaws.com"
    assert dict(parse_qsl(urlsplit(asked.url).query)) == QUERY
    assert asked.headers == {
        "x-stackwright-claim": callback.parse(body()).digest,
        "x-stackwright-enrolment": ID,
        "x-stackwright-server": "mlops.example.com",
    }


@pytest.mark.parametrize(
    "base",
    [
        "http://169.254.169.254",
        "http://localhost:8080",
        "https://mallory.example.com",
        "http://sts.eu-central-1.amazonaws.com",
        "https://sts.eu-central-1.amazonaws.com.mallory.example.com",
        "https://sts.eu-central-1.amazonaws.com@mallory.example.com",
        "https://mallory@sts.eu-central-1.amazonaws.com",
        "https://sts.eu-central-1.amazonaws.com:8443",
        "https://sts.us-east-1.amazonaws.com",
        "https://sts.eu-central-1.amazonaws.com.cn",
        "https://STS.eu-central-1.amazonaws.com",
        "file:",
        "",
    ],
)
def test_no_other_host_is_asked(base: str) -> None:
    host = urlsplit(base).netloc or "nobody"
    assert message(lambda: question(presigned(base))) == (
        f"the callback proves nothing: the signature is for {host}, not for {STS}"
    )


@pytest.mark.parametrize("path", ["/x", "/../", "//mallory.example.com/"])
def test_no_other_path_is_asked(path: str) -> None:
    address = presigned().replace(".com/?", f".com{path}?")
    assert "proves nothing" in message(lambda: question(address))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"Action": "GetSessionToken"},
            "the signature is for GetSessionToken, not for GetCallerIdentity",
        ),
        ({"Action": "AssumeRole"}, "the signature is for AssumeRole, not for GetCallerIdentity"),
        ({"RoleArn": ROLE}, "the signature is not a presigned GetCallerIdentity"),
        ({"X_Amz_Security_Token": ""}, "the signature is not a presigned GetCallerIdentity"),
        ({"X_Amz_Signature": "0" * 63}, "X-Amz-Signature of the signature is malformed"),
        (
            {"X_Amz_Credential": "x/20261122/eu-central-1/sts/aws4_request"},
            "X-Amz-Credential of the signature is malformed",
        ),
        (
            {"X_Amz_Credential": "ASIA0123456789ABCDEF/20261122/eu-central-1/iam/aws4_request"},
            "X-Amz-Credential of the signature is malformed",
        ),
        (
            {"X_Amz_Credential": "ASIA0123456789ABCDEF/20261121/eu-central-1/sts/aws4_request"},
            "the signature is of two days",
        ),
        (
            {"X_Amz_Credential": "ASIA0123456789ABCDEF/20261122/us-east-1/sts/aws4_request"},
            "the signature is for us-east-1, the link was for eu-central-1",
        ),
        ({"X_Amz_Date": "20261199T000000Z"}, "X-Amz-Date of the signature is malformed"),
    ],
)  # fmt: skip
def test_only_a_presigned_identity_of_the_region_is_asked_with(changed: dict[str, str], why: str) -> None:
    assert message(lambda: question(presigned(**changed))) == f"the callback proves nothing: {why}"


@pytest.mark.parametrize(
    "left_out", ["x-stackwright-claim", "x-stackwright-enrolment", "x-stackwright-server"]
)
def test_every_header_of_ours_must_be_signed(left_out: str) -> None:
    signed = ";".join(h for h in QUERY["X-Amz-SignedHeaders"].split(";") if h != left_out)
    assert message(lambda: question(presigned(X_Amz_SignedHeaders=signed))) == (
        "the callback proves nothing: the signature leaves out a header: it must cover host, "
        "x-stackwright-claim, x-stackwright-enrolment, x-stackwright-server"
    )


def test_a_value_given_twice_is_refused() -> None:
    assert message(lambda: question(presigned() + "&Version=2011-06-15")).endswith(
        "the signature is not a presigned GetCallerIdentity"
    )


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (NOW + timedelta(minutes=3, seconds=1), "the signature is older than 5 minutes"),
        (NOW - timedelta(minutes=3, seconds=1), "the signature is of the future"),
    ],
)
def test_a_signature_serves_five_minutes(now: datetime, why: str) -> None:
    assert message(lambda: question(now=now)) == f"the callback proves nothing: {why}"


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("eu-central-1", "https://sts.eu-central-1.amazonaws.com"),
        ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
    ],
)
def test_every_partition_has_its_own_sts(region: str, endpoint: str) -> None:
    assert callback.sts_endpoint(region) == endpoint
    assert region in regions.names()


# Who it was


def caller(name: str, session: str, account: str = ACCOUNT) -> Caller:
    return Caller(account=account, arn=f"arn:aws:sts::{account}:assumed-role/{name}/{session}")


LONG = "a" * 128
LONG_ROLE, LONG_FUNCTION = (
    f"{'a' * 38}-CallbackRole-AbCdEfGh1234",
    f"{'a' * 34}-CallbackFunction-AbCdEfGh1234",
)


def of(stack: str) -> Callback:
    claim = {k: v.replace("churn-dev/", f"{stack}/") for k, v in CLAIM.items()}
    return callback.parse(body(claim))


@pytest.mark.parametrize(
    ("stack", "role", "function", "known"),
    [
        ("churn-dev", "churn-dev-CallbackRole-AbCdEfGh1234", "churn-dev-CallbackFunction-AbCdEfGh1234", True),
        (LONG, LONG_ROLE, LONG_FUNCTION, True),
        ("churn-dev", "churn-CallbackRole-AbCdEfGh1234", "churn-CallbackFunction-AbCdEfGh1234", False),
        ("churn-dev", "churn-dev-CallbackRole-x", "churn-dev-CallbackFunction-AbCdEfGh1234", False),
        ("churn-dev", "churn-dev-CallbackRole-AbCdEfGh1234", "mallory", False),
        ("churn-dev", "CallbackRole", "CallbackFunction", False),
    ],
)
def test_the_caller_is_the_stacks_own_function(stack: str, role: str, function: str, known: bool) -> None:
    try:
        callback.check_caller(of(stack), caller(role, function))
        assert known
    except CheckError as refusal:
        assert (known, refusal.message) == (
            False,
            f"the callback proves nothing: {role} signed, which is not the callback of stack {stack}",
        )


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:sts::{ACCOUNT}:federated-user/x",
        f"arn:aws:iam::{ACCOUNT}:user/x",
    ],
)
def test_whoever_has_no_role_is_nobodys_function(arn: str) -> None:
    with pytest.raises(CheckError) as caught:
        callback.check_caller(of("churn-dev"), Caller(account=ACCOUNT, arn=arn))
    assert caught.value.message == "the callback proves nothing: no role's session signed"
