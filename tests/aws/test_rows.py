"""Every row against an account that has one of each, and against answers as AWS writes them."""

import json
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from botocore.session import get_session
from parliament import expand_action

from provisioner.aws.reader import Reader
from provisioner.aws.session import Client, Session
from provisioner.emulator.rules import iam_action, needed
from provisioner.emulator.server import Emulator
from provisioner.scan.engine import Scan, scan
from provisioner.scan.policy import REGIONS, policy
from provisioner.scan.rows.quotas import NAMES as QUOTAS
from provisioner.scan.simulate import Need, allowed
from provisioner.scan.table import GLOBAL, ROWS, Found, Reading, Row

ACCOUNT = "111122223333"
HOME = "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
TEAM = {"team": "ml"}
_TRUST: Mapping[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}
ROW = {row.service: row for row in ROWS}
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.service)
# What only the wire can show: the emulator makes none of these.
WIRE_ONLY = {"sagemaker-mlflow-servers", "sagemaker-mlflow-apps", "apprunner"}


class Recorded(Session):
    """A session that remembers the calls made, by the IAM action that allows them."""

    def __init__(self, region: str, credentials: dict[str, str]) -> None:
        super().__init__(region, credentials=credentials)
        self.calls: list[str] = []
        self.needs: set[str] = set()

    def client(self, service: str, region: str = "") -> Client:
        client = super().client(service, region)
        client.raw.meta.events.register("before-call", self.note, unique_id="recorded")
        return client

    def note(self, model: Any, params: Any, **_: Any) -> None:
        service = model.service_model
        action = iam_action(service.signing_name, model.name)
        own = service.service_name == "s3control"
        action = action.replace("GetBucket", "GetAccount") if own else action
        self.calls.append(action)
        self.needs.update(needed(action, params["body"] if isinstance(params["body"], dict) else {}))


def signed_in(key: str) -> Recorded:
    return Recorded(HOME, {"AccessKeyId": key, "SecretAccessKey": "any"})


def read(session: Session, row: Row) -> Reading:
    return Reader(lambda account: session).read(ACCOUNT, GLOBAL if row.scope == "global" else HOME, row)


def one_of_each(aws: Emulator) -> None:
    """An account with one of everything that a scan looks for, and a few things that it must pass over."""
    session = signed_in(aws.access_key(ACCOUNT))

    def raw(service: str) -> Any:
        return session.client(service).raw

    tags, low_tags = [{"Key": "team", "Value": "ml"}], [{"key": "team", "value": "ml"}]
    raw("s3").create_bucket(Bucket="churn", CreateBucketConfiguration={"LocationConstraint": HOME})
    raw("ecr").create_repository(repositoryName="churn", tags=tags)
    for name, service in (
        ("ml", "sagemaker"),
        ("skypilot-v1", "ec2"),
        ("cluster", "eks"),
        ("other", "ec2"),
        ("builds", "codebuild"),
    ):
        statement = {**_TRUST} | {"Principal": {"Service": f"{service}.amazonaws.com"}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        raw("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
    raw("iam").create_instance_profile(InstanceProfileName="skypilot-v1")
    raw("iam").add_role_to_instance_profile(InstanceProfileName="skypilot-v1", RoleName="skypilot-v1")

    subnets = [s["SubnetId"] for s in raw("ec2").describe_subnets()["Subnets"]][:2]
    raw("eks").create_cluster(
        name="ml",
        version="1.34",
        roleArn=f"{ROLE}cluster",
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API"},
        tags=TEAM,
    )
    raw("eks").create_nodegroup(
        clusterName="ml",
        nodegroupName="gpu",
        subnets=subnets,
        nodeRole=f"{ROLE}other",
        instanceTypes=["g5.xlarge"],
        scalingConfig={"minSize": 0, "desiredSize": 1, "maxSize": 3},
    )
    raw("eks").create_access_entry(clusterName="ml", principalArn=f"{ROLE}ml")
    raw("eks").create_addon(clusterName="ml", addonName="vpc-cni")
    raw("codebuild").create_project(
        name="images",
        source={"type": "S3", "location": "churn/context.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=f"{ROLE}builds",
        tags=low_tags,
    )
    sagemaker = raw("sagemaker")
    sagemaker.create_domain(
        DomainName="team",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": f"{ROLE}ml"},
        SubnetIds=subnets,
        VpcId="vpc-1",
        Tags=tags,
    )
    sagemaker.create_model_package_group(ModelPackageGroupName="churn", Tags=tags)
    sagemaker.create_pipeline(
        PipelineName="train",
        PipelineDefinition="{}",
        ClientRequestToken="a" * 32,
        RoleArn=f"{ROLE}ml",
        Tags=tags,
    )
    container = {"Image": "x", "ModelDataUrl": "s3://churn/m"}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=f"{ROLE}ml", PrimaryContainer=container)
    variant = {
        "VariantName": "v",
        "ModelName": "m",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.t2.medium",
    }
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="live", EndpointConfigName="c", Tags=tags)
    raw("efs").create_file_system(CreationToken="a", Encrypted=True, Tags=[{"Key": "Name", "Value": "homes"}])
    raw("fsx").create_file_system(
        FileSystemType="LUSTRE", StorageCapacity=1200, SubnetIds=subnets[:1], Tags=tags
    )
    raw("batch").create_compute_environment(
        computeEnvironmentName="spot", type="UNMANAGED", state="ENABLED", serviceRole=f"{ROLE}ml"
    )
    raw("batch").create_job_queue(
        jobQueueName="jobs",
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "spot"}],
    )
    states = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}'
    raw("stepfunctions").create_state_machine(
        name="flow", definition=states, roleArn=f"{ROLE}ml", tags=low_tags
    )
    raw("secretsmanager").create_secret(Name="zenml/key", SecretString="never shown")
    raw("secretsmanager").create_secret(Name="payroll", SecretString="never shown")
    trust = {"Statement": [{**_TRUST} | {"Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
    more = {"TemplateBody": json.dumps({"Resources": {"Role": role}}), "Capabilities": ["CAPABILITY_IAM"]}
    ours = [{"Key": "stackwright:stack", "Value": "churn"}]
    raw("cloudformation").create_stack(StackName="churn", Tags=ours, **more)
    raw("cloudformation").create_stack(StackName="shop", **more)
    raw("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="churn", WaiterConfig={"Delay": 0.1}
    )


@pytest.fixture(scope="module")
def stocked() -> Iterator[Emulator]:
    with Emulator() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        one_of_each(running)
        yield running


@pytest.fixture
def aws(stocked: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", stocked.endpoint)
    yield stocked
    stocked.rules.clear()


@pytest.fixture
def session(aws: Emulator) -> Recorded:
    return signed_in(aws.access_key(ACCOUNT))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """For answers of the wire: nothing leaves the machine."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return signed_in("AKIA")


def answer(session: Recorded, service: str, call: str, *outcomes: Any) -> None:
    """Let a call have these outcomes in turn, the last one for ever: an answer, or (code, message)."""
    left = list(outcomes)

    def act(model: Any, params: Any, **_: Any) -> tuple[Any, Any]:
        # Whoever answers first is the last to hear of a call.
        session.note(model, params)
        # botocore decodes the policies of an answer in place.
        outcome = deepcopy(left.pop(0) if len(left) > 1 else left[0])
        if isinstance(outcome, tuple):
            return SimpleNamespace(status_code=400), {"Error": {"Code": outcome[0], "Message": outcome[1]}}
        return SimpleNamespace(status_code=200), outcome

    session.client(service).raw.meta.events.register(f"before-call.*.{call}", act)


# One of each, as the emulator has it

FOUND: Mapping[str, Mapping[str, object]] = {
    "s3": {
        "public_access_blocked": False,
        "encrypted": False,
        "versioned": False,
        "locked": False,
        "requester_pays": False,
        "acls_disabled": False,
        "public_by_policy": False,
    },
    "ecr": {"tags_can_move": True, "scanned_on_push": False},
    "iam": {
        "trusts_sagemaker": True,
        "guarded_trust": False,
        "no_full_access": True,
        "policies": [],
    },
    "eks": {
        "active": True,
        "version": "1.34",
        "auto_mode": False,
        "endpoint_public": True,
        "endpoint_cidrs": ["0.0.0.0/0"],
        "endpoint_narrow": False,
        "authentication": "API",
        "support": "EXTENDED",
        "secrets_encrypted": False,
        "node_groups": ["gpu"],
        "addons": ["vpc-cni"],
        "nodes_desired": 1,
        "nodes_max": 3,
        "gpu": True,
        "instance_types": ["g5.xlarge"],
    },
    "codebuild": {
        "builds_linux": True,
        "builds_x86": True,
        "privileged": False,
        "private": True,
        "in_vpc": False,
        "role": f"{ROLE}builds",
        "image": "aws/codebuild/standard:7.0",
    },
    "sagemaker-domains": {
        "status": "InService",
        "vpc": "vpc-1",
        "network": "PublicInternetOnly",
        "auth": "IAM",
        "execution_role": f"{ROLE}ml",
    },
    "sagemaker-model-package-groups": {"status": "Completed"},
    "sagemaker-endpoints": {"status": "InService"},
    "sagemaker-pipelines": {"role": f"{ROLE}ml"},
    "iam-instance-profiles": {
        "has_role": True,
        "trusts_ec2": True,
        "skypilot_name": True,
        "skypilot_role": True,
        "role_name": "skypilot-v1",
        "no_full_access": True,
    },
    "efs": {"available": True, "encrypted": True, "mounted": False},
    "fsx": {"lustre": True, "type": "LUSTRE", "vpc": ""},
    "batch": {"enabled": True, "valid": True, "environments": 1},
    "stepfunctions": {"standard": True},
    "secretsmanager": {"owner": "zenml", "own_key": False, "rotated": False, "kept": True},
    "cloudformation": {
        "maker": "stackwright",
        "complete": True,
        "status": "CREATE_COMPLETE",
        "outputs": [],
        "keyless": True,
    },
}
# Made up anew at every start.
VARYING = {"vpc", "subnets", "access_entries"}


@pytest.mark.parametrize("service", FOUND)
def test_one_of_each_is_found_with_what_fitness_asks_for(session: Recorded, service: str) -> None:
    reading = read(session, ROW[service])
    (found,) = reading.resources
    seen = {k: v for k, v in found.attributes.items() if service != "eks" or k not in VARYING}
    assert (reading.cell.state, reading.cell.note, seen) == ("found", "", FOUND[service])


@pytest.mark.parametrize(
    "service",
    [
        *("ecr", "eks", "codebuild", "sagemaker-domains", "sagemaker-endpoints", "sagemaker-pipelines"),
        *("sagemaker-model-package-groups", "fsx", "stepfunctions"),
    ],
)
def test_tags_come_in_bulk_or_with_the_list(session: Recorded, service: str) -> None:
    (found,) = read(session, ROW[service]).resources
    assert found.tags == TEAM


def test_quotas_are_those_that_jobs_need(aws: Emulator, session: Recorded) -> None:
    name = "ml.m5.xlarge for training job usage"
    quotas: Any = session.client("service-quotas").raw
    code = next(
        quota["QuotaCode"]
        for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        for quota in page["Quotas"]
        if quota["QuotaName"] == name
    )
    aws.set_quota(ACCOUNT, HOME, "sagemaker", code, 0)
    reading = read(session, ROW["sagemaker-quotas"])
    assert {found.name: found.attributes["value"] for found in reading.resources} == {
        "ml.m5.xlarge for processing job usage": 4,
        name: 0,
    }


@pytest.mark.parametrize(
    ("service", "code", "most", "verdict"),
    [
        ("eks", "L-1194D53C", 100, "fit"),
        ("eks", "L-1194D53C", 1, "unfit"),
        ("vpc", "L-F678F1CE", 5, "fit"),
        ("vpc", "L-F678F1CE", 1, "unfit"),
    ],
)
def test_a_quota_is_held_against_what_the_scan_has_counted(
    aws: Emulator, session: Recorded, service: str, code: str, most: int, verdict: str
) -> None:
    aws.set_quota(ACCOUNT, HOME, service, code, most)
    counted = "eks" if service == "eks" else "ec2-vpcs"
    rows = [ROW[counted], ROW[f"{service}-quotas"]]
    reader = Reader(lambda account: session)
    done = scan(accounts=[ACCOUNT], regions=[HOME], rows=rows, read=reader.read, clock=time.monotonic)
    resources: Any = done.as_dict()["resources"]
    (fitness,) = [r["fitness"] for r in resources if r["kind"].endswith("_quota")]
    assert (fitness["verdict"], fitness["checks"][0]["detail"]) == (verdict, f"1 of {most}")
    # What nobody could count is no answer.
    alone = scan(accounts=[ACCOUNT], regions=[HOME], rows=rows[1:], read=reader.read, clock=time.monotonic)
    (resource,) = alone.as_dict()["resources"]  # type: ignore[misc]  # the JSON contract
    (check,) = resource["fitness"]["checks"]
    assert (check["ok"], check["detail"]) == (None, f"{most} at most, and nobody could count those there are")


def test_a_cluster_names_who_has_access_entries(session: Recorded) -> None:
    (cluster,) = read(session, ROW["eks"]).resources
    entries = cluster.attributes["access_entries"]
    assert isinstance(entries, list)
    assert {f"{ROLE}ml", f"{ROLE}other"} <= set(entries)


def test_a_network_has_its_subnets_with_zone_and_free_addresses(session: Recorded) -> None:
    (vpc,) = read(session, ROW["ec2-vpcs"]).resources
    subnets: Any = vpc.attributes["subnets"]
    assert [s["zone"] for s in subnets] == [f"{HOME}{letter}" for letter in "abc"]
    assert all(s["free"] > 4000 and s["way_out"] == "" for s in subnets)


def test_of_a_strangers_secret_nothing_is_told(session: Recorded) -> None:
    assert [f.name for f in read(session, ROW["secretsmanager"]).resources] == ["zenml/key"]


def test_a_stack_of_others_is_passed_over(session: Recorded) -> None:
    assert [f.name for f in read(session, ROW["cloudformation"]).resources] == ["churn"]


# The policy


def with_wire_answers(session: Recorded) -> Recorded:
    for service in sorted(WIRE_ONLY):
        row, items = ROW[service], ITEMS[service]
        answer(session, row.api, operation(row.call), {row.key: items[:1]})
    answer(session, "sagemaker", "DescribeMlflowTrackingServer", {"RoleArn": f"{ROLE}ml"})
    answer(session, "sagemaker", "DescribeMlflowApp", {"RoleArn": f"{ROLE}ml"})
    return session


def whole_scan(session: Recorded) -> Scan:
    reader = Reader(lambda account: session)
    return scan(accounts=[ACCOUNT], regions=[HOME], rows=ROWS, read=reader.read, clock=time.monotonic)


def test_a_whole_scan_is_allowed_by_its_policy_and_uses_all_of_it(session: Recorded) -> None:
    with_wire_answers(session)
    session.needs.clear()
    done = whole_scan(session)
    assert {cell.service: cell.state for cell in done.cells} == dict.fromkeys(ROW, "found")
    document: Any = policy(ROWS)
    denied = {c for c in session.needs if not allowed([document], Need(action=c, resource="*"))}
    granted = {a for action in document["Statement"][0]["Action"] for a in expanded(action)}
    # Which regions are on is asked before the rows, and only of an account whose regions nobody named.
    assert (denied, granted - session.needs) == (set(), {REGIONS})


def expanded(action: str) -> list[str]:
    """What parliament makes of an action; those younger than its list stand for themselves."""
    try:
        return [f"{a['service']}:{a['action']}" for a in expand_action(action)]
    except Exception:
        return [action]


def test_every_call_of_a_whole_scan_is_counted(session: Recorded) -> None:
    with_wire_answers(session)
    session.calls.clear()
    done = whole_scan(session)
    assert len(session.calls) == sum(cell.calls for cell in done.cells)


@every_row
def test_denied_is_never_empty(aws: Emulator, session: Recorded, row: Row) -> None:
    aws.rules.deny(row.permission)
    cell = read(session, row).cell
    assert (cell.state, cell.count, cell.calls) == ("denied", 0, 1)
    assert row.permission in cell.note


NEEDS = [(row.service, action) for row in ROWS for action in row.also_needs]


@pytest.mark.parametrize(("service", "action"), NEEDS)
def test_a_listing_takes_every_action_that_aws_asks_for(
    aws: Emulator, session: Recorded, service: str, action: str
) -> None:
    aws.rules.deny(action)
    cell = read(session, ROW[service]).cell
    assert (cell.state, action in cell.note) == ("denied", True)


DETAILS = [
    (row.service, detail.permission)
    for row in ROWS
    if row.service not in WIRE_ONLY
    for detail in (*row.details, *row.batches, *row.followups, *row.beside)
    if detail.permission
]


@pytest.mark.parametrize(("service", "permission"), DETAILS)
def test_a_denied_detail_isnoted_and_leaves_an_attribute_unknown(
    aws: Emulator, session: Recorded, service: str, permission: str
) -> None:
    whole = read(session, ROW[service]).resources[0].attributes
    aws.rules.deny(permission)
    reading = read(session, ROW[service])
    (found,) = reading.resources
    assert reading.cell.state == "found"
    assert reading.cell.note.startswith("could not look: ")
    assert len(found.attributes) < len(whole) or unknown_way_out(found)


def unknown_way_out(found: Found) -> bool:
    subnets: Any = found.attributes.get("subnets")
    return found.kind == "vpc" and all(s["way_out"] is None for s in subnets)


# Answers as AWS writes them


def encoded(document: Any) -> str:
    """A policy as IAM writes it."""
    return quote(json.dumps(document))


def _role(name: str) -> dict[str, Any]:
    trust = {"Statement": [{**_TRUST} | {"Principal": {"Service": "sagemaker.amazonaws.com"}}]}
    return {
        "Path": "/",
        "RoleName": name,
        "Arn": ROLE + name,
        "AssumeRolePolicyDocument": encoded(trust),
        "AttachedManagedPolicies": [],
        "RolePolicyList": [],
    }


def _profile(name: str) -> dict[str, Any]:
    trust = {"Statement": [{**_TRUST} | {"Principal": {"Service": "ec2.amazonaws.com"}}]}
    role = {"RoleName": name, "AssumeRolePolicyDocument": encoded(trust)}
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}"
    return {"InstanceProfileName": name, "Arn": arn, "Roles": [role]}


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{HOME}:{ACCOUNT}:{resource}"


# Two items of each list, the second on another page.
ITEMS: Mapping[str, list[Any]] = {
    "s3": [{"Name": n, "BucketRegion": HOME} for n in ("one", "two")],
    "ecr": [
        {
            "repositoryName": n,
            "repositoryArn": _arn("ecr", f"repository/{n}"),
            "imageTagMutability": "MUTABLE",
        }
        for n in ("one", "two")
    ],
    "iam": [_role(n) for n in ("one", "two")],
    "eks": ["one", "two"],
    "eks-quotas": [{"QuotaName": n, "QuotaCode": "L-1194D53C", "Value": 1.0} for n in ("one", "two")],
    "vpc-quotas": [{"QuotaName": n, "QuotaCode": "L-F678F1CE", "Value": 1.0} for n in ("one", "two")],
    "sagemaker-quotas": [{"QuotaName": n, "QuotaCode": "L-1", "Value": 1.0} for n in QUOTAS],
    "codebuild": ["one", "two"],
    "sagemaker-domains": [
        {"DomainArn": _arn("sagemaker", f"domain/d-{n}"), "DomainId": f"d-{n}", "DomainName": n}
        for n in ("one", "two")
    ],
    "sagemaker-mlflow-servers": [
        {
            "TrackingServerArn": _arn("sagemaker", f"mlflow-tracking-server/{n}"),
            "TrackingServerName": n,
            "TrackingServerStatus": "Created",
            "IsActive": "Active",
            "MlflowVersion": "3.0",
        }
        for n in ("one", "two")
    ],
    "sagemaker-mlflow-apps": [
        {
            "Arn": _arn("sagemaker", f"mlflow-app/app-{n}"),
            "Name": n,
            "Status": "Created",
            "MlflowVersion": "3.4",
        }
        for n in ("one", "two")
    ],
    "sagemaker-model-package-groups": [
        {
            "ModelPackageGroupName": n,
            "ModelPackageGroupArn": _arn("sagemaker", f"model-package-group/{n}"),
            "ModelPackageGroupStatus": "Completed",
        }
        for n in ("one", "two")
    ],
    "sagemaker-endpoints": [
        {
            "EndpointName": n,
            "EndpointArn": _arn("sagemaker", f"endpoint/{n}"),
            "EndpointStatus": "InService",
        }
        for n in ("one", "two")
    ],
    "sagemaker-pipelines": [
        {"PipelineName": n, "PipelineArn": _arn("sagemaker", f"pipeline/{n}"), "RoleArn": f"{ROLE}ml"}
        for n in ("one", "two")
    ],
    "ec2-vpcs": [
        {
            "VpcId": f"vpc-{n}",
            "CidrBlock": "10.0.0.0/16",
            "State": "available",
            "OwnerId": ACCOUNT,
            "Tags": [{"Key": "Name", "Value": n}],
        }
        for n in ("one", "two")
    ],
    "iam-instance-profiles": [_profile(n) for n in ("one", "two")],
    "efs": [
        {
            "FileSystemId": f"fs-{n}",
            "FileSystemArn": _arn("elasticfilesystem", f"file-system/fs-{n}"),
            "Name": n,
            "LifeCycleState": "available",
            "NumberOfMountTargets": 2,
            "Tags": [],
        }
        for n in ("one", "two")
    ],
    "fsx": [
        {
            "FileSystemId": n,
            "ResourceARN": _arn("fsx", f"file-system/{n}"),
            "FileSystemType": "LUSTRE",
            "Lifecycle": "AVAILABLE",
        }
        for n in ("one", "two")
    ],
    "batch": [
        {
            "jobQueueName": n,
            "jobQueueArn": _arn("batch", f"job-queue/{n}"),
            "state": "ENABLED",
            "status": "VALID",
        }
        for n in ("one", "two")
    ],
    "stepfunctions": [
        {"name": n, "stateMachineArn": _arn("states", f"stateMachine:{n}"), "type": "STANDARD"}
        for n in ("one", "two")
    ],
    "apprunner": [
        {"ServiceName": n, "ServiceArn": _arn("apprunner", f"service/{n}/1"), "Status": "RUNNING"}
        for n in ("one", "two")
    ],
    "secretsmanager": [
        {"Name": f"zenml-{n}", "ARN": _arn("secretsmanager", f"secret:zenml-{n}-AbCdEf")}
        for n in ("one", "two")
    ],
    "cloudformation": [
        {
            "StackName": n,
            "StackId": _arn("cloudformation", f"stack/{n}/1"),
            "StackStatus": "CREATE_COMPLETE",
            "Parameters": [{"ParameterKey": "ZenMLServerURL", "ParameterValue": "https://zenml.test"}],
            "Outputs": [{"OutputKey": "AWSAccessKeyID", "OutputValue": "AKIA"}],
        }
        for n in ("one", "two")
    ],
}


def operation(call: str) -> str:
    return "".join(part.capitalize() for part in call.split("_"))


def page(session: Recorded, row: Row, items: list[Any], *, more: bool) -> dict[str, Any]:
    """A page of the row's list with the marks of its service's paging."""
    if not more:
        return {row.key: items}
    client = session.client(row.api).raw
    if not client.can_paginate(row.call):
        return {row.key: items, "NextToken": "2"}
    rules = get_session().get_paginator_model(row.api).get_paginator(operation(row.call))
    marks = {rules["output_token"]: "2"}
    return {row.key: items} | marks | ({rules["more_results"]: True} if "more_results" in rules else {})


@every_row
def test_the_second_page_of_every_list_is_read(offline: Recorded, row: Row) -> None:
    first, second = ITEMS[row.service]
    pages = page(offline, row, [first], more=True), page(offline, row, [second], more=False)
    answer(offline, row.api, operation(row.call), *pages)
    bare = replace(
        row, details=(), batches=(), followups=(), account_details=(), tagged_as="", join=None, beside=()
    )
    reading = read(offline, bare)
    assert (reading.cell.state, reading.cell.calls) == ("found", 2)
    # Of the quotas only those of this name are told.
    names = list(QUOTAS) if row.kind == "job_quota" else ["one", "two"]
    assert [f.name.removeprefix("zenml-") for f in reading.resources] == names


@every_row
def test_a_list_that_is_denied_on_its_second_page_is_denied(offline: Recorded, row: Row) -> None:
    first, _ = ITEMS[row.service]
    denied = ("AccessDeniedException", "no")
    answer(offline, row.api, operation(row.call), page(offline, row, [first], more=True), denied)
    cell = read(offline, row).cell
    assert (cell.state, cell.count, cell.calls) == ("denied", 0, 2)


@every_row
def test_an_account_that_never_signed_up_for_a_service_is_told_so(offline: Recorded, row: Row) -> None:
    answer(offline, row.api, operation(row.call), ("SubscriptionRequiredException", "sign up first"))
    assert read(offline, row).cell.state == "not_enabled"


def wire(offline: Recorded, service: str, **details: Any) -> Found:
    """What the row makes of its first item, with these answers to its further calls."""
    row = ROW[service]
    answer(offline, row.api, operation(row.call), {row.key: ITEMS[service][:1]})
    for call, outcome in details.items():
        answer(offline, row.api, operation(call), outcome)
    (found,) = read(offline, replace(row, tagged_as="")).resources
    return found


def test_a_tracking_server_tells_its_bucket_and_role(offline: Recorded) -> None:
    described = {
        "ArtifactStoreUri": "s3://churn/mlflow",
        "TrackingServerSize": "Small",
        "RoleArn": f"{ROLE}ml",
    }
    found = wire(offline, "sagemaker-mlflow-servers", describe_mlflow_tracking_server=described)
    assert found.attributes == {
        "status": "Created",
        "activity": "Active",
        "version": "3.0",
        "artifacts": "s3://churn/mlflow",
        "size": "Small",
        "role": f"{ROLE}ml",
    }


def test_a_serverless_app_tells_its_bucket_and_role(offline: Recorded) -> None:
    described = {"ArtifactStoreUri": "s3://churn/mlflow", "RoleArn": f"{ROLE}ml"}
    found = wire(offline, "sagemaker-mlflow-apps", describe_mlflow_app=described)
    assert (found.arn, found.attributes) == (
        _arn("sagemaker", "mlflow-app/app-one"),
        {"status": "Created", "version": "3.4", "artifacts": "s3://churn/mlflow", "role": f"{ROLE}ml"},
    )


def test_a_region_whose_sagemaker_knows_no_apps_is_unsupported(offline: Recorded) -> None:
    answer(offline, "sagemaker", "ListMlflowApps", ("UnknownOperationException", ""))
    assert read(offline, ROW["sagemaker-mlflow-apps"]).cell.state == "unsupported"


def test_app_runner_closed_to_new_customers_is_not_enabled(offline: Recorded) -> None:
    words = "AWS App Runner is no longer open to new customers."
    answer(offline, "apprunner", "ListServices", ("AccessDeniedException", words))
    assert read(offline, ROW["apprunner"]).cell.state == "not_enabled"


def test_zenmls_own_stack_shows_that_it_hands_out_a_key(offline: Recorded) -> None:
    found = wire(offline, "cloudformation")
    assert found.attributes == {
        "maker": "zenml",
        "complete": True,
        "status": "CREATE_COMPLETE",
        "outputs": ["AWSAccessKeyID"],
        "keyless": False,
    }
    assert "AKIA" not in repr(found)


AUTO = {
    "status": "ACTIVE",
    "version": "1.35",
    "computeConfig": {"enabled": True},
    "resourcesVpcConfig": {
        "vpcId": "vpc-1",
        "endpointPublicAccess": True,
        "publicAccessCidrs": ["198.51.100.7/32"],
    },
    "accessConfig": {"authenticationMode": "API"},
    "encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:::key/1"}}],
    "upgradePolicy": {"supportType": "STANDARD"},
}


def test_a_cluster_in_auto_mode_has_machines_without_node_groups(offline: Recorded) -> None:
    found = wire(
        offline,
        "eks",
        describe_cluster={"cluster": AUTO},
        list_nodegroups={"nodegroups": []},
        list_addons={"addons": []},
        list_access_entries={"accessEntries": [f"{ROLE}ml"]},
    )
    assert found.attributes == {
        "active": True,
        "version": "1.35",
        "auto_mode": True,
        "endpoint_public": True,
        "endpoint_cidrs": ["198.51.100.7/32"],
        "endpoint_narrow": True,
        "authentication": "API",
        "support": "STANDARD",
        "secrets_encrypted": True,
        "vpc": "vpc-1",
        "node_groups": [],
        "addons": [],
        "access_entries": [f"{ROLE}ml"],
    }


def test_an_old_cluster_is_never_asked_for_access_entries(offline: Recorded) -> None:
    old = AUTO | {"accessConfig": {"authenticationMode": "CONFIG_MAP"}}
    wire(
        offline,
        "eks",
        describe_cluster={"cluster": old},
        list_nodegroups={"nodegroups": []},
        list_addons={"addons": []},
    )
    assert "eks:ListAccessEntries" not in offline.calls


def route(gateway: str = "", nat: str = "", state: str = "active") -> dict[str, Any]:
    ways = {"GatewayId": gateway} if gateway else {"NatGatewayId": nat}
    return {"DestinationCidrBlock": "0.0.0.0/0", "State": state} | ways


@pytest.mark.parametrize(
    ("own", "main", "way_out"),
    [
        ([route("igw-1")], [], "internet"),
        ([route(nat="nat-1")], [route("igw-1")], "nat"),
        ([route(nat="nat-1", state="blackhole")], [], ""),
        (None, [route("igw-1")], "internet"),
        (None, [], ""),
        ([route("tgw-1")], [], "gateway"),
    ],
)
def test_a_subnet_goes_out_by_its_own_routes_or_else_the_networks(
    offline: Recorded, own: Any, main: Any, way_out: str
) -> None:
    subnet = {
        "SubnetId": "subnet-1",
        "VpcId": "vpc-one",
        "AvailabilityZone": f"{HOME}a",
        "AvailabilityZoneId": "euc1-az2",
        "AvailableIpAddressCount": 251,
    }
    tables = [{"VpcId": "vpc-one", "Associations": [{"Main": True}], "Routes": main}]
    if own is not None:
        tables.append({"VpcId": "vpc-one", "Associations": [{"SubnetId": "subnet-1"}], "Routes": own})
    found = wire(
        offline,
        "ec2-vpcs",
        describe_subnets={"Subnets": [subnet, subnet | {"VpcId": "vpc-two"}]},
        describe_route_tables={"RouteTables": tables},
    )
    assert found.attributes["subnets"] == [
        {
            "id": "subnet-1",
            "zone": f"{HOME}a",
            "zone_id": "euc1-az2",
            "free": 251,
            "way_out": way_out,
        }
    ]


def allowing(*actions: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def managed(name: str, *actions: str) -> dict[str, Any]:
    document = allowing(*actions)
    old = {"Document": encoded({"Statement": []}), "IsDefaultVersion": False}
    versions = [old, {"Document": encoded(document), "IsDefaultVersion": True}]
    return {"Arn": f"arn:aws:iam::{ACCOUNT}:policy/{name}", "PolicyVersionList": versions}


def roles(offline: Recorded, role: dict[str, Any], *policies: dict[str, Any]) -> Mapping[str, object]:
    """The role's attributes where its policies stand on a later page."""
    first = {"RoleDetailList": [_role("one") | role], "IsTruncated": True, "Marker": "2"}
    answer(offline, "iam", "GetAccountAuthorizationDetails", first, {"Policies": list(policies)})
    (found,) = read(offline, ROW["iam"]).resources
    return found.attributes


ATTACHED = {
    "AttachedManagedPolicies": [{"PolicyName": "jobs", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/jobs"}]
}


def test_a_role_has_the_documents_of_its_policies_in_the_version_in_force(offline: Recorded) -> None:
    inline = allowing("s3:GetObject")
    own = {"RolePolicyList": [{"PolicyName": "own", "PolicyDocument": encoded(inline)}]}
    seen = roles(offline, ATTACHED | own, managed("jobs", "ecr:*"), managed("other", "ec2:*"))
    assert seen["policies"] == [inline, allowing("ecr:*")]


def test_a_role_with_a_policy_that_the_answer_lacks_has_none_that_are_known(offline: Recorded) -> None:
    assert "policies" not in roles(offline, ATTACHED, managed("other", "ec2:*"))


def test_a_roles_boundary_is_a_document_too(offline: Recorded) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/bound"
    bound = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn}}
    seen = roles(offline, bound, managed("bound", "s3:*"))
    assert seen["boundary"] == allowing("s3:*")


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("churn", ""),
        ("cdk-hnb659fds-assets-111122223333-eu-central-1", "the AWS CDK's assets"),
        ("cf-templates-1abc-eu-central-1", "the CloudFormation console"),
    ],
)
def test_a_bucket_of_another_tool_is_not_looked_into(offline: Recorded, name: str, owner: str) -> None:
    found = ROW["s3"].shape({"Name": name, "BucketRegion": HOME}, _place())
    assert found
    assert (found.attributes, ROW["s3"].candidate(found)) == (
        {"reserved_for": owner} if owner else {},
        not owner,
    )


def _place() -> Any:
    return SimpleNamespace(account=ACCOUNT, region=HOME, partition="aws")
