"""What differs between two stacks, and nothing else."""

from dataclasses import replace
from typing import Any

from provisioner import difference
from provisioner.export.stack import parse
from tests.export.samples import EKS, LOCAL, REGION, ROLE, SAGEMAKER, answer, stack


def told(*stacks: Any) -> list[tuple[str, str, str, str]]:
    return [(d.component, d.key, d.a, d.b) for d in difference.make(*stacks)]


def test_a_stack_does_not_differ_from_itself_whatever_it_is_called() -> None:
    assert told(EKS, replace(EKS, name="other", created_at="later", stack_id="x")) == []


def test_where_a_stack_is_comes_first() -> None:
    moved = replace(LOCAL, account="444455556666", region="us-east-1")
    assert told(LOCAL, moved) == [
        ("", "account", "111122223333", "444455556666"),
        ("", "region", REGION, "us-east-1"),
    ]


def test_access_is_compared_key_by_key() -> None:
    other = stack(("orchestrator", "local"), connector={"role_arn": ROLE, "external_id": "00"})
    assert told(LOCAL, other) == [
        ("access", "type", "aws", ""),
        ("access", "auth_method", "iam-role", ""),
        ("access", "external_id", "", "00"),
    ]


def test_a_changed_value_is_told_once_where_it_is_an_output_and_where_it_is_a_setting() -> None:
    raw = answer(("orchestrator", "local"))
    raw["components"]["artifact_store"] |= {
        "origin": "found",
        "outputs": {"bucket_name": "prod", "bucket_arn": "arn:aws:s3:::prod"},
        "config": {"path": "s3://prod"},
    }
    assert told(LOCAL, parse(raw)) == [
        ("artifact_store", "origin", "built", "found"),
        ("artifact_store", "outputs.bucket_name", "churn-dev-artifacts", "prod"),
        ("artifact_store", "outputs.bucket_arn", "arn:aws:s3:::churn-dev-artifacts", "arn:aws:s3:::prod"),
        ("artifact_store", "config.path", "s3://churn-dev-artifacts", "s3://prod"),
    ]


def test_a_component_that_one_side_lacks_is_told_whole() -> None:
    role = "arn:aws:iam::111122223333:role/churn-dev-steps"
    bare = stack(("orchestrator", "sagemaker"))
    assert told(SAGEMAKER, bare) == [
        ("step_operator", "flavor", "sagemaker", ""),
        ("step_operator", "origin", "built", ""),
        ("step_operator", "outputs.execution_role_arn", role, ""),
        ("step_operator", "config.role", role, ""),
        ("step_operator", "config.bucket", "churn-dev-artifacts", ""),
    ]
    assert told(bare, SAGEMAKER) == [(c, k, b, a) for c, k, a, b in told(SAGEMAKER, bare)]
