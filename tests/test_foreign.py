"""A reused bucket of another account: what its owner must add, and that it is enough and no more."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner import synth, text
from provisioner.cli.planning import draft
from provisioner.preflight import foreign
from provisioner.preflight.foreign import OwnerPolicy
from provisioner.preflight.row import Question, Unanswered

ACCOUNT, NAME, REGION = "123456789012", "churn-dev", "eu-central-1"
BUCKET = "arn:aws:s3:::team-artifacts"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
REUSED = {"flavor": "s3", "reuse": BUCKET}
MINIMAL = {"artifact_store": REUSED, "container_registry": "ecr", "orchestrator": "local"}
ALL = MINIMAL | {
    "orchestrator": "sagemaker",
    "step_operator": "batch",
    "image_builder": "codebuild",
    "experiment_tracker": "mlflow",
    "model_deployer": "sagemaker",
}
LIST = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"]
OBJECTS = [
    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:AbortMultipartUpload",
]
JOBS = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
PLACE = ["s3:ListBucket", "s3:GetBucketLocation"]


def wish(components: Mapping[str, Any] = MINIMAL, name: str = NAME) -> specs.Spec:
    return specs.parse({"version": 1, "name": name, "region": REGION, "components": dict(components)})


def policy(cache: Path, components: Mapping[str, Any], name: str = NAME) -> dict[str, Any]:
    plan = plans.make(wish(components, name))
    return foreign.bucket_policy(BUCKET, plan, synth.template(plan, cache_dir=cache), account=ACCOUNT)


def role(name: str, stack: str = NAME) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{stack}-{name}"


def rights(document: Mapping[str, Any]) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """(resource, actions, roles) of each statement."""
    return {
        (row["Resource"], tuple(row["Action"]), tuple(row["Condition"]["ArnLike"]["aws:PrincipalArn"]))
        for row in document["Statement"]
    }


def test_the_access_role_gets_what_it_is_granted_and_nobody_else_anything(tmp_path: Path) -> None:
    condition = {"ArnLike": {"aws:PrincipalArn": [role("AccessRole-*")]}}
    allow = {"Effect": "Allow", "Principal": ROOT, "Condition": condition}
    assert policy(tmp_path, MINIMAL) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "ChurnDev1", **allow, "Action": LIST, "Resource": BUCKET},
            {"Sid": "ChurnDev2", **allow, "Action": OBJECTS, "Resource": f"{BUCKET}/*"},
        ],
    }


def test_every_role_gets_exactly_its_own_rights(tmp_path: Path) -> None:
    jobs = ("OrchestratorRole-*", "StepOperatorJobRole-*")
    listing = (
        "OrchestratorRole-*",
        "StepOperatorJobRole-*",
        "ExperimentTrackerRole-*",
        "ModelDeployerRole-*",
    )
    found = {
        (resource.removeprefix(BUCKET), actions, frozenset(roles))
        for resource, actions, roles in rights(policy(tmp_path, ALL))
    }
    assert found == {
        ("", tuple(LIST), frozenset({role("AccessRole-*")})),
        ("/*", tuple(OBJECTS), frozenset({role("AccessRole-*")})),
        ("", tuple(PLACE), frozenset(map(role, listing))),
        ("/*", tuple(JOBS), frozenset(map(role, jobs))),
        ("/mlflow/*", tuple(JOBS), frozenset({role("ExperimentTrackerRole-*")})),
        (
            *("/code-build-contexts/*", ("s3:GetObject", "s3:GetObjectVersion")),
            frozenset({role("ImageBuilderRole-*")}),
        ),
        ("/*", ("s3:GetObject",), frozenset({role("ModelDeployerRole-*")})),
    }


def test_a_reused_role_is_named_as_it_is(tmp_path: Path) -> None:
    reused = f"arn:aws:iam::{ACCOUNT}:role/team/jobs"
    found = rights(policy(tmp_path, MINIMAL | {"orchestrator": {"flavor": "sagemaker", "reuse": reused}}))
    assert {(r, a) for r, a, roles in found if roles == (reused,)} == {
        (BUCKET, tuple(PLACE)),
        (f"{BUCKET}/*", tuple(JOBS)),
    }


def test_a_long_name_is_cut_as_cloudformation_cuts_it(tmp_path: Path) -> None:
    """Roles have 64 characters: a pattern with the whole name would let nobody in."""
    long = "a" * 31
    roles = {r for *_, found in rights(policy(tmp_path, ALL, long)) for r in found}
    assert role("ExperimentTrackerRole-*", long) not in roles
    assert role("AccessRole-*", long) in roles


def test_the_partition_is_the_buckets(tmp_path: Path) -> None:
    components = MINIMAL | {"artifact_store": {"flavor": "s3", "reuse": "arn:aws-cn:s3:::team"}}
    spec = specs.parse({"version": 1, "name": NAME, "region": "cn-north-1", "components": components})
    plan = plans.make(spec)
    template = synth.template(plan, cache_dir=tmp_path)
    found = foreign.bucket_policy("arn:aws-cn:s3:::team", plan, template, account=ACCOUNT)
    assert found["Statement"][0]["Principal"] == {"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}
    assert found["Statement"][0]["Condition"]["ArnLike"]["aws:PrincipalArn"] == [
        f"arn:aws-cn:iam::{ACCOUNT}:role/{NAME}-AccessRole-*"
    ]


# Who must add something


def owners(cache: Path, told: Mapping[Question, Any], components: Any = MINIMAL) -> list[OwnerPolicy]:
    plan = plans.make(wish(components))
    return foreign.policies(plan, synth.template(plan, cache_dir=cache), lambda asked: dict(told))


CALLER: dict[Question, Any] = {("identity",): {"account": ACCOUNT, "arn": "arn:aws:iam::1:user/ann"}}
THEIRS = {"region": "", "owner": "another"}


def test_only_the_owner_of_anothers_bucket_must_add_something(tmp_path: Path) -> None:
    asked = ("bucket", "team-artifacts")
    (told,) = owners(tmp_path, CALLER | {asked: THEIRS})
    assert told == OwnerPolicy(
        component="artifact_store", resource=BUCKET, owner="", policy=policy(tmp_path, MINIMAL)
    )
    silent = Unanswered(reason="no answer in time")
    for answer in ({"region": REGION, "owner": "caller"}, None, silent):
        assert owners(tmp_path, CALLER | {asked: answer}) == []
    assert owners(tmp_path, {("identity",): silent, asked: THEIRS}) == []


def test_nothing_is_asked_where_no_bucket_is_reused(tmp_path: Path) -> None:
    plan = plans.make(wish(specs.PRESETS["minimal"]))

    def ask(questions: set[Question]) -> Mapping[Question, Any]:
        raise AssertionError(questions)

    assert foreign.policies(plan, synth.template(plan, cache_dir=tmp_path), ask) == []


# On AWS, as the emulator is one


@pytest.fixture
def theirs(other: Any) -> Any:
    """The team's account, with the bucket that the stack is to write into."""
    where = {"LocationConstraint": REGION}
    other.s3.create_bucket(Bucket="team-artifacts", CreateBucketConfiguration=where)
    return other


def planned(world: Any) -> Any:
    from provisioner.aws.answers import Answers

    return draft(wish(), ask=Answers(world.cloud.session).ask)


def stores(world: Any) -> Any:
    """S3 as the stack's access role sees it."""
    from provisioner.aws.session import Session

    outputs = world.cloud.stacks.describe(NAME).outputs
    sts = world.cloud.session.client("sts").raw
    made = sts.assume_role(RoleArn=outputs["AccessRoleArn"], RoleSessionName="zenml")["Credentials"]
    return Session(REGION, credentials=made).client("s3").raw


def test_plan_says_whose_bucket_it_is_and_prints_the_policy(world: Any, theirs: Any) -> None:
    drafted = planned(world)
    (found,) = [f for f in drafted.findings if f.subject == "components.artifact_store.reuse"]
    assert (found.id, found.severity) == ("bucket-of-another", "warning")
    answer = drafted.as_dict()
    assert [row["resource"] for row in answer["owner_policies"]] == [BUCKET]
    shown = text.plan(answer)
    assert f"artifact_store: its owner adds to the policy of {BUCKET}" in shown
    printed = shown.partition(f"the policy of {BUCKET}\n")[2]
    assert json.loads(printed) == answer["owner_policies"][0]["policy"]


def test_a_bucket_that_others_may_see_is_still_another_accounts(world: Any, theirs: Any) -> None:
    rule = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": BUCKET}
    theirs.s3.put_bucket_policy(Bucket="team-artifacts", Policy=json.dumps({"Statement": [rule]}))
    assert [row.resource for row in planned(world).owner_policies] == [BUCKET]


def test_a_bucket_of_ones_own_needs_nothing(world: Any) -> None:
    where = {"LocationConstraint": REGION}
    world.s3.create_bucket(Bucket="team-artifacts", CreateBucketConfiguration=where)
    drafted = planned(world)
    assert drafted.owner_policies == []
    assert [f.id for f in drafted.findings if f.subject.endswith(".reuse")] == []


def test_with_the_printed_policy_the_access_role_gets_in_and_nobody_else(world: Any, theirs: Any) -> None:
    world.deploy(wish())
    with pytest.raises(ClientError, match="Access Denied"):
        stores(world).put_object(Bucket="team-artifacts", Key="model", Body=b"1")
    (owner,) = planned(world).owner_policies
    theirs.s3.put_bucket_policy(Bucket="team-artifacts", Policy=json.dumps(owner.policy))
    stores(world).put_object(Bucket="team-artifacts", Key="model", Body=b"1")
    assert stores(world).get_object(Bucket="team-artifacts", Key="model")["Body"].read() == b"1"
    with pytest.raises(ClientError, match="Access Denied"):
        world.s3.get_object(Bucket="team-artifacts", Key="model")
    assert theirs.s3.list_objects_v2(Bucket="team-artifacts")["KeyCount"] == 1
