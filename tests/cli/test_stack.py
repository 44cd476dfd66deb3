"""`stack set|list|share` and `connector`: whose stack, for which folder, by which credentials."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.cli.options import open_registry, seat
from tests.registry.values import component, stack

ROLE = "arn:aws:iam::111122223333:role/churn-access"
SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:churn-AbCdEf"
CONNECTOR = {"type": "aws", "auth_method": "iam-role", "role_arn": ROLE, "trust": "access_key"}


@pytest.fixture(autouse=True)
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWRIGHT_USER", "ann")


def keep(*names: str, **more: Any) -> None:
    for name in names:
        part = component(f"{name}.artifact_store")
        open_registry().register(stack(name, part, stack_id=name, connector=CONNECTOR, **more), [part])


def active(cli: Any) -> Any:
    return cli("stack", "list", "--json").json["active"]


def test_a_stack_is_set_for_a_project_and_another_for_all_others(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("churn", "fraud")
    deep = tmp_path / "repo" / "src" / "deep"
    deep.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    here, repo = str(Path.cwd()), str(tmp_path / "repo")
    assert cli("stack", "set", "churn", "--global").out == "churn is active by default\n"
    monkeypatch.chdir(deep)
    assert active(cli) == {"stack": "churn", "from": "default", "directory": repo}
    assert cli("stack", "set", "fraud").out == f"fraud is active in {repo}\n"
    assert active(cli) == {"stack": "fraud", "from": "directory", "directory": repo}
    ran = cli("stack", "set", "churn", "--global", "--json")
    assert (ran.code, ran.json["active"], ran.err) == (0, False, f"{repo} keeps its own: fraud.\n")
    monkeypatch.chdir(here)
    assert active(cli) == {"stack": "churn", "from": "default", "directory": here}
    listed = {s["name"]: s["active"] for s in cli("stack", "list", "--json").json["stacks"]}
    assert listed == {"churn": True, "fraud": False}


def test_the_list_marks_what_is_active_and_says_whose_a_stack_is(cli: Any) -> None:
    keep("churn", "fraud")
    cli("stack", "set", "fraud")
    assert cli("stack", "share", "fraud", "--group", "ml").code == 0
    lines = [line.split() for line in cli("stack", "list").out.splitlines()]
    assert lines == [
        ["name", "status", "account", "region", "owner", "components"],
        ["churn", "registered", "111122223333", "eu-central-1", "ann", "artifact_store", "s3"],
        ["*", "fraud", "registered", "111122223333", "eu-central-1", "ann", "+ml", "artifact_store", "s3"],
    ]


def test_others_see_a_stack_once_it_is_shared_with_them(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("churn")
    monkeypatch.setenv("STACKWRIGHT_USER", "bob")
    monkeypatch.setenv("STACKWRIGHT_GROUPS", "web, ml")
    ran = cli("stack", "list", "--json")
    assert (ran.json["stacks"], ran.err) == ([], "Not shared with bob: 1 more.\n")
    for verb in (["show", "churn"], ["set", "churn"], ["share", "churn", "--everybody"]):
        error = cli("stack", *verb, "--json").error
        assert (error["message"], error["exit_code"]) == ("churn is ann's and not shared with bob", 3)
    monkeypatch.setenv("STACKWRIGHT_USER", "ann")
    assert cli("stack", "share", "churn", "--group", "ml").out == "churn of ann is shared with ml\n"
    monkeypatch.setenv("STACKWRIGHT_USER", "bob")
    assert [s["name"] for s in cli("stack", "list", "--json").json["stacks"]] == ["churn"]
    assert cli("stack", "set", "churn").code == 0
    error = cli("stack", "share", "churn", "--nobody", "--json").error
    assert (error["message"], error["hint"]) == ("churn is ann's to share", "ask ann")


@pytest.mark.parametrize("words", [[], ["--everybody", "--nobody"], ["--group", "ml", "--everybody"]])
def test_sharing_says_with_whom(cli: Any, words: list[str]) -> None:
    keep("churn")
    error = cli("stack", "share", "churn", *words, "--json").error
    assert (error["message"], error["field"], error["exit_code"]) == ("say with whom", "group", 2)


def test_sharing_is_taken_back(cli: Any) -> None:
    keep("churn")
    shown = [cli("stack", "share", "churn", w, "--json").json["groups"] for w in ("--everybody", "--nobody")]
    assert shown == [["*"], []]


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STACKWRIGHT_USER")
    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert seat().user == "4711"


def nameless() -> str:
    raise KeyError("getpwuid(): uid not found: 4711")


def test_a_folder_that_was_removed_is_no_bug(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli("stack", "list", "--json").json["active"] == {"stack": "", "from": "", "directory": ""}


@pytest.mark.parametrize("name", ["../x", "a b", "x\x1b[2J", "é", "-x"])
def test_whatever_is_there_can_be_forgotten_by_its_exact_name(cli: Any, name: str) -> None:
    keep(name)
    assert cli("stack", "delete", "--yes", "--", name).code == 0
    assert (open_registry().stacks(), open_registry().components()) == ([], [])


def test_connectors_are_told_once_for_all_their_stacks(cli: Any) -> None:
    keep("churn", "fraud")
    listed = cli("connector", "list", "--json").json["connectors"]
    assert listed == [cli("connector", "show", "churn-access", "--json").json]
    assert listed == [
        {
            "name": "churn-access",
            "type": "aws",
            "auth_method": "iam-role",
            "trust": "access_key",
            "account": "111122223333",
            "role_arn": ROLE,
            "external_id": "",
            "secret_arn": "",
            "data_key": "",
            "stacks": ["churn", "fraud"],
            "resources": {"churn.artifact_store": "b", "fraud.artifact_store": "b"},
        }
    ]
    assert (
        "churn-access  aws   iam-role  access_key  111122223333  churn, fraud" in cli("connector", "list").out
    )


def test_where_a_key_lies_is_told_wherever_a_stack_is(cli: Any) -> None:
    part = component()
    told = CONNECTOR | {"secret_arn": SECRET_ARN}
    open_registry().register(stack("churn", part, connector=told), [part])
    for verb in ("stack", "connector"):
        name = "churn" if verb == "stack" else "churn-access"
        assert ["secret_arn", SECRET_ARN] in [
            line.split()[-2:] for line in cli(verb, "show", name).out.splitlines()
        ]


def test_a_connector_that_is_not_there_is_refused_by_name(cli: Any) -> None:
    keep("churn")
    error = cli("connector", "show", "other", "--json").error
    assert (error["message"], error["hint"]) == ("there is no connector 'other'", "known: churn-access")
    assert cli("connector", "list").code == 0


def test_without_any_stack_there_is_no_connector(cli: Any) -> None:
    ran = cli("connector", "list")
    assert ran.out.startswith("no registered stack has an access role")


def test_deploy_and_doctor_say_where_the_key_of_a_stack_lies(cli: Any, world: Any) -> None:
    spec = {"version": 1, "name": "churn-dev", "region": "eu-central-1", "access": {"trust": "access_key"}}
    Path("stack.yaml").write_text(json.dumps(spec | {"components": {"artifact_store": "s3"}}))
    ran = cli("deploy", "--yes", "--json")
    state = world.cloud.stacks.describe("churn-dev")
    told = ran.json["connector"]
    assert (ran.code, told["trust"], told["secret_arn"]) == (
        0,
        "access_key",
        state.outputs["AccessKeySecretArn"],
    )
    (assumed,) = [c for c in cli("doctor", "--json").json["checks"] if c["id"] == "assume-role"]
    assert assumed["message"].endswith(f"only the stack's own key, which lies in {told['secret_arn']})")
    assert cli("connector", "list", "--json").json["connectors"][0]["secret_arn"] == told["secret_arn"]
