"""Bad input and bad luck: a clear message, the next step, the right exit code, nothing half-written."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import SpecError

NAME = "churn-dev"
MINIMAL = ("--preset", "minimal", "--name", NAME)
SPEC = (
    "version: 1\nname: churn-dev\nregion: eu-central-1\n"
    "components: {artifact_store: s3, orchestrator: local}\n"
)


def rows(home: Path) -> int:
    """How much is in the registry, of anything but the number of its schema."""
    path = home / "registry.db"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as database:
        tables = {r[0] for r in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables -= {"alembic_version"}
        return sum(database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables)


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("version: 1\n  name: [", "stack.yaml", "line 2"),
        (SPEC.replace("s3", "s4"), "components.artifact_store.flavor", "allowed: s3"),
        (SPEC.replace("region: eu-central-1\n", ""), "region", "region is missing"),
        (SPEC.replace("churn-dev", "Churn_Dev"), "name", "lower-case letter"),
        (SPEC.replace("eu-central-1", "eu-middle-1"), "region", "eu-middle-1"),
        (SPEC + "colour: red\n", "colour", "unknown key 'colour'"),
        ("", "stack.yaml", "empty"),
    ],
)
@pytest.mark.parametrize("verb", ["plan", "synth", "link", "deploy"])
def test_a_wish_that_is_not_understood_names_its_key(
    cli: Any, home: Path, verb: str, text: str, field: str, words: str
) -> None:
    Path("stack.yaml").write_text(text)
    ran = cli(verb, "--json")
    assert (ran.code, ran.error["field"]) == (2, field)
    assert words in ran.error["message"] + ran.error["hint"]
    assert (ran.error["hint"] != "", ran.err.startswith("Error: "), rows(home)) == (True, True, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plna",), "no verb 'plna'. Did you mean 'plan'?"),
        (("plan", "--colour"), "No such option '--colour'."),
        (("plan",), "there is no stack.yaml here"),
        (("plan", "--preset", "tiny"), "unknown preset 'tiny'"),
        (("link", "--account", "12", *MINIMAL, "--template-url", "https://x.s3.eu-central-1.amazonaws.com/t"),
         "account '12' is not 12 digits"),
        (("link", "verify", "https://example.com/"),
         "not a link of ours: it is no CloudFormation quick-create address"),
        (("finish", "v=1&stack=arn:aws:x"), "enrolment is missing or malformed"),
        (("cost", "estimate", "nowhere.json"), "nowhere.json cannot be read"),
    ],
)  # fmt: skip
def test_a_command_that_is_not_understood(
    cli: Any, home: Path, arguments: tuple[str, ...], message: str
) -> None:
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["message"][: len(message)], rows(home)) == (2, message, 0)


def test_waiting_for_a_link_that_nobody_opens_has_an_end(cli: Any, world: Any) -> None:
    world.link()
    ran = cli("wait", NAME, "--timeout", "0", "--json")
    assert (ran.code, ran.error["message"], world.statuses()) == (
        4,
        "no stack churn-dev after 0 minutes",
        ["open"],
    )


# What AWS and the network refuse.

CALLING = [
    ("deploy", *MINIMAL, "--yes"),
    ("publish", *MINIMAL, "--yes"),
    ("finish", NAME),
    ("status", NAME),
    ("destroy", NAME, "--yes"),
    ("scan",),
]


@pytest.mark.parametrize("arguments", CALLING, ids=lambda a: a[0])
def test_an_unreachable_endpoint(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["message"].startswith("could not reach AWS: ")) == (4, True)
    assert ran.error["hint"] == "check the network, a proxy, the region, and AWS_ENDPOINT_URL"
    assert rows(home) == 0


@pytest.mark.parametrize("arguments", CALLING, ids=lambda a: a[0])
def test_expired_credentials(
    cli: Any, home: Path, aws: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXPIRED0000000000")
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["message"]) == (4, "the AWS credentials have expired")
    assert ran.error["hint"].startswith("sign in again")
    assert rows(home) == 0


@pytest.mark.parametrize("arguments", CALLING, ids=lambda a: a[0])
def test_missing_credentials(
    cli: Any, home: Path, aws: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["message"]) == (4, "no AWS credentials found")
    assert "stackwright demo" in ran.error["hint"]
    assert rows(home) == 0


def test_an_unknown_profile(cli: Any, home: Path, aws: Any) -> None:
    ran = cli("deploy", *MINIMAL, "--profile", "nobody", "--json")
    assert (ran.code, ran.error) == (
        4,
        {
            "message": "The config profile (nobody) could not be found",
            "hint": "`aws configure list-profiles`",
            "field": "profile",
            "exit_code": 4,
        },
    )


def test_an_answer_that_is_not_from_aws(cli: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{emulator.endpoint}/_stackwright/health?")
    ran = cli("scan", "--json")
    assert (ran.code, "Traceback" in ran.err) == (4, False)


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (("deploy", *MINIMAL, "--yes"), "DescribeStacks"),
        (("publish", *MINIMAL, "--yes"), "HeadBucket"),
        (("status", NAME), "DescribeStacks"),
        (("destroy", NAME, "--yes"), "DescribeStacks"),
    ],
    ids=lambda a: a[0] if isinstance(a, tuple) else "",
)
def test_a_denied_caller(
    cli: Any, home: Path, aws: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], call: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADENIED00000000000")
    ran = cli(*arguments, "--json")
    expected = "someone else" if call == "HeadBucket" else f"{call} was denied"
    assert (ran.code, expected in ran.error["message"]) == (3 if call == "HeadBucket" else 4, True)
    assert rows(home) == 0


def test_a_bucket_of_somebody_else(cli: Any, home: Path, other: Any) -> None:
    other.cloud.buckets.create_private("theirs")
    ran = cli("publish", *MINIMAL, "--bucket", "theirs", "--json")
    assert (ran.code, ran.error["field"], ran.error["message"].startswith("bucket theirs belongs to")) == (
        3,
        "bucket",
        True,
    )
    assert rows(home) == 0


def test_the_default_bucket_name_taken_by_somebody_else(cli: Any, home: Path, other: Any) -> None:
    other.cloud.buckets.create_private("stackwright-123456789012-eu-central-1")
    ran = cli("publish", *MINIMAL, "--yes", "--json")
    assert (ran.code, ran.error["hint"], rows(home)) == (3, "name one of your own with --bucket", 0)


def test_a_bucket_that_is_not_there(cli: Any, home: Path, aws: Any) -> None:
    ran = cli("publish", *MINIMAL, "--bucket", "nowhere", "--json")
    assert (ran.code, ran.error["message"], rows(home)) == (3, "there is no bucket nowhere", 0)


def test_a_stack_that_exists_already(cli: Any, home: Path, world: Any) -> None:
    world.cloud.session.client("cloudformation").raw.create_stack(
        StackName=NAME, TemplateBody='{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}'
    )
    world.aws.engine.settle()
    ran = cli("deploy", *MINIMAL, "--yes", "--json")
    assert (ran.code, ran.error["field"], ran.error["hint"]) == (3, "name", "choose another name with --name")
    assert rows(home) == 0


def test_a_stack_that_rolled_back(cli: Any, world: Any) -> None:
    world.aws.fail("AWS::ECR::Repository", "Limit exceeded")
    failed = cli("deploy", *MINIMAL, "--yes", "--json")
    assert (failed.code, "ContainerRegistryRepository" in failed.error["message"]) == (4, True)
    again = cli("deploy", *MINIMAL, "--yes", "--json")
    assert (again.code, "`stackwright destroy churn-dev`" in again.error["hint"]) == (3, True)
    status = cli("status", NAME, "--json").json
    assert (status["cloudformation"], status["reason"], status["registry"]) == (
        "ROLLBACK_COMPLETE",
        "ContainerRegistryRepository (AWS::ECR::Repository): Limit exceeded",
        "",
    )
    assert cli("destroy", NAME, "--yes").code == 0


@pytest.mark.parametrize("arguments", [("deploy", *MINIMAL), ("publish", *MINIMAL)], ids=lambda a: a[0])
def test_without_a_yes_off_a_terminal_nothing_is_made(
    cli: Any, home: Path, world: Any, arguments: tuple[str, ...]
) -> None:
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["field"], ran.error["hint"]) == (2, "yes", "add --yes")
    assert ([*world.cloud.stacks.all()], world.s3.list_buckets()["Buckets"], rows(home)) == ([], [], 0)


def test_without_a_yes_off_a_terminal_nothing_is_destroyed(cli: Any, world: Any) -> None:
    cli("deploy", *MINIMAL, "--yes")
    ran = cli("destroy", NAME, "--json")
    assert (ran.code, ran.error["message"]) == (2, "this needs a yes, and there is no terminal to ask on")
    assert "delete CloudFormation stack churn-dev with its roles" in ran.err
    assert (world.held(), len([*world.cloud.stacks.all()])) == ({NAME: "registered"}, 1)


def test_a_registry_that_is_none(cli: Any, home: Path) -> None:
    home.mkdir()
    (home / "registry.db").write_text("not a database, not at all" * 100)
    ran = cli("stack", "list", "--json")
    assert (ran.code, ran.error["hint"]) == (
        4,
        "move the file away, or set STACKWRIGHT_HOME to another folder",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stack", "show", "x"), "no stack 'x' is registered"),
        (("stack", "set", "x"), "no stack 'x' is registered"),
        (("component", "show", "x"), "no component 'x' is registered"),
        (("doctor",), "no stack is active"),
    ],
)
def test_a_name_that_is_not_registered(cli: Any, arguments: tuple[str, ...], message: str) -> None:
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["message"]) == (3, message)


def test_an_error_is_told_to_people_too(cli: Any) -> None:
    ran = cli("plan")
    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        "Error: there is no stack.yaml here\n"
        "  Next: `stackwright init` writes one, or use --preset minimal|sagemaker|eks|ec2\n",
    )


def test_a_bug_says_that_it_is_one(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from provisioner import spec

    monkeypatch.setattr(spec, "preset", lambda *_, **__: 1 / 0)
    ran = cli("plan", "--preset", "minimal")
    assert (ran.code, ran.out) == (1, "")
    assert ("ZeroDivisionError" in ran.err, "please report it" in ran.err) == (True, True)


@pytest.mark.parametrize("name", ["", " ", "churn_dev", "-x", "9lives", "a" * 129, "arn:aws:s3:::bucket"])
@pytest.mark.parametrize("verb", ["status", "wait", "finish", "doctor", "destroy"])
def test_an_empty_or_malformed_name_is_never_sent_to_aws(cli: Any, home: Path, verb: str, name: str) -> None:
    ran = cli(verb, "--json", "--", name)
    assert (ran.code, ran.error["message"], ran.error["field"], rows(home)) == (
        2,
        f"{name!r} is no name of a stack",
        "name",
        0,
    )


def test_no_door_asks_cloudformation_for_a_stack_without_a_name(world: Any) -> None:
    world.deploy()
    with pytest.raises(SpecError, match="a stack needs a name"):
        world.cloud.stacks.describe("")


REUSING = SPEC + "usage: idle\n"


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        (
            "arn:aws:s3:::nobody-made-this-bucket",
            "there is no arn:aws:s3:::nobody-made-this-bucket in account",
        ),
        ("arn:aws:s3:::elsewhere-artifacts", "there is no arn:aws:s3:::elsewhere-artifacts in account"),
    ],
)
def test_what_is_reused_must_be_there_before_anything_is_made(
    cli: Any, world: Any, home: Path, arn: str, words: str
) -> None:
    s3 = world.cloud.session.client("s3", "us-west-2")
    where = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    s3.create_bucket(Bucket="elsewhere-artifacts", **where)
    Path("stack.yaml").write_text(
        REUSING.replace("artifact_store: s3", f"artifact_store: {{flavor: s3, reuse: '{arn}'}}")
    )
    ran = cli("deploy", "--yes", "--json")
    assert (ran.code, ran.error["field"]) == (3, "arn")
    assert ran.error["message"].startswith(words)
    assert (rows(home), world.cloud.stacks.describe(NAME)) == (0, None)


# What no region, cluster or account can give: refused before anything is called, with the nearest that can.

BASE = (
    "version: 1\nname: churn-dev\nregion: {}\n"
    "components: {{artifact_store: s3, container_registry: ecr, {}}}\n"
)
CLUSTER = "orchestrator: {flavor: eks, options: {public_access_cidrs: [198.51.100.7/32], %s}}"
FOREIGN = "arn:aws:eks:us-east-1:111122223333:cluster/ml"

IMPOSSIBLE = {
    "kaniko without EKS": (
        BASE.format("eu-central-1", "orchestrator: sagemaker, image_builder: kaniko"),
        2,
        "components.image_builder",
        "image_builder kaniko needs orchestrator eks or step_operator eks",
        "add `orchestrator: eks`, or take image_builder: local or codebuild",
    ),
    "steps on EKS without EKS": (
        BASE.format("eu-central-1", "orchestrator: local, step_operator: eks"),
        2,
        "components.step_operator",
        "step_operator eks needs orchestrator eks",
        "add `orchestrator: eks`, or take step_operator: sagemaker",
    ),
    "a GPU that is not offered there": (
        BASE.format("eu-central-2", CLUSTER % "gpu: {instance_type: p5.48xlarge}"),
        3,
        "components.orchestrator.options.gpu.instance_type",
        "EC2 sells no p5.48xlarge in eu-central-2, as of ",
        "choose g",
    ),
    "a cluster of another region": (
        BASE.format("eu-central-1", f"orchestrator: {{flavor: eks, reuse: '{FOREIGN}'}}"),
        3,
        "components.orchestrator.reuse",
        f"{FOREIGN} is in us-east-1, the stack in eu-central-1",
        "set region: us-east-1, or build a new one",
    ),
    "no MLflow app there": (
        BASE.format("eu-central-2", "orchestrator: local, experiment_tracker: mlflow"),
        3,
        "AWS::SageMaker::MlflowApp",
        "CloudFormation has no such type in eu-central-2",
        "set components.experiment_tracker.options.server: tracking_server or set region: eu-central-1",
    ),
    "no MLflow at all there": (
        BASE.format("ap-southeast-6", "orchestrator: local, experiment_tracker: mlflow"),
        3,
        "AWS::SageMaker::MlflowApp",
        "CloudFormation has no such type in ap-southeast-6",
        "set region: ap-",
    ),
    "no budgets there": (
        BASE.format("eu-north-1", "orchestrator: local")
        + "budget: {monthly_usd: 9, notify: a@example.com}\n",
        3,
        "AWS::Budgets::Budget",
        "CloudFormation has no such type in eu-north-1",
        "set region: eu-central-1",
    ),
    "more zones than the region has": (
        BASE.format("us-west-1", CLUSTER % "zones: 3"),
        3,
        "us-west-1",
        "3 zones are asked for, and the ids of 2 are known here",
        "name an existing VPC under network, or choose another region",
    ),
}
impossible = pytest.mark.parametrize("wish", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
Wish = tuple[str, int, str, str, str]


@impossible
def test_what_cannot_be_is_refused_at_plan_with_the_nearest_that_can(
    cli: Any, home: Path, wish: Wish
) -> None:
    text, code, field, message, nearest = wish
    Path("stack.yaml").write_text(text)
    ran = cli("plan", "--json")
    assert (ran.code, rows(home)) == (code, 0)
    errors = [ran.error] if code == 2 else [f for f in ran.json["findings"] if f["severity"] == "error"]
    told = [(e.get("field") or e["subject"], e["message"], e.get("hint") or e["fix"]) for e in errors]
    assert [t[0] for t in told] == [field]
    assert (told[0][1].startswith(message), told[0][2].startswith(nearest)) == (True, True), told


@impossible
@pytest.mark.parametrize("verb", [("link",), ("publish", "--yes"), ("deploy", "--yes")], ids=lambda v: v[0])
def test_what_cannot_be_comes_to_no_link_and_no_call(
    cli: Any, world: Any, home: Path, verb: tuple[str, ...], wish: Wish
) -> None:
    text, code, field, message, _ = wish
    Path("stack.yaml").write_text(text)
    ran = cli(*verb, "--json")
    assert (ran.code, ran.error["field"], rows(home)) == (code, field, 0)
    assert (message in ran.error["message"], ran.error["hint"] != "") == (True, True)
    assert ([*world.cloud.stacks.all()], world.s3.list_buckets()["Buckets"]) == ([], [])
