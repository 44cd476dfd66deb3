"""The doctor uses a stack as pipelines will, through its own access role."""

from collections.abc import Callable
from typing import Any

import pytest

from provisioner import doctor

NAME = "churn-dev"


@pytest.fixture
def examine(world: Any) -> Callable[[Any], list[doctor.Test]]:
    """What the doctor finds of the registered stack with the doors of a cloud."""

    def run(cloud: Any) -> list[doctor.Test]:
        components = world.registry.components_of(world.registry.stack(NAME))
        return [
            *doctor.examine(components, buckets=cloud.buckets, images=cloud.images, probe="stackwright/probe")
        ]

    return run


@pytest.fixture
def deployed(world: Any) -> Any:
    state = world.deploy()
    world.finish()
    return state


def through_role(world: Any) -> Any:
    role = world.registry.stack(NAME).connector["role_arn"]
    credentials = world.cloud.roles.assume(role, session_name="test")
    assert credentials is not None
    return world.cloud.through(credentials)


def test_a_healthy_stack_lets_its_role_write_read_delete_and_log_in(
    world: Any, deployed: Any, examine: Callable[[Any], list[doctor.Test]]
) -> None:
    bucket = deployed.outputs["ArtifactStoreBucketName"]
    uri = deployed.outputs["ContainerRegistryRepositoryUri"]
    assert examine(through_role(world)) == [
        doctor.Test(id="object", subject=bucket, ok=True, message="wrote, read and deleted an object"),
        doctor.Test(id="image-login", subject=uri, ok=True, message="got a login token for images"),
        doctor.Test(
            id="image-push", subject=uri, ok=None, message="not tested: it would leave an image behind"
        ),
    ]
    assert world.cloud.buckets.count(bucket) == 0


def test_what_is_denied_fails_by_its_name(
    world: Any, deployed: Any, examine: Callable[[Any], list[doctor.Test]]
) -> None:
    world.aws.deny("s3:PutObject")
    world.aws.deny("ecr:GetAuthorizationToken")
    found = examine(world.cloud)
    assert [(t.id, t.ok, t.message.split(":")[0]) for t in found] == [
        ("object", False, "PutObject was denied"),
        ("image-login", False, "GetAuthorizationToken was denied"),
        ("image-push", None, "not tested"),
    ]


def test_an_object_that_cannot_be_read_is_still_removed(
    world: Any, deployed: Any, examine: Callable[[Any], list[doctor.Test]]
) -> None:
    world.aws.deny("s3:GetObject")
    assert [t.ok for t in examine(world.cloud)] == [False, True, None]
    assert world.cloud.buckets.count(deployed.outputs["ArtifactStoreBucketName"]) == 0


def test_a_bucket_that_is_gone_fails(
    world: Any, deployed: Any, examine: Callable[[Any], list[doctor.Test]]
) -> None:
    world.cloud.buckets.delete(deployed.outputs["ArtifactStoreBucketName"])
    assert [t.ok for t in examine(world.cloud)] == [False, True, None]


def test_a_new_roles_rights_may_come_a_little_late(
    world: Any, deployed: Any, examine: Callable[[Any], list[doctor.Test]]
) -> None:
    world.aws.deny("s3:PutObject")
    world.aws.deny("ecr:GetAuthorizationToken")
    paused: list[str] = []

    def admit() -> None:
        paused.append("once")
        world.aws.rules.clear()

    components = world.registry.components_of(world.registry.stack(NAME))
    found = doctor.examine(
        components,
        buckets=world.cloud.buckets,
        images=world.cloud.images,
        probe="stackwright/probe",
        pauses=[admit],
    )
    assert ([t.ok for t in found], paused) == ([True, True, None], ["once"])


def test_jobs_are_said_to_be_untested(world: Any, examine: Callable[[Any], list[doctor.Test]]) -> None:
    state = world.deploy(world.spec("sagemaker"))
    world.finish()
    assert [(t.subject, t.message) for t in examine(world.cloud) if t.id == "sagemaker"] == [
        (state.outputs["OrchestratorExecutionRoleArn"], "not tested: a job costs money"),
        (state.outputs["StepOperatorExecutionRoleArn"], "not tested: a job costs money"),
    ]
