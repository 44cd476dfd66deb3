"""A spec resolved to shape and parameters."""

from dataclasses import replace
from typing import Any

import pytest

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.plan import Shape, Slot
from provisioner.spec import Spec

ROLE = "arn:aws:iam::111122223333:role/ml"
NINE_DAYS = {"flavor": "s3", "options": {"noncurrent_days": 9}}
REPOSITORY = "arn:aws:ecr:eu-central-1:111122223333:repository/team/images"


def spec(components: Any = None, **more: Any) -> Spec:
    return specs.parse(
        {
            "version": 1,
            "name": "churn",
            "region": "eu-central-1",
            "components": components or specs.PRESETS["sagemaker"],
            **more,
        }
    )


def test_a_plan_builds_what_is_asked_for_and_reuses_what_is_named() -> None:
    reused = {"flavor": "ecr", "reuse": REPOSITORY}
    made = plans.make(spec({"artifact_store": "s3", "container_registry": reused, "orchestrator": "local"}))
    assert made.shape == Shape(
        slots=(
            Slot(type="artifact_store", flavor="s3", action="build"),
            Slot(type="container_registry", flavor="ecr", action="reuse"),
            Slot(type="orchestrator", flavor="local", action="build"),
        ),
        trust="account",
        external_id=False,
        retention="retain",
    )
    assert made.parameters == {
        "ArtifactStoreNoncurrentDays": "30",
        "ArtifactStoreAbortUploadDays": "7",
        "ContainerRegistryRepositoryArn": REPOSITORY,
        "ContainerRegistryRepositoryUri": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/team/images",
    }


def test_trust_comes_first_and_what_is_empty_is_left_out() -> None:
    made = plans.make(
        spec(
            access={"trust": "principal", "principal": ROLE, "boundary": "arn:aws:iam::aws:policy/Cap"},
            tags={"team": "churn", "cost-center": "", "owner": "anna"},
        )
    )
    assert list(made.parameters.items()) == [
        ("TrustedPrincipal", ROLE),
        ("PermissionsBoundaryArn", "arn:aws:iam::aws:policy/Cap"),
        ("ArtifactStoreNoncurrentDays", "30"),
        ("ArtifactStoreAbortUploadDays", "7"),
        ("ContainerRegistryUntaggedDays", "14"),
        ("ContainerRegistryEmptyOnDelete", "false"),
        ("Team", "churn"),
    ]


def test_only_tags_that_are_no_parameter_are_stamped_in_order() -> None:
    made = plans.make(spec(tags={"zone": "b", "team": "churn", "owner": "anna", "environment": "dev"}))
    assert list(made.stamped_tags.items()) == [("owner", "anna"), ("zone", "b")]


def test_true_and_false_are_spelt_as_cloudformation_does() -> None:
    registry = {"flavor": "ecr", "options": {"empty_on_delete": True}}
    made = plans.make(spec({"container_registry": registry}))
    assert made.parameters["ContainerRegistryEmptyOnDelete"] == "true"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"region": "us-east-1"},
        {"usage": "heavy"},
        {"tags": {"team": "x", "owner": "y"}},
        {"access": {"trust": "account", "principal": ROLE}},
        {"access": {"boundary": "arn:aws:iam::aws:policy/Cap"}},
        {"components": {**specs.PRESETS["sagemaker"], "artifact_store": NINE_DAYS}},
    ],
    ids=str,
)
def test_a_value_does_not_change_the_shape(change: dict[str, Any]) -> None:
    given = {**spec().as_dict(), **change}
    assert plans.make(specs.parse(given)).shape.key == plans.make(spec()).shape.key


@pytest.mark.parametrize(
    "change",
    [
        {"slots": plans.make(spec()).shape.slots[:2]},
        {"slots": (Slot(type="artifact_store", flavor="s3", action="reuse"),)},
        {"trust": "principal"},
        {"external_id": True},
        {"retention": "delete"},
    ],
    ids=str,
)
def test_structure_changes_the_shape(change: dict[str, Any]) -> None:
    shape = plans.make(spec()).shape
    changed = replace(shape, **change)
    assert changed.key != shape.key
    assert plans.shape_from(changed.as_dict()) == changed


def test_a_key_is_a_content_address() -> None:
    key = plans.make(spec()).shape.key
    assert (len(key), set(key) <= set("0123456789abcdef")) == (64, True)
    assert key == plans.shape_from(plans.make(spec()).shape.as_dict()).key


def test_the_outputs_of_a_stack_are_given_to_their_components() -> None:
    shape = plans.make(spec(specs.PRESETS["minimal"])).shape
    stack_outputs = {
        "AccessRoleArn": ROLE,
        "FinishCommand": "x",
        "ArtifactStoreBucketName": "b",
        "ArtifactStoreBucketArn": "arn:aws:s3:::b",
        "ContainerRegistryRepositoryArn": REPOSITORY,
        "ContainerRegistryRepositoryUri": "uri",
    }
    assert plans.outputs_from_stack(shape, stack_outputs) == {
        "artifact_store": {"bucket_name": "b", "bucket_arn": "arn:aws:s3:::b"},
        "container_registry": {"repository_arn": REPOSITORY, "repository_uri": "uri"},
        "orchestrator": {},
    }


def test_a_reused_component_promises_what_a_built_one_does() -> None:
    wish = spec({"artifact_store": {"flavor": "s3", "reuse": "arn:aws:s3:::team"}}).components[0]
    assert plans.reused_outputs(wish) == {"bucket_name": "team", "bucket_arn": "arn:aws:s3:::team"}
