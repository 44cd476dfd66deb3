"""`stack diff` and `stack copy` at the command line: dev to prod in another account."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ACCOUNT, NAME, OTHER_ACCOUNT, REGION

PROD = "churn-prod"
BUCKET = "arn:aws:s3:::churn-prod"
REPOSITORY = f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/churn"


@pytest.fixture
def deployed(world: Any) -> Any:
    world.deploy()
    return world.finish()


@pytest.fixture
def prod(deployed: Any, world: Any, other: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Another account with a bucket and a repository, and its credentials."""
    other.cloud.buckets.create_private("churn-prod")
    other.cloud.session.client("ecr").raw.create_repository(repositoryName="churn")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.aws.access_key(OTHER_ACCOUNT))
    return other


def test_a_copy_has_the_same_slots_with_the_other_accounts_resources(cli: Any, prod: Any) -> None:
    ran = cli("stack", "copy", NAME, PROD, BUCKET, REPOSITORY, "--json")
    assert ran.code == 0, ran.err
    value = ran.json
    assert (value["name"], value["account"], value["region"], value["status"]) == (
        PROD,
        OTHER_ACCOUNT,
        REGION,
        "registered",
    )
    assert {t: (c["flavor"], c["origin"]) for t, c in value["components"].items()} == {
        "artifact_store": ("s3", "found"),
        "container_registry": ("ecr", "found"),
        "orchestrator": ("local", "found"),
    }
    assert value["components"]["artifact_store"]["config"] == {"path": "s3://churn-prod"}
    assert ran.err.splitlines()[-1] == f"`stackwright stack diff {NAME} {PROD}` says how they differ."


def test_the_same_copy_again_changes_nothing(cli: Any, prod: Any) -> None:
    for _ in range(2):
        assert cli("stack", "copy", NAME, PROD, BUCKET, REPOSITORY).code == 0
    assert prod.held() == {NAME: "registered", PROD: "registered"}


def test_the_difference_between_dev_and_prod(cli: Any, prod: Any, deployed: Any) -> None:
    cli("stack", "copy", NAME, PROD, BUCKET, REPOSITORY)
    value = cli("stack", "diff", NAME, PROD, "--json").json
    assert (value["a"], value["b"]) == (NAME, PROD)
    found = {(d["component"], d["key"]): (d["a"], d["b"]) for d in value["differences"]}
    assert found["", "account"] == (ACCOUNT, OTHER_ACCOUNT)
    assert found["access", "role_arn"] == (deployed.connector["role_arn"], "")
    assert found["artifact_store", "origin"] == ("built", "found")
    assert ("", "region") not in found
    text = cli("stack", "diff", NAME, PROD).out.splitlines()
    assert text[0].split() == [NAME, PROD]
    assert text[1].split() == ["stack", "account", ACCOUNT, OTHER_ACCOUNT]


def test_a_file_of_yesterday_is_compared_like_a_stack(cli: Any, deployed: Any) -> None:
    for form in ("json", "yaml"):
        cli("stack", "export", NAME, "--format", form, "-o", f"old.{form}")
        ran = cli("stack", "diff", NAME, f"old.{form}", "--fail-on", "any")
        assert (ran.code, ran.out) == (0, f"{NAME} and {NAME} do not differ\n")
    Path("old.json").write_text(Path("old.json").read_text().replace('"s3://', '"s3://old-'))
    assert cli("stack", "diff", NAME, "old.json").code == 0
    ran = cli("stack", "diff", NAME, "old.json", "--fail-on", "any", "--json")
    assert (ran.code, [d["key"] for d in ran.json["differences"]]) == (3, ["config.path"])


@pytest.mark.parametrize("text", ["", "[]", "{", "a: [", '{"name": "x"}'])
def test_a_file_that_is_no_stack_is_refused(cli: Any, text: str) -> None:
    Path("x.json").write_text(text)
    ran = cli("stack", "diff", "x.json", "x.json", "--json")
    assert (ran.code, ran.error["message"].startswith("x.json ")) == (2, True)


def test_a_file_that_is_not_there_is_said(cli: Any) -> None:
    ran = cli("stack", "diff", "./none.json", NAME, "--json")
    assert (ran.code, ran.error["field"]) == (2, "file")


def test_resources_of_two_accounts_are_not_mixed(cli: Any, prod: Any) -> None:
    role = f"orchestrator=arn:aws:iam::{ACCOUNT}:role/ml"
    cli("register", BUCKET, REPOSITORY, "--stack", "shared")
    mixed = REPOSITORY.replace(OTHER_ACCOUNT, ACCOUNT)
    ran = cli("stack", "copy", NAME, PROD, BUCKET, mixed, "--json")
    assert (ran.code, ran.error["message"]) == (
        3,
        f"the resources are of account {ACCOUNT}, and the credentials are of {OTHER_ACCOUNT}",
    )
    ran = cli("stack", "copy", NAME, PROD, BUCKET, REPOSITORY, role, "--json")
    assert (ran.code, ran.error["message"]) == (2, f"{NAME} has no slot orchestrator to fill")
    assert PROD not in prod.held()


def test_the_other_accounts_bucket_is_not_found_with_our_own_credentials(
    cli: Any, prod: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.aws.access_key(ACCOUNT))
    ours = REPOSITORY.replace(OTHER_ACCOUNT, ACCOUNT)
    ran = cli("stack", "copy", NAME, PROD, BUCKET, ours, "--json")
    assert (ran.code, ran.error["message"]) == (3, f"there is no {BUCKET} in account {ACCOUNT}, {REGION}")


def test_what_is_unfit_is_taken_only_on_demand(cli: Any, prod: Any) -> None:
    prod.cloud.buckets.create_private("codepipeline-of-others")
    taken = "arn:aws:s3:::codepipeline-of-others"
    ran = cli("stack", "copy", NAME, PROD, taken, REPOSITORY, "--json")
    assert (ran.code, ran.error["hint"]) == (3, "mend it, or --unfit takes it all the same")
    assert cli("stack", "copy", NAME, PROD, taken, REPOSITORY, "--unfit").code == 0


@pytest.mark.parametrize(
    ("names", "field"), [((NAME, NAME), "name"), ((NAME, "Prod!"), "stack"), (("none", PROD), "name")]
)
def test_names_are_checked_before_anything_is_called(
    cli: Any, deployed: Any, names: tuple[str, str], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ran = cli("stack", "copy", *names, BUCKET, REPOSITORY, "--json")
    assert (ran.code in (2, 3), ran.error["field"]) == (True, field)


def test_a_name_that_another_stack_has_is_not_taken(cli: Any, prod: Any) -> None:
    prod.cloud.buckets.create_private("elsewhere")
    cli("register", "arn:aws:s3:::elsewhere", "--stack", PROD)
    ran = cli("stack", "copy", NAME, PROD, BUCKET, REPOSITORY, "--json")
    assert (ran.code, ran.error["field"]) == (3, "name")


def test_a_sagemaker_stack_takes_the_other_accounts_roles_and_projects(
    cli: Any, world: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy(world.spec("sagemaker"))
    world.finish()
    other.deploy(replace(other.spec("sagemaker"), name="infra"))
    parts = other.registry.components_of(other.finish("infra"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.aws.access_key(OTHER_ACCOUNT))
    arns = [
        parts["artifact_store"].outputs["bucket_arn"],
        parts["container_registry"].outputs["repository_arn"],
        *(f"{t}={parts[t].outputs['execution_role_arn']}" for t in ("orchestrator", "step_operator")),
    ]
    copied = cli("stack", "copy", NAME, PROD, *arns, "--json")
    assert copied.code == 0, copied.err
    found = copied.json["components"]
    assert {t: c["config"] for t, c in found.items() if t != "orchestrator"} == {
        t: c.config for t, c in parts.items() if t != "orchestrator"
    }
    # Who starts pipelines on schedule is no part of a role that was found.
    scheduled = {"scheduler_role": parts["orchestrator"].outputs["scheduler_role_arn"]}
    assert found["orchestrator"]["config"] | scheduled == parts["orchestrator"].config
