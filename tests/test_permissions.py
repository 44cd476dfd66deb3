"""What a template grants, read off the template, in words."""

from typing import Any

import pytest

from provisioner import permissions, synth
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.permissions import Permission
from provisioner.template import Template

ROLE = "arn:aws:iam::111122223333:role/zenml-server"
NOT_OURS = "not a statement of a stackwright component: read the JSON"


def shipped(preset: str = "minimal", **access: Any) -> Template:
    base = specs.preset(preset, name="churn", region="eu-central-1").as_dict()
    shape = plans.make(specs.parse(base | {"access": access})).shape
    return synth._shipped(synth.index()[shape.key])


def of(resource: dict[str, Any]) -> Template:
    return Template(body={"Resources": {"Thing": resource}})


def role(statement: Any) -> Template:
    document = {"Version": "2012-10-17", "Statement": statement}
    return of({"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": document}]}})


def only(template: Template, parameters: dict[str, str] | None = None) -> Permission:
    (found,) = permissions.read(template, parameters=parameters)
    return found


def test_the_minimal_preset_grants_this_and_nothing_else() -> None:
    told = [(p.component, p.role, p.effect, p.words) for p in permissions.read(shipped())]
    assert told == [
        (
            "access",
            "AccessRole",
            "Allow",
            "any principal of the account that the stack is created in that has sts:AssumeRole on this role",
        ),
        ("access", "AccessRole", "Allow", "may list your artifact bucket and see whether it is versioned"),
        ("access", "AccessRole", "Allow", "may read, write and delete objects in your artifact bucket"),
        ("access", "AccessRole", "Allow", "may ask ECR for a login token"),
        (
            "access",
            "AccessRole",
            "Allow",
            "may list the names of the account's image repositories in this region",
        ),
        ("access", "AccessRole", "Allow", "may pull and push images in your image repository"),
        (
            "access",
            "AccessRole",
            "Allow",
            "may read this stack's own outputs and template, to prove where the role comes from",
        ),
        ("access", "AccessRole", "Allow", "may read the role itself, to prove which enrolment made it"),
        (
            "artifact_store",
            "ArtifactStoreBucket",
            "Deny",
            "nobody may reach your artifact bucket without TLS",
        ),
    ]


def test_a_statement_is_told_whole() -> None:
    found = next(p for p in permissions.read(shipped()) if "ecr:DescribeRepositories" in p.actions)
    assert found.as_dict() == {
        "component": "access",
        "role": "AccessRole",
        "effect": "Allow",
        "actions": ("ecr:DescribeRepositories",),
        "resources": ("arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/*",),
        "conditions": {},
        "words": "may list the names of the account's image repositories in this region",
        "reason": "ZenML's connector asks without a name when it verifies itself.",
    }


def test_the_access_role_comes_first_then_the_catalogue() -> None:
    found = [p.component for p in permissions.read(shipped("sagemaker"))]
    assert list(dict.fromkeys(found)) == ["access", "artifact_store", "orchestrator", "step_operator"]


@pytest.mark.parametrize(
    ("access", "parameters", "words", "conditions"),
    [
        (
            {"trust": "account"},
            {"TrustedPrincipal": ROLE},
            f"{ROLE}, and nobody else",
            {"ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}}},
        ),
        (
            {"trust": "account"},
            {},
            "any principal of the account that the stack is created in that has sts:AssumeRole on this role",
            {},
        ),
        (
            {"trust": "principal", "principal": ROLE},
            {"TrustedPrincipal": ROLE},
            f"{ROLE}, and nobody else; it must send the external id of this enrolment",
            {
                "ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}},
                "StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}},
            },
        ),
        (
            {"trust": "principal", "principal": ROLE, "external_id": False},
            {},
            "the one role or user given as TrustedPrincipal, and nobody else",
            {"ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}}},
        ),
    ],
)
def test_trust_is_told_as_the_parameters_decide_it(
    access: dict[str, Any], parameters: dict[str, str], words: str, conditions: dict[str, Any]
) -> None:
    trust = permissions.read(shipped(**access), parameters=parameters)[0]
    assert (trust.actions, trust.words, trust.conditions) == (("sts:AssumeRole",), words, conditions)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
            "sagemaker.amazonaws.com may assume it, only for this account",
        ),
        ({}, "sagemaker.amazonaws.com may assume it"),
    ],
)
def test_a_service_that_is_trusted_is_named(condition: dict[str, Any], words: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    document = {"AssumeRolePolicyDocument": {"Statement": statement}}
    found = only(of({"Type": "AWS::IAM::Role", "Properties": document}))
    assert (found.resources, found.words) == (("sagemaker.amazonaws.com",), words)


def test_a_statement_of_somebody_else_is_told_to_be_so() -> None:
    found = only(role({"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}))
    assert found == Permission(
        component="other",
        role="Thing",
        effect="Allow",
        actions=("s3:*",),
        resources=("*",),
        conditions={},
        words=NOT_OURS,
        reason="",
    )


def test_a_managed_policy_is_told_by_its_arn() -> None:
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonS3FullAccess"}
    found = only(of({"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": [arn]}}))
    text = "arn:${AWS::Partition}:iam::aws:policy/AmazonS3FullAccess"
    assert found == Permission(
        component="other",
        role="Thing",
        effect="Allow",
        actions=(),
        resources=(text,),
        conditions={},
        words=f"everything that the managed policy {text} allows",
        reason="",
    )


def test_a_resource_without_policies_grants_nothing() -> None:
    assert permissions.read(of({"Type": "AWS::S3::Bucket"})) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("*", "*"),
        ({"Ref": "Bucket"}, "${Bucket}"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "${Bucket.Arn}"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "${Bucket.Arn}"),
        ({"Fn::Sub": "${Bucket.Arn}/*"}, "${Bucket.Arn}/*"),
        ({"Fn::Sub": ["arn:${A}", {"A": "x"}]}, "arn:${A}"),
        ({"Fn::Join": ["", ["a", {"Ref": "B"}]]}, '{"Fn::Join":["",["a",{"Ref":"B"}]]}'),
    ],
)
def test_a_reference_is_told_as_people_write_it(value: Any, text: str) -> None:
    assert permissions.text(value) == text


def test_a_namespace_is_told_by_its_value() -> None:
    entry = {
        "Type": "AWS::EKS::AccessEntry",
        "Properties": {
            "PrincipalArn": "ann",
            "AccessPolicies": [
                {
                    "PolicyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
                    "AccessScope": {"Type": "namespace", "Namespaces": [{"Ref": "Space"}]},
                }
            ],
        },
    }
    template = Template(body={"Parameters": {"Space": {"Default": "zenml"}}, "Resources": {"Entry": entry}})
    words = (
        "ann may start, change, read and delete pods, jobs, secrets and the like in the Kubernetes namespace"
    )
    assert only(template).words == f"{words} zenml"
    assert only(template, {"Space": "mine"}).words == f"{words} mine"
