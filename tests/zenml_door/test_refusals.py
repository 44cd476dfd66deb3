"""Whatever is wrong with a server, a login or a wish is told in our words; nothing half is left behind."""

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioner.errors import StackwrightError
from provisioner.registry import Registration, Registry
from provisioner.zenml import engine
from provisioner.zenml.server import Credential, CredentialKind, Server
from provisioner.zenml.steps import Own
from provisioner.zenml.wanted import Part
from tests.cli.conftest import cli
from tests.zenml_door.listening import listening
from tests.zenml_door.scenes import NAME, NOW, REGION, Stage, door, part, stack
from tests.zenml_door.wire import PLANTED, TOKEN, URL, Replay, recording

__all__ = ["cli"]

KEY_ID, KEY_SECRET, _ = PLANTED
Answer = Callable[[httpx.Request], httpx.Response]


def told(act: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(StackwrightError) as caught:
        act()
    return caught.value.exit_code, caught.value.message, caught.value.hint


def answering(status: int, body: object) -> httpx.MockTransport:
    text = body if isinstance(body, str) else json.dumps(body)
    return httpx.MockTransport(lambda request: httpx.Response(status, text=text))


def server(transport: Any, kind: CredentialKind = "token", secret: str = TOKEN, **more: Any) -> Server:
    return Server(
        URL,
        Credential(kind=kind, secret=secret, username="me"),
        new_id=lambda: "",
        transport=transport,
        **more,
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("token", "takes this token no longer: it has expired, or is of another server"),
        ("api_key", "does not take this API key: it was rotated, deleted, or is of another server"),
        ("password", "does not take this user name and password"),
    ],
)
def test_a_login_that_is_not_taken_says_which_kind_it_was(kind: CredentialKind, words: str) -> None:
    body = {"detail": ["CredentialsNotValid", f"Authentication error: {TOKEN} has expired"]}
    code, message, hint = told(server(answering(401, body), kind).log_in)
    assert (code, message) == (4, f"ZenML server zenml.example.com {words}")
    assert "stackwright zenml login URL" in hint


def test_without_a_login_nothing_is_asked() -> None:
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(200, text="{}"))
    alone = Server(URL, None, new_id=lambda: "", transport=transport)
    assert told(alone.log_in)[:2] == (4, f"there is no login for the ZenML server {URL}")
    assert asked == []


@pytest.mark.parametrize("secret", ["plantedTOKEN\r", "planted\nTOKEN"])
def test_a_login_that_cannot_be_sent_is_not_repeated(secret: str) -> None:
    """httpx tells of it in a spelling of its own: `b'Bearer plantedTOKEN\\r'`."""
    with listening(_Info) as port:
        url = f"http://127.0.0.1:{port}"
        asked = Server(url, Credential(kind="token", secret=secret), new_id=lambda: "")
        code, message, hint = told(asked.log_in)
    assert (code, message) == (4, f"no request to 127.0.0.1:{port} can be made with this login")
    assert "planted" not in message + hint


@pytest.mark.parametrize("token", ["a\nb", "ö", "", None])
def test_a_token_of_a_server_that_no_header_can_hold_is_none(token: object) -> None:
    asked = server(answering(200, {"access_token": token}), "api_key")
    assert told(asked.log_in)[1] == "what answers at zenml.example.com is no ZenML server"


def test_an_api_key_goes_to_the_login_and_nowhere_else() -> None:
    seen: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        text = request.content.decode() + str(request.headers) + str(request.url)
        seen.append((request.url.path, "ZENKEY_planted" in text))
        body = {"access_token": "eyJ"} if request.url.path.endswith("/login") else {"name": "ci"}
        return httpx.Response(200, json=body)

    assert server(httpx.MockTransport(answer), "api_key", "ZENKEY_planted").log_in() == "ci"
    assert seen == [("/api/v1/login", True), ("/api/v1/current-user", False)]


def test_a_server_that_is_away_is_named(free_port: int) -> None:
    away = Server(f"http://127.0.0.1:{free_port}", None, new_id=lambda: "")
    code, message, hint = told(lambda: away.version)
    assert (code, message.partition(":")[0]) == (4, "ZenML server 127.0.0.1")
    assert "cannot be reached" in message
    assert hint == "check its address, and HTTPS_PROXY where this network needs one"


def test_a_server_that_says_nothing_is_named() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    message = told(lambda: server(httpx.MockTransport(silent)).version)[1]
    assert message == "ZenML server zenml.example.com does not answer in time: ReadTimeout"


def test_a_proxy_in_between_is_named(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx takes proxies from the environment, as every client of the machine does."""
    with listening(_Proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        code, message, hint = told(lambda: Server(URL, None, new_id=lambda: "").version)
    assert (code, message) == (
        4,
        "the proxy refuses to pass zenml.example.com on: 407 Proxy Authentication Required",
    )
    assert "NO_PROXY" in hint


class _Proxy(BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        self.send_response(407)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class _Info(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "0.98.0"}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def free_port() -> Iterator[int]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield port


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that signs itself, for this machine, with its key in the same file."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "zenml")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW.replace(tzinfo=None) - timedelta(days=3650))
        .not_valid_after(NOW.replace(tzinfo=None) + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_certificate_of_ones_own_is_refused_until_it_is_named(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with listening(_Info, context) as port:
        url = f"https://127.0.0.1:{port}"
        code, message, hint = told(lambda: Server(url, None, new_id=lambda: "").version)
        trusted = Server(url, None, new_id=lambda: "", ca_file=str(certificate)).version
    assert (code, message) == (
        4,
        f"the certificate of 127.0.0.1:{port} is not trusted here: self-signed certificate",
    )
    assert "--zenml-ca-file FILE (STACKWRIGHT_ZENML_CA_FILE)" in hint
    assert trusted == "0.98.0"


def test_the_command_line_takes_such_a_certificate_by_option_and_by_variable(
    certificate: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def asked(*arguments: str) -> Any:
        return cli("zenml", "status", *arguments, "--json").json["servers"]

    with listening(_Info, context) as port:
        url = f"https://127.0.0.1:{port}"
        (by_option,) = cli("zenml", "status", url, "--zenml-ca-file", str(certificate), "--json").json[
            "servers"
        ]
        monkeypatch.setenv("STACKWRIGHT_ZENML_CA_FILE", str(certificate))
        (by_variable,) = asked(url)
    assert (by_option["version"], by_variable["version"]) == ("0.98.0", "0.98.0")
    assert by_option["error"] == f"there is no login for the ZenML server {url}"


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), ("hello", "it holds no certificate")]
)
def test_a_file_that_is_no_certificate_is_named(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    code, message, _ = told(lambda: Server(URL, None, new_id=lambda: "", ca_file=str(path)))
    assert (code, message) == (2, f"{path} cannot be used: {reason}")


@pytest.mark.parametrize("body", ["<html>login</html>", {"hello": "world"}, []])
def test_what_is_no_zenml_server_is_told_so(body: object) -> None:
    code, message, _ = told(lambda: server(answering(200, body)).version)
    assert (code, message) == (4, "what answers at zenml.example.com is no ZenML server")


@pytest.mark.parametrize(
    ("version", "lacks"),
    [
        ("0.55.2", ("labels on stacks", "the image builder of AWS CodeBuild", "a stack with new components")),
        ("0.69.9", ("the image builder of AWS CodeBuild",)),
        ("0.40.0", ("service accounts with API keys", "labels on stacks")),
    ],
)
def test_a_server_that_is_too_old_is_told_what_it_lacks(
    version: str, lacks: tuple[str, ...], home: Path
) -> None:
    stage = Stage(server(answering(200, {"version": version})), Registry(home / "registry.db"))
    code, message, hint = told(lambda: engine.register(stack(), doors=stage.doors))
    assert (code, message) == (
        3,
        f"the ZenML server is {version}, and 0.70 is the oldest that stackwright registers into",
    )
    assert [words for words in lacks if words not in hint] == []
    assert stage.registry.registrations() == []


ECHOES = [
    # As 0.98 says it, with the body that it was sent.
    ["ValueError", "1 validation error:\n  {'type': 'list_type', 'loc': ('body', 'resource_types'), 'msg': "
     f"'Input should be a valid list', 'input': '{KEY_SECRET}'}}"],
    {"detail": ["ValueError", "1 validation error for AWSConfig\nregion\n  Field required "
                f"[type=missing, input_value={{'aws_secret_access_key': '{KEY_SECRET}'}}, input_type=dict]"]},
]  # fmt: skip


# In a shape that nobody foresaw.
ECHOES.append({"detail": ["RuntimeError", f"cannot log in with {KEY_ID} and {KEY_SECRET} as {TOKEN}"]})


@pytest.mark.parametrize("body", ECHOES)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_what_a_server_echoes_of_a_secret_is_not_passed_on(status: int, body: object) -> None:
    given = {"configuration": {"aws_access_key_id": KEY_ID, "aws_secret_access_key": KEY_SECRET}}
    asked = server(answering(status, body))
    vars(asked)["info"] = {"version": "0.98.0"}
    _, message, hint = told(lambda: asked.create("connector", given))
    assert [s for s in PLANTED if s in message + hint] == []


def test_of_a_body_that_was_not_understood_the_field_is_told() -> None:
    asked = server(answering(422, ECHOES[0]))
    vars(asked)["info"] = {"version": "0.98.0"}
    message = told(lambda: asked.create("connector", {}))[1]
    assert message == "ZenML server zenml.example.com: body, resource_types: Input should be a valid list"


def test_nothing_that_holds_a_secret_shows_it() -> None:
    key = engine.Key(id=KEY_ID, secret=KEY_SECRET)
    credential = Credential(kind="api_key", secret="ZENKEY_planted")
    assert [s for s in (KEY_ID, KEY_SECRET, "ZENKEY_planted") if s in f"{key!r} {credential!r}"] == []


def exchanges() -> list[dict[str, Any]]:
    return recording("0.98.0")["register"]


class Failing(Replay):
    """Goes well until one write, which is answered so; later writes are noted, later reads find nothing."""

    def __init__(self, at: int, answer: httpx.Response | httpx.HTTPError) -> None:
        super().__init__(exchanges())
        self._at, self._said, self._over = at, answer, False

    def _answer(self, request: httpx.Request) -> httpx.Response:
        is_write = request.method != "GET" and "verify" not in request.url.path
        if self._over:
            if is_write:
                self.writes.append(f"{request.method} {request.url.path.removeprefix('/api/v1')}")
            return httpx.Response(200, json={"items": [], "total_pages": 1})
        if is_write and len(self.writes) + 1 == self._at:
            self._over = True
            if isinstance(self._said, httpx.Response):
                return self._said
            raise self._said
        return super()._answer(request)


def refusal(status: int) -> httpx.Response:
    return httpx.Response(status, json={"detail": ["RuntimeError", "no"]})


@pytest.mark.parametrize("at", range(1, 10))
@pytest.mark.parametrize("status", [403, 409, 500])
def test_what_was_made_before_a_refusal_is_taken_away_again(at: int, status: int, home: Path) -> None:
    wire = Failing(at, refusal(status))
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    code, message, _ = told(lambda: engine.register(stack(), doors=stage.doors))
    made = [e["answer"]["id"] for e in exchanges() if e["request"]["method"] == "POST" and
            "verify" not in e["request"]["path"]][: at - 1]  # fmt: skip
    deleted = [w.rpartition("/")[2] for w in wire.writes if w.startswith("DELETE")]
    assert (code, message) == (4, "ZenML server zenml.example.com: no")
    assert deleted == made[::-1]
    assert stage.registry.registrations() == []


def test_what_cannot_be_taken_away_again_is_gone_on_with(home: Path) -> None:
    class Gone(Failing):
        def _answer(self, request: httpx.Request) -> httpx.Response:
            if self._over:
                raise httpx.ConnectError("refused", request=request)
            return super()._answer(request)

    stage = Stage(door(URL, TOKEN, Gone(5, refusal(500))), Registry(home / "registry.db"), with_key=True)
    _, _, hint = told(lambda: engine.register(stack(), doors=stage.doors))
    assert hint.endswith("what is there already is gone on with by the same command")
    kept = stage.registration()
    assert (kept.status, sorted(kept.ids)) == (
        "registering",
        ["artifact_store", "connector:aws-generic", "connector:docker-registry", "connector:s3-bucket"],
    )


def test_what_the_server_keeps_is_read_again_and_has_to_be_what_it_was_given(home: Path) -> None:
    class Careless(Replay):
        """Forgets the connectors of all components, once the stack is made."""

        def _answer(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE":
                return httpx.Response(200, text="null")
            answer = super()._answer(request)
            made = "POST /stacks" in self.writes and request.url.path.endswith("/components")
            body = answer.json()
            for item in body["items"] if made else ():
                item["metadata"]["connector"] = None
            return httpx.Response(200, json=body)

    wire = Careless(exchanges())
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    code, message, _ = told(lambda: engine.register(stack(), doors=stage.doors))
    assert code == 3
    assert message.startswith("the ZenML server kept something else than it was given: still to do: ")
    assert message.count("update component") == 5


def test_an_answer_that_never_came_is_asked_for_once_more_under_the_same_key(home: Path) -> None:
    class Forgetful(Replay):
        lost = False

        def _answer(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and request.url.path.endswith("/stacks") and not self.lost:
                self.lost = True
                self.first = request.headers["Idempotency-Key"]
                raise httpx.ReadError("connection reset", request=request)
            return super()._answer(request)

    wire = Forgetful(exchanges())
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    outcome = engine.register(stack(), doors=stage.doors)
    assert (outcome.registration.status, wire.keys[-1]) == ("registered", wire.first)


def test_a_wrong_flavor_is_told_before_anything_is_written(home: Path) -> None:
    wire = Replay(exchanges())
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    machines = Part(type="orchestrator", flavor="ec2", config={})
    wrong = replace(stack(), parts=(part("artifact_store"), machines))
    code, message, hint = told(lambda: engine.register(wrong, doors=stage.doors))
    assert (code, message) == (3, "ZenML 0.98.0 has no orchestrator flavor 'vm_aws'")
    assert hint == "update the server, or choose another; it has: kubernetes, local, sagemaker"
    assert (wire.writes, stage.registry.registrations()) == ([], [])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"path": ""}, "artifact_store: flavor 's3' needs the key 'path', which has no value"),
        ({}, "artifact_store: flavor 's3' needs the key 'path', which has no value"),
        (
            {"path": "s3://b-1", "paht": "x"},
            "artifact_store: flavor 's3' of this server has no key 'paht'",
        ),
    ],
)
def test_a_missing_or_unknown_key_is_told_with_its_component(
    config: dict[str, str], message: str, home: Path
) -> None:
    wire = Replay(exchanges())
    stage = Stage(door(URL, TOKEN, wire), Registry(home / "registry.db"), with_key=True)
    wrong = replace(stack(), parts=(replace(part("artifact_store"), config=config), part("orchestrator")))
    assert told(lambda: engine.register(wrong, doors=stage.doors))[:2] == (3, message)
    assert (wire.writes, stage.registry.registrations()) == ([], [])


def test_a_server_without_the_aws_connector_is_given_no_key(home: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/service_connector_types/aws"):
            return httpx.Response(404, json={"detail": ["KeyError", "not available"]})
        found = next(e for e in exchanges() if e["request"]["path"] == request.url.path)
        return httpx.Response(200, json=found["answer"])

    stage = Stage(door(URL, TOKEN, httpx.MockTransport(answer)), Registry(home / "registry.db"))
    message = told(lambda: engine.register(stack(), doors=stage.doors))[1]
    assert message == "the ZenML server has no AWS connector, without which it reaches no bucket"
    assert stack().region == REGION
    assert stage.registry.registrations_of(NAME) == []


def holding(request: httpx.Request) -> httpx.Response:
    """A server that has the stack already, whatever is asked first."""
    found = next(e for e in recording("0.98.0")["again"] if e["request"]["path"] == request.url.path)
    return httpx.Response(200, json=found["answer"])


def free(labels: dict[str, str], **more: Any) -> None:
    asked = server(httpx.MockTransport(holding))
    vars(asked)["info"] = {"version": "0.98.0"}
    engine.check_free(NAME, stack().parts, Own(labels=labels, **more), server=asked)


def test_names_are_looked_for_before_anything_is_built() -> None:
    free(stack().labels)
    code, message, _ = told(lambda: free({}))
    assert (code, message) == (
        3,
        f"the ZenML server has a connector '{NAME}.s3-bucket' already, which is of the stack {stack().id}",
    )


def test_a_flavor_that_a_server_lacks_is_known_before_anything_is_built() -> None:
    asked = server(httpx.MockTransport(holding))
    vars(asked)["info"] = {"version": "0.98.0"}
    machines = Part(type="orchestrator", flavor="ec2", config={})
    own = Own(labels={})
    message = told(lambda: engine.check_free("new", [part("artifact_store"), machines], own, server=asked))[1]
    assert message == "ZenML 0.98.0 has no orchestrator flavor 'vm_aws'"


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/api"])
def test_the_address_of_the_api_is_not_that_of_the_server(path: str, cli: Any) -> None:
    ran = cli("zenml", "status", f"{URL}{path}", "--json")
    assert (ran.code, ran.error["field"], ran.error["hint"]) == (2, "zenml-url", f"leave that out: {URL}")


def test_status_of_a_server_says_what_to_do_about_an_error(certificate: Path, cli: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with listening(_Info, context) as port:
        ran = cli("zenml", "status", f"https://127.0.0.1:{port}")
    assert ran.code == 5
    assert "--zenml-ca-file FILE (STACKWRIGHT_ZENML_CA_FILE)" in ran.out
    assert ran.err.startswith(f"Waiting for https://127.0.0.1:{port}\n")


def test_status_tells_of_the_server_of_the_environment_besides_those_that_hold_stacks(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_one = Registration(stack=NAME, server=URL, status="stale", remote_id="", ids={}, updated_at=NOW)
    Registry(home / "registry.db").record_registration(with_one)
    monkeypatch.setenv("STACKWRIGHT_ZENML_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    told = cli("zenml", "status", "--json").json["servers"]
    assert [s["server"] for s in told] == [URL, "http://127.0.0.1:1"]


def test_who_is_silent_is_not_asked_again() -> None:
    asked: list[str] = []

    def silent(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise httpx.ReadTimeout("", request=request)

    told(lambda: server(httpx.MockTransport(silent)).version)
    assert asked == ["/api/v1/info"]


def test_a_long_message_ends_with_a_whole_word() -> None:
    arn = "arn:aws:iam::111122223333:role/churn-dev-AccessRole-1"
    body = {"detail": ["RuntimeError", " ".join([arn] * 40)]}
    message = told(server(answering(400, body)).log_in)[1]
    words = message.removeprefix("ZenML server zenml.example.com: ").split()
    assert (set(words), words[-1], len(message) < 850) == ({arn, "…"}, "…", True)
