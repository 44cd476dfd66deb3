"""Deploying: create, update, go on, and say which resource failed first and what to do."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from provisioner import deploy
from provisioner.aws.cloudformation import Change
from provisioner.errors import RefusedError

NAME = "churn-dev"
ACCOUNT = "123456789012"
Refusal = Callable[[Callable[[], object]], tuple[str, int]]


def keeping(days: int) -> dict[str, Any]:
    """Components of the minimal preset with one changed option."""
    return {
        "artifact_store": {"flavor": "s3", "options": {"noncurrent_days": days}},
        "container_registry": "ecr",
        "orchestrator": "local",
    }


def days_kept(world: Any, state: Any) -> int:
    rules = world.s3.get_bucket_lifecycle_configuration(Bucket=state.outputs["ArtifactStoreBucketName"])
    return next(
        rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in rules["Rules"]
        if "NoncurrentVersionExpiration" in rule
    )


@pytest.mark.parametrize("preset", ["minimal", "sagemaker"])
def test_deploying_makes_the_planned_resources_and_tells_their_events(world: Any, preset: str) -> None:
    state = world.deploy(world.spec(preset))
    _, template = world.drafted(world.spec(preset))
    completed = {e.logical_id for e in world.events if e.status == "CREATE_COMPLETE"}
    assert (state.status, completed) == ("CREATE_COMPLETE", {*template.resources, NAME})
    assert state.parameters["EnrolmentId"] == world.registry.enrolments_of(NAME)[0].id
    assert state.tags == {
        "stackwright:stack": NAME,
        "stackwright:enrolment": state.parameters["EnrolmentId"],
    }


def test_deploying_opens_an_enrolment_for_this_account_only(world: Any) -> None:
    world.deploy()
    opened = world.registry.enrolments_of(NAME)[0]
    assert (opened.expected_account, opened.region, opened.status, opened.template_sha256) == (
        ACCOUNT,
        "eu-central-1",
        "open",
        world.drafted()[1].sha256,
    )


def test_deploying_again_without_a_change_is_fine_and_changes_nothing(world: Any) -> None:
    first = world.deploy()
    world.finish()
    world.events.clear()
    assert (world.deploy(), world.events) == (first, [])
    assert world.finish().status == "registered"


def test_a_changed_option_updates_the_stack_and_keeps_its_ids(world: Any) -> None:
    first = world.deploy(world.spec(components=keeping(30)))
    world.finish()
    second = world.deploy(world.spec(components=keeping(90)))
    assert (second.status, second.id, second.parameters["EnrolmentId"]) == (
        "UPDATE_COMPLETE",
        first.id,
        first.parameters["EnrolmentId"],
    )
    assert days_kept(world, second) == 90
    assert (world.finish().status, world.statuses()) == ("registered", ["registered"])


def test_there_and_back_again(world: Any) -> None:
    """The third change set would have the first one's name."""
    world.deploy(world.spec(components=keeping(30)))
    world.deploy(world.spec(components=keeping(90)))
    assert days_kept(world, world.deploy(world.spec(components=keeping(30)))) == 30


def test_an_added_component_is_built_beside_the_others(world: Any) -> None:
    world.deploy(world.spec("minimal"))
    world.finish()
    world.deploy(world.spec("sagemaker"))
    assert sorted(world.finish().components) == [
        "artifact_store",
        "container_registry",
        "orchestrator",
        "step_operator",
    ]


def test_deploying_over_a_stack_that_a_link_made_updates_it(world: Any) -> None:
    made = world.click(world.link(world.spec(components=keeping(30))))
    state = world.deploy(world.spec(components=keeping(90)))
    assert (state.id, days_kept(world, state), world.finish().status) == (made.id, 90, "registered")


def test_a_week_old_stack_without_a_link_is_taken_over(world: Any) -> None:
    _, template = world.drafted()
    url = world.publish(template.text)
    world.cloud.stacks.create_from_url(name=NAME, template_url=url, parameters={})
    world.aws.engine.settle()
    world.now += timedelta(days=7)
    world.deploy(take_over=True)
    assert (world.finish().status, world.statuses()) == ("registered", ["registered"])


def test_a_stack_that_this_registry_does_not_know_is_updated_only_on_purpose(
    world: Any, refusal: Refusal
) -> None:
    """It may be a colleague's, deployed from another machine."""
    theirs = world.link(world.spec(components=keeping(30)))
    made = world.click(theirs)
    world.registry.update_enrolment(replace(theirs, name="forgotten"))
    with closing(sqlite3.connect(world.home / "registry.db")) as database, database:
        database.execute("DELETE FROM enrolments")
    wish = world.spec(components=keeping(90))
    assert refusal(lambda: world.deploy(wish)) == (
        "a stack 'churn-dev' exists in eu-central-1 that this registry does not know",
        3,
    )
    assert days_kept(world, made) == 30
    assert days_kept(world, world.deploy(wish, take_over=True)) == 90


def test_a_stack_renamed_in_the_console_is_updated_and_not_made_twice(world: Any) -> None:
    made = world.click(world.link(world.spec(components=keeping(30))), name="My-Own-Name")
    unfinished = world.deploy(world.spec(components=keeping(60)))
    world.finish()
    finished = world.deploy(world.spec(components=keeping(90)))
    assert [s.id for s in (made, unfinished, finished)] == [made.id] * 3
    assert (days_kept(world, finished), [s.name for s in world.cloud.stacks.all()]) == (90, ["My-Own-Name"])
    assert world.finish().stack_id == made.id


STORE_ONLY = {"artifact_store": "s3", "orchestrator": "local"}


@pytest.mark.parametrize(
    ("retention", "fate"), [("retain", "left behind, outside the stack"), ("delete", "deleted")]
)
def test_an_update_that_takes_a_repository_away_is_refused_and_named(
    world: Any, refusal: Refusal, retention: str, fate: str
) -> None:
    state = world.deploy(world.spec(data={"retention": retention}))
    world.finish()
    wish = world.spec(components=STORE_ONLY, data={"retention": retention})
    repository = state.outputs["ContainerRegistryRepositoryUri"].partition("/")[2]
    loss = f"ContainerRegistryRepository (AWS::ECR::Repository {repository}) is removed: it will be {fate}"
    assert refusal(lambda: world.deploy(wish)) == (f"this update takes away what holds data: {loss}", 3)
    assert (world.told, world.cloud.images.exists(repository)) == ([loss], True)
    api = world.cloud.session.client("cloudformation").raw
    executed = [c["ExecutionStatus"] for c in api.list_change_sets(StackName=NAME)["Summaries"]]
    assert (executed, world.finish().status) == (["EXECUTE_COMPLETE"], "registered")


def test_a_removal_that_is_wanted_leaves_no_component_in_the_registry(world: Any) -> None:
    world.deploy()
    world.finish()
    state = world.deploy(world.spec(components=STORE_ONLY), allow_removal=True)
    assert (state.status, sorted(world.finish().components)) == (
        "UPDATE_COMPLETE",
        ["artifact_store", "orchestrator"],
    )
    assert [c.name for c in world.registry.components()] == [
        "churn-dev.artifact_store",
        "churn-dev.orchestrator",
    ]


def test_a_role_that_goes_is_told_and_needs_no_permission(world: Any) -> None:
    world.deploy(world.spec("sagemaker"))
    world.deploy(world.spec("minimal"))
    assert [line.partition(" ")[0] for line in world.told if "(AWS::IAM::Role " in line] == [
        "OrchestratorSchedulerRole",
        "OrchestratorRole",
        "StepOperatorRole",
    ]


@pytest.mark.parametrize(
    ("change", "live", "words"),
    [
        (
            Change(action="Remove", logical_id="B", type="AWS::S3::Bucket", physical_id="b"),
            {"DeletionPolicy": "RetainExceptOnCreate"},
            "B (AWS::S3::Bucket b) is removed: it will be left behind, outside the stack",
        ),
        (
            Change(action="Modify", logical_id="B", type="AWS::S3::Bucket", replacement="True"),
            {"DeletionPolicy": "Retain"},
            "B (AWS::S3::Bucket) is replaced by a new one: the old one will be deleted",
        ),
        (
            Change(action="Modify", logical_id="B", type="AWS::S3::Bucket", replacement="Conditional"),
            {"UpdateReplacePolicy": "Retain"},
            "B (AWS::S3::Bucket) may be replaced by a new one: "
            "the old one will be left behind, outside the stack",
        ),
    ],
)
def test_the_live_template_says_what_becomes_of_a_loss(
    change: Change, live: dict[str, str], words: str
) -> None:
    assert (deploy.loss(change, live), change.takes_away) == (words, True)


def test_a_change_in_place_takes_nothing_away() -> None:
    kept = Change(action="Modify", logical_id="B", type="AWS::S3::Bucket", replacement="False")
    assert (kept.takes_away, replace(kept, action="Add", replacement="").takes_away) == (False, False)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("ROLLBACK_COMPLETE", "`stackwright destroy churn-dev`, then deploy again"),
        ("CREATE_FAILED", "`stackwright destroy churn-dev`, then deploy again"),
        (
            "UPDATE_ROLLBACK_FAILED",
            "mend the cause, then let it roll back (Continue update rollback in the console, or aws "
            "cloudformation continue-update-rollback --region eu-central-1 --stack-name churn-dev), "
            "then deploy again",
        ),
        (
            "UPDATE_FAILED",
            "mend the cause, then let it roll back (Roll back in the console, or aws cloudformation "
            "rollback-stack --region eu-central-1 --stack-name churn-dev), then deploy again",
        ),
        ("DELETE_FAILED", "mend the cause, then `stackwright destroy churn-dev` again"),
        ("IMPORT_ROLLBACK_FAILED", "look at churn-dev in the CloudFormation console"),
    ],
)
def test_only_a_failed_creation_is_advised_to_be_destroyed(world: Any, status: str, words: str) -> None:
    assert deploy.remedy(replace(world.deploy(), status=status)) == words


def test_a_second_run_of_the_same_change_follows_the_first(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks, execute = world.cloud.stacks, world.cloud.stacks.execute

    def twice(**words: str) -> None:
        execute(**words)
        execute(**words)

    monkeypatch.setattr(stacks, "execute", twice)
    assert world.deploy().status == "CREATE_COMPLETE"
    assert world.finish().status == "registered"


def test_another_operation_that_came_first_is_said(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy(world.spec(components=keeping(30)))
    world.finish()
    known = world.registry.enrolments_of(NAME)

    def too_late(*, stack: str, change_set: str) -> None:
        world.cloud.stacks.drop_change_set(stack=stack, change_set=change_set)
        raise RefusedError("ExecuteChangeSet: cannot be executed", code="InvalidChangeSetStatus")

    monkeypatch.setattr(world.cloud.stacks, "execute", too_late)
    with pytest.raises(RefusedError) as caught:
        world.deploy(world.spec(components=keeping(60)))
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == (
        "another operation of stack churn-dev came first: ExecuteChangeSet: cannot be executed",
        "`stackwright wait churn-dev`, then the same command again",
        4,
    )
    assert world.registry.enrolments_of(NAME) == known


def test_a_deployment_interrupted_a_week_ago_is_taken_up(world: Any) -> None:
    world.deploy()
    world.now += timedelta(days=7)
    world.deploy()
    assert (world.finish().status, world.statuses()) == ("registered", ["registered"])


def test_a_newer_link_does_not_hide_what_was_deployed(world: Any) -> None:
    world.deploy()
    world.link()
    assert world.finish().status == "registered"


def test_a_stack_of_somebody_else_is_left_alone(world: Any, refusal: Refusal) -> None:
    api = world.cloud.session.client("cloudformation").raw
    body = '{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}'
    api.create_stack(StackName=NAME, TemplateBody=body)
    world.aws.engine.settle()
    assert refusal(world.deploy) == (
        "a stack 'churn-dev' exists in eu-central-1 that stackwright did not make",
        3,
    )
    assert (world.statuses(), len(api.list_change_sets(StackName=NAME)["Summaries"])) == ([], 0)


def test_the_first_failing_resource_is_named_with_what_to_do(world: Any) -> None:
    world.aws.fail("ContainerRegistryRepository", "Limit of repositories exceeded")
    with pytest.raises(RefusedError) as caught:
        world.deploy()
    error = caught.value
    assert (error.message, error.hint, error.exit_code) == (
        "stack churn-dev ended as ROLLBACK_COMPLETE: ContainerRegistryRepository (AWS::ECR::Repository): "
        "Limit of repositories exceeded",
        "raise the quota in the Service Quotas console, or choose another region; "
        "`stackwright destroy churn-dev`, then deploy again",
        4,
    )
    assert world.held() == {}


def test_a_rolled_back_stack_is_to_be_destroyed_first(world: Any, refusal: Refusal) -> None:
    world.aws.fail("AWS::ECR::Repository", "no")
    refusal(world.deploy)
    with pytest.raises(Exception, match="ROLLBACK_COMPLETE: an earlier attempt failed") as caught:
        world.deploy()
    assert caught.value.exit_code == 3
    assert caught.value.hint == (
        "`stackwright status churn-dev` says why; `stackwright destroy churn-dev`, then deploy again"
    )


def test_a_failed_update_is_told_and_leaves_the_stack_provable(world: Any, refusal: Refusal) -> None:
    world.deploy(world.spec("minimal"))
    world.finish()
    world.aws.fail("OrchestratorRole", "not authorized to perform: iam:CreateRole")
    assert refusal(lambda: world.deploy(world.spec("sagemaker"))) == (
        "stack churn-dev ended as UPDATE_ROLLBACK_COMPLETE: OrchestratorRole (AWS::IAM::Role): "
        "not authorized to perform: iam:CreateRole",
        4,
    )
    assert (world.finish().status, world.statuses()) == ("registered", ["registered"])


def test_after_a_failed_update_the_next_one_is_judged_by_itself(world: Any, refusal: Refusal) -> None:
    world.deploy(world.spec(components=keeping(30)))
    world.aws.fail("ArtifactStoreBucket", "no", on="update")
    refusal(lambda: world.deploy(world.spec(components=keeping(60))))
    world.aws.engine._injections.clear()
    state = world.deploy(world.spec(components=keeping(90)))
    assert (state.status, days_kept(world, state)) == ("UPDATE_COMPLETE", 90)
    world.events.clear()
    seen = deploy.follow(world.cloud.stacks, NAME, clock=world.clock, on_event=world.events.append)
    assert (seen.status, [e.status for e in world.events if e.status.endswith("FAILED")]) == (
        "UPDATE_COMPLETE",
        [],
    )


def test_a_draft_that_was_left_behind_is_gone_on_with(world: Any) -> None:
    plan, template = world.drafted()
    world.cloud.stacks.propose(
        stack=NAME,
        change_set="left-behind",
        create=True,
        template=template.text,
        parameters=plan.parameters,
        tags={},
    )
    assert world.deploy().status == "CREATE_COMPLETE"


def test_a_stack_at_work_is_followed_to_its_end_then_updated(world: Any) -> None:
    world.aws.set_delay(0.1)
    enrolment = world.link()
    stack_id = world.cloud.stacks.create_from_url(
        name=NAME, template_url=world.publish(world.drafted()[1].text), parameters=enrolment.parameters
    )
    state = world.deploy()
    assert (state.id, state.status, world.events[0].status) == (
        stack_id,
        "UPDATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    )


def test_a_stack_deleted_while_it_is_watched_ends_the_watch(world: Any) -> None:
    world.aws.set_delay(0.2)
    enrolment = world.link()
    url = world.publish(world.drafted()[1].text)
    world.cloud.stacks.create_from_url(name=NAME, template_url=url, parameters=enrolment.parameters)
    told: list[str] = []

    def watch() -> None:
        try:
            deploy.follow(world.cloud.stacks, NAME, clock=world.clock, on_event=lambda _: None)
        except RefusedError as error:
            told.append(error.message)

    thread = Thread(target=watch)
    thread.start()
    world.cloud.stacks.delete(NAME)
    thread.join(30)
    assert told == ["stack churn-dev is gone"]


def test_waiting_has_an_end(world: Any, refusal: Refusal) -> None:
    world.aws.set_delay(0.2)
    enrolment = world.link()
    url = world.publish(world.drafted()[1].text)
    stack_id = world.cloud.stacks.create_from_url(
        name=NAME, template_url=url, parameters=enrolment.parameters
    )
    assert refusal(
        lambda: deploy.follow(
            world.cloud.stacks,
            stack_id,
            clock=world.clock,
            on_event=world.events.append,
            deadline=world.now - timedelta(seconds=1),
        )
    ) == ("stack churn-dev is still CREATE_IN_PROGRESS", 4)


def test_a_name_registered_elsewhere_is_refused_before_anything_is_built(
    world: Any, other: Any, refusal: Refusal
) -> None:
    world.deploy()
    world.finish()
    assert refusal(other.deploy) == (
        "a stack 'churn-dev' is registered already (account 123456789012, eu-central-1)",
        3,
    )
    assert ([*other.cloud.stacks.all()], len(world.statuses())) == ([], 1)


def test_a_stack_deleted_in_the_console_does_not_stand_in_the_way(world: Any) -> None:
    old = world.deploy()
    world.finish()
    world.cloud.stacks.delete(old.id)
    world.aws.engine.settle()
    new = world.deploy()
    assert (world.finish().stack_id == new.id, world.held()) == (True, {NAME: "registered"})


@pytest.mark.parametrize("principal", ["user/moto", "role/server"])
def test_a_role_for_one_principal_with_an_external_id(world: Any, principal: str) -> None:
    trusted = f"arn:aws:iam::{ACCOUNT}:{principal}"
    spec = world.spec(access={"trust": "principal", "principal": trusted, "external_id": True})
    state = world.deploy(spec)
    connector = world.finish().connector
    assert connector["external_id"] == state.parameters["ExternalId"]
    assert (world.cloud.roles.assume(connector["role_arn"], session_name="test") is None) is True
    admitted = world.cloud.roles.assume(
        connector["role_arn"], session_name="test", external_id=connector["external_id"]
    )
    assert (admitted is not None) is (principal == "user/moto")


def test_an_update_keeps_the_external_id(world: Any) -> None:
    access = {"trust": "principal", "principal": f"arn:aws:iam::{ACCOUNT}:user/moto", "external_id": True}
    first = world.deploy(world.spec(access=access))
    world.finish()
    second = world.deploy(world.spec("sagemaker", access=access))
    assert second.parameters["ExternalId"] == first.parameters["ExternalId"]
    assert world.finish().connector["external_id"] == first.parameters["ExternalId"]


def test_hints_follow_what_cloudformation_says() -> None:
    assert {
        reason: deploy.hint(reason)
        for reason in ("User is not authorized to perform x", "bucket already exists", "no idea")
    } == {
        "User is not authorized to perform x": "the deploying identity lacks this permission",
        "bucket already exists": "a resource of this name is left from before: delete it, or choose another "
        "stack name",
        "no idea": "",
    }


def test_a_refused_template_is_no_half_made_stack(world: Any, refusal: Refusal) -> None:
    world.aws.deny("cloudformation:CreateChangeSet")
    message, code = refusal(world.deploy)
    assert (message.startswith("CreateChangeSet was denied: "), code) == (True, 4)
    assert (world.held(), [*world.cloud.stacks.all()], world.statuses()) == ({}, [], ["open"])
    assert json.loads(json.dumps(world.registry.active())) == ""


TRACKED = {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": "local"}


def tracking(server: str) -> dict[str, Any]:
    return {**TRACKED, "experiment_tracker": {"flavor": "mlflow", "options": {"server": server}}}


@pytest.mark.parametrize("wanted", [TRACKED, tracking("tracking_server")], ids=["removed", "switched"])
def test_mlflow_is_taken_away_with_its_runs_only_on_purpose(
    world: Any, refusal: Refusal, wanted: dict[str, Any]
) -> None:
    world.deploy(world.spec(components=tracking("serverless")))
    message, code = refusal(lambda: world.deploy(world.spec(components=wanted)))
    assert (code, message.partition(": ")[0]) == (3, "this update takes away what holds data")
    assert message.endswith("is removed: it will be deleted with its runs and metrics")
    assert world.deploy(world.spec(components=wanted), allow_removal=True).status == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "OidcProvider (AWS::IAM::OIDCProvider): Provider with url https://gitlab.com already exists.",
            "an account has one provider per issuer, and others may rely on it: leave it as it is, "
            "and set access.oidc.provider to its ARN",
        ),
        (
            "The following CIDRs are not allowed in publicAccessCidrs: [10.0.0.0/8]",
            "EKS takes public ranges only: set public_access_cidrs to the addresses that you come from",
        ),
        ("ann is not allowed to call iam:CreateRole", "the deploying identity lacks this permission"),
    ],
)
def test_a_reason_has_its_own_next_step(reason: str, words: str) -> None:
    assert deploy.hint(reason) == words
