"""Every preflight check is triggered by something, and says why it is there and what to do."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provisioner import plan as plans
from provisioner import preflight, synth
from provisioner import spec as specs
from provisioner.preflight.row import Question, Row, Unanswered
from provisioner.template import Template

TODAY = date(2026, 11, 21)
CACHE = Path()
ACCOUNT = "111122223333"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/ann"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ml"
CLUSTER = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/ml"
PROJECT = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/images"
TRACKER = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:mlflow-tracking-server/experiments"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HOST = "token.actions.githubusercontent.com"
OIDC = {"issuer": f"https://{HOST}", "subject": "repo:acme/churn:ref:refs/heads/main"}
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
MINIMAL: dict[str, Any] = {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": "local"}
SAGEMAKER = MINIMAL | {"orchestrator": "sagemaker"}
PUBLIC = {"public_access_cidrs": ["198.51.100.7/32"]}
EC2 = MINIMAL | {"orchestrator": {"flavor": "ec2", "options": {"ssh_cidrs": ["198.51.100.7/32"]}}}
SPOT = MINIMAL | {
    "orchestrator": {
        "flavor": "ec2",
        "options": {"ssh_cidrs": ["198.51.100.7/32"], "use_spot": True, "instance_type": "g5.xlarge"},
    }
}
EKS = MINIMAL | {"orchestrator": {"flavor": "eks", "options": PUBLIC}}
SUBNETS = ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")
VPC = "vpc-0123456789abcdef0"
BUDGET = {"monthly_usd": 10, "notify": "ml@example.com"}
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:bills"
ESTIMATE: dict[str, Any] = {
    "unknown": 0,
    "region": "us-east-1",
    "price_book": {"as_of": "2026-11-01", "stale": False},
    "total": {"typical": 20.0},
}


def eks(**options: Any) -> dict[str, Any]:
    return MINIMAL | {"orchestrator": {"flavor": "eks", "options": PUBLIC | options}}


def reused(type_: str, flavor: str, arn: str) -> dict[str, Any]:
    return SAGEMAKER | {type_: {"flavor": flavor, "reuse": arn}}


def wish(components: Mapping[str, Any] = MINIMAL, **more: Any) -> dict[str, Any]:
    base = {"version": 1, "name": "churn", "region": "us-east-1", "components": components}
    return {**base, **more}


def with_resources(template: Template, resources: Mapping[str, Any], **sections: Any) -> Template:
    body = {**template.body, **sections, "Resources": {**template.resources, **resources}}
    return Template(body=body)


def subnet(n: int, *, zone: str = "", vpc: str = VPC, left: int = 200) -> dict[str, Any]:
    return {
        "SubnetId": SUBNETS[n],
        "VpcId": vpc,
        "AvailabilityZone": zone or f"us-east-1{'ab'[n]}",
        "AvailableIpAddressCount": left,
    }


EXISTING = {"network": {"vpc": VPC, "subnets": list(SUBNETS)}}
HUGE = {"Huge": {"Type": "AWS::IAM::Role", "Properties": {"Description": "x" * 60_000}}}
LARGE = {"Large": {"Type": "AWS::IAM::Role", "Properties": {"Description": "x" * 27_000}}}
NAMED = {"Named": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "mine"}}}
ODD = {"Odd": {"Type": "AWS::S3::Bucket", "DeletionPolicy": {"Ref": "Fate"}}}
CODE = {"Code": {"Type": "AWS::Lambda::Function", "Properties": {}}}

# Row id -> what triggers it: the wish, then resources or sections put into its template.
OFFLINE: dict[str, tuple[Any, ...]] = {
    "template-too-large": (wish(), HUGE),
    "template-large-for-cdk": (wish(), LARGE),
    "transform": (wish(), {}, {"Transform": "AWS::Serverless-2016-10-31"}),
    "bootstrap": (wish(), {}, {"Parameters": {"BootstrapVersion": {"Type": "String"}}}),
    "named-iam": (wish(), NAMED),
    "policy-intrinsic": (wish(), ODD),
    "not-one-file": (wish(), CODE),
    "region-unknown": (wish(region="me-south-1"),),
    "type-missing": (wish(budget=BUDGET, region="ap-southeast-7"),),
    "zenml-partition": (wish(region="cn-north-1"),),
    "zones-unknown": (wish(EKS, region="eusc-de-east-1"),),
    "principal-partition": (
        wish(access={"trust": "principal", "principal": "arn:aws-cn:iam::111122223333:role/x"}),
    ),
    "boundary-partition": (wish(access={"boundary": "arn:aws-cn:iam::111122223333:policy/x"}),),
    "trust": (wish(),),
    "creates-roles": (wish(),),
    "access-key": (wish(access={"trust": "access_key"}),),
    "oidc-wildcard": (wish(access={"trust": "oidc", "oidc": OIDC | {"subject": "repo:acme/churn:*"}}),),
    "oidc-provider": (wish(access={"trust": "oidc", "oidc": OIDC}),),
    "reuse-region": (
        wish(reused("container_registry", "ecr", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team")),
    ),
    "reuse-partition": (wish(reused("artifact_store", "s3", "arn:aws-cn:s3:::team-artifacts")),),
    "reuse-role": (wish(reused("orchestrator", "sagemaker", ROLE)),),
    "reuse-accounts": (
        wish(
            reused("orchestrator", "sagemaker", ROLE)
            | {
                "container_registry": {
                    "flavor": "ecr",
                    "reuse": "arn:aws:ecr:us-east-1:444455556666:repository/team",
                }
            }
        ),
    ),
    "network-region": (
        wish(EKS, network={"vpc": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/{VPC}", "subnets": list(SUBNETS)}),
    ),
    "data-kept": (wish(),),
    "tag-not-ascii": (wish(tags={"größe": "klein"}),),
    "key-region": (wish(data={"kms_key": KEY.replace("us-east-1", "eu-west-1")}),),
    "key-partition": (wish(data={"kms_key": KEY.replace("arn:aws:", "arn:aws-cn:")}),),
    "key-connector": (wish(data={"kms_key": KEY}),),
    "value-too-long": (wish(eks(public_access_cidrs=[f"10.1.{n % 250}.{n // 250}/32" for n in range(400)])),),
    "link-too-long": (wish(eks(public_access_cidrs=[f"10.1.{n % 250}.{n // 250}/32" for n in range(600)])),),
    "range-begins-inside": (wish(eks(public_access_cidrs=["198.51.100.7/24"])),),
    "value-needed": (wish(MINIMAL | {"orchestrator": "eks"}),),
    "outside-zenml": (wish(SAGEMAKER | {"experiment_tracker": "mlflow"}),),
    "tracking-server-always-on": (
        wish(
            SAGEMAKER | {"experiment_tracker": {"flavor": "mlflow", "options": {"server": "tracking_server"}}}
        ),
    ),
    "codebuild-unprivileged": (wish(SAGEMAKER | {"image_builder": "codebuild"}),),
    "not-in-zenml": (wish(SAGEMAKER | {"model_deployer": "sagemaker"}),),
    "kubernetes-ended": (wish(eks(kubernetes_version="1.30")),),
    "kubernetes-extended": (wish(eks(kubernetes_version="1.32")),),
    "kubernetes-ending": (wish(eks(kubernetes_version="1.99")),),
    "client-file": (wish(EC2),),
    "vpc-by-name": (wish(EC2, **EXISTING),),
    "public-machines": (wish(EC2),),
    "public-nodes": (wish(eks(nat_gateways=0)),),
    "gpu-by-hand": (wish(eks(compute="managed", gpu={"instance_type": "g5.xlarge"})),),
    "needs-bootstrap": (wish(EKS),),
    "gpu-not-sold-here": (wish(eks(gpu={"instance_type": "p5.48xlarge"}), region="eu-central-2"),),
    "node-counts": (wish(eks(compute="managed", node={"desired": 5})),),
    "cidr-not-public": (wish(eks(public_access_cidrs=["10.0.0.0/8"])),),
    "too-many-cidrs": (wish(eks(public_access_cidrs=[f"198.18.{n}.7/32" for n in range(41)])),),
    "cluster-twice": (
        wish(reused("orchestrator", "eks", CLUSTER) | {"step_operator": {"flavor": "eks", "reuse": CLUSTER}}),
    ),
    "budget-exceeded": (wish(budget=BUDGET),),
    "budget-tag": (wish(budget=BUDGET),),
    "budget-topic": (wish(budget={"monthly_usd": 10, "notify": TOPIC}),),
}
ESTIMATES = {
    "cost-unknown": {"unknown": 2},
    "prices-stale": {"price_book": {"as_of": "2025-10-30", "stale": True}},
}

# Row id -> the wish, and what AWS answers to it; whatever is not named here is there and in order.
ONLINE: dict[str, tuple[dict[str, Any], dict[Question, Any]]] = {
    "region-off": (wish(), {("region", "us-east-1"): False}),
    "other-account": (
        wish(reused("orchestrator", "sagemaker", ROLE)),
        {("identity",): {"account": "444455556666", "arn": "arn:aws:iam::444455556666:user/bob"}},
    ),
    "name-taken": (wish(), {("stack", "churn"): "ROLLBACK_COMPLETE"}),
    "quota-vpc": (wish(EKS), {("count", "vpcs"): 5}),
    "quota-eip": (wish(EKS), {("addresses",): 5}),
    "quota-eks": (wish(EKS), {("count", "clusters"): 100}),
    "quota-jobs": (
        wish(SAGEMAKER),
        {("quota-named", "sagemaker", "ml.m5.xlarge for training job usage"): 0.0},
    ),
    "instance-not-offered": (
        wish(eks(gpu={"instance_type": "g5.xlarge"})),
        {("offered", "g5.xlarge"): []},
    ),
    "boundary-missing": (
        wish(access={"boundary": f"arn:aws:iam::{ACCOUNT}:policy/cap"}),
        {("policy", f"arn:aws:iam::{ACCOUNT}:policy/cap"): None},
    ),
    "principal-missing": (wish(access={"trust": "principal", "principal": ROLE}), {("role", ROLE): None}),
    "provider-taken": (wish(access={"trust": "oidc", "oidc": OIDC}), {("oidc", HOST): PROVIDER}),
    "bucket-missing": (
        wish(reused("artifact_store", "s3", "arn:aws:s3:::team-artifacts")),
        {("bucket", "team-artifacts"): None},
    ),
    "bucket-of-another": (
        wish(reused("artifact_store", "s3", "arn:aws:s3:::team-artifacts")),
        {("bucket", "team-artifacts"): {"region": "", "owner": "another"}},
    ),
    "repository-missing": (
        wish(reused("container_registry", "ecr", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team")),
        {("repository", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team"): None},
    ),
    "role-missing": (wish(reused("orchestrator", "sagemaker", ROLE)), {("role", ROLE): None}),
    "role-trust": (
        wish(reused("orchestrator", "sagemaker", ROLE)),
        {("role", ROLE): {"AssumeRolePolicyDocument": {"Statement": []}}},
    ),
    "project-missing": (
        wish(MINIMAL | {"image_builder": {"flavor": "codebuild", "reuse": PROJECT}}),
        {("project", PROJECT): None},
    ),
    "tracker-missing": (
        wish(SAGEMAKER | {"experiment_tracker": {"flavor": "mlflow", "reuse": TRACKER}}),
        {("tracker", TRACKER): None},
    ),
    "cluster-missing": (wish(reused("orchestrator", "eks", CLUSTER)), {("cluster", CLUSTER): None}),
    "cluster-entries": (
        wish(reused("orchestrator", "eks", CLUSTER)),
        {
            ("cluster", CLUSTER): {
                "name": "ml",
                "status": "ACTIVE",
                "accessConfig": {"authenticationMode": "CONFIG_MAP"},
            }
        },
    ),
    "cluster-state": (
        wish(reused("orchestrator", "eks", CLUSTER)),
        {("cluster", CLUSTER): {"name": "ml", "status": "CREATING"}},
    ),
    "key-unusable": (
        wish(data={"kms_key": KEY}),
        {("key", KEY): {"KeyState": "PendingDeletion", "KeyUsage": "ENCRYPT_DECRYPT"}},
    ),
    "subnets-unfit": (
        wish(EKS, **EXISTING),
        {("subnets", *SUBNETS): [subnet(0, zone="us-east-1a"), subnet(1, zone="us-east-1a")]},
    ),
    "subnets-full": (wish(EKS, **EXISTING), {("subnets", *SUBNETS): [subnet(0, left=3), subnet(1)]}),
    "cidr-overlap": (wish(EKS), {("cidrs",): [("vpc-1", "10.0.0.0/8")]}),
    "linked-role": (wish(EKS), {("linked-role", "eks.amazonaws.com"): False}),
    "quota-machines": (wish(SPOT), {("quota", "ec2", "L-3819A6DF"): 0.0}),
    "spot-role": (wish(SPOT), {("linked-role", "spot.amazonaws.com"): False}),
    "topic-unfit": (
        wish(budget=BUDGET | {"notify": TOPIC}),
        {("topic", TOPIC): {"Policy": '{"Statement": []}'}},
    ),
    "budget-tag-off": (wish(budget=BUDGET), {("cost-tag", "stackwright:stack"): False}),
    "deployer-denied": (
        wish(),
        {
            (
                "denied",
                CALLER,
                *("cloudformation:CreateStack", "cloudformation:CreateChangeSet"),
                *("cloudformation:DescribeStacks", "iam:CreateRole", "iam:PutRolePolicy", "iam:TagRole"),
            ): ["iam:CreateRole"]
        },
    ),
}
# An account in which everything is there, and nothing is used up.
IN_ORDER: dict[str, Any] = {
    "identity": {"account": ACCOUNT, "arn": CALLER},
    "region": True,
    "stack": "",
    "quota": 5.0,
    "quota-named": 4.0,
    "count": 0,
    "addresses": 0,
    "cidrs": [("vpc-1", "172.31.0.0/16")],
    "offered": ["use1-az1", "use1-az2"],
    "role": {"AssumeRolePolicyDocument": {"Principal": {"Service": "sagemaker.amazonaws.com"}}},
    "user": {"Arn": CALLER},
    "policy": {"Arn": "there"},
    "linked-role": True,
    "oidc": "",
    "bucket": {"region": "us-east-1", "owner": "caller"},
    "repository": {"repositoryName": "x"},
    "cluster": {"name": "ml", "status": "ACTIVE", "accessConfig": {"authenticationMode": "API"}},
    "project": {"name": "x"},
    "tracker": {"TrackingServerName": "x"},
    "key": {"KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT"},
    "topic": {"Policy": "budgets.amazonaws.com"},
    "subnets": [subnet(0), subnet(1)],
    "denied": [],
    "cost-tag": True,
}
ROWS: Mapping[str, Row] = {row.id: row for row in preflight.ROWS}


def found(values: dict[str, Any], *, answers: Mapping[Question, Any] | None = None, **more: Any) -> Any:
    plan = plans.make(specs.parse(values))
    template = with_resources(synth.template(plan, cache_dir=CACHE), *more.pop("changes", ({},)))

    def ask(questions: set[Question]) -> dict[Question, Any]:
        return {q: (answers or {}).get(q, IN_ORDER[q[0]]) for q in questions}

    estimate = ESTIMATE | more
    return preflight.check(plan, template, estimate, today=TODAY, ask=ask if answers is not None else None)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "CACHE", _cache_dir(tmp_path_factory))


def _cache_dir(factory: pytest.TempPathFactory) -> Any:
    """One for all: a shape that none ships takes a second to make."""
    return factory.getbasetemp() / "preflight-shapes"


def test_there_are_at_least_forty_and_no_two_of_one_name() -> None:
    assert len(preflight.ROWS) == len(ROWS) >= 40


def test_every_check_has_something_that_triggers_it() -> None:
    assert OFFLINE.keys() | ESTIMATES.keys() | ONLINE.keys() == ROWS.keys()


@pytest.mark.parametrize("id_", OFFLINE)
def test_an_offline_check_finds_what_it_is_for(id_: str) -> None:
    values, *changes = OFFLINE[id_]
    resources, sections = (*changes, {}, {})[:2]
    plan = plans.make(specs.parse(values))
    template = with_resources(synth.template(plan, cache_dir=CACHE), resources, **sections)
    seen = [f for f in preflight.check(plan, template, ESTIMATE, today=TODAY) if f.id == id_]
    assert [f.severity for f in seen] == [ROWS[id_].severity]
    assert seen[0].message and (seen[0].fix or seen[0].severity == "info")


@pytest.mark.parametrize("id_", ESTIMATES)
def test_an_estimate_that_is_less_than_it_looks_is_told(id_: str) -> None:
    assert [f.severity for f in found(wish(), **ESTIMATES[id_]) if f.id == id_] == ["warning"]


@pytest.mark.parametrize("id_", ONLINE)
def test_an_online_check_finds_what_it_is_for_and_nothing_in_an_account_in_order(id_: str) -> None:
    values, answers = ONLINE[id_]
    seen = [f for f in found(values, answers=answers) if f.id == id_]
    assert [f.severity for f in seen] == [ROWS[id_].severity]
    assert seen[0].message and seen[0].fix
    assert [f for f in found(values, answers={}) if f.id == id_] == []
    assert [f for f in found(values) if f.id == id_] == []


@pytest.mark.parametrize("id_", ONLINE)
def test_what_aws_does_not_tell_is_said_and_stops_nothing(id_: str) -> None:
    values, answers = ONLINE[id_]
    silent = dict.fromkeys(answers, Unanswered(reason="denied"))
    seen = [f for f in found(values, answers=silent) if f.id == id_]
    assert [(f.severity, f.message) for f in seen] == [("info", "could not look: denied")]


@pytest.mark.parametrize("id_", ROWS)
def test_every_check_says_why_it_is_there(id_: str) -> None:
    assert ROWS[id_].why and not ROWS[id_].why.endswith(".")


@pytest.mark.parametrize(
    ("components", "uncounted"),
    [
        (MINIMAL, ""),
        (SAGEMAKER, "the SageMaker jobs and endpoints that pipelines start"),
        (EKS, "the machines that EKS Auto Mode starts"),
        (eks(compute="managed"), ""),
    ],
    ids=["minimal", "sagemaker", "auto mode", "managed nodes"],
)
def test_a_budget_says_what_it_never_counts(components: dict[str, Any], uncounted: str) -> None:
    plan = plans.make(specs.parse(wish(components, budget=BUDGET)))
    found = preflight.check(plan, synth.template(plan, cache_dir=CACHE), ESTIMATE, today=TODAY)
    (message,) = [f.message for f in found if f.id == "budget-tag"]
    assert message.partition(". Never counted, for they do not carry it: ")[2] == uncounted


def test_mlflow_says_what_becomes_of_its_runs() -> None:
    plan = plans.make(specs.parse(wish(MINIMAL | {"experiment_tracker": "mlflow"})))
    found = preflight.check(plan, synth.template(plan, cache_dir=CACHE), ESTIMATE, today=TODAY)
    assert [f.message.partition(" are deleted")[0] for f in found if f.id == "data-kept"] == [
        "MLflow's runs and metrics",
        "Kept when the stack goes, until `destroy` empties it: bucket, repository",
    ]
