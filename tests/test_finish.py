"""Finishing: by name with credentials, by a pasted command without; what is registered, and when."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from provisioner import finish_address
from provisioner.errors import SpecError

NAME = "churn-dev"
Refusal = Callable[[Callable[[], object]], tuple[str, int]]


def test_finishing_by_name_registers_what_the_stack_says_and_makes_the_first_stack_active(world: Any) -> None:
    state = world.click(world.link(world.spec("sagemaker")))
    stack = world.finish()
    assert (stack.name, stack.account, stack.region, stack.status, stack.stack_id) == (
        NAME,
        "123456789012",
        "eu-central-1",
        "registered",
        state.id,
    )
    assert stack.connector == {
        "type": "aws",
        "auth_method": "iam-role",
        "role_arn": state.outputs["AccessRoleArn"],
        "trust": "account",
    }
    bucket = state.outputs["ArtifactStoreBucketName"]
    role = state.outputs["OrchestratorExecutionRoleArn"]
    scheduler = state.outputs["OrchestratorSchedulerRoleArn"]
    assert {c.type: (c.origin, c.outputs, c.config) for c in world.registry.components()} == {
        "artifact_store": (
            "built",
            {"bucket_name": bucket, "bucket_arn": f"arn:aws:s3:::{bucket}"},
            {"path": f"s3://{bucket}"},
        ),
        "container_registry": (
            "built",
            {
                "repository_arn": state.outputs["ContainerRegistryRepositoryArn"],
                "repository_uri": state.outputs["ContainerRegistryRepositoryUri"],
            },
            {
                "uri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                "default_repository": state.outputs["ContainerRegistryRepositoryUri"].partition("/")[2],
            },
        ),
        "orchestrator": (
            "built",
            {"execution_role_arn": role, "scheduler_role_arn": scheduler},
            {
                "execution_role": role,
                "bucket": bucket,
                "output_data_s3_uri": f"s3://{bucket}/sagemaker",
                "scheduler_role": scheduler,
            },
        ),
        "step_operator": (
            "built",
            {"execution_role_arn": state.outputs["StepOperatorExecutionRoleArn"]},
            {"role": state.outputs["StepOperatorExecutionRoleArn"], "bucket": bucket},
        ),
    }
    assert (world.registry.active(), world.statuses()) == (NAME, ["registered"])


def test_finishing_again_is_the_same(world: Any) -> None:
    world.click(world.link())
    first = world.finish()
    world.later(days=3)
    assert world.finish() == first


def test_a_second_stack_does_not_become_the_active_one(world: Any) -> None:
    world.click(world.link())
    world.finish()
    world.click(world.link(world.spec(name="second")))
    world.finish("second")
    assert world.registry.active() == NAME


def test_a_stack_renamed_in_the_console_is_found_by_its_enrolment(world: Any) -> None:
    state = world.click(world.link(), name="My-Own-Name")
    assert (world.finish().stack_id, world.held()) == (state.id, {NAME: "registered"})


def test_a_renamed_stack_is_also_finished_by_the_name_it_has_in_the_console(world: Any) -> None:
    world.click(world.link(), name="My-Own-Name")
    world.finish("My-Own-Name")
    assert world.held() == {NAME: "registered"}


def test_of_two_links_the_older_one_may_be_the_one_that_was_opened(world: Any) -> None:
    older = world.link()
    world.link()
    state = world.click(older)
    assert (world.finish().stack_id, world.statuses()) == (state.id, ["open", "registered"])


def test_a_newer_link_of_the_same_name_does_not_hide_the_registered_stack(world: Any) -> None:
    world.click(world.link())
    first = world.finish()
    world.link()
    assert world.finish() == first


def test_a_stack_without_a_link_is_taken_in_by_its_name(world: Any) -> None:
    _, template = world.drafted()
    url = world.publish(template.text)
    stack_id = world.cloud.stacks.create_from_url(name="by-hand", template_url=url, parameters={})
    world.aws.engine.settle()
    assert (world.finish("by-hand").stack_id, world.held()) == (stack_id, {"by-hand": "registered"})


def test_a_customers_key_goes_with_the_way_in(world: Any) -> None:
    made = world.cloud.session.client("kms").raw.create_key(KeyUsage="ENCRYPT_DECRYPT")
    key = made["KeyMetadata"]["Arn"]
    world.deploy(world.spec(data={"kms_key": key}))
    assert world.finish().connector["data_key"] == key


def test_a_link_that_nobody_opened_yet_says_so(world: Any, refusal: Refusal) -> None:
    world.link()
    assert refusal(world.finish) == ("no stack of 'churn-dev''s link in eu-central-1 yet", 3)
    assert (world.held(), world.statuses()) == ({}, ["open"])


def test_a_name_that_nobody_knows_says_so(world: Any, refusal: Refusal) -> None:
    assert refusal(world.finish) == ("neither a link nor a stack is called 'churn-dev'", 3)


def test_a_stack_of_somebody_else_is_not_taken_in(world: Any, refusal: Refusal) -> None:
    world.cloud.session.client("cloudformation").raw.create_stack(
        StackName=NAME, TemplateBody='{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}'
    )
    world.aws.engine.settle()
    assert refusal(world.finish) == ("stack churn-dev was not made from a stackwright template", 3)


def test_a_stack_that_failed_is_not_registered(world: Any, refusal: Refusal) -> None:
    world.aws.fail("AWS::ECR::Repository", "quota")
    refusal(lambda: world.click(world.link()))
    assert refusal(world.finish) == ("stack churn-dev is ROLLBACK_COMPLETE", 3)
    assert (world.held(), world.statuses()) == ({}, ["open"])


@pytest.mark.parametrize("preset", ["minimal", "sagemaker"])
def test_a_pasted_command_keeps_the_stack_unverified_and_inactive(world: Any, preset: str) -> None:
    state = world.click(world.link(world.spec(preset)))
    stack = world.paste(state.outputs["FinishCommand"])
    assert (stack.status, stack.stack_id, world.registry.active()) == ("unverified", state.id, "")
    assert (world.held(), world.statuses()) == ({NAME: "unverified"}, ["unverified"])


def test_an_unverified_stack_is_verified_by_finishing_it_with_credentials(world: Any) -> None:
    state = world.click(world.link())
    claimed = world.paste(state.outputs["FinishCommand"])
    verified = world.finish()
    assert (verified.status, verified.components, verified.connector) == (
        "registered",
        claimed.components,
        claimed.connector,
    )
    assert (world.registry.active(), world.statuses()) == (NAME, ["registered"])


def test_an_address_from_a_server_and_a_bare_one_say_the_same_as_the_command(world: Any) -> None:
    command = world.click(world.link()).outputs["FinishCommand"]
    query = command.removeprefix("stackwright finish '").removesuffix("'")
    assert (
        finish_address.parse(command)
        == finish_address.parse(query)
        == finish_address.parse(f"https://mlops.example.com/finish?{query}")
        == finish_address.parse(f"  {command}\n")
    )


def test_the_finish_url_appears_in_place_of_the_command_where_a_server_is_named(world: Any) -> None:
    state = world.click(world.link(), parameters={"FinishBase": "https://mlops.example.com"})
    assert "FinishCommand" not in state.outputs
    assert world.paste(state.outputs["FinishUrl"]).stack_id == state.id


def test_a_plus_in_an_address_stays_a_plus() -> None:
    stack = "arn:aws:cloudformation:eu-central-1:123456789012:stack/x/" + "0" * 36
    text = f"v=1&enrolment={'a' * 32}&stack={stack}&access.role_arn=arn:aws:iam::123456789012:role/a+b"
    assert finish_address.parse(text).role_arn == "arn:aws:iam::123456789012:role/a+b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v=2&enrolment=x", "unknown version '2' of finish address"),
        ("v=1&enrolment=x", "enrolment is missing or malformed"),
        ("v=1&v=1", "'v=1' is no part of a finish address"),
        ("v=1&junk", "'junk' is no part of a finish address"),
        (f"v=1&enrolment={'a' * 32}&stack=arn:aws:s3:::b", "stack is missing or malformed"),
    ],
)
def test_a_malformed_address_names_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        finish_address.parse(text)
    assert caught.value.message == message


def test_an_address_of_another_registry_is_refused(world: Any, refusal: Refusal) -> None:
    command = world.click(world.link(), parameters={"EnrolmentId": "f" * 32}).outputs["FinishCommand"]
    assert refusal(lambda: world.paste(command)) == ("this registry opened no such enrolment", 3)
    assert (world.held(), world.statuses()) == ({}, ["open"])


def test_a_stack_is_finished_as_its_trusted_principal_of_another_account(
    world: Any, other: Any, refusal: Refusal
) -> None:
    principal = "arn:aws:iam::444455556666:user/moto"
    access = {"trust": "principal", "principal": principal, "external_id": True}
    state = world.click(world.link(world.spec(access=access)))
    world.paste(state.outputs["FinishCommand"])
    stack = other.finish(account="123456789012")
    assert (stack.status, stack.account) == ("registered", "123456789012")
    assert world.statuses() == ["registered"]
    assert other.finish().status == "registered"


def test_another_account_that_the_role_does_not_trust_cannot_finish(
    world: Any, other: Any, refusal: Refusal
) -> None:
    principal = "arn:aws:iam::444455556666:role/server"
    access = {"trust": "principal", "principal": principal, "external_id": True}
    state = world.click(world.link(world.spec(access=access)))
    world.paste(state.outputs["FinishCommand"])
    role = state.outputs["AccessRoleArn"]
    assert refusal(lambda: other.finish(account="123456789012")) == (f"{role} does not let this caller in", 3)
    assert (world.held(), world.statuses()) == ({NAME: "unverified"}, ["unverified"])


def test_without_an_external_id_only_the_own_account_finishes(
    world: Any, other: Any, refusal: Refusal
) -> None:
    state = world.click(world.link())
    world.paste(state.outputs["FinishCommand"])
    assert refusal(other.finish) == (
        "the stack is in account 123456789012, these credentials are of 444455556666",
        3,
    )


def test_a_trusted_caller_of_the_same_account_proves_the_external_id(world: Any) -> None:
    principal = "arn:aws:iam::123456789012:user/moto"
    access = {"trust": "principal", "principal": principal, "external_id": True}
    enrolment = world.link(world.spec(access=access))
    world.click(enrolment)
    assert world.finish().connector["external_id"] == enrolment.parameters["ExternalId"]


def test_an_untrusted_caller_of_the_same_account_finishes_by_reading_alone(world: Any) -> None:
    principal = "arn:aws:iam::123456789012:role/server"
    access = {"trust": "principal", "principal": principal, "external_id": True}
    world.click(world.link(world.spec(access=access)))
    assert world.finish().status == "registered"


def test_late_starts_and_late_finishes_only_expire(world: Any, refusal: Refusal) -> None:
    world.now -= timedelta(minutes=70)
    enrolment = world.link()
    world.later(minutes=70)
    world.click(enrolment)
    assert refusal(world.finish) == ("the stack was not created within 60 minutes of its link", 3)
    assert (world.held(), world.statuses()) == ({}, ["expired"])


def test_after_a_day_a_link_cannot_be_finished(world: Any, refusal: Refusal) -> None:
    world.click(world.link())
    world.later(hours=25)
    assert refusal(world.finish) == ("more than 24 hours have passed since the link was made", 3)
    assert (world.held(), world.statuses()) == ({}, ["expired"])


def test_after_a_day_an_address_is_refused(world: Any, refusal: Refusal) -> None:
    command = world.click(world.link()).outputs["FinishCommand"]
    world.later(hours=25)
    assert refusal(lambda: world.paste(command)) == (
        "more than 24 hours have passed since the link was made",
        3,
    )
    assert (world.held(), world.statuses()) == ({}, ["expired"])
