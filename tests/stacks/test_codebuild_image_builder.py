"""The CodeBuild project as the template builds it."""

from typing import Any

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}


def test_the_project_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("codebuild_image_builder")


def test_a_build_reads_its_context_pushes_to_one_repository_and_writes_its_own_log(make: Any) -> None:
    role = make({**NEEDS, "image_builder": "codebuild"}).resources["ImageBuilderRole"]["Properties"]
    (policy,) = role["Policies"]
    assert {s["Sid"]: s["Resource"] for s in policy["PolicyDocument"]["Statement"]} == {
        "ImageBuilderContext": {"Fn::Sub": "${ArtifactStoreBucket.Arn}/code-build-contexts/*"},
        "ImageBuilderLogin": "*",
        "ImageBuilderPush": {"Fn::GetAtt": ["ContainerRegistryRepository", "Arn"]},
        "ImageBuilderLogs": {"Fn::GetAtt": ["ImageBuilderLogs", "Arn"]},
    }


def test_only_codebuild_may_assume_the_role_and_only_for_projects_of_this_account(make: Any) -> None:
    role = make({**NEEDS, "image_builder": "codebuild"}).resources["ImageBuilderRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    project = "arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/*"
    assert trust["Principal"] == {"Service": "codebuild.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": project}},
    }


def test_builds_are_unprivileged_outside_a_vpc_and_logged_where_logs_expire(make: Any) -> None:
    resources = make({**NEEDS, "image_builder": "codebuild"}).resources
    project = resources["ImageBuilderProject"]["Properties"]
    assert project["Environment"]["PrivilegedMode"] is False
    assert "VpcConfig" not in project
    assert project["LogsConfig"]["CloudWatchLogs"]["GroupName"] == {"Ref": "ImageBuilderLogs"}
    assert resources["ImageBuilderLogs"]["Properties"]["RetentionInDays"] == {"Ref": "ImageBuilderLogDays"}


def test_a_reused_project_is_granted_by_its_parameter_and_not_touched(make: Any) -> None:
    arn = "arn:aws:codebuild:eu-central-1:111122223333:project/team-images"
    template = make({**NEEDS, "image_builder": {"flavor": "codebuild", "reuse": arn}})
    assert [k for k in template.resources if k.startswith("ImageBuilder")] == []
    policies = template.resources["AccessRole"]["Properties"]["Policies"]
    (granted,) = policies[-1]["PolicyDocument"]["Statement"]
    assert granted["Resource"] == {"Ref": "ImageBuilderProjectArn"}
