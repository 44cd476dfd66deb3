"""`stackwright registry`, and a registry in PostgreSQL through the ordinary verbs."""

import json
import sqlite3
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from provisioner.cli.options import open_quickly, open_registry
from provisioner.enrolments import NEWEST
from provisioner.registry.database import parse_url, redacted
from tests.registry.conftest import PASSWORD, postgresql, url  # noqa: F401 - fixtures
from tests.registry.values import component, publication, stack

MINIMAL = ("--preset", "minimal", "--name", "churn", "--region", "eu-central-1")
TEMPLATE = ("--template-url", "https://bucket.s3.eu-central-1.amazonaws.com/t.json")


@pytest.fixture(autouse=True)
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWRIGHT_USER", "ann")


def keep(name: str = "churn") -> None:
    part = component(f"{name}.artifact_store")
    open_registry().register(stack(name, part), [part])


def test_the_status_says_where_what_and_as_whom(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWRIGHT_GROUPS", "ml,web")
    keep()
    told = cli("registry", "status", "--json").json
    assert told | {"counts": {}} == {
        "place": str(home / "registry.db"),
        "kind": "sqlite",
        "revision": NEWEST,
        "counts": {},
        "user": "ann",
        "groups": ["ml", "web"],
        "directory": str(Path.cwd()),
    }
    assert {k: n for k, n in told["counts"].items() if n} == {"components": 1, "stacks": 1}
    head, *rows = cli("registry", "status").out.splitlines()
    assert head == f"{home / 'registry.db'}: sqlite, revision {NEWEST}, as ann +ml +web"
    assert ["stacks", "1"] in [row.split() for row in rows]


def test_an_export_is_for_its_owner_alone_and_read_into_another_registry(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep()
    ran = cli("registry", "export", "team.json")
    assert (ran.code, ran.out) == (0, "exported 1 components, 1 stacks: team.json\n")
    assert Path("team.json").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", str(tmp_path / "other.db"))
    assert cli("stack", "list", "--json").json["stacks"] == []
    assert cli("registry", "import", "team.json", "--json").json["counts"]["stacks"] == 1
    assert [s["name"] for s in cli("stack", "list", "--json").json["stacks"]] == ["churn"]
    assert cli("registry", "import", "team.json").out == "imported nothing: team.json\n"


def test_an_export_goes_through_a_pipe(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    words = cli("registry", "export", "-").out
    open_registry().unregister(stack("churn", component()))
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(words.encode())))
    assert cli("registry", "import", "-").out == "imported 1 components, 1 stacks: -\n"
    assert cli("registry", "export", "-").out == words


def test_a_backup_is_a_registry(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    ran = cli("registry", "backup", "copy.db")
    assert ran.out == "copied 1 components, 1 stacks: copy.db\n"
    assert ran.err == "STACKWRIGHT_REGISTRY=copy.db uses it\n"
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", "sqlite:///copy.db")
    assert [s["name"] for s in cli("stack", "list", "--json").json["stacks"]] == ["churn"]


@pytest.mark.parametrize("verb", ["export", "backup"])
def test_no_file_is_overwritten_and_none_is_left_half_written(cli: Any, verb: str) -> None:
    Path("there").write_text("precious")
    error = cli("registry", verb, "there", "--json").error
    assert (error["message"], error["exit_code"]) == ("there exists already", 3)
    assert Path("there").read_text() == "precious"
    error = cli("registry", verb, "no/such/folder", "--json").error
    assert error["message"] == "no/such/folder cannot be written: No such file or directory"


def test_what_is_no_export_is_refused(cli: Any) -> None:
    keep()
    cli("registry", "backup", "copy.db")
    Path("words").write_text("hello")
    Path("deep").write_text("[" * 100_000)
    told = {
        f: cli("registry", "import", f, "--json").error["message"]
        for f in ("copy.db", "words", "deep", "none")
    }
    assert told == {
        "copy.db": "copy.db is a registry itself, no export of one",
        "words": "words is no JSON",
        "deep": "deep is no JSON",
        "none": "none cannot be read: No such file or directory",
    }


def test_a_registry_of_a_newer_program_is_refused_by_a_link_too(cli: Any, home: Path) -> None:
    open_registry()
    with sqlite3.connect(home / "registry.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0999'")
    for verb in (["stack", "list"], ["link", *MINIMAL, *TEMPLATE]):
        assert cli(*verb, "--json").error["message"] == (
            f"{home / 'registry.db'} was written by a newer stackwright: its schema is 0999,"
            f" and {NEWEST} is known here"
        )


# PostgreSQL


@pytest.fixture
def team(url: str, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: F811 - a fixture
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", url)
    return url


def test_every_verb_of_the_registry_works_on_postgresql_and_shows_no_password(
    cli: Any, home: Path, team: str
) -> None:
    opened = cli("link", *MINIMAL, *TEMPLATE, "--json")
    where = opened.json["template_url"].replace("t.json", f"{opened.json['template_sha256']}.json")
    open_quickly().record_publication(publication(sha256=opened.json["template_sha256"], url=where))
    opened = cli("link", *MINIMAL, "--json")
    keep()
    ran = [
        opened,
        cli("link", "verify", opened.json["url"], "--json"),
        cli("registry", "status"),
        cli("stack", "set", "churn"),
        cli("stack", "share", "churn", "--group", "ml"),
        cli("stack", "list"),
        cli("connector", "list"),
        cli("registry", "export", "-"),
        cli("registry", "backup", "copy.json"),
        cli("registry", "import", "copy.json"),
        cli("stack", "delete", "churn", "--yes"),
    ]
    assert [r.code for r in ran] == [0] * len(ran), [r.err for r in ran if r.code]
    assert ran[2].out.startswith("postgresql://stackwright:***@/postgres?")
    assert json.loads(ran[7].out)["tables"]["enrolments"][-1]["id"] == opened.json["enrolment_id"]
    written = [p.read_text() for p in (*home.rglob("*"), *Path.cwd().rglob("*")) if p.is_file()]
    assert PASSWORD not in "".join([*written, *(r.out + r.err for r in ran)])
    assert not (home / "registry.db").exists()


def test_the_password_may_stand_in_the_environment(
    cli: Any, team: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", team.replace(f":{PASSWORD}", ""))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    ran = cli("registry", "status")
    assert (ran.code, ran.out.startswith("postgresql://stackwright@/postgres?")) == (0, True)


def test_the_password_may_stand_in_pgpass(
    cli: Any, team: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", team.replace(f":{PASSWORD}", ""))
    (tmp_path / "pgpass").write_text(f"*:*:*:stackwright:{PASSWORD}\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert cli("registry", "status").code == 0


WRONG = "PLANTED-wr0ng-password"
UNUSABLE = {
    "wrong password": (f"postgresql://stackwright:{WRONG}@/postgres?host=HOST", 4),
    "password as a parameter": (f"postgresql://stackwright@/postgres?host=HOST&password={WRONG}", 4),
    "no such database": (f"postgresql://stackwright:{PASSWORD}@/none?host=HOST", 4),
    "nobody there": (f"postgresql://stackwright:{WRONG}@127.0.0.1:1/postgres", 4),
    "an unknown setting": (f"postgresql://stackwright:{WRONG}@/postgres?host=HOST&colour=blue", 4),
    "another database": (f"mysql://stackwright:{WRONG}@db/postgres", 2),
    "another driver": (f"postgresql+psycopg2://stackwright:{WRONG}@db/postgres", 2),
    "a port that is none": (f"postgresql://stackwright:{WRONG}@db:port/postgres", 2),
    "no URL": (f"://{WRONG}", 2),
}


@pytest.mark.parametrize(("given", "code"), UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.parametrize("verb", [("stack", "list"), ("link", *MINIMAL, *TEMPLATE)], ids=["list", "link"])
def test_a_database_that_cannot_be_used_is_refused_without_its_password(
    cli: Any, team: str, monkeypatch: pytest.MonkeyPatch, given: str, code: int, verb: tuple[str, ...]
) -> None:
    host = team.partition("host=")[2].partition("&")[0]
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", given.replace("HOST", host))
    ran = cli(*verb, "--json")
    assert ran.error["exit_code"] == code, ran.err
    assert "STACKWRIGHT_REGISTRY" in ran.error["message"] + ran.error["hint"]
    told = ran.out + ran.err
    assert (WRONG in told, PASSWORD in told, "Traceback" in told) == (False, False, False)


def test_whoever_may_not_write_is_told_so(cli: Any, team: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    database = open_registry().database
    schema = team.rpartition("%3D")[2]
    with database.writing() as connection:
        for words in (
            f"CREATE ROLE reader_{schema} LOGIN PASSWORD '{PASSWORD}'",
            f"GRANT USAGE ON SCHEMA {schema} TO reader_{schema}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader_{schema}",
        ):
            connection.exec_driver_sql(words)
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", team.replace("//stackwright", f"//reader_{schema}"))
    assert cli("stack", "show", "churn").code == 0
    error = cli("stack", "set", "churn", "--json").error
    assert (error["exit_code"], "permission denied for table active_stacks" in error["message"]) == (4, True)


def test_without_the_driver_the_extra_is_named(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", "postgresql://ml@db.example.com/stackwright")
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    error = cli("stack", "list", "--json").error
    assert (error["message"], error["hint"]) == (
        "a registry in PostgreSQL needs its driver",
        "pip install 'stackwright[postgres]'",
    )


@pytest.mark.parametrize("verb", [["stack", "list"], ["link", *MINIMAL, *TEMPLATE]])
def test_a_folder_that_is_not_there_is_no_new_registry(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", str(tmp_path / "typo" / "x" / "y.db"))
    error = cli(*verb, "--json").error
    assert (error["message"], error["exit_code"]) == (
        f"STACKWRIGHT_REGISTRY: there is no folder {tmp_path / 'typo' / 'x'}",
        2,
    )
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ml:PLANT@ED@127.0.0.1:1/r",
        "postgresql://ml:PL@ANT/ED@127.0.0.1:1/r",
        "postgresql://127.0.0.1:1/r?password=PLANTED",
    ],
)
def test_no_part_of_a_password_is_shown(cli: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("STACKWRIGHT_REGISTRY", address)
    ran = cli("stack", "list", "--json")
    assert (ran.code in (2, 4), [p for p in ("PLANT", "ANT", "ED@", "%2A") if p in ran.out + ran.err]) == (
        True,
        [],
    )


def test_a_password_is_three_stars_wherever_it_stands() -> None:
    shown = redacted(parse_url("postgresql://ml:PLANTED@h/r?password=PLANTED&sslmode=require"))
    assert shown == "postgresql://ml:***@h/r?password=***&sslmode=require"
