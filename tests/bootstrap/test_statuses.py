"""What a stack that needs bootstrap is in the registry, and how it gets out of it."""

from collections.abc import Callable
from typing import Any

import pytest

NAME = "churn-dev"
EKS = {"flavor": "eks", "options": {"public_access_cidrs": ["198.51.100.7/32"]}}
COMPONENTS = {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": EKS}


@pytest.fixture
def clicked(world: Any) -> Any:
    """An eks stack that somebody made from a link."""
    return world.click(world.link(world.spec(components=COMPONENTS)))


def test_a_proved_stack_needs_bootstrap_and_is_not_active(world: Any, clicked: Any) -> None:
    assert world.finish().status == "needs_bootstrap"
    assert (world.held(), world.statuses(), world.registry.active()) == (
        {NAME: "needs_bootstrap"},
        ["needs_bootstrap"],
        "",
    )


def test_its_address_works_no_more_once_it_is_proved(
    world: Any, clicked: Any, refusal: Callable[..., tuple[str, int]]
) -> None:
    assert world.paste(clicked.outputs["FinishCommand"]).status == "unverified"
    world.finish()
    assert refusal(lambda: world.paste(clicked.outputs["FinishCommand"])) == (
        "this enrolment is needs_bootstrap: an address works once",
        3,
    )


def test_a_proved_stack_may_be_prepared_days_later(world: Any, clicked: Any) -> None:
    world.finish()
    world.later(days=3)
    assert world.finish().status == "needs_bootstrap"
    world.registry.set_bootstrapped(NAME)
    assert (world.held(), world.statuses(), world.registry.active()) == (
        {NAME: "registered"},
        ["registered"],
        NAME,
    )
    assert world.finish().status == "registered"


def test_preparing_one_stack_registers_no_other_and_leaves_the_active_one(world: Any, clicked: Any) -> None:
    world.finish()
    world.registry.set_active("another")
    world.registry.set_bootstrapped("another")
    assert world.held() == {NAME: "needs_bootstrap"}
    world.registry.set_bootstrapped(NAME)
    assert (world.held(), world.registry.active()) == ({NAME: "registered"}, "another")


def test_credentials_of_another_account_cannot_prepare_a_cluster(
    world: Any, other: Any, clicked: Any, refusal: Callable[..., tuple[str, int]]
) -> None:
    from provisioner import bootstrap

    stack = world.finish()
    caller = other.cloud.identity["arn"]
    assert refusal(lambda: bootstrap.check_account(stack, caller)) == (
        "the cluster of churn-dev is in account 123456789012, these credentials are of 444455556666",
        3,
    )
