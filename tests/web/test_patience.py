"""Clients that are slow, silent or many: the server stays there for the others."""

import json
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from provisioner.enrolling import Answer
from provisioner.web import patience
from provisioner.web.app import make_app

PATH = f"/api/v1/enrolments/{'a' * 32}/callback"
HALF_HEAD = b"POST /health HTTP/1.1\r\nHost: x\r\n"
HALF_BODY = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode()
Serve = Callable[..., str]


def take(body: bytes, enrolment_id: str) -> Answer:
    return Answer(stack="churn", status="unverified", message="kept")


@contextmanager
def serving(*, seconds: float, body_seconds: float) -> Iterator[tuple[str, int]]:
    """The server in a thread, as impatient as a test needs it."""
    server = patience.server(make_app(take=take, body_seconds=body_seconds), seconds=seconds)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(60)


def said_to_the_end(place: tuple[str, int], words: bytes) -> bytes:
    """All that the server says, until it is the one that hangs up."""
    with socket.create_connection(place, timeout=60) as client:
        client.sendall(words)
        heard = b""
        try:
            while part := client.recv(4096):
                heard += part
        except ConnectionResetError:
            pass
        return heard


@pytest.mark.parametrize(
    "words", [b"", b"POST", HALF_HEAD, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /he"]
)
def test_a_connection_without_a_whole_request_is_ended(words: bytes) -> None:
    with serving(seconds=0.3, body_seconds=60) as place:
        assert said_to_the_end(place, words)[:15] == (b"HTTP/1.1 200 OK" if b"/he" in words[-8:] else b"")


def test_a_body_that_does_not_come_is_told_and_not_waited_for() -> None:
    with serving(seconds=60, body_seconds=0.3) as place:
        heard = said_to_the_end(place, HALF_BODY)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"HTTP/1.1 408 Request Timeout"
    assert json.loads(body)["error"]["message"] == "the body of this callback did not come"


def test_a_head_of_more_than_16_kib_is_refused() -> None:
    with serving(seconds=60, body_seconds=60) as place:
        heard = said_to_the_end(place, b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000)
    assert heard.startswith(b"HTTP/1.1 400 ")


@pytest.fixture
def few_files() -> Iterator[Callable[[], None]]:
    """Servers that start now may open 200 files, until the function is called."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def as_before() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    yield as_before
    as_before()


def test_three_hundred_that_never_end_keep_nobody_out_and_write_no_log(
    few_files: Callable[[], None], serve: Serve, tmp_path: Path
) -> None:
    url = serve()
    few_files()
    parts: Any = urlsplit(url)
    with ExitStack() as all_open:
        for number in range(300):
            client = socket.create_connection((parts.hostname, parts.port), timeout=60)
            all_open.enter_context(client)
            client.sendall(HALF_BODY if number % 2 else HALF_HEAD)
        with urlopen(f"{url}/health", timeout=60) as answer:
            assert json.loads(answer.read())["status"] == "ok"
    with urlopen(f"{url}/health", timeout=60) as answer:
        assert answer.status == 200
    assert (tmp_path / "serve.log").read_text() == ""


def test_nothing_tells_what_else_is_there(serve: Serve) -> None:
    place: Any = urlsplit(serve())
    words = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert said_to_the_end((place.hostname, place.port), words).startswith(b"HTTP/1.1 404 ")
