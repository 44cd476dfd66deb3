"""The models' role and the rights on endpoints as the template builds them."""

from typing import Any

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}


def test_the_role_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("sagemaker_model_deployer")


def test_a_reused_role_is_passed_and_endpoints_are_still_named_after_the_stack(make: Any) -> None:
    role = {"flavor": "sagemaker", "reuse": "arn:aws:iam::111122223333:role/ml-models"}
    template = make({**NEEDS, "model_deployer": role})
    assert [k for k in template.resources if k.startswith("ModelDeployer")] == []
    statements = template.resources["AccessRole"]["Properties"]["Policies"][-1]["PolicyDocument"]["Statement"]
    by_sid = {s["Sid"]: s["Resource"] for s in statements}
    assert by_sid["DeployerPassRole"] == {"Ref": "ModelDeployerExecutionRoleArn"}
    assert by_sid["DeployerModels"] == {
        "Fn::Sub": "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:"
        "model/${AWS::StackName}-*"
    }
    assert template.body["Outputs"]["ModelDeployerEndpointPrefix"]["Value"] == {"Ref": "AWS::StackName"}
