"""The role of single SageMaker steps as the template builds it."""

from typing import Any

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}


def test_the_role_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("sagemaker_step_operator")


def test_the_role_may_start_nothing(make: Any) -> None:
    role = make({**NEEDS, "step_operator": "sagemaker"}).resources["StepOperatorRole"]["Properties"]
    actions = [a for s in role["Policies"][0]["PolicyDocument"]["Statement"] for a in [s["Action"]]]
    flat = [a for entry in actions for a in (entry if isinstance(entry, list) else [entry])]
    assert [a for a in flat if a.startswith(("sagemaker:", "iam:"))] == []


def test_orchestrator_and_step_operator_have_roles_of_their_own(make: Any) -> None:
    template = make({**NEEDS, "orchestrator": "sagemaker", "step_operator": "sagemaker"})
    roles = [k for k, r in template.resources.items() if r["Type"] == "AWS::IAM::Role"]
    assert sorted(roles) == [
        "AccessRole",
        "OrchestratorRole",
        "OrchestratorSchedulerRole",
        "StepOperatorRole",
    ]
