"""Our own checks find what they are about: one thing spoilt in a template that passes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner import template as templates
from tests.audit.conftest import own_checks
from tests.audit.world import worlds

SHAPE = Path(__file__).parents[2] / "provisioner" / "shapes" / "sagemaker.account.retain.json"
Body = dict[str, Any]


def failed(body: Body) -> set[str]:
    given, _ = worlds(templates.parse(json.dumps(body)))
    return {result.check for result in own_checks(given) if result.problem}


def allow(**statement: Any) -> Callable[[Body], None]:
    def spoil(body: Body) -> None:
        policy = body["Resources"]["OrchestratorRole"]["Properties"]["Policies"][0]
        policy["PolicyDocument"]["Statement"].append({"Sid": "New", "Effect": "Allow", **statement})

    return spoil


def trust(**statement: Any) -> Callable[[Body], None]:
    def spoil(body: Body) -> None:
        document = body["Resources"]["OrchestratorRole"]["Properties"]["AssumeRolePolicyDocument"]
        document["Statement"][0] |= statement

    return spoil


def without(resource: str, key: str) -> Callable[[Body], None]:
    return lambda body: body["Resources"][resource]["Properties"].pop(key)


def added(type_: str, **properties: Any) -> Callable[[Body], None]:
    return lambda body: body["Resources"].update(New={"Type": type_, "Properties": properties})


def told(body: Body) -> None:
    body["Outputs"]["Key"] = {"Value": {"Fn::GetAtt": ["AccessUserKey", "SecretAccessKey"]}}


SERVICE = {"Service": "sagemaker.amazonaws.com"}


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        ("action-wildcard", allow(Action="s3:Get*", Resource="arn:aws:s3:::b/*")),
        ("needless-star", allow(Action="s3:GetObject", Resource="*")),
        ("pass-role", allow(Action="iam:PassRole", Resource={"Fn::GetAtt": ["OrchestratorRole", "Arn"]})),
        ("assume-role", allow(Action="sts:AssumeRole", Resource="*")),
        ("iam-write", allow(Action="iam:PutRolePolicy", Resource="arn:aws:iam::111122223333:role/x")),
        ("trust-source", trust(Condition={})),
        ("trust-source", trust(Principal={"Service": "strange.amazonaws.com"})),
        ("trust-source", trust(Principal={"Service": "ec2.amazonaws.com"})),
        ("trust-everyone", trust(Principal={"AWS": "*"})),
        ("trust-everyone", trust(Principal="*")),
        ("trust-external-id", trust(Principal={"AWS": "arn:aws:iam::444455556666:root"}, Condition={})),
        ("trust-federation", trust(Principal={"Federated": "arn"}, Condition={})),
        ("boundary", without("OrchestratorRole", "PermissionsBoundary")),
        ("tagged", without("OrchestratorRole", "Tags")),
        ("s3-not-public", without("ArtifactStoreBucket", "PublicAccessBlockConfiguration")),
        ("s3-tls", lambda body: body["Resources"].pop("ArtifactStorePolicy")),
        ("s3-versioned", without("ArtifactStoreBucket", "VersioningConfiguration")),
        ("ecr-scan", without("ContainerRegistryRepository", "ImageScanningConfiguration")),
        ("data-kept", lambda body: body["Resources"]["ArtifactStoreBucket"].pop("DeletionPolicy")),
        ("no-user", added("AWS::IAM::User")),
        ("no-key", added("AWS::IAM::AccessKey")),
        ("iam-name", added("AWS::IAM::Role", RoleName="admin")),
        (
            "no-full-access",
            added("AWS::IAM::Role", ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonS3FullAccess"]),
        ),
        ("no-open-port", added("AWS::EC2::SecurityGroup", SecurityGroupIngress=[{"CidrIp": "0.0.0.0/0"}])),
        ("eks-endpoint", added("AWS::EKS::Cluster", ResourcesVpcConfig={})),
        ("imds", added("AWS::EC2::LaunchTemplate", LaunchTemplateData={})),
        ("log-retention", added("AWS::Logs::LogGroup")),
        ("build-image", added("AWS::CodeBuild::Project", Environment={"Image": "somebody/docker"})),
        ("secret-kept", told),
    ],
)
def test_what_is_spoilt_is_found(check: str, spoil: Callable[[Body], Any]) -> None:
    body = json.loads(SHAPE.read_text())
    before = failed(body)
    spoil(body)
    assert check in failed(body) - before
