"""What destroying a stack will do, in an order that an interrupted run can take up again."""

from dataclasses import replace
from itertools import product

import pytest

from provisioner import teardown
from provisioner.errors import CheckError
from provisioner.teardown import Found, Holding, Step, Use

STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/renamed/0a1b"
BUCKET = Holding(name="churn-bucket", count=12)
IMAGES = Holding(name="churn/images", count=3)
WHOLE = Found(
    name="churn", stack_id=STACK_ID, retention="retain", bucket=BUCKET, repository=IMAGES, registered=True
)
EMPTY = Step(
    action="empty_bucket",
    target="churn-bucket",
    words="delete 12 objects and old versions from bucket churn-bucket, for good",
)
REPOSITORY = Step(
    action="delete_repository",
    target="churn/images",
    words="delete repository churn/images with 3 images, for good",
)
STACK = Step(
    action="delete_stack",
    target=STACK_ID,
    words="delete CloudFormation stack renamed with its roles",
)
DELETE = Step(action="delete_bucket", target="churn-bucket", words="delete bucket churn-bucket")
FORGET = Step(action="unregister", target="churn", words="forget churn in the registry")


def test_the_stack_goes_first_then_its_data_and_the_registry_forgets_last() -> None:
    """Whoever may not delete the stack loses nothing."""
    assert teardown.plan(WHOLE) == [STACK, EMPTY, REPOSITORY, DELETE, FORGET]


def test_data_goes_first_where_the_stack_takes_it_along() -> None:
    found = replace(WHOLE, retention="delete")
    assert teardown.plan(found) == [EMPTY, REPOSITORY, STACK, DELETE, FORGET]


@pytest.mark.parametrize("retention", ["retain", "delete"])
def test_a_protected_stack_is_left_alone_with_its_data(retention: str) -> None:
    with pytest.raises(CheckError, match="stack renamed is protected against deletion") as caught:
        teardown.plan(replace(WHOLE, retention=retention, protected=True))
    assert "--no-enable-termination-protection --stack-name renamed" in caught.value.hint


BUCKET_USE = Use(stack="prod", type="artifact_store", value="prod.artifact_store")
ROLE_USE = Use(stack="prod", type="step_operator", value="prod.step_operator")


@pytest.mark.parametrize(
    ("uses", "keep_data", "refused"),
    [
        ((BUCKET_USE,), False, "prod its artifact_store prod.artifact_store"),
        ((BUCKET_USE,), True, ""),
        ((BUCKET_USE, ROLE_USE), True, "prod its step_operator prod.step_operator"),
    ],
)
def test_what_other_stacks_use_goes_only_on_purpose(
    uses: tuple[Use, ...], keep_data: bool, refused: str
) -> None:
    found = replace(WHOLE, uses=uses)
    on_purpose = teardown.plan(found, keep_data=keep_data, even_if_used=True)
    assert on_purpose == teardown.plan(WHOLE, keep_data=keep_data)
    if not refused:
        assert teardown.plan(found, keep_data=keep_data) == on_purpose
        return
    with pytest.raises(CheckError) as caught:
        teardown.plan(found, keep_data=keep_data)
    assert (caught.value.message, caught.value.field) == (
        f"other registered stacks use what churn built: {refused}",
        "even-if-used",
    )


def test_kept_data_is_left_alone_and_named() -> None:
    assert teardown.plan(WHOLE, keep_data=True) == [STACK, FORGET]
    assert teardown.kept(WHOLE) == [
        "bucket churn-bucket (12 objects)",
        "repository churn/images (3 images)",
    ]


def test_an_empty_bucket_is_deleted_without_emptying() -> None:
    found = Found(name="churn", bucket=Holding(name="churn-bucket", count=0))
    assert teardown.plan(found) == [DELETE]


def test_what_is_gone_needs_no_step() -> None:
    assert teardown.plan(Found(name="churn")) == []
    assert teardown.kept(Found(name="churn")) == []
    assert teardown.plan(Found(name="churn", registered=True)) == [FORGET]


@pytest.mark.parametrize("keep_data", [False, True])
def test_a_run_cut_short_is_taken_up_where_it_stopped(keep_data: bool) -> None:
    """Whatever a step has removed is missing in what is found next, and the rest is planned as before."""
    for bucket, repository, stack_id, registered in product(
        (BUCKET, None), (IMAGES, None), (STACK_ID, ""), (True, False)
    ):
        found = Found(
            name="churn", stack_id=stack_id, bucket=bucket, repository=repository, registered=registered
        )
        steps = teardown.plan(found, keep_data=keep_data)
        assert steps == [s for s in teardown.plan(WHOLE, keep_data=keep_data) if s in steps]


def test_a_stack_that_deletes_its_data_cannot_keep_it() -> None:
    found = Found(name="churn", stack_id=STACK_ID, retention="delete", bucket=BUCKET)
    with pytest.raises(CheckError) as caught:
        teardown.plan(found, keep_data=True)
    assert (caught.value.field, caught.value.exit_code) == ("keep-data", 3)
    assert "data.retention: retain" in caught.value.hint


def test_a_stack_that_deletes_its_data_may_keep_what_is_not_there() -> None:
    found = Found(name="churn", stack_id=STACK_ID, retention="delete")
    assert teardown.plan(found, keep_data=True) == [STACK]


def test_mlflow_goes_with_its_runs_and_the_provider_stays() -> None:
    found = Found(name="churn", stack_id=STACK_ID, tracks=True, provider="arn:p")
    assert [step.words for step in teardown.plan(found)] == [
        "delete CloudFormation stack renamed with its roles, and MLflow with its runs and metrics, for good"
    ]
    assert teardown.stays(found) == ["provider arn:p (others of the account may sign in by it)"]
