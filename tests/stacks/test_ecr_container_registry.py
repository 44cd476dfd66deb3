"""The image repository as the template builds it."""

import json
from typing import Any


def test_the_repository_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("ecr_container_registry")


def test_untagged_images_expire_after_the_days_of_the_parameter(make: Any) -> None:
    repository = make({"container_registry": "ecr"}).resources["ContainerRegistryRepository"]
    text = repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]["Fn::Sub"]
    policy = json.loads(text.replace("${ContainerRegistryUntaggedDays}", "14"))
    assert policy == {
        "rules": [
            {
                "rulePriority": 1,
                "description": "images without a tag",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 14,
                },
                "action": {"type": "expire"},
            }
        ]
    }


def test_a_reused_repository_is_granted_by_its_parameter_and_not_touched(make: Any) -> None:
    arn = "arn:aws:ecr:eu-central-1:111122223333:repository/team/images"
    template = make({"container_registry": {"flavor": "ecr", "reuse": arn}})
    assert template.types == {"AWS::IAM::Role", "AWS::IAM::RolePolicy"}
    granted = template.resources["AccessRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert granted[-1]["Resource"] == {"Ref": "ContainerRegistryRepositoryArn"}
