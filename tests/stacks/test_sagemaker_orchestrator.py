"""The role of SageMaker pipelines as the template builds it."""

from typing import Any

import pytest

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


SCHEDULER_GROUP = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/default"
REUSED = {"flavor": "sagemaker", "reuse": "arn:aws:iam::111122223333:role/ml-exec"}


def test_a_reused_role_is_passed_by_its_parameter_and_not_touched(make: Any) -> None:
    template = make({**NEEDS, "orchestrator": REUSED})
    assert [k for k in template.resources if k.startswith("Orchestrator")] == ["OrchestratorSchedulerRole"]
    policies = template.resources["AccessRole"]["Properties"]["Policies"]
    passing = [s for s in policies[-1]["PolicyDocument"]["Statement"] if s["Action"] == "iam:PassRole"]
    assert {s["Sid"]: s["Resource"] for s in passing} == {
        "OrchestratorPassScheduler": {"Fn::GetAtt": ["OrchestratorSchedulerRole", "Arn"]},
        "OrchestratorPassRole": {"Ref": "OrchestratorExecutionRoleArn"},
    }


@pytest.mark.parametrize("orchestrator", ["sagemaker", REUSED])
def test_schedules_of_the_default_group_start_pipelines_and_nothing_else(
    make: Any, orchestrator: object
) -> None:
    template = make({**NEEDS, "orchestrator": orchestrator})
    role = template.resources["OrchestratorSchedulerRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": SCHEDULER_GROUP}},
    }
    ((statement,),) = [p["PolicyDocument"]["Statement"] for p in role["Policies"]]
    assert statement["Action"] == "sagemaker:StartPipelineExecution"
    promised = template.body["Outputs"]["OrchestratorSchedulerRoleArn"]["Value"]
    assert promised == {"Fn::GetAtt": ["OrchestratorSchedulerRole", "Arn"]}
