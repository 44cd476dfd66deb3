"""The role of SageMaker pipelines as the template builds it."""

from typing import Any

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}


def test_the_role_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("sagemaker_orchestrator")


def test_the_role_may_pass_itself_to_sagemaker_and_no_other_role(make: Any) -> None:
    resources = make({**NEEDS, "orchestrator": "sagemaker"}).resources
    assert resources["OrchestratorRoleSelf"]["Properties"] == {
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "OrchestratorPassSelf",
                    "Effect": "Allow",
                    "Action": "iam:PassRole",
                    "Resource": {"Fn::GetAtt": ["OrchestratorRole", "Arn"]},
                    "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                }
            ],
        },
        "PolicyName": "itself",
        "RoleName": {"Ref": "OrchestratorRole"},
    }


def test_a_reused_role_is_passed_by_its_parameter_and_not_touched(make: Any) -> None:
    role = {"flavor": "sagemaker", "reuse": "arn:aws:iam::111122223333:role/ml-exec"}
    template = make({**NEEDS, "orchestrator": role})
    assert [k for k in template.resources if k.startswith("Orchestrator")] == []
    policies = template.resources["AccessRole"]["Properties"]["Policies"]
    passing = [s for s in policies[-1]["PolicyDocument"]["Statement"] if s["Action"] == "iam:PassRole"]
    assert [s["Resource"] for s in passing] == [{"Ref": "OrchestratorExecutionRoleArn"}]
