"""Rules: which meters run for which type, and which types are free because."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from cost_estimates.estimate import monthly
from cost_estimates.model import NOTHING, ResourceCost
from cost_estimates.rules import FREE, RULES, unpriced
from cost_estimates.usage import PROFILES

TODAY = date(2026, 1, 15)
CASES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("rule_cases.yaml").read_text(encoding="utf-8")
)
SAGEMAKER = {"Statement": {"Principal": {"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]}}}


def costs(resources: dict[str, Any], region: str = "us-east-1", usage: Any = "light") -> list[ResourceCost]:
    return list(monthly({"Resources": resources}, region, usage=usage, today=TODAY).resources)


def cost(kind: str, properties: Any = None, *, region: str = "us-east-1", **others: Any) -> ResourceCost:
    body = {"Type": kind, "Properties": properties or {}}
    return costs({"It": body, **others}, region)[0]


def lines(one: ResourceCost) -> dict[str, float]:
    return {line.usage: float(line.quantity) for line in one.lines}


def test_no_type_is_both_free_and_charged() -> None:
    assert set(RULES) & set(FREE) == set()


@pytest.mark.parametrize("kind", FREE)
def test_a_free_type_is_free_because(kind: str) -> None:
    it = cost(kind)
    assert (it.status, it.reason, it.lines) == ("free", FREE[kind], ())
    assert it.reason


@pytest.mark.parametrize("kind", RULES)
def test_every_rule_answers_even_without_properties(kind: str) -> None:
    it = cost(kind)
    if it.status == "free":
        assert it.reason == RULES[kind].otherwise
    else:
        assert it.reason.startswith(RULES[kind].words)
    if it.status == "unknown":
        assert "no price for " in it.reason or kind == "AWS::CloudFormation::Stack"
    if it.status in ("priced", "usage"):
        assert it.lines


@pytest.mark.parametrize("kind", unpriced.ALWAYS)
def test_what_has_no_price_is_unknown_in_every_profile_and_names_the_price(kind: str) -> None:
    for profile in PROFILES:
        [it] = costs({"It": {"Type": kind}}, usage=profile)
        assert (it.status, it.band) == ("unknown", NOTHING)
        assert it.reason == f"charged as long as it exists; no price for {unpriced.ALWAYS[kind][0]} " + (
            "in the price book"
        )


@pytest.mark.parametrize("kind", unpriced.USED)
def test_what_is_free_until_used_says_exactly_so(kind: str) -> None:
    """A month with use is unknown; an idle one is known to cost nothing."""
    [light], [idle] = (costs({"It": {"Type": kind}}, usage=profile) for profile in ("light", "idle"))
    missing = f"no price for {unpriced.USED[kind]} in the price book"
    assert (light.status, light.reason) == ("unknown", f"free until it is used; {missing}")
    assert (idle.status, idle.band) == ("usage", NOTHING)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("AWS::S3::Bucket", "usage"),
        ("AWS::ECR::Repository", "usage"),
        ("AWS::Logs::LogGroup", "usage"),
        ("AWS::Lambda::Function", "usage"),
        ("AWS::KMS::Key", "priced"),
        ("AWS::SecretsManager::Secret", "priced"),
        ("AWS::EC2::NatGateway", "priced"),
        ("AWS::EC2::EIP", "priced"),
        ("AWS::EKS::Cluster", "priced"),
        ("AWS::SageMaker::Endpoint", "priced"),
        ("AWS::Budgets::Budget", "free"),
        ("AWS::IAM::Role", "free"),
    ],
)
def test_what_runs_all_month_is_priced_and_the_rest_is_usage(kind: str, status: str) -> None:
    assert cost(kind).status == status


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("AWS::Panorama::Package", "no price rule for AWS::Panorama::Package yet"),
        ("Custom::Thing", "a custom resource: what it makes is not in the template"),
        ("AWS::Serverless::Thing", "a macro writes its resources only on deployment"),
        ("AWS::CloudFormation::StackSet", "what it deploys is not in the template"),
        ("Acme::Cloud::Box", "Acme::Cloud::Box is not a type of AWS's own"),
        ("", "no price rule for a resource without Type yet"),
    ],
)
def test_any_other_type_is_unknown_with_a_reason(kind: str, reason: str) -> None:
    it = cost(kind)
    assert (it.status, it.reason, it.lines) == ("unknown", reason, ())


def test_a_loop_over_what_nobody_knows_is_one_unknown_line() -> None:
    [it] = costs({"Fn::ForEach::Buckets": ["Name", {"Ref": "Names"}, {}]})
    assert (it.type, it.status, it.reason) == ("Fn::ForEach", "unknown", "written out only on deployment")


def test_jobs_run_under_a_role_that_trusts_sagemaker() -> None:
    it = cost("AWS::IAM::Role", {"AssumeRolePolicyDocument": SAGEMAKER})
    assert (it.status, lines(it)) == ("usage", {"SageMaker training-hour ml.m5.xlarge": 10.0})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Statement": []},
        {"Statement": [{"Principal": "*"}]},
        {"Statement": [{"Principal": {"Service": "lambda.amazonaws.com"}}]},
        {"Statement": [{"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}]},
        {"Statement": "nonsense"},
    ],
)
def test_any_other_role_is_free(document: Any) -> None:
    it = cost("AWS::IAM::Role", {"AssumeRolePolicyDocument": document})
    assert (it.status, it.reason) == ("free", "IAM is free")


@pytest.mark.parametrize("roles", [1, 2, 3, 7])
def test_the_months_jobs_do_not_multiply_with_the_roles(roles: int) -> None:
    body = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": SAGEMAKER}}
    bills = costs({f"Role{number}": body for number in range(roles)}, usage="team")
    assert len({bill.band for bill in bills}) == 1
    assert round(sum(bill.band.typical for bill in bills), 9) == round(
        costs({"Role": body}, usage="team")[0].band.typical, 9
    )


def test_a_fleet_of_gpu_hours_is_charged_beside_the_other_jobs() -> None:
    body = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": SAGEMAKER}}
    [it] = costs({"Role": body}, usage="team")
    assert lines(it) == {
        "SageMaker training-hour ml.m5.xlarge": 120.0,
        "SageMaker training-hour ml.g4dn.xlarge": 20.0,
    }


def test_a_region_without_the_usual_machine_runs_jobs_on_the_next() -> None:
    """mx-central-1 sells no m5 and no GPU of the list."""
    body = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": SAGEMAKER}}
    [light] = costs({"Role": body}, "mx-central-1")
    assert (light.status, lines(light)) == ("usage", {"SageMaker training-hour ml.m6i.xlarge": 10.0})
    [team] = costs({"Role": body}, "mx-central-1", "team")
    assert (team.status, lines(team)) == ("unknown", {"SageMaker training-hour ml.m6i.xlarge": 120.0})
    assert team.reason.endswith(
        "; no price for SageMaker training-hour ml.g4dn.xlarge in mx-central-1 (no source gives it)"
    )


def test_rarely_read_logs_have_their_own_price() -> None:
    it = cost("AWS::Logs::LogGroup", {"LogGroupClass": "INFREQUENT_ACCESS"})
    assert lines(it) == {"CloudWatchLogs ingest-custom-ia-gb": 0.5, "CloudWatchLogs storage-gb-month": 0.5}


def test_an_arm_function_has_its_own_prices() -> None:
    it = cost("AWS::Lambda::Function", {"Architectures": ["arm64"], "MemorySize": 512})
    assert lines(it) == {"Lambda request-arm": 1000.0, "Lambda gb-second-arm-tier1": 500.0}


def test_scratch_space_beyond_the_free_half_gigabyte_is_charged() -> None:
    it = cost("AWS::Lambda::Function", {"MemorySize": 1024, "EphemeralStorage": {"Size": 1536}})
    assert lines(it) == {
        "Lambda request": 1000.0,
        "Lambda gb-second-tier1": 1000.0,
        "Lambda ephemeral-storage-gb-second": 1000.0,
    }


def test_an_instance_is_charged_with_disk_and_public_address() -> None:
    interface = {"DeviceIndex": "0", "AssociatePublicIpAddress": True}
    it = cost("AWS::EC2::Instance", {"InstanceType": "m5.large", "NetworkInterfaces": [interface]})
    assert lines(it) == {
        "EC2 ondemand-linux-shared-hour m5.large": 730.0,
        "EBS gp3-storage-gb-month": 8.0,
        "VPC public-ipv4-inuse-hour": 730.0,
    }


def test_a_public_subnet_gives_a_public_address() -> None:
    subnet = {"Type": "AWS::EC2::Subnet", "Properties": {"MapPublicIpOnLaunch": True}}
    it = cost("AWS::EC2::Instance", {"InstanceType": "m5.large", "SubnetId": {"Ref": "Net"}}, Net=subnet)
    assert lines(it)["VPC public-ipv4-inuse-hour"] == 730.0


def test_fast_disks_cost_more() -> None:
    disk = {"Ebs": {"VolumeType": "gp3", "VolumeSize": 100, "Iops": 4000, "Throughput": 250}}
    it = cost("AWS::EC2::Instance", {"InstanceType": "m5.large", "BlockDeviceMappings": [disk]})
    assert lines(it) == {
        "EC2 ondemand-linux-shared-hour m5.large": 730.0,
        "EBS gp3-storage-gb-month": 100.0,
        "EBS gp3-iops-month": 1000.0,
        "EBS gp3-throughput-mibps-month": 125.0,
    }


def test_an_instance_takes_what_its_launch_template_says() -> None:
    data = {"InstanceType": "m5.xlarge", "BlockDeviceMappings": [{"Ebs": {"VolumeSize": 30}}]}
    launch = {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": data}}
    it = cost("AWS::EC2::Instance", {"LaunchTemplate": {"LaunchTemplateId": {"Ref": "Lt"}}}, Lt=launch)
    assert lines(it) == {
        "EC2 ondemand-linux-shared-hour m5.xlarge": 730.0,
        "EBS gp3-storage-gb-month": 30.0,
    }


def test_an_instance_type_that_nobody_can_see_is_assumed_and_said() -> None:
    it = cost("AWS::EC2::Instance", {"InstanceType": {"Fn::ImportValue": "kind"}})
    assert it.reason == (
        "runs all month, with its disks and public address; "
        "InstanceType is Fn::ImportValue, known only to AWS: t3.medium assumed; "
        "the image's root disk: 8 GB of gp3 assumed"
    )


def test_a_dedicated_machine_is_unknown_and_its_disk_is_not_lost() -> None:
    it = cost("AWS::EC2::Instance", {"InstanceType": "m5.large", "Tenancy": "dedicated"})
    assert (it.status, lines(it)) == ("unknown", {"EBS gp3-storage-gb-month": 8.0})
    assert it.reason.endswith(
        "no price for EC2 ondemand-linux-dedicated-hour m5.large in us-east-1 (not in the price book)"
    )


@pytest.mark.parametrize(
    ("scaling", "nodes"),
    [({"DesiredSize": 3, "MinSize": 1}, 3), ({"MinSize": 1}, 1), ({}, 2), ({"DesiredSize": 0}, 0)],
)
def test_the_desired_nodes_run_all_month(scaling: dict[str, int], nodes: int) -> None:
    it = cost("AWS::EKS::Nodegroup", {"InstanceTypes": ["m5.large"], "ScalingConfig": scaling})
    hours, disks = "EC2 ondemand-linux-shared-hour m5.large", "EBS gp3-storage-gb-month"
    assert it.status == "priced"
    assert lines(it) == ({hours: 730.0 * nodes, disks: 20.0 * nodes} if nodes else {})


def test_spot_nodes_say_that_the_price_is_an_upper_bound() -> None:
    it = cost("AWS::EKS::Nodegroup", {"InstanceTypes": ["m5.large"], "CapacityType": "SPOT"})
    assert it.reason.endswith("; Spot costs less: the on-demand price is its upper bound")


def test_nodes_take_what_their_launch_template_says() -> None:
    data = {"InstanceType": "m5.xlarge", "BlockDeviceMappings": [{"Ebs": {"VolumeSize": 50}}]}
    launch = {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": data}}
    it = cost("AWS::EKS::Nodegroup", {"LaunchTemplate": {"Id": {"Ref": "Lt"}}}, Lt=launch)
    assert lines(it) == {
        "EC2 ondemand-linux-shared-hour m5.xlarge": 1460.0,
        "EBS gp3-storage-gb-month": 100.0,
    }


@pytest.mark.parametrize(
    ("properties", "extended"),
    [
        ({"Version": "1.31"}, True),
        ({"Version": "1.32"}, False),
        ({"Version": "1.31", "UpgradePolicy": {"SupportType": "STANDARD"}}, False),
        ({}, False),
    ],
)
def test_a_version_past_standard_support_costs_extra(properties: dict[str, Any], extended: bool) -> None:
    it = cost("AWS::EKS::Cluster", properties)
    assert ("EKS cluster-hour-extended-surcharge" in lines(it)) is extended


@pytest.mark.parametrize(("version", "hours"), [("1.35", 730), ("1.30", 1460), ("1.20", 1460)])
def test_a_cluster_that_the_cdk_makes_by_a_custom_resource_is_priced(version: str, hours: int) -> None:
    it = cost("Custom::AWSCDK-EKS-Cluster", {"Config": {"version": version}})
    assert (it.status, sum(lines(it).values())) == ("priced", hours)


def test_an_endpoint_runs_the_variants_of_its_config() -> None:
    variants = [
        {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2},
        {"InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1},
    ]
    config = {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": variants}}
    name = {"Fn::GetAtt": ["Config", "EndpointConfigName"]}
    it = cost("AWS::SageMaker::Endpoint", {"EndpointConfigName": name}, Config=config)
    assert lines(it) == {
        "SageMaker hosting-hour ml.m5.large": 1460.0,
        "SageMaker hosting-hour ml.m5.xlarge": 730.0,
    }


def test_an_endpoint_whose_variants_are_open_is_assumed_and_said() -> None:
    config = {"ProductionVariants": {"Fn::If": ["Live", [], []]}}
    body = {"Type": "AWS::SageMaker::EndpointConfig", "Properties": config}
    it = cost("AWS::SageMaker::Endpoint", {"EndpointConfigName": {"Ref": "Config"}}, Config=body)
    assert lines(it) == {"SageMaker hosting-hour ml.m5.large": 730.0}
    assert it.reason.endswith("ProductionVariants is not in the template: one ml.m5.large assumed")


SERVERLESS_LINE = "SageMaker serverless-inference-second 2048MB"


def serverless(region: str = "us-east-1", **config: int) -> ResourceCost:
    variants = [{"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **config}}]
    body = {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": variants}}
    reference = {"EndpointConfigName": {"Ref": "Config"}}
    return cost("AWS::SageMaker::Endpoint", reference, region=region, Config=body)


def test_a_serverless_endpoint_is_charged_by_the_second() -> None:
    it = serverless()
    assert (it.status, lines(it)) == ("usage", {SERVERLESS_LINE: 400.0})


def test_serverless_capacity_kept_ready_runs_all_month() -> None:
    ready = "SageMaker serverless-provisioned-concurrency-second 2048MB"
    it = serverless(ProvisionedConcurrency=2)
    assert (it.status, lines(it)) == ("priced", {SERVERLESS_LINE: 400.0, ready: 2 * 730 * 3600.0})


def test_a_serverless_endpoint_is_unknown_where_it_has_no_price() -> None:
    it = serverless("eu-west-1")
    assert (it.status, it.lines) == ("unknown", ())
    assert it.reason.endswith(
        "no price for SageMaker serverless-inference-second 2048MB in eu-west-1 (no source gives it)"
    )


def test_a_notebook_whose_disk_has_no_price_is_unknown_and_counts_what_is_known() -> None:
    it = cost("AWS::SageMaker::NotebookInstance", {"InstanceType": "ml.t3.medium"})
    assert (it.status, lines(it)) == ("unknown", {"SageMaker notebook-instance-hour ml.t3.medium": 730.0})
    assert it.reason == (
        "runs all month unless it is stopped; "
        "no price for SageMaker ml-storage-notebook-gb-month in us-east-1 (no source gives it)"
    )


def test_a_notebook_is_priced_where_its_disk_has_a_price() -> None:
    it = cost("AWS::SageMaker::NotebookInstance", {"InstanceType": "ml.m5.xlarge"}, region="eu-west-1")
    assert (it.status, it.band.idle == it.band.high) == ("priced", True)


def test_what_lies_beyond_the_only_tier_of_a_list_is_unknown() -> None:
    """The second tier of express workflows is cheaper, and nobody says by how much."""
    machine = {
        "It": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineType": "EXPRESS"}}
    }
    usage = {"profile": "idle", "stepfunctions_express_gb_seconds": 3_600_001}
    [it] = costs(machine, usage=usage)
    assert it.status == "unknown"
    assert "no price for StepFunctions express-gb-second-tier2 in us-east-1" in it.reason


IP = "VPC public-ipv4-inuse-hour"


@pytest.mark.parametrize("case", CASES["decided"], ids=str)
def test_properties_decide_the_meters(case: dict[str, Any]) -> None:
    found = lines(cost(f"AWS::{case['kind']}", case["properties"]))
    assert {usage: found.get(usage) for usage in case["lines"]} == case["lines"]
    assert bool(found) == bool(case["lines"])


@pytest.mark.parametrize("case", CASES["missing"], ids=str)
def test_a_price_that_nobody_has_is_named(case: dict[str, Any]) -> None:
    it = cost(f"AWS::{case['kind']}", case["properties"])
    assert it.status == "unknown"
    assert f"; no price for {case['price']} in the price book" in it.reason


@pytest.mark.parametrize("case", CASES["free"], ids=str)
def test_what_costs_nothing_in_this_form_is_free_because(case: dict[str, Any]) -> None:
    kind = f"AWS::{case['kind']}"
    it = cost(kind, case["properties"])
    assert (it.status, it.reason) == ("free", RULES[kind].otherwise)


def test_a_pipeline_whose_role_is_in_the_template_leaves_its_jobs_to_the_role() -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": SAGEMAKER}}
    it = cost("AWS::SageMaker::Pipeline", {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}, Role=role)
    assert (it.status, it.reason) == ("free", RULES["AWS::SageMaker::Pipeline"].otherwise)


def test_launch_configurations_watch_closely_unless_told_not_to() -> None:
    group = {"LaunchConfigurationName": {"Ref": "Launch"}, "MinSize": "2"}
    body = {"InstanceType": "m5.large", "AssociatePublicIpAddress": True}
    launch = {"Type": "AWS::AutoScaling::LaunchConfiguration", "Properties": body}
    found = lines(cost("AWS::AutoScaling::AutoScalingGroup", group, Launch=launch))
    assert (found["CloudWatch custom-metric-month-tier1"], found[IP]) == (14, 1460)
    quiet = {**launch, "Properties": {**body, "InstanceMonitoring": False}}
    calm = lines(cost("AWS::AutoScaling::AutoScalingGroup", group, Launch=quiet))
    assert "CloudWatch custom-metric-month-tier1" not in calm


def test_nodes_in_public_subnets_have_public_addresses() -> None:
    public = {"Type": "AWS::EC2::Subnet", "Properties": {"MapPublicIpOnLaunch": True}}
    private = {"Type": "AWS::EC2::Subnet"}
    nodes = {"InstanceTypes": ["m5.large"], "Subnets": [{"Ref": "A"}, {"Ref": "B"}]}
    assert lines(cost("AWS::EKS::Nodegroup", nodes, A=public, B=public))[IP] == 1460
    assert IP not in lines(cost("AWS::EKS::Nodegroup", nodes, A=public, B=private))


def test_auto_mode_in_public_subnets_is_charged_an_address_for_every_hour_of_a_machine() -> None:
    public = {"Type": "AWS::EC2::Subnet", "Properties": {"MapPublicIpOnLaunch": True}}
    private = {"Type": "AWS::EC2::Subnet", "Properties": {}}
    cluster = {
        "ComputeConfig": {"Enabled": True},
        "ResourcesVpcConfig": {"SubnetIds": [{"Ref": "A"}, {"Ref": "B"}]},
    }
    charged = lines(cost("AWS::EKS::Cluster", cluster, A=public, B=public))
    hours = next(quantity for meter, quantity in charged.items() if meter.startswith("EKS auto-mode-fee"))
    assert charged[IP] == hours > 0
    assert IP not in lines(cost("AWS::EKS::Cluster", cluster, A=public, B=private))


def test_subnets_that_a_parameter_brings_are_taken_as_two_and_said() -> None:
    subnets = {"Ref": "AWS::NotificationARNs"}
    it = cost("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface", "SubnetIds": subnets})
    assert lines(it)["VPC interface-endpoint-hour"] == 1460
    assert "SubnetIds is open: 2 zones assumed" in it.reason


def test_a_storage_kind_without_a_price_names_what_is_missing() -> None:
    it = cost("AWS::EC2::Volume", {"VolumeType": "io2", "Size": 10, "Iops": 500})
    assert it.status == "unknown"
    assert "no price for EBS io2-storage-gb-month in us-east-1" in it.reason
    assert "no price for EBS io2-iops-month in us-east-1" in it.reason


def test_everything_that_our_own_shapes_emit_is_classified() -> None:
    """And nothing of it is unknown for want of a rule."""
    shapes = sorted((Path(__file__).resolve().parents[2] / "provisioner/shapes").glob("*.*.json"))
    types = {
        resource["Type"]
        for shape in shapes
        for resource in json.loads(shape.read_text())["Resources"].values()
    }
    assert types
    assert [kind for kind in sorted(types) if kind not in RULES and kind not in FREE] == []


@pytest.mark.parametrize("name", [*CASES["types_of_ours"], *CASES["types_of_others"]])
def test_the_types_of_ml_stacks_have_a_rule_or_a_reason(name: str) -> None:
    assert f"AWS::{name}" in RULES or f"AWS::{name}" in FREE
