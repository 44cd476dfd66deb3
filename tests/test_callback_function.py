"""The function that stands in a template: what it posts, how it signs, and that it never fails a stack."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stacks.enrol import index

ID = "0123456789abcdef" * 2
STACK = (
    "arn:aws:cloudformation:eu-central-1:123456789012:stack/churn-dev/11111111-2222-3333-4444-555555555555"
)
KEYS = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "ASIA0123456789ABCDEF",
    "AWS_SECRET_ACCESS_KEY": "secret/with+signs",
    "AWS_SESSION_TOKEN": "token/with+signs==",
}
RETRY = "retry: stackwright finish churn-dev "
REFUSED = '{"error": {"message": "not you", "hint": "", "field": "", "exit_code": 3}}'


class Wire:
    """A server that answers as it is told, and remembers what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.sent: list[tuple[str, str, dict[str, str], Any]] = []
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                wire.sent.append((self.command, self.path, dict(self.headers), json.loads(body)))
                status, text = wire.answers.pop(0) if self.command == "POST" else (200, "")
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{wire.url}/elsewhere")
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_PUT = do_GET = answer  # noqa: N815 - the names of the standard library

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def posts(self) -> list[Any]:
        return [body for method, _, _, body in self.sent if method == "POST"]

    @property
    def answered(self) -> Any:
        """What CloudFormation was told."""
        return next(body for method, _, _, body in self.sent if method == "PUT")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    for key, value in KEYS.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(index, "PAUSES", (0, 0, 0))
    it = Wire()
    yield it
    it.stop()


@pytest.fixture
def told(wire: Wire) -> Callable[..., str]:
    """The ticket of one call of the function."""

    def tell(kind: str = "Create", **wish: str) -> str:
        properties = {
            "Server": wire.url,
            "Enrolment": ID,
            "Suffix": "amazonaws.com",
            "Address": "v=1",
            **wish,
        }
        event = {
            "RequestType": kind,
            "RequestId": "r-1",
            "StackId": STACK,
            "LogicalResourceId": "Callback",
            "ResponseURL": f"{wire.url}/response?X-Amz-Signature=x",
            "ResourceProperties": properties,
        }
        index.handler(event, None)
        return str(wire.answered["Data"]["Ticket"])

    return tell


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_every_change_of_the_stack_is_told_and_answered(
    wire: Wire, told: Callable[..., str], kind: str
) -> None:
    wire.answers = [(200, '{"message": "kept", "stack": "x"}')]
    assert told(kind) == "kept"
    method, path, headers, body = wire.sent[0]
    assert (method, path) == ("POST", f"/api/v1/enrolments/{ID}/callback")
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body["claim"]) == {
        "request": kind,
        "request_id": "r-1",
        "stack": STACK,
        "address": "v=1",
    }
    assert wire.answered == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "stackwright-11111111-2222-3333-4444-555555555555",
        "StackId": STACK,
        "RequestId": "r-1",
        "LogicalResourceId": "Callback",
        "Data": {"Ticket": "kept"},
    }
    assert wire.sent[-1][2].get("Content-Type", "") == ""


def test_a_server_that_is_tired_is_asked_again_with_a_new_signature(
    wire: Wire, told: Callable[..., str]
) -> None:
    wire.answers = [(503, ""), (429, ""), (200, '{"message": "kept"}')]
    assert told() == "kept"
    assert len(wire.posts) == 3
    assert len({post["claim"] for post in wire.posts}) == 1


@pytest.mark.parametrize(
    ("answers", "ticket", "tries"),
    [
        ([(503, "")] * 3, RETRY + "(503 without a reason)", 3),
        ([(403, REFUSED)], RETRY + "(403 not you)", 1),
        ([(302, "")], RETRY + "(302 without a reason)", 1),
        ([(403, "[]")], RETRY + "(403 without a reason)", 1),
        ([(200, "<html>")] * 3, RETRY + "(Expecting value: line 1 column 1 (char 0))", 3),
        ([(200, "x" * 9000)] * 3, RETRY + "(Expecting value: line 1 column 1 (char 0))", 3),
        ([(403, REFUSED.replace("not you", "ü"))], RETRY + "(403 ?)", 1),
    ],
)
def test_a_server_that_takes_nothing_leaves_a_ticket_and_no_failure(
    wire: Wire, told: Callable[..., str], answers: list[tuple[int, str]], ticket: str, tries: int
) -> None:
    wire.answers = list(answers)
    assert told() == ticket
    assert (wire.answered["Status"], len(wire.posts)) == ("SUCCESS", tries)


def test_a_server_that_is_not_there_leaves_a_ticket(told: Callable[..., str]) -> None:
    assert told(Server="http://127.0.0.1:1").startswith(f"{RETRY}(<urlopen error ")


@pytest.mark.parametrize("missing", ["Server", "Enrolment"])
def test_a_stack_of_no_link_tells_nobody(wire: Wire, told: Callable[..., str], missing: str) -> None:
    assert told(**{missing: ""}) == f"{RETRY}(there is no server or no enrolment to tell)"
    assert wire.posts == []


def test_a_long_answer_fits_into_what_cloudformation_takes(wire: Wire, told: Callable[..., str]) -> None:
    wire.answers = [(200, json.dumps({"message": "x" * 3000}))]
    assert told() == "x" * 900
    assert len(json.dumps(wire.answered)) < 4096


def test_nothing_of_the_keys_is_printed(
    wire: Wire, told: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    wire.answers = [(403, REFUSED)]
    told()
    printed = capsys.readouterr()
    assert printed.out.strip() == f"{RETRY}(403 not you)"
    assert printed.err == ""


# Signatures, held against botocore's


@pytest.mark.parametrize(
    ("region", "suffix", "host"),
    [
        ("eu-central-1", "amazonaws.com", "sts.eu-central-1.amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "amazonaws.com", "sts.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_the_signature_is_the_one_that_aws_own_library_makes(
    monkeypatch: pytest.MonkeyPatch, region: str, suffix: str, host: str
) -> None:
    for key, value in {**KEYS, "AWS_REGION": region}.items():
        monkeypatch.setenv(key, value)
    claim = json.dumps({"request": "Create", "address": "v=1&x=ü"})
    url = urlsplit(index.identity("mlops.example.com:8443", ID, claim, suffix))
    query = dict(parse_qsl(url.query))
    assert (url.scheme, url.netloc, url.path) == ("https", host, "/")
    signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: signed)
    request = AWSRequest(
        method="GET",
        url=f"https://{host}/?Action=GetCallerIdentity&Version=2011-06-15",
        headers={
            "x-stackwright-claim": index.digest(claim),
            "x-stackwright-enrolment": ID,
            "x-stackwright-server": "mlops.example.com:8443",
        },
    )
    keys = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], KEYS["AWS_SESSION_TOKEN"])
    botocore.auth.SigV4QueryAuth(keys, "sts", region, expires=300).add_auth(request)
    assert query == dict(parse_qsl(urlsplit(request.url).query))


def test_the_emulator_is_asked_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {**KEYS, "AWS_ENDPOINT_URL": "http://localhost:5000"}.items():
        monkeypatch.setenv(key, value)
    assert index.identity("x", ID, "{}", "amazonaws.com").startswith("http://localhost:5000/?Action=")
