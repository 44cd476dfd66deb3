"""Taking found things into the registry, and forgetting them again."""

from typing import Any

import pytest

from provisioner.aws.session import Client

BUCKET = "arn:aws:s3:::team-artifacts"


@pytest.fixture
def bucket(world: Any) -> str:
    world.cloud.buckets.create_private("team-artifacts")
    return BUCKET


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call that is made through a guarded client, by its name."""
    made: list[str] = []
    plain = Client.__init__

    def watched(self: Client, raw: Any) -> None:
        plain(self, raw)

        def note(model: Any, **_: Any) -> None:
            made.append(model.name)

        raw.meta.events.register("before-call", note, unique_id="watched")

    monkeypatch.setattr(Client, "__init__", watched)
    return made


def test_one_bucket_among_many_takes_a_handful_of_calls(cli: Any, world: Any, calls: list[str]) -> None:
    for number in range(20):
        world.s3.create_bucket(
            Bucket=f"team-{number}", CreateBucketConfiguration={"LocationConstraint": world.region}
        )
    calls.clear()
    assert cli("register", "arn:aws:s3:::team-1", "--unfit").out == "team-1.artifact_store\n"
    assert sorted(calls) == [
        "GetBucketEncryption",
        "GetBucketOwnershipControls",
        "GetBucketPolicyStatus",
        "GetBucketRequestPayment",
        "GetBucketVersioning",
        "GetCallerIdentity",
        "GetObjectLockConfiguration",
        "GetPublicAccessBlock",
        "GetPublicAccessBlock",
        "ListBuckets",
    ]


def test_one_repository_among_many_takes_two_calls(cli: Any, world: Any, calls: list[str]) -> None:
    ecr = world.cloud.session.client("ecr").raw
    for name in ("ml", "ml/churn", "web"):
        ecr.create_repository(repositoryName=name)
    arn = f"arn:aws:ecr:{world.region}:{world.account}:repository/ml/churn"
    calls.clear()
    assert cli("register", arn).out == "churn.container_registry\n"
    assert sorted(calls) == ["DescribeRepositories", "GetCallerIdentity"]


@pytest.mark.parametrize(
    "arn",
    [
        BUCKET,
        "arn:aws:ecr:eu-central-1:123456789012:repository/ml",
        "arn:aws:iam::123456789012:role/ml",
    ],
)
def test_what_is_absent_is_said_to_be_absent(cli: Any, aws: Any, arn: str) -> None:
    ran = cli("register", arn, "--json")
    assert (ran.code, ran.error["message"]) == (
        3,
        f"there is no {arn} in account 123456789012, eu-central-1",
    )


@pytest.mark.parametrize(
    ("arn", "action"),
    [
        (BUCKET, "s3:ListAllMyBuckets"),
        ("arn:aws:ecr:eu-central-1:123456789012:repository/ml", "ecr:DescribeRepositories"),
        ("arn:aws:iam::123456789012:role/ml", "iam:GetAccountAuthorizationDetails"),
    ],
)
def test_what_could_not_be_looked_at_is_not_called_absent(cli: Any, aws: Any, arn: str, action: str) -> None:
    aws.deny(action)
    ran = cli("register", arn, "--json")
    assert (ran.code, ran.error["message"].partition(": ")[0]) == (3, f"I could not look for {arn}")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Bad Name!", "a lower-case letter, then at most 30 of a-z, 0-9 and -: bad-name"),
        ("a" * 32, f"a lower-case letter, then at most 30 of a-z, 0-9 and -: {'a' * 31}"),
    ],
)
def test_a_stack_of_found_things_has_a_name_that_a_built_one_could_have(
    cli: Any, world: Any, bucket: str, name: str, hint: str
) -> None:
    ran = cli("register", bucket, "--stack", name, "--json")
    assert (ran.code, ran.error["field"], ran.error["message"], ran.error["hint"]) == (
        2,
        "stack",
        f"stack {name!r} is not allowed",
        hint,
    )
    assert world.registry.components() == []


def test_a_name_is_not_given_to_other_things(cli: Any, world: Any, bucket: str) -> None:
    world.cloud.buckets.create_private("other")
    assert cli("register", bucket, "--stack", "shared").code == 0
    ran = cli("register", "arn:aws:s3:::other", "--stack", "shared", "--json")
    assert (ran.code, ran.error["message"]) == (
        3,
        f"a stack 'shared' is registered already (account {world.account}, {world.region})",
    )
    kept = world.registry.component("shared.artifact_store")
    assert kept.outputs["bucket_name"] == "team-artifacts"
    assert cli("register", bucket, "--stack", "shared").code == 0


def test_a_found_stack_is_forgotten_whole(cli: Any, world: Any, bucket: str) -> None:
    cli("register", bucket, "--stack", "shared")
    assert cli("stack", "delete", "shared", "--yes").out == "forgot shared\n"
    assert (world.registry.stacks(), world.registry.components()) == ([], [])


def test_a_component_is_forgotten_when_no_stack_uses_it(cli: Any, world: Any, bucket: str) -> None:
    name = "team-artifacts.artifact_store"
    cli("register", bucket)
    cli("register", bucket, "--stack", "shared")
    used = cli("component", "delete", "shared.artifact_store", "--yes", "--json")
    assert (used.code, used.error["message"]) == (3, "shared.artifact_store is used by shared")
    assert cli("component", "delete", name, "--json").code == 2
    assert cli("component", "delete", name, "--yes", "--json").json == {"deleted": name}
    gone = cli("component", "delete", name, "--yes", "--json")
    assert (gone.code, gone.error["message"]) == (3, f"no component {name!r} is registered")
    assert {c.name for c in world.registry.components()} == {"shared.artifact_store", "shared.orchestrator"}


def test_the_local_orchestrator_has_no_origin_for_people(cli: Any, world: Any, bucket: str) -> None:
    cli("register", bucket, "--stack", "shared")
    listed = [line.split() for line in cli("component", "list").out.splitlines()[1:]]
    assert {row[0]: row[3] for row in listed} == {
        "shared.artifact_store": "found",
        "shared.orchestrator": "-",
    }
    assert cli("component", "show", "shared.orchestrator").out == (
        f"shared.orchestrator: orchestrator local, -, {world.account} {world.region}\n"
    )
    shown = [line.split() for line in cli("stack", "show", "shared").out.splitlines()[1:]]
    assert [row[:3] for row in shown if row[0] == "orchestrator"] == [["orchestrator", "local", "-"]]
    assert cli("stack", "show", "shared", "--json").json["components"]["orchestrator"]["origin"] == "found"
