"""What STS may answer about a stranger's signature, and what else may answer in its place."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from provisioner.aws import caller
from provisioner.callback import Caller, Question
from provisioner.errors import CheckError, RefusedError, StackwrightError

ROLE = "arn:aws:sts::123456789012:assumed-role/r/s"
IDENTITY = f"<Arn>{ROLE}</Arn><UserId>A:s</UserId><Account>123456789012</Account>"
DENIED = "<Error><Code>SignatureDoesNotMatch</Code><Message>secret</Message></Error>"
Answering = Callable[..., Question]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """A question whose host answers so; `asked` holds the paths that were asked for."""
    servers: list[tuple[HTTPServer, Thread]] = []

    def start(status: int, text: str = "", **headers: str) -> Question:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return Question(url=f"http://127.0.0.1:{server.server_port}/?Action=x", headers={"x-a": "b"})

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


asked: list[str] = []


@pytest.fixture(autouse=True)
def nothing_asked() -> None:
    asked.clear()


def said(question: Question) -> tuple[type[StackwrightError], str]:
    with pytest.raises(StackwrightError) as caught:
        caller.ask(question)
    return type(caught.value), caught.value.message


def test_an_identity_is_account_and_arn(answering: Answering) -> None:
    assert caller.ask(answering(200, IDENTITY)) == Caller(account="123456789012", arn=ROLE)


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [(403, DENIED, "SignatureDoesNotMatch"), (400, "<html>", "400"), (403, "", "403")],
)
def test_a_signature_that_sts_refuses_is_refused_without_its_words(
    answering: Answering, status: int, text: str, code: str
) -> None:
    refused = f"the callback proves nothing: STS refuses its signature ({code})"
    assert said(answering(status, text)) == (CheckError, refused)


@pytest.mark.parametrize(
    ("status", "text"),
    [(500, IDENTITY), (503, ""), (200, "<html>"), (200, "<Arn>x</Arn>"), (200, "x" * 20_000 + IDENTITY)],
)
def test_what_is_no_identity_is_asked_for_again_later(answering: Answering, status: int, text: str) -> None:
    assert said(answering(status, text)) == (RefusedError, f"STS answered {status}, which is no identity")


def test_a_redirection_is_not_followed(answering: Answering) -> None:
    elsewhere = answering(200, IDENTITY)
    redirecting = answering(302, Location=elsewhere.url)
    assert said(redirecting) == (RefusedError, "STS answered 302, which is no identity")
    assert asked == ["/?Action=x"]


def test_an_sts_that_is_not_there_is_asked_again_later() -> None:
    question = Question(url="http://127.0.0.1:1/?Action=x", headers={})
    assert said(question) == (RefusedError, "STS cannot be asked: ConnectError")
