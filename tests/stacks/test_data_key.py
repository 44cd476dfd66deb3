"""A customer's KMS key: what is encrypted with it, and who may use it."""

import json
from typing import Any

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
COMPONENTS = {
    "artifact_store": "s3",
    "container_registry": "ecr",
    "orchestrator": "sagemaker",
    "step_operator": "sagemaker",
}
OBJECTS = ("s3:GetObject", "s3:PutObject")


def with_key(make: Any) -> Any:
    return make(COMPONENTS, data={"kms_key": KEY})


def test_bucket_and_repository_are_encrypted_with_it(make: Any) -> None:
    resources = with_key(make).resources
    (rule,) = resources["ArtifactStoreBucket"]["Properties"]["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "DataKeyArn"}},
    }
    assert resources["ContainerRegistryRepository"]["Properties"]["EncryptionConfiguration"] == {
        "EncryptionType": "KMS",
        "KmsKey": {"Ref": "DataKeyArn"},
    }


def test_whoever_may_use_objects_may_use_the_key_through_s3_and_in_no_other_way(make: Any) -> None:
    template = with_key(make)
    roles = [
        name
        for name, resource in template.resources.items()
        if resource["Type"] == "AWS::IAM::Role" and "s3:PutObject" in json.dumps(resource)
    ]
    assert roles == ["OrchestratorRole", "StepOperatorRole", "AccessRole"]
    for role in roles:
        statements = [
            statement
            for policy in template.resources[role]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            if "kms:Decrypt" in statement["Action"]
        ]
        assert [(s["Action"], s["Resource"], s["Condition"]) for s in statements] == [
            (
                ["kms:Decrypt", "kms:GenerateDataKey"],
                {"Ref": "DataKeyArn"},
                {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"}}},
            )
        ]


def test_without_a_key_nobody_gets_a_right_to_one(make: Any) -> None:
    template = make(COMPONENTS)
    assert "kms:" not in template.text
    assert "DataKeyArn" not in template.parameters
