"""Where a scan looks, and what it says of a place that it cannot look into; the rest goes on."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from provisioner.cli import scanning
from provisioner.cli.scanning import Wish, wish
from provisioner.errors import RefusedError, SpecError
from provisioner.scan.table import ROWS
from tests.cli.conftest import Cli
from tests.seeded_cloud.scanning import SCAN, cloud
from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import OFF, REGIONS, World

WORLD = World(accounts=2, regions=REGIONS[:3])
OWN, OTHER = WORLD.ids
ECR = ("--service", "ecr")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with cloud(WORLD, Weather()) as running:
        yield running


@pytest.fixture
def aws(endpoint: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIA{OWN}ROOT")
    monkeypatch.setenv("AWS_REGION", WORLD.home)
    return home


def states(answer: dict[str, list[dict[str, str]]]) -> dict[tuple[str, str], str]:
    """Account and region -> "seen", or the state of what could not be."""
    return {
        (c["account"], c["region"]): "seen" if c["state"] in ("found", "empty") else c["state"]
        for c in answer["cells"]
    }


def notes(answer: dict[str, list[dict[str, str]]], state: str) -> set[str]:
    return {c["note"] for c in answer["cells"] if c["state"] == state}


def test_without_a_region_it_is_the_one_that_every_verb_takes(aws: Path, cli: Cli) -> None:
    assert states(cli("scan", *ECR, "--json").json) == {(OWN, "us-east-1"): "seen"}


def test_all_regions_are_those_that_the_account_has_switched_on(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--region", "all", *ECR, "--json")
    assert states(done.json) == {(OWN, region): "seen" for region in WORLD.regions}
    assert done.code == 0


def test_a_region_that_is_off_is_an_answer_and_says_how_to_switch_it_on(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--region", OFF, "--region", "us-east-1", *ECR, "--json")
    assert states(done.json) == {(OWN, OFF): "not_enabled", (OWN, "us-east-1"): "seen"}
    assert notes(done.json, "not_enabled") == {
        f"{OFF} is not switched on in account {OWN}; "
        f"`aws account enable-region --region-name {OFF}` switches it on"
    }
    assert done.code == 0


def test_a_region_that_the_account_says_is_on_is_not_told_as_off_where_its_keys_are_refused(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches = [("us-east-1", "on"), (OFF, "on")]
    monkeypatch.setattr("provisioner.aws.accounts._from_account", lambda session: iter(switches))
    done = cli("scan", "--region", "all", *ECR, "--json")
    assert states(done.json) == {(OWN, OFF): "failed", (OWN, "us-east-1"): "seen"}
    (note,) = notes(done.json, "failed")
    assert f"though account {OWN} has {OFF} switched on: session tokens of the global STS endpoint" in note
    assert done.code == 5


def test_an_unknown_region_costs_only_itself(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--region", "us-esat-1", "--region", "us-east-1", *ECR, "--json")
    assert states(done.json) == {(OWN, "us-esat-1"): "failed", (OWN, "us-east-1"): "seen"}
    (note,) = notes(done.json, "failed")
    assert note.startswith("unknown region 'us-esat-1'; nearest: us-west-1, us-east-1")
    assert done.code == 5


def test_unknown_regions_alone_are_no_scan(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--region", "us-esat-1", "--json")
    assert (done.code, done.error["message"]) == (2, "unknown region 'us-esat-1'")


def test_an_account_that_cannot_be_assumed_is_told_and_the_others_go_on(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--account", "111111111111", "--account", OTHER, *ECR, "--json")
    assert states(done.json) == {("111111111111", "us-east-1"): "denied", (OTHER, "us-east-1"): "seen"}
    (note,) = notes(done.json, "denied")
    role = "arn:aws:iam::111111111111:role/stackwright-scan"
    assert note.startswith(f"no way into 111111111111 by {role}: AssumeRole was denied")
    assert done.json["notes"] == {"111111111111": note}
    assert done.code == 5


def test_an_organization_is_its_active_accounts(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--organization", *ECR, "--json")
    assert states(done.json) == {(account, "us-east-1"): "seen" for account in WORLD.ids}


def test_an_account_is_left_out_of_an_organization(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--organization", "--skip-account", OWN, *ECR, "--json")
    assert states(done.json) == {(OTHER, "us-east-1"): "seen"}
    again = cli("scan", "--resume", "--json")
    assert states(again.json) == {(OTHER, "us-east-1"): "seen"}


def test_an_account_to_leave_out_that_is_not_there_is_told(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--account", OTHER, "--skip-account", "999999999999", *ECR, "--json")
    assert states(done.json) == {(OTHER, "us-east-1"): "seen"}
    assert "--skip-account 999999999999: no active account of this scan has that id." in done.err


def test_an_account_is_left_out_however_it_was_asked_for(aws: Path, cli: Cli) -> None:
    role = f"arn:aws:iam::{OTHER}:role/stackwright-scan"
    asked = ("scan", "--account", OWN, "--role-arn", role)
    without_role = cli(*asked, "--skip-account", OTHER, *ECR, "--json")
    assert states(without_role.json) == {(OWN, "us-east-1"): "seen"}
    without_name = cli(*asked, "--skip-account", OWN, *ECR, "--json")
    assert states(without_name.json) == {(OTHER, "us-east-1"): "seen"}
    assert cli("scan", "--skip-account", OWN, *ECR, "--json").error["message"] == "every account is skipped"


def test_no_scan_is_left_where_every_account_is_left_out(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--account", OTHER, "--skip-account", OTHER, *ECR, "--json")
    assert (done.code, done.error["message"]) == (2, "every account is skipped")


def test_a_role_by_its_arn(aws: Path, cli: Cli) -> None:
    role = f"arn:aws:iam::{OTHER}:role/stackwright-scan"
    assert states(cli("scan", "--role-arn", role, *ECR, "--json").json) == {(OTHER, "us-east-1"): "seen"}


def profiles(home: Path, **accounts: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "aws-credentials").write_text(
        "".join(
            f"[{name}]\naws_access_key_id = AKIA{account}ROOT\naws_secret_access_key = any\n"
            for name, account in accounts.items()
        )
    )


def test_profiles_are_accounts_and_one_that_is_missing_costs_only_itself(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    profiles(aws, dev=OWN, prod=OTHER)
    asked = ("--profile", "dev", "--profile", "nobody", "--profile", "prod")
    done = cli("scan", *asked, *ECR, "--json")
    assert states(done.json) == {
        (OWN, "us-east-1"): "seen",
        (OTHER, "us-east-1"): "seen",
        ("profile nobody", "us-east-1"): "failed",
    }
    # Nobody was asked, so nobody denied it.
    assert notes(done.json, "failed") == {
        "no way into profile nobody: The config profile (nobody) could not be found"
    }
    assert done.code == 5


def test_without_credentials_there_is_no_scan(aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = cli("scan", *ECR, "--json")
    assert (done.code, done.error["message"]) == (4, "no AWS credentials found")


# Going on


def test_there_must_be_a_scan_to_go_on_with(aws: Path, cli: Cli) -> None:
    done = cli("scan", "--resume", "--json")
    assert (done.code, done.error["message"]) == (2, "there is no scan to go on with")


def test_what_was_seen_is_not_read_again_and_what_was_not_is(aws: Path, cli: Cli) -> None:
    first = cli("scan", "--account", "111111111111", "--account", OTHER, *ECR, "--json")
    again = cli("scan", "--resume", "--json")
    assert again.json["cells"] == first.json["cells"]
    assert again.json["resources"] == first.json["resources"]
    assert "1 cells were read before." in again.err


def test_another_question_is_another_scan(aws: Path, cli: Cli) -> None:
    cli("scan", *ECR)
    done = cli("scan", "--resume", "--region", "us-west-2", "--json")
    assert (done.code, done.error["message"]) == (2, "the scan to go on with asked something else")


@pytest.mark.parametrize("what", [b"this is no database", b""])
def test_a_damaged_file_is_put_aside_and_the_scan_begins_anew(aws: Path, cli: Cli, what: bytes) -> None:
    cli("scan", *ECR)
    (path,) = (aws / "scans").glob("*.db")
    path.write_bytes(what)
    done = cli("scan", "--resume", *ECR, "--json")
    assert f"the scan's file {path} is damaged" in done.err
    assert "the scan begins anew" in done.err
    assert path.with_suffix(".damaged").exists()
    assert states(done.json) == {(OWN, "us-east-1"): "seen"}


def test_a_file_that_is_damaged_behind_its_question_is_asked_the_same(aws: Path, cli: Cli) -> None:
    cli("scan", "--region", "all", "--service", "s3")
    (path,) = (aws / "scans").glob("*.db")
    whole = path.read_bytes()
    path.write_bytes(whole[: 4096 * 3] + b"\xff" * (len(whole) - 4096 * 3))
    done = cli("scan", "--resume", "--json")
    assert "is damaged" in done.err
    assert states(done.json) == {(OWN, region): "seen" for region in WORLD.regions}


def test_only_the_last_ten_scans_are_kept(aws: Path, cli: Cli) -> None:
    folder = aws / "scans"
    folder.mkdir(parents=True)
    for number in range(20):
        (folder / f"20000101T0000{number:02}.db").touch()
    cli("scan", *ECR)
    assert len(list(folder.glob("*.db"))) == 10


def test_a_scan_that_cannot_begin_hides_no_other(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("scan", "--region", "all", *ECR)
    (path,) = (aws / "scans").iterdir()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(aws / "config"))
    for _ in range(11):
        assert cli("scan", "--engine", "config", "--aggregator", "nope", *ECR).code == 2
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        away.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
        assert cli("scan", *ECR).code == 4
    assert list((aws / "scans").iterdir()) == [path]
    again = cli("scan", "--resume", "--json")
    assert states(again.json) == {(OWN, region): "seen" for region in WORLD.regions}
    assert "3 cells were read before." in again.err


def test_a_scan_whose_accounts_are_all_lost_leaves_no_file(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provisioner.aws import accounts
    from provisioner.errors import RefusedError

    def expired(*_: object, **__: object) -> None:
        raise RefusedError("the AWS credentials have expired", code="ExpiredToken")

    monkeypatch.setattr(accounts._Assumed, "get_frozen_credentials", expired)
    assert cli("scan", "--account", OTHER, *ECR).code == 4
    assert list((aws / "scans").iterdir()) == []


def edit(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE meta SET value = '[]' WHERE key = 'question'", "is damaged: its question is none"),
        ("UPDATE meta SET value = 'null' WHERE key = 'question'", "is damaged: its question is none"),
        (
            """UPDATE meta SET value = '{"planets": 1}' WHERE key = 'question'""",
            "asks what this version cannot: nobody asks for planets like that",
        ),
        (
            """UPDATE meta SET value = '{"regions": "all", "x": null}' WHERE key = 'question'""",
            "asks what this version cannot: nobody asks for regions, x like that",
        ),
        (
            """UPDATE meta SET value = '{"engine": "steam"}' WHERE key = 'question'""",
            "asks what this version cannot: nobody asks for engine like that",
        ),
        (
            """UPDATE meta SET value = '{"services": ["s4"]}' WHERE key = 'question'""",
            "asks what this version cannot: nothing is known of a service 's4'",
        ),
        ("UPDATE meta SET value = '9' WHERE key = 'format'", "is another version's: format 9, and this"),
        ("UPDATE meta SET value = 'abc' WHERE key = 'seconds'", "is damaged: could not convert"),
        ("UPDATE cells SET count = 'x'", "is damaged: invalid literal"),
        ("UPDATE resources SET found = '{'", "is damaged: Expecting property name"),
        ("UPDATE resources SET found = '{}'", "is damaged: a resource is none"),
        ("DROP TABLE notes", "is damaged: no such table: notes"),
    ],
)
def test_an_edited_file_is_put_aside_and_the_scan_begins_anew(
    aws: Path, cli: Cli, statement: str, said: str
) -> None:
    asked = ("--region", "all", "--service", "s3")
    cli("scan", *asked)
    (path,) = (aws / "scans").glob("*.db")
    edit(path, statement)
    done = cli("scan", "--resume", *asked, "--json")
    assert f"the scan's file {path} {said}" in done.err
    assert path.with_suffix(".damaged").exists()
    assert (done.code, states(done.json)) == (0, {(OWN, region): "seen" for region in WORLD.regions})
    assert "cells were read before" not in done.err


# What could be seen only in part


CLUSTERS = World(accounts=1, regions=REGIONS[:2], sizes={"cluster": 2})
HIDDEN = Weather(denied_calls=("eks:DescribeCluster", "eks:ListAddons"))


def test_a_question_without_an_answer_is_told_and_asked_again(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("--region", "all", "--service", "eks")
    with cloud(CLUSTERS, Weather()) as calm, cloud(CLUSTERS, HIDDEN) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", calm)
        whole = cli("scan", *asked, "--json")
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        hidden = cli("scan", *asked, "--json")
        again = cli("scan", "--resume", "--json")
        monkeypatch.setenv("AWS_ENDPOINT_URL", calm)
        mended = cli("scan", "--resume", "--json")
    assert [whole.code, hidden.code, again.code, mended.code] == [0, 5, 5, 0]
    note = "could not look: describe_cluster AccessDeniedException ×2, list_addons AccessDeniedException ×2"
    assert [(c["state"], c["count"], c["gaps"], c["note"]) for c in hidden.json["cells"]] == [
        ("found", 2, 4, note)
    ] * 2
    summary = hidden.json["summary"]
    assert [summary[key] for key in ("not_seen", "partly_seen", "gaps")] == [0, 2, 8]
    assert (
        "2 cells were seen only in part, 8 questions got no answer; `stackwright scan --policy` is what a "
        "scan needs, `scan --resume` asks again.\n"
        "       2 in part: could not look: describe_cluster AccessDeniedException, "
        f"list_addons AccessDeniedException (such as {OWN} us-east-1 eks)\n"
    ) in hidden.err
    assert again.json["resources"] == hidden.json["resources"]
    assert "cells were read before" not in again.err
    assert mended.json["resources"] == whole.json["resources"]
    assert [c["gaps"] for c in mended.json["cells"]] == [0, 0]


def test_a_scan_that_is_over_leaves_the_process_all_its_cores(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, put = os.sched_getaffinity(0), list[set[int]]()
    really = os.sched_setaffinity
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: (put.append(cores), really(pid, cores)))
    assert cli("scan", *ECR, "--json").code == 0
    with pytest.raises(RefusedError), scanning._one_core():
        raise RefusedError("no")
    assert [len(cores) for cores in put] == [1, len(before)] * 2
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("encoding", "command"), [("ascii", '"$@"'), ("utf-8", '"$@" >&-')])
def test_json_goes_wherever_it_is_sent(aws: Path, encoding: str, command: str) -> None:
    with cloud(CLUSTERS, HIDDEN) as endpoint:
        env = {**os.environ, "AWS_ENDPOINT_URL": endpoint, "PYTHONIOENCODING": encoding}
        wish = [*SCAN, "--service", "eks", "--fail-on", "never"]
        done = subprocess.run(["sh", "-c", command, "sh", *wish], env=env, capture_output=True, text=True)
    assert (done.returncode, "bug" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("table", "not whole: 2 cells were seen only in part, 8 questions got no answer\n"),
        ("markdown", "**2 cells were seen only in part, 8 questions got no answer: what is missing here"),
        ("markdown", f"| {OWN} | us-east-1 | 2 in part |"),
        (
            "html",
            "2 cells were seen only in part, 8 questions got no answer: what is missing here may be there",
        ),
        ("html", '<td class="found part" title="eks: found in part: could not look'),
    ],
)
def test_every_form_tells_what_was_seen_only_in_part(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, form: str, said: str
) -> None:
    asked = ("--region", "all", "--service", "eks", "--format", form)
    with cloud(CLUSTERS, HIDDEN) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        done = cli("scan", *asked)
        lenient = cli("scan", *asked, "--fail-on", "never")
    assert said in done.out
    assert "Everything that was asked for could be seen." not in done.out
    assert (done.code, lenient.code) == (5, 0)


def test_how_far_somebody_wished_to_look_is_no_gap(
    aws: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cloud(CLUSTERS, Weather()) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        done = cli("scan", "--service", "eks", "--details", "1", "--json")
        again = cli("scan", "--resume", "--json")
    assert [(c["gaps"], c["note"]) for c in done.json["cells"]] == [
        (0, "looked into 1 of 2 (--details all: into each)")
    ]
    assert (done.code, again.code) == (0, 0)
    assert "1 cells were read before." in again.err


# What no option may be

INDEX = f"arn:aws:resource-explorer-2:us-east-1:{OWN}:index/x"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accounts": ("12",)}, "'12' is no account id"),
        ({"role_arns": ("arn:aws:s3:::b",)}, "arn:aws:s3:::b is no role's ARN"),
        ({"regions": ("all", "us-east-1")}, "--region all stands alone"),
        ({"details": "some"}, "--details is 'some'"),
        ({"details": "²"}, "--details is '²'"),
        ({"accounts": ("¹²³⁴⁵⁶⁷⁸⁹⁰¹²",)}, "'¹²³⁴⁵⁶⁷⁸⁹⁰¹²' is no account id"),
        ({"organization": True, "skip_accounts": ("me",)}, "'me' is no account id"),
        ({"role_arns": (f"arn:aws:iam::{OWN}:user/x",)}, f"arn:aws:iam::{OWN}:user/x is no role's ARN"),
        ({"role_arns": ("arn:aws:iam:::role/x",)}, "arn:aws:iam:::role/x is no role's ARN"),
        ({"engine": "resource-explorer", "view": INDEX}, f"{INDEX} is no view's ARN"),
        ({"seconds_per_cell": float("nan")}, "--cell-deadline is nan"),
        ({"seconds_per_cell": float("inf")}, "--cell-deadline is inf"),
        ({"external_id": "x"}, "--external-id is for a role, and none is assumed"),
        ({"services": ("s4",)}, "nothing is known of a service 's4'"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_called(
    options: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(SpecError) as told:
        wish(ROWS, **options)
    assert told.value.message == message


@pytest.mark.parametrize(("details", "most"), [("all", None), ("none", 0), ("7", 7)])
def test_how_many_are_looked_into(details: str, most: int | None) -> None:
    assert Wish(details=details).most_details == most
