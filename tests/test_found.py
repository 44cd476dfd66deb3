"""Found resources become components and stacks by the same outputs as built ones."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from provisioner import found as founds
from provisioner.errors import CheckError
from provisioner.registry import RegisteredComponent, RegisteredStack
from provisioner.scan.table import Found

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
REGION = "eu-central-1"
BUCKET = Found(
    arn="arn:aws:s3:::team-artifacts",
    account="111122223333",
    region=REGION,
    kind="bucket",
    name="team-artifacts",
    attributes={"public_access_blocked": True},
)
IMAGES = Found(
    arn="arn:aws:ecr:eu-central-1:111122223333:repository/team/images",
    account="111122223333",
    region=REGION,
    kind="repository",
    name="team/images",
    attributes={"tags_can_move": True},
)
ROLE = Found(
    arn="arn:aws:iam::111122223333:role/ml",
    account="111122223333",
    region="global",
    kind="role",
    name="ml",
    attributes={"trusts_sagemaker": True},
)


def part(name: str, **changes: Any) -> RegisteredComponent:
    plain = RegisteredComponent(
        name=name,
        type="artifact_store",
        flavor="s3",
        origin="found",
        account="111122223333",
        region=REGION,
        outputs={"bucket_name": "team-artifacts", "bucket_arn": BUCKET.arn},
        config={"path": "s3://team-artifacts"},
        created_at=NOW,
    )
    return replace(plain, **changes)


def components(*resources: Found, types: tuple[str, ...] = (), stack: str = "") -> list[RegisteredComponent]:
    return founds.components(resources, types=types, stack=stack, now=NOW)


def test_a_resource_is_a_component_named_after_it() -> None:
    assert components(BUCKET) == [part("team-artifacts.artifact_store")]


def test_a_role_fits_three_slots_unless_one_is_named() -> None:
    slots = ["ml.orchestrator", "ml.step_operator", "ml.model_deployer"]
    assert [c.name for c in components(ROLE)] == slots
    assert [c.name for c in components(ROLE, types=("step_operator",))] == ["ml.step_operator"]


def test_a_role_alone_has_no_configuration_for_that_depends_on_a_bucket() -> None:
    assert [c.config for c in components(ROLE)] == [{}, {}, {}]
    config = {c.type: c.config for c in components(BUCKET, IMAGES, ROLE)}
    assert config["step_operator"] == {"role": ROLE.arn, "bucket": "team-artifacts"}


def test_a_stack_of_found_things_is_complete() -> None:
    made = components(BUCKET, IMAGES, stack="team")
    registry = part(
        "team.container_registry",
        type="container_registry",
        flavor="ecr",
        outputs={
            "repository_arn": IMAGES.arn,
            "repository_uri": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/team/images",
        },
        config={
            "uri": "111122223333.dkr.ecr.eu-central-1.amazonaws.com",
            "default_repository": "team/images",
        },
    )
    local = part("team.orchestrator", type="orchestrator", flavor="local", outputs={}, config={})
    assert made == [part("team.artifact_store"), registry, local]
    assert founds.stack("team", made, now=NOW) == RegisteredStack(
        name="team",
        account="111122223333",
        region=REGION,
        status="registered",
        components={
            "artifact_store": "team.artifact_store",
            "container_registry": "team.container_registry",
            "orchestrator": "team.orchestrator",
        },
        created_at=NOW,
    )


def test_a_found_role_takes_the_place_of_the_local_orchestrator() -> None:
    made = components(BUCKET, IMAGES, ROLE, stack="team")
    assert {c.type: c.flavor for c in made} == {
        "artifact_store": "s3",
        "container_registry": "ecr",
        "orchestrator": "sagemaker",
        "step_operator": "sagemaker",
        "model_deployer": "sagemaker",
    }


def test_a_stack_has_one_of_each() -> None:
    other = replace(BUCKET, arn="arn:aws:s3:::other", name="other")
    with pytest.raises(CheckError) as caught:
        components(BUCKET, other, stack="team")
    assert caught.value.message == "team-artifacts and other are both artifact_store"
    assert [c.name for c in components(BUCKET, other)] == [
        "team-artifacts.artifact_store",
        "other.artifact_store",
    ]


@pytest.mark.parametrize(
    ("resources", "message", "hint"),
    [
        (
            [IMAGES],
            "a stack of container_registry, orchestrator needs artifact_store",
            "add the ARN of a bucket; --type limits what is taken",
        ),
        (
            [BUCKET, ROLE],
            "a stack with orchestrator sagemaker needs container_registry",
            "add an ARN to take as container_registry",
        ),
        (
            [BUCKET, replace(IMAGES, region="us-east-1")],
            "the resources are in 111122223333 eu-central-1 and 111122223333 us-east-1",
            "a stack holds resources of one account and region",
        ),
        (
            [BUCKET, replace(IMAGES, account="444455556666")],
            "the resources are in 111122223333 eu-central-1 and 444455556666 eu-central-1",
            "a stack holds resources of one account and region",
        ),
    ],
)
def test_what_does_not_go_together_is_no_stack(resources: list[Found], message: str, hint: str) -> None:
    with pytest.raises(CheckError) as caught:
        founds.stack("team", components(*resources, stack="team"), now=NOW)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_role_belongs_to_no_region_and_goes_with_every_stack() -> None:
    made = components(BUCKET, IMAGES, ROLE, stack="team")
    assert founds.stack("team", made, now=NOW).region == REGION


def test_nothing_is_no_stack() -> None:
    with pytest.raises(CheckError) as caught:
        founds.stack("team", components(BUCKET, types=("step_operator",), stack="team"), now=NOW)
    assert caught.value.message == "a stack of nothing needs artifact_store"


def test_an_unfit_resource_is_refused_with_every_reason() -> None:
    founds.check_fit([BUCKET, IMAGES, ROLE], region=REGION)
    frozen = replace(IMAGES, attributes={"tags_can_move": False})
    with pytest.raises(CheckError) as caught:
        founds.check_fit([replace(BUCKET, region="us-east-1"), frozen], region="us-east-1")
    assert caught.value.message == (
        "team/images is unfit as container_registry: it does not hold that the repository is in the "
        "stack's region; tags may be pushed again: ZenML re-pushes the tag of every pipeline build"
    )
    assert (caught.value.field, caught.value.exit_code) == (IMAGES.arn, 3)


def test_what_nobody_could_look_at_is_not_unfit() -> None:
    founds.check_fit([replace(BUCKET, attributes={})], region=REGION)
