"""`init` on a terminal: it asks for what only the user can know."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import Any

import pytest

from provisioner.aws import address


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def type_(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))

    return type_


@contextmanager
def echoing(body: bytes) -> Iterator[str]:
    """A server on loopback that answers every question with this."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def cidrs(ran: Any) -> Any:
    return ran.json["components"]["orchestrator"]["options"]["public_access_cidrs"]


def test_this_machines_address_is_offered(cli: Any, typed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    typed("y", "")
    with echoing(b"198.51.100.7\n") as url:
        monkeypatch.setattr(address, "URL", url)
        assert cidrs(cli("init", "--preset", "eks", "--json")) == ["198.51.100.7/32"]


def test_nobody_is_asked_unless_the_user_wants_it(cli: Any, typed: Any) -> None:
    typed("n", "203.0.113.0/24, 198.51.100.7/32")
    assert cidrs(cli("init", "--preset", "eks", "--json")) == ["203.0.113.0/24", "198.51.100.7/32"]


def test_a_value_that_is_not_allowed_is_asked_for_again(cli: Any, typed: Any) -> None:
    typed("n", "0.0.0.0/0", "")
    ran = cli("init", "--preset", "eks", "--json")
    # Left as it is, it stays a placeholder: `plan` says so, and no link is made.
    assert cidrs(ran) == ["YOUR-ADDRESS/32"]
    assert "0.0.0.0/0" in ran.err


@pytest.mark.parametrize("body", [b"<html>sign in first</html>", b""])
def test_what_is_no_address_is_not_taken(
    cli: Any, typed: Any, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    typed("y", "198.51.100.7/32")
    with echoing(body) as url:
        monkeypatch.setattr(address, "URL", url)
        ran = cli("init", "--preset", "eks", "--json")
    assert cidrs(ran) == ["198.51.100.7/32"]
    assert "did not tell this machine's address" in ran.err
