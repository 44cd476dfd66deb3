"""Destroying: what is printed is what goes, nothing that only somebody claimed, and again is the same."""

from collections.abc import Callable
from typing import Any

import pytest

from provisioner import destroy, teardown
from provisioner.errors import CheckError

NAME = "churn-dev"
ACCOUNT = "123456789012"
Refusal = Callable[[Callable[[], object]], tuple[str, int]]


def look(world: Any, name: str = NAME) -> teardown.Found:
    return destroy.look(name, doors=world.cloud.for_destroy(), account=world.account, region=world.region)


def steps(world: Any, *, keep_data: bool = False) -> list[tuple[str, str]]:
    return [(s.action, s.target) for s in teardown.plan(look(world), keep_data=keep_data)]


def run(world: Any, *, keep_data: bool = False, stop_after: int = 99) -> None:
    doors = world.cloud.for_destroy()
    found = destroy.begin(look(world), doors=doors, now=world.now)
    for step in teardown.plan(found, keep_data=keep_data)[:stop_after]:
        destroy.apply(step, doors=doors, clock=world.clock, on_event=world.events.append)


def left(world: Any) -> dict[str, list[str]]:
    """What there still is in the account, by name."""
    client = world.cloud.session.client
    return {
        "stacks": [s.name for s in world.cloud.stacks.all()],
        "buckets": [b["Name"] for b in world.s3.list_buckets()["Buckets"]],
        "repositories": [
            r["repositoryName"] for r in client("ecr").raw.describe_repositories()["repositories"]
        ],
        "roles": [r["RoleName"] for r in world.iam.list_roles()["Roles"]],
    }


NOTHING: dict[str, list[str]] = {"stacks": [], "buckets": [], "repositories": [], "roles": []}


@pytest.fixture
def deployed(world: Any) -> Any:
    """A registered stack with one object in two versions; its state."""
    state = world.deploy()
    world.finish()
    for body in (b"1", b"2"):
        world.s3.put_object(Bucket=state.outputs["ArtifactStoreBucketName"], Key="model", Body=body)
    return state


def test_the_plan_names_every_step_in_order(world: Any, deployed: Any) -> None:
    bucket = deployed.outputs["ArtifactStoreBucketName"]
    repository = deployed.outputs["ContainerRegistryRepositoryUri"].partition("/")[2]
    assert steps(world) == [
        ("delete_stack", deployed.id),
        ("empty_bucket", bucket),
        ("delete_repository", repository),
        ("delete_bucket", bucket),
        ("unregister", NAME),
    ]


def test_destroying_leaves_nothing_and_the_registry_forgets(world: Any, deployed: Any) -> None:
    run(world)
    assert (left(world), world.held(), world.registry.components()) == (NOTHING, {}, [])
    assert (world.registry.active(), world.statuses()) == ("", ["deleted"])


@pytest.mark.parametrize("steps_done", [0, 1, 2, 3, 4])
def test_an_interrupted_destruction_goes_on(world: Any, deployed: Any, steps_done: int) -> None:
    run(world, stop_after=steps_done)
    assert world.held() == {NAME: "deleting"}
    run(world)
    assert (left(world), world.held(), world.statuses()) == (NOTHING, {}, ["deleted"])


def test_keeping_the_data_leaves_bucket_and_repository(world: Any, deployed: Any) -> None:
    run(world, keep_data=True)
    remains = left(world)
    assert (len(remains["buckets"]), len(remains["repositories"]), remains["stacks"]) == (1, 1, [])
    assert world.held() == {}


def test_a_stack_made_to_delete_its_data_cannot_keep_it(world: Any, refusal: Refusal) -> None:
    world.deploy(world.spec(data={"retention": "delete"}))
    world.finish()
    assert refusal(lambda: run(world, keep_data=True)) == (
        "the stack was made with data.retention: delete and cannot leave its data behind",
        3,
    )


def test_a_deployment_that_was_never_finished_is_destroyed_too(world: Any) -> None:
    world.deploy()
    run(world)
    assert (left(world), world.held()) == (NOTHING, {})


def test_a_renamed_stack_of_an_older_link_is_found_and_destroyed(world: Any) -> None:
    older = world.link()
    world.link()
    state = world.click(older, name="renamed")
    assert look(world).stack_id == state.id


def test_a_rolled_back_stack_is_cleaned_up(world: Any, refusal: Refusal) -> None:
    world.aws.fail("AWS::ECR::Repository", "no")
    refusal(world.deploy)
    run(world)
    assert left(world) == NOTHING
    world.aws.engine._injections.clear()
    assert world.deploy().status == "CREATE_COMPLETE"


def test_a_stack_deleted_in_the_console_leaves_only_its_data_to_destroy(world: Any, deployed: Any) -> None:
    world.cloud.stacks.delete(deployed.id)
    world.aws.engine.settle()
    assert [action for action, _ in steps(world)] == [
        "empty_bucket",
        "delete_repository",
        "delete_bucket",
        "unregister",
    ]
    run(world)
    assert (left(world), world.held()) == (NOTHING, {})


def test_a_failed_deletion_is_named_and_can_be_run_again(world: Any, deployed: Any, refusal: Refusal) -> None:
    world.aws.fail("AccessRole", "not authorized to perform: iam:DeleteRole", on="delete")
    assert refusal(lambda: run(world)) == (
        "stack churn-dev ended as DELETE_FAILED: AccessRole (AWS::IAM::Role): "
        "not authorized to perform: iam:DeleteRole",
        4,
    )
    assert world.held() == {NAME: "deleting"}
    world.aws.engine._injections.clear()
    run(world)
    assert (left(world), world.held()) == (NOTHING, {})


def test_deploying_what_is_being_destroyed_is_refused(world: Any, deployed: Any, refusal: Refusal) -> None:
    run(world, stop_after=1)
    assert refusal(world.deploy) == ("churn-dev is being destroyed", 3)


def test_another_account_cannot_destroy_it(world: Any, other: Any, deployed: Any, refusal: Refusal) -> None:
    assert refusal(lambda: look(other)) == (
        "churn-dev is in account 123456789012, region eu-central-1; "
        "this would look in account 444455556666, region eu-central-1",
        3,
    )


def test_a_name_that_nobody_knows(world: Any, refusal: Refusal) -> None:
    assert refusal(lambda: look(world)) == ("there is no stack 'churn-dev', here or in the registry", 3)


def test_a_stack_of_somebody_else_is_left_alone(world: Any, refusal: Refusal) -> None:
    body = '{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}'
    world.cloud.session.client("cloudformation").raw.create_stack(StackName=NAME, TemplateBody=body)
    world.aws.engine.settle()
    assert refusal(lambda: look(world)) == ("stack churn-dev was not made by stackwright", 3)


def test_what_an_address_only_claims_is_not_destroyed(world: Any) -> None:
    world.cloud.buckets.create_private("payroll")
    state = world.click(world.link())
    bucket = state.outputs["ArtifactStoreBucketName"]
    world.paste(state.outputs["FinishCommand"].replace(bucket, "payroll"))
    assert look(world).bucket == teardown.Holding(name=bucket, count=0)
    run(world, stop_after=1)
    run(world)
    assert left(world)["buckets"] == ["payroll", f"templates-{ACCOUNT}"]


def test_an_unverified_claim_whose_stack_is_gone_is_only_forgotten(world: Any) -> None:
    world.cloud.buckets.create_private("payroll")
    state = world.click(world.link())
    bucket = state.outputs["ArtifactStoreBucketName"]
    world.paste(state.outputs["FinishCommand"].replace(bucket, "payroll"))
    world.cloud.stacks.delete(state.id)
    world.aws.engine.settle()
    assert steps(world) == [("unregister", NAME)]
    run(world, stop_after=0)
    assert steps(world) == [("unregister", NAME)]


def test_an_address_does_not_lead_destroy_to_another_stack(world: Any) -> None:
    production = world.click(world.link(world.spec(name="production")))
    world.finish("production")
    claim = production.outputs["FinishCommand"].replace(production.enrolment_id, world.link().id)
    world.paste(claim)
    with pytest.raises(CheckError, match="named stack production, which is not of its link"):
        look(world)


def test_a_stack_of_found_resources_is_only_forgotten(world: Any) -> None:
    from provisioner.registry import RegisteredStack

    world.deploy()  # a CloudFormation stack that only happens to have the same name
    found = RegisteredStack(
        name=NAME,
        account=ACCOUNT,
        region="eu-central-1",
        status="registered",
        components={},
        created_at=world.now,
    )
    world.registry.register(found, [])
    assert steps(world) == [("unregister", NAME)]


def holdings(world: Any) -> tuple[int, bool]:
    """Object versions in the bucket, and whether the repository is there."""
    found = look(world)
    return found.bucket.count if found.bucket else -1, found.repository is not None


def test_whoever_may_not_delete_the_stack_loses_no_data(world: Any, deployed: Any, refusal: Refusal) -> None:
    world.aws.deny("cloudformation:DeleteStack")
    assert refusal(lambda: run(world))[1] == 4
    assert holdings(world) == (2, True)


@pytest.mark.parametrize("retention", ["retain", "delete"])
def test_a_protected_stack_keeps_its_data(world: Any, refusal: Refusal, retention: str) -> None:
    state = world.deploy(world.spec(data={"retention": retention}))
    world.finish()
    world.s3.put_object(Bucket=state.outputs["ArtifactStoreBucketName"], Key="model", Body=b"1")
    api = world.cloud.session.client("cloudformation").raw
    api.update_termination_protection(StackName=NAME, EnableTerminationProtection=True)
    assert refusal(lambda: steps(world)) == ("stack churn-dev is protected against deletion", 3)
    assert (holdings(world), world.held()) == ((1, True), {NAME: "registered"})


def test_a_stack_that_takes_its_data_along_leaves_nothing(world: Any) -> None:
    state = world.deploy(world.spec(data={"retention": "delete"}))
    world.finish()
    world.s3.put_object(Bucket=state.outputs["ArtifactStoreBucketName"], Key="model", Body=b"1")
    run(world)
    assert (left(world), world.held()) == (NOTHING, {})


def test_another_stack_that_uses_the_bucket_is_named(world: Any, deployed: Any) -> None:
    arn = deployed.outputs["ArtifactStoreBucketArn"]
    components = {"artifact_store": {"flavor": "s3", "reuse": arn}, "orchestrator": "local"}
    world.deploy(world.spec(name="second", components=components))
    world.finish("second")
    assert look(world).uses == (
        teardown.Use(stack="second", type="artifact_store", value="second.artifact_store"),
    )
    assert look(world, "second").uses == ()


def test_after_a_rolled_back_stack_is_destroyed_its_enrolment_is_closed(world: Any, refusal: Refusal) -> None:
    world.aws.fail("AWS::ECR::Repository", "no")
    refusal(world.deploy)
    run(world)
    assert world.statuses() == ["deleted"]


def test_after_an_unfinished_deployment_is_destroyed_its_enrolment_is_closed(world: Any) -> None:
    world.deploy()
    run(world)
    assert (world.statuses(), world.held()) == (["deleted"], {})


def test_a_bucket_that_cannot_be_seen_is_no_matter_of_templates(world: Any, deployed: Any) -> None:
    world.aws.deny("s3:ListBucket")
    with pytest.raises(CheckError) as caught:
        look(world)
    assert caught.value.hint == "use credentials of the stack's account that may see it"


def test_what_two_stacks_have_alike_is_used_by_neither() -> None:
    """The image that builds run in, a namespace, a service account: the same words everywhere."""
    mine = {"project_arn": "arn:aws:codebuild:eu-central-1:111122223333:project/a", "build_image": "standard"}
    other = {
        "project_arn": "arn:aws:codebuild:eu-central-1:111122223333:project/b",
        "build_image": "standard",
    }
    assert destroy._arns(mine) & destroy._arns(other) == set()
    assert destroy._arns(mine) == {mine["project_arn"]}
