"""CodeBuild: what a template makes, and what AWS would refuse."""

from __future__ import annotations

from typing import Any

import pytest

ACCOUNT, REGION = "123456789012", "eu-central-1"


def role(service: str) -> dict[str, Any]:
    row = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [row]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}


PROJECT = {
    "ServiceRole": {"Fn::GetAtt": ["Builder", "Arn"]},
    "Artifacts": {"Type": "NO_ARTIFACTS"},
    "Source": {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"},
    "Environment": {
        "Type": "LINUX_CONTAINER",
        "ComputeType": "BUILD_GENERAL1_SMALL",
        "Image": "aws/codebuild/standard:7.0",
        "PrivilegedMode": "false",
        "EnvironmentVariables": [{"Name": "A", "Value": "b"}],
    },
    "TimeoutInMinutes": "30",
    "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": "builds"}},
}


def body(**change: Any) -> dict[str, Any]:
    resources = {
        "Builder": role("codebuild.amazonaws.com"),
        "Other": role("x.amazonaws.com"),
        "It": {"Type": "AWS::CodeBuild::Project", "Properties": {**PROJECT, **change}},
    }
    arn = {"Value": {"Fn::GetAtt": ["It", "Arn"]}}
    return {"Resources": resources, "Outputs": {"Arn": arn}}


def reason(stacks: Any, name: str) -> str:
    rows = [r for r in stacks.events(name) if r["ResourceStatus"].endswith("_FAILED")]
    return str(rows[0]["ResourceStatusReason"]) if rows else ""


def test_a_project_is_what_its_template_says(stacks: Any, client: Any) -> None:
    stack_id = stacks.create("build", body(), Tags=[{"Key": "team", "Value": "a"}])
    name = stacks.physical_id("build", "It")
    (found,) = client("codebuild").batch_get_projects(names=[name])["projects"]
    assert stacks.outputs("build") == {"Arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{name}"}
    assert found["source"] == {"type": "NO_SOURCE", "buildspec": "version: 0.2"}
    assert found["environment"] == {
        "type": "LINUX_CONTAINER",
        "computeType": "BUILD_GENERAL1_SMALL",
        "image": "aws/codebuild/standard:7.0",
        "privilegedMode": False,
        "environmentVariables": [{"name": "A", "value": "b"}],
    }
    assert (found["timeoutInMinutes"], found["queuedTimeoutInMinutes"]) == (30, 480)
    assert found["logsConfig"] == {"cloudWatchLogs": {"status": "ENABLED", "groupName": "builds"}}
    assert {row["key"]: row["value"] for row in found["tags"]} == {
        "team": "a",
        "aws:cloudformation:stack-name": "build",
        "aws:cloudformation:stack-id": stack_id,
        "aws:cloudformation:logical-id": "It",
    }


def test_a_project_is_updated_in_place_and_deleted(stacks: Any, client: Any) -> None:
    stacks.create("grow", body())
    name = stacks.physical_id("grow", "It")
    spec = {"Type": "NO_SOURCE", "BuildSpec": "version: 0.3"}
    change = body(Source=spec, LogsConfig={"Ref": "AWS::NoValue"})
    assert stacks.update("grow", change) == "UPDATE_COMPLETE"
    codebuild = client("codebuild")
    (found,) = codebuild.batch_get_projects(names=[name])["projects"]
    assert stacks.physical_id("grow", "It") == name
    assert (found["source"]["buildspec"], found["logsConfig"]) == ("version: 0.3", {})
    assert stacks.delete("grow") == "DELETE_COMPLETE"
    assert codebuild.list_projects()["projects"] == []


def test_the_tagging_api_sees_projects(stacks: Any, client: Any) -> None:
    stacks.create("seen", body(), Tags=[{"Key": "team", "Value": "a"}])
    found = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "team"}], ResourceTypeFilters=["codebuild:project"]
    )["ResourceTagMappingList"]
    assert [row["ResourceARN"] for row in found] == [stacks.outputs("seen")["Arn"]]


def environment(**change: Any) -> dict[str, Any]:
    return {"Environment": {**PROJECT["Environment"], **change}}  # type: ignore[dict-item]  # an object, by its other keys


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ServiceRole": {"Fn::GetAtt": ["Other", "Arn"]}}, "not authorized to perform: sts:AssumeRole"),
        ({"ServiceRole": f"arn:aws:iam::{ACCOUNT}:role/none"}, "not authorized to perform: sts:AssumeRole"),
        ({"ServiceRole": "arn:aws:iam::999999999999:role/x"}, "does not match caller's account"),
        ({"Source": {"Type": "NO_SOURCE"}}, "requires that a buildspec is specified"),
        ({"Source": {"Type": "GITHUB"}}, "source location is required"),
        ({"Artifacts": {"Type": "NO_ARTIFACTS", "Location": "x"}}, "should have null location"),
        (environment(ComputeType="BUILD_LAMBDA_1GB"), "Invalid compute type BUILD_LAMBDA_1GB"),
        (environment(Type="TOASTER"), "Invalid environment type: TOASTER"),
        (environment(Image=""), "Invalid length for parameter environment.image"),
        ({"LogsConfig": {"S3Logs": {"Status": "ENABLED"}}}, "location is required"),
        ({"VpcConfig": {"VpcId": "vpc-0", "Subnets": ["s"], "SecurityGroupIds": ["g"]}}, "does not exist"),
        ({"Name": "-x"}, "Only alphanumeric characters"),
        ({"TimeoutInMinutes": 1}, "timeoutInMinutes"),
        ({"Triggers": {"Webhook": True}}, "cannot apply property Triggers"),
    ],
)
def test_a_project_that_cannot_be_is_refused(stacks: Any, change: dict[str, Any], words: str) -> None:
    stacks.create("bad", body(**change))
    assert words in reason(stacks, "bad")
