"""`stackwright serve`: where it listens, what it refuses, and what stands at its addresses."""

import asyncio
import shlex
import socket
from html import unescape
from typing import Any

import httpx
import pytest

from provisioner.cli import run
from provisioner.enrolling import Answer
from provisioner.errors import CheckError, RefusedError, SpecError
from provisioner.web.app import make_app

ID = "a" * 32


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--host", "0.0.0.0"), 2, "--host 0.0.0.0 lets strangers in, and there is no TLS here"),
        (
            ("--host", "0.0.0.0", "--public-url", "http://127.0.0.1:80"),
            2,
            "--host 0.0.0.0 lets strangers in, and there is no TLS here",
        ),
        (
            ("--public-url", "http://mlops.example.com"),
            2,
            "'http://mlops.example.com' is no address that a stack could call back to",
        ),
        (
            ("--public-url", "https://mlops.example.com/path"),
            2,
            "'https://mlops.example.com/path' is no address that a stack could call back to",
        ),
    ],
)
def test_a_server_that_stacks_could_not_trust_is_not_started(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert run(["serve", "--port", "0", *arguments]) == code
    assert f"Error: {words}" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["serve", "--port", port]) == 4
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


# The addresses


def asked(take: Any, path: str, *, method: str = "POST", body: bytes = b"{}") -> tuple[int, Any, Any]:
    """Status, body and headers."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=make_app(take=take), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://x") as client:
            return await client.request(method, path, content=body)

    answer = asyncio.run(ask())
    return answer.status_code, answer.json(), answer.headers


def saying(error: Exception) -> Any:
    def take(body: bytes, enrolment_id: str) -> Answer:
        raise error

    return take


@pytest.mark.parametrize(
    ("error", "status"),
    [(SpecError("no"), 400), (CheckError("no"), 403), (RefusedError("no"), 503)],
)
def test_a_refusal_is_the_json_of_every_other_error(error: Any, status: int) -> None:
    got, body, headers = asked(saying(error), f"/api/v1/enrolments/{ID}/callback")
    assert (got, body) == (status, error.as_dict())
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/enrolments/x/callback", 404),
        ("POST", f"/api/v1/enrolments/{'A' * 32}/callback", 404),
        ("GET", f"/api/v1/enrolments/{ID}/callback", 405),
        ("GET", "/docs", 404),
        ("POST", "/finish", 405),
        ("GET", "/", 404),
    ],
)
def test_nothing_else_is_there_and_nothing_asked_for_is_repeated(method: str, path: str, status: int) -> None:
    got, body, _ = asked(saying(AssertionError()), path, method=method)
    assert (got, body["error"]["message"]) == (status, "there is nothing at this address")


def test_a_get_of_the_finish_address_closes_nothing() -> None:
    status, body, headers = asked(saying(AssertionError()), "/finish?v=1&enrolment=x", method="GET")
    assert (status, body["error"]["message"], headers["allow"]) == (405, "a GET closes nothing", "POST")


ADDRESS = (
    f"v=1&enrolment={ID}&stack=arn:aws:cloudformation:eu-central-1:111122223333:stack/churn"
    "/11111111-2222-3333-4444-555555555555&access.role_arn=arn:aws:iam::111122223333:role/a"
)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        (
            ADDRESS,
            200,
            f"<pre>stackwright finish '{ADDRESS}'</pre>".replace("&", "&amp;").replace("'", "&#x27;"),
        ),
        (ADDRESS + "&x.y=<script>$(id)", 200, "&amp;x.y=%3Cscript%3E$(id)&#x27;</pre>"),
        (ADDRESS + "&x.y='$(id)'", 200, "$(id)"),
        (ADDRESS[:60], 400, "<p>This is no whole FinishUrl."),
        ("<script>", 400, "<p>This is no whole FinishUrl."),
    ],
)
def test_a_browser_is_told_what_to_run(query: str, status: int, words: str) -> None:
    heard = shown("/finish?" + query)
    assert (heard.status_code, words in heard.text, "<script" in heard.text) == (status, True, False)
    assert heard.headers["content-security-policy"].startswith("default-src 'none';")
    assert heard.headers["cache-control"] == "no-store"


def shown(path: str) -> httpx.Response:
    """What a browser gets."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=make_app(take=saying(AssertionError())))
        async with httpx.AsyncClient(transport=transport, base_url="https://x") as client:
            return await client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})

    return asyncio.run(ask())


def test_the_command_that_a_browser_shows_means_one_word_to_a_shell() -> None:
    heard = shown(f"/finish?{ADDRESS}&x.y='$(id)';id").text
    command = unescape(heard.split("<pre>")[1].split("</pre>")[0])
    assert [word[:3] for word in shlex.split(command)] == ["sta", "fin", "v=1"]


def test_a_body_is_handed_on_as_it_came() -> None:
    heard: list[tuple[bytes, str]] = []

    def take(body: bytes, enrolment_id: str) -> Answer:
        heard.append((body, enrolment_id))
        return Answer(stack="churn", status="unverified", message="kept")

    status, body, _ = asked(take, f"/api/v1/enrolments/{ID}/callback", body=b"\x00\xff")
    assert (status, body) == (200, {"stack": "churn", "status": "unverified", "message": "kept"})
    assert heard == [(b"\x00\xff", ID)]


@pytest.mark.parametrize(("length", "status"), [(65_536, 200), (65_537, 413)])
def test_a_body_ends_at_its_bound(length: int, status: int) -> None:
    def take(body: bytes, enrolment_id: str) -> Answer:
        return Answer(stack="", status="", message=str(len(body)))

    assert asked(take, f"/api/v1/enrolments/{ID}/callback", body=b"x" * length)[0] == status
