"""From a scan to a stack: suggested, registered, or written down to be built."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provisioner import spec as specs
from provisioner.cli import suggesting
from provisioner.cli.options import now
from tests.conftest import ACCOUNT, REGION

SERVICES = ("--service", "s3", "--service", "ecr", "--service", "iam")
SUGGEST = ("scan", "--suggest", *SERVICES)
BUCKET = "arn:aws:s3:::churn-artifacts"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/churn"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/churn-exec"
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def store(world: Any) -> str:
    world.cloud.buckets.create_private("churn-artifacts")
    return BUCKET


@pytest.fixture
def whole(world: Any, store: str) -> None:
    """A bucket, a repository and a role."""
    world.cloud.session.client("ecr").raw.create_repository(repositoryName="churn")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    world.iam.create_role(RoleName="churn-exec", AssumeRolePolicyDocument=document)
    world.iam.put_role_policy(RoleName="churn-exec", PolicyName="all", PolicyDocument=json.dumps(ALL))


def saved(cli: Any, path: Path, **changed: Any) -> str:
    answer = cli(*SUGGEST, "--json").json
    path.write_text(json.dumps(answer | changed))
    return str(path)


def test_a_scan_suggests_whole_stacks(cli: Any, whole: None) -> None:
    answer = cli(*SUGGEST, "--json").json
    first = answer["suggestions"][0]
    assert (first["rank"], first["account"], first["region"], first["missing"], first["monthly_usd"]) == (
        *(1, ACCOUNT, REGION),
        [],
        0,
    )
    assert first["components"] == {
        "artifact_store": BUCKET,
        "container_registry": REPOSITORY,
        "orchestrator": ROLE,
        "step_operator": ROLE,
    }


def test_what_is_missing_has_a_price(cli: Any, store: str) -> None:
    prices = {
        s["flavors"]["orchestrator"]: s["monthly_usd"] for s in cli(*SUGGEST, "--json").json["suggestions"]
    }
    assert set(prices) == {"sagemaker", "local"}
    # The sagemaker one has jobs on top of the images that both keep.
    assert 0 < prices["local"] < prices["sagemaker"]


def test_a_price_that_cannot_be_told_is_unknown_and_stops_no_scan(
    cli: Any, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.synth.find_spec", lambda name: None)
    done = cli(*SUGGEST, "--json")
    assert [s["monthly_usd"] for s in done.json["suggestions"]] == [None, None]
    assert "no price for suggestion 1: this combination of components is none of the shipped" in done.err


def test_suggestions_are_told_in_words(cli: Any, whole: None) -> None:
    out = cli(*SUGGEST).out
    told = out[out.index("Suggested stacks") :].splitlines()
    # Access lists count, images are not scanned, and no condition guards the trust.
    head = f"1. sagemaker in {ACCOUNT} {REGION}, score 92: all of it is there"
    assert told[:3] == ["Suggested stacks, the best first:", "", head]
    assert told[3].split()[:3] == ["artifact_store", "s3", "churn-artifacts"]
    assert "     stackwright register --suggestion 1" in told


def test_nothing_to_suggest_is_said(cli: Any, world: Any) -> None:
    done = cli(*SUGGEST, "--json")
    assert done.json["suggestions"] == []
    assert suggesting.NONE in done.err


def test_without_the_wish_nothing_is_suggested(cli: Any, whole: None) -> None:
    assert cli("scan", *SERVICES, "--json").json["suggestions"] == []


# register


def test_a_suggestion_of_the_last_scan_becomes_a_stack(cli: Any, world: Any, whole: None) -> None:
    cli("scan", *SERVICES)
    done = cli("register", "--suggestion", "1", "--stack", "shared", "--json")
    assert {t: c["origin"] for t, c in done.json["components"].items()} == {
        "artifact_store": "found",
        "container_registry": "found",
        "orchestrator": "found",
        "step_operator": "found",
    }
    assert done.json["components"]["orchestrator"]["config"]["bucket"] == "churn-artifacts"
    assert world.held() == {"shared": "registered"}


def test_a_suggestion_of_a_file_wins_over_the_last_scan(
    cli: Any, world: Any, whole: None, tmp_path: Path
) -> None:
    path = saved(cli, tmp_path / "scan.json")
    cli("scan", "--service", "ecr")
    assert cli("register", "--suggestion", "1", "--from", path).code == 0
    # Without a name it is the folder's.
    assert world.held() == {"churn-dev": "registered"}


def test_what_is_to_be_built_cannot_be_registered(cli: Any, world: Any, store: str) -> None:
    cli("scan", *SERVICES)
    done = cli("register", "--suggestion", "1", "--json")
    assert (done.code, done.error["message"], done.error["hint"]) == (
        3,
        "suggestion 1 is not ready: container_registry is to be built",
        "`stackwright init --from-scan --suggestion 1` writes the stack.yaml that builds it",
    )
    assert world.held() == {}


def test_what_is_gone_since_is_said_to_be_gone(cli: Any, world: Any, whole: None) -> None:
    cli("scan", *SERVICES)
    world.cloud.session.client("ecr").raw.delete_repository(repositoryName="churn")
    done = cli("register", "--suggestion", "1", "--json")
    message = f"there is no {REPOSITORY} in account {ACCOUNT}, {REGION}"
    assert (done.code, done.error["message"]) == (3, message)
    assert world.held() == {}


def test_what_has_become_unfit_since_is_refused(cli: Any, world: Any, whole: None) -> None:
    cli("scan", *SERVICES)
    world.cloud.session.client("ecr").raw.put_image_tag_mutability(
        repositoryName="churn", imageTagMutability="IMMUTABLE"
    )
    done = cli("register", "--suggestion", "1", "--json")
    assert (done.code, done.error["field"]) == (3, REPOSITORY)


def test_another_accounts_suggestion_needs_its_credentials(
    cli: Any, other: Any, whole: None, tmp_path: Path
) -> None:
    path = Path(saved(cli, tmp_path / "scan.json"))
    path.write_text(path.read_text().replace(ACCOUNT, "999988887777"))
    done = cli("register", "--suggestion", "1", "--from", str(path), "--json")
    assert (done.code, done.error["hint"]) == (3, "--profile chooses others")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing is named"),
        (("--from", "scan.json"), "--from needs --suggestion"),
        (("--suggestion", "1", BUCKET), "--suggestion names all that it takes"),
        (("--suggestion", "1"), "there is no last scan"),
        (("--suggestion", "1", "--from", "none.json"), "none.json cannot be read"),
    ],
)
def test_what_cannot_be_registered_is_said(cli: Any, arguments: tuple[str, ...], message: str) -> None:
    done = cli("register", *arguments, "--json")
    assert (done.code, done.error["message"].partition(":")[0]) == (2, message)


SUMMARY = {"resources": 0, "calls": 0, "seconds": 0.0, "not_seen": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "is not JSON"),
        ("{}", "is not the JSON answer of a scan"),
        ('{"cells": [], "resources": [], "summary": {}}', "summary.resources is missing"),
        (json.dumps({"cells": [], "resources": [], "summary": SUMMARY}), "the scan suggests no stack"),
    ],
)
@pytest.mark.parametrize("verb", [("register", "--suggestion", "1", "--from"), ("init", "--from-scan")])
def test_a_file_that_is_no_scan_is_told(cli: Any, verb: tuple[str, ...], text: str, message: str) -> None:
    Path("scan.json").write_text(text)
    done = cli(*verb, "scan.json", "--json")
    assert done.code == 2
    assert message in done.error["message"]


def test_there_is_no_suggestion_of_that_number(cli: Any, whole: None) -> None:
    cli("scan", *SERVICES)
    done = cli("register", "--suggestion", "9", "--json")
    assert (done.code, done.error["message"], done.error["hint"]) == (
        2,
        "there is no suggestion 9",
        "the scan has 1 to 2",
    )


# init


def test_init_writes_what_is_reused_and_what_is_built_and_why(cli: Any, store: str) -> None:
    cli("scan", *SERVICES)
    done = cli("init", "--from-scan", "--suggestion", "2", "--name", "mixed", "--json")
    text = Path("stack.yaml").read_text()
    spec = specs.read(text)
    assert spec.as_dict() == done.json
    assert {w.component.type: w.reuse or w.component.flavor for w in spec.components} == {
        "artifact_store": BUCKET,
        "container_registry": "ecr",
        "orchestrator": "sagemaker",
        "step_operator": "sagemaker",
    }
    assert text.startswith(
        f"# mixed: an MLOps stack on AWS, suggestion 2 of the last scan, for account {ACCOUNT}."
    )
    assert "    # built, 40 points: none that was found fits\n    flavor: ecr\n" in text
    assert "    # found, " in text


def test_init_from_a_file_takes_the_best(cli: Any, whole: None, tmp_path: Path) -> None:
    path = saved(cli, tmp_path / "scan.json")
    assert cli("init", "--from-scan", path).code == 0
    assert {w.reuse for w in specs.read(Path("stack.yaml").read_text()).components} == {
        BUCKET,
        REPOSITORY,
        ROLE,
    }


def test_nobodys_name_breaks_out_of_a_comment(cli: Any, store: str, tmp_path: Path) -> None:
    answer = cli(*SUGGEST, "--json").json
    answer["suggestions"][0]["why"]["artifact_store"] = "shares team=x\nname: evil\x07\u2028region: moon"
    (tmp_path / "scan.json").write_text(json.dumps(answer))
    assert cli("init", "--from-scan", str(tmp_path / "scan.json")).code == 0
    assert specs.read(Path("stack.yaml").read_text()).name == "churn-dev"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--from-scan", "--preset", "eks"),
            "--preset means nothing with --from-scan: the suggestion has its own",
        ),
        (("--suggestion", "1"), "--suggestion needs --from-scan"),
        (("--from-scan",), "there is no last scan"),
    ],
)
def test_what_init_cannot_take_from_a_scan_is_said(
    cli: Any, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("init", *arguments, "--json")
    assert (done.code, done.error["message"]) == (2, message)


# How old


@pytest.mark.parametrize(
    ("days", "said"), [(0, ""), (2, "is 2 days old: what it found may have changed since")]
)
def test_an_old_scan_is_said_to_be_old(
    cli: Any, whole: None, monkeypatch: pytest.MonkeyPatch, days: int, said: str
) -> None:
    cli("scan", *SERVICES)
    today = now()
    monkeypatch.setattr(suggesting, "now", lambda: today + timedelta(days=days))
    err = cli("init", "--from-scan").err
    assert said in err
    assert ("days old" in err) == bool(said)


def test_a_scan_that_does_not_say_when_it_was_made_is_told(cli: Any, whole: None, tmp_path: Path) -> None:
    path = saved(cli, tmp_path / "scan.json", scanned_at="")
    assert "the scan in scan.json does not say when it was made." in cli("init", "--from-scan", path).err
