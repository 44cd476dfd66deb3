"""Whose secrets go where: a login only to its own server, a key only where it was meant for."""

import json
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest

from provisioner.cli import zenml_login, zenml_target
from provisioner.errors import StackwrightError
from provisioner.zenml import login
from provisioner.zenml.engine import Key
from provisioner.zenml.server import Credential
from provisioner.zenml.wanted import Login
from tests.cli.conftest import cli

__all__ = ["cli"]

URL, OTHER = "https://zenml.example.com", "https://evil.example.com"
SECRET = "ZENKEY_planted-in-a-test"
ROLE = "arn:aws:iam::111122223333:role/churn-dev-AccessRole-1"


class Kept(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]  # keyring declares a property of the class

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture
def kept() -> Any:
    before, now = keyring.get_keyring(), Kept()
    keyring.set_keyring(now)
    yield now
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"STACKWRIGHT_ZENML_API_KEY": SECRET, "STACKWRIGHT_ZENML_URL": URL}, ("api_key", "")),
        ({"STACKWRIGHT_ZENML_TOKEN": SECRET, "STACKWRIGHT_ZENML_URL": f"{URL}/"}, ("token", "")),
        (
            {
                "STACKWRIGHT_ZENML_PASSWORD": SECRET,
                "STACKWRIGHT_ZENML_USERNAME": "ann",
                "STACKWRIGHT_ZENML_URL": URL,
            },
            ("password", "ann"),
        ),
        ({"ZENML_STORE_API_KEY": SECRET, "ZENML_STORE_URL": URL}, ("api_key", "")),
        ({"ZENML_STORE_API_TOKEN": SECRET, "ZENML_STORE_URL": URL}, ("token", "")),
    ],
)
def test_the_environment_holds_a_login(
    variables: dict[str, str], found: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    known = zenml_login.find(URL)
    assert known is not None
    assert ((known.kind, known.username), known.secret) == (found, SECRET)
    # Whoever changes the address in a stack.yaml gets nobody's key.
    assert zenml_login.find(OTHER) is None


def test_a_key_without_an_address_is_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWRIGHT_ZENML_API_KEY", SECRET)
    assert zenml_login.find(URL) is None


BROKEN = ["planted\rTOKEN", "planted\nTOKEN", "plantedTÖKEN", "planted\x00TOKEN"]


@pytest.mark.parametrize("variable", ["STACKWRIGHT_ZENML_API_KEY", "STACKWRIGHT_ZENML_TOKEN"])
@pytest.mark.parametrize("secret", BROKEN[:3])  # no environment holds a NUL
def test_a_login_that_no_header_can_hold_is_named_and_not_shown(
    variable: str, secret: str, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWRIGHT_ZENML_URL", URL)
    monkeypatch.setenv(variable, secret)
    ran = cli("zenml", "status", "--json")
    assert (ran.code, ran.error["field"], "planted" in ran.out + ran.err) == (2, variable, False)
    assert ran.error["message"] == f"{variable} holds a line break or a character that no key or token has"


@pytest.mark.parametrize("white", ["\r", "\n", "\r\n", " ", "\t"])
def test_white_space_around_a_login_is_no_part_of_it(white: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWRIGHT_ZENML_URL", URL)
    monkeypatch.setenv("STACKWRIGHT_ZENML_TOKEN", f"{SECRET}{white}")
    assert zenml_login.find(URL) == Credential(kind="token", secret=SECRET)
    monkeypatch.setenv("STACKWRIGHT_ZENML_AWS_ACCESS_KEY_ID", f"{white}AKIAMINE")
    monkeypatch.setenv("STACKWRIGHT_ZENML_AWS_SECRET_ACCESS_KEY", f"mine{white}")
    key = zenml_target._key({}, "eu-central-1", "")
    assert key is not None
    assert key.as_configuration() == {"aws_access_key_id": "AKIAMINE", "aws_secret_access_key": "mine"}


@pytest.mark.parametrize("secret", BROKEN)
@pytest.mark.parametrize("options", [("--token",), ()])
def test_what_comes_in_by_a_pipe_is_looked_at_before_it_is_sent(
    secret: str, options: tuple[str, ...], kept: Kept, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO(secret))
    ran = cli("zenml", "login", "http://127.0.0.1:1", *options, "--json")
    assert (ran.code, ran.error["field"], "planted" in ran.out + ran.err) == (2, "what came in", False)


def test_the_keyring_keeps_a_login_until_it_is_forgotten(kept: Kept) -> None:
    zenml_login.keep(URL, Credential(kind="password", secret=SECRET, username="ann"))
    assert zenml_login.find(URL) == Credential(kind="password", secret=SECRET, username="ann")
    assert (zenml_login.find(OTHER), zenml_login.source(URL)) == (None, "the keyring")
    assert (zenml_login.forget(URL), zenml_login.forget(URL), kept.held) == (True, False, {})


FOREIGN = [{"kind": "api_key"}, {"kind": "token", "secret": "a\nb"}, {"kind": "token", "secret": 5}]


@pytest.mark.parametrize("text", ["no json", "[]", *map(json.dumps, FOREIGN)])
def test_what_somebody_else_wrote_into_the_keyring_is_no_login(text: str, kept: Kept) -> None:
    kept.held["stackwright-zenml", URL] = text
    assert zenml_login.find(URL) is None


def test_a_machine_without_a_keyring_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Kept):
        def set_password(self, *_: str) -> None:
            raise keyring.errors.NoKeyringError

    keyring.set_keyring(Broken())
    with pytest.raises(StackwrightError) as refused:
        zenml_login.keep(URL, Credential(kind="api_key", secret=SECRET))
    assert (refused.value.exit_code, refused.value.message) == (
        2,
        "this machine keeps no secrets: NoKeyringError",
    )
    assert refused.value.hint == "set STACKWRIGHT_ZENML_URL and STACKWRIGHT_ZENML_API_KEY instead"


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ((), "STACKWRIGHT_ZENML_URL and STACKWRIGHT_ZENML_API_KEY"),
        (("--token",), "STACKWRIGHT_ZENML_URL and STACKWRIGHT_ZENML_TOKEN"),
        (
            ("--username", "ann"),
            "STACKWRIGHT_ZENML_URL, STACKWRIGHT_ZENML_USERNAME and STACKWRIGHT_ZENML_PASSWORD",
        ),
    ],
)
def test_where_no_keyring_keeps_anything_no_secret_is_asked_for(
    options: tuple[str, ...], variables: str, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    from keyring.backends import fail, null

    before = keyring.get_keyring()
    given = StringIO(SECRET)
    monkeypatch.setattr("sys.stdin", given)
    for backend in (fail.Keyring(), null.Keyring()):
        keyring.set_keyring(backend)
        ran = cli("zenml", "login", URL, *options, "--json")
        assert (ran.code, ran.error["hint"], given.tell()) == (2, f"set {variables} instead", 0)
    keyring.set_keyring(before)


def test_a_login_that_no_server_took_is_not_kept(
    kept: Kept, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO(f"{SECRET}\n"))
    ran = cli("zenml", "login", "http://127.0.0.1:1", "--json")
    assert (ran.code, kept.held, SECRET in ran.out + ran.err) == (4, {}, False)


@pytest.mark.parametrize("url", ["https://me:s3cret@zenml.example.com", "http://zenml.example.com", "zenml"])
def test_an_address_that_would_give_secrets_away_is_refused(url: str, cli: Any) -> None:
    ran = cli("zenml", "status", url, "--json")
    assert (ran.code, ran.error["field"], "s3cret" in ran.out + ran.err) == (2, "zenml-url", False)


def test_the_callers_own_aws_credentials_are_no_key_for_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    assert zenml_target._key({"role_arn": ROLE}, "eu-central-1", "") is None


def test_the_mark_of_a_key_changes_with_its_secret_and_its_stack_and_tells_neither() -> None:
    key = Key(id="AKIA1", secret="right")
    others = [
        Key(id="AKIA1", secret="wrong").mark("s1"),
        Key(id="AKIA2", secret="right").mark("s1"),
        key.mark("s2"),
    ]
    marks = [key.mark("s1"), *others]
    assert (len(set(marks)), key.mark("s1")) == (4, marks[0])
    assert all(len(m) == 32 and int(m, 16) for m in marks)


BY_ROLE = {"role_arn": ROLE}


@pytest.mark.parametrize(
    ("connector", "asked", "chosen"),
    [
        (BY_ROLE, {"implicit": True}, Login(method="implicit", role_arn=ROLE)),
        (
            BY_ROLE,
            {"implicit": True, "key_mark": "a-mark"},
            Login(method="iam-role", role_arn=ROLE, key_mark="a-mark"),
        ),
        ({}, {"implicit": True, "role_arn": ROLE}, Login(method="implicit", role_arn=ROLE)),
        ({}, {"implicit": False, "key_mark": "a-mark"}, Login(method="session-token", key_mark="a-mark")),
        (
            BY_ROLE,
            {"implicit": False, "key_mark": "a-mark", "wish": "secret-key"},
            Login(method="secret-key", key_mark="a-mark"),
        ),
        ({}, {"implicit": True, "wish": "implicit"}, Login(method="implicit")),
        (
            {**BY_ROLE, "data_key": "arn:key"},
            {"implicit": True},
            Login(method="implicit", role_arn=ROLE, data_key="arn:key"),
        ),
    ],
)
def test_the_best_way_in_that_works_is_taken(
    connector: dict[str, str], asked: dict[str, Any], chosen: Login
) -> None:
    assert login.choose(connector=connector, **asked) == chosen


@pytest.mark.parametrize(
    ("connector", "asked", "message", "way_out"),
    [
        (
            {**BY_ROLE, "external_id": "x"},
            {"implicit": True},
            f"{ROLE} asks for an external id, and a ZenML server never sends one",
            "access: {external_id: false}",
        ),
        (
            {**BY_ROLE, "trust": "oidc"},
            {"implicit": True},
            f"{ROLE} lets in only tokens of its issuer, which a ZenML server has not",
            "trust: principal",
        ),
        (
            BY_ROLE,
            {"implicit": False},
            "the ZenML server may not use its own identity for connectors, and no key is given",
            "ZENML_ENABLE_IMPLICIT_AUTH_METHODS=true",
        ),
        (
            BY_ROLE,
            {"implicit": False, "wish": "implicit"},
            "the ZenML server may not use its own identity for connectors",
            "ZENML_ENABLE_IMPLICIT_AUTH_METHODS=true",
        ),
        (
            {},
            {"implicit": True},
            "the stack has no access role, so the ZenML server has no way into its account",
            "--zenml-role",
        ),
        (
            BY_ROLE,
            {"implicit": True, "wish": "iam-role"},
            "connectors by iam-role need an AWS access key",
            "STACKWRIGHT_ZENML_AWS_ACCESS_KEY_ID",
        ),
        (
            BY_ROLE,
            {"implicit": True, "wish": "magic"},
            "'magic' is no way for a connector to log in",
            "iam-role",
        ),
        (
            {},
            {"implicit": True, "wish": "iam-role", "key_mark": "a-mark"},
            "connectors by iam-role need a role",
            "--zenml-role",
        ),
    ],
)
def test_where_there_is_no_way_in_the_way_out_is_named(
    connector: dict[str, str], asked: dict[str, Any], message: str, way_out: str
) -> None:
    with pytest.raises(StackwrightError) as refused:
        login.choose(connector=connector, **asked)
    assert (refused.value.message, way_out in refused.value.hint) == (message, True)
