"""Usage files: every key that matters for a template, and no other."""

from datetime import date
from typing import Any

import pytest
import yaml

from cost_estimates import price_book
from cost_estimates.estimate import monthly
from cost_estimates.model import CostError
from cost_estimates.rules import RULES
from cost_estimates.template import Stack
from cost_estimates.usage import AMOUNTS, MACHINE_OF, MACHINES, PROFILES
from cost_estimates.usage_file import usage_file

TODAY = date(2026, 1, 15)
BOOK = price_book.load()
JOB_ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {"Statement": {"Principal": {"Service": "sagemaker.amazonaws.com"}}}
    },
}
STORE = {"Resources": {"Store": {"Type": "AWS::S3::Bucket"}, "Jobs": JOB_ROLE}}
EVERYTHING = {
    "Resources": {
        **{kind.replace("::", ""): {"Type": kind} for kind in RULES},
        "Jobs": JOB_ROLE,
        "Machines": {"Type": "AWS::IAM::InstanceProfile", "Metadata": {"stackwright:starts": {}}},
        "Auto": {"Type": "AWS::EKS::Cluster", "Properties": {"ComputeConfig": {"Enabled": True}}},
        "Inside": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Interface"}},
        "Inner": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Type": "network"}},
        "Gate": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Type": "gateway"}},
        "Fast": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"StateMachineType": "EXPRESS"}},
        "Queue": {
            "Type": "AWS::Batch::ComputeEnvironment",
            "Properties": {"ComputeResources": {"Type": "FARGATE"}},
        },
        "Serve": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Ref": "Config"}},
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {"ProductionVariants": [{"ServerlessConfig": {"MemorySizeInMB": 2048}}]},
        },
    }
}


def read(template: Any, region: str = "us-east-1", profile: str = "light") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(usage_file(template, region, profile))
    return found


def test_the_file_of_a_small_template_is_exactly_this() -> None:
    text = usage_file({"Resources": {"Keys": {"Type": "AWS::KMS::Key"}}}, "us-east-1", "light")
    assert text == (
        "# What a month of work adds in us-east-1, for the whole template; resources that share a key share\n"
        "# its amount. The numbers are those of profile light: change what you know better, and leave out\n"
        "# what you do not. One number in place of low, typical and high counts for all three.\n"
        "profile: light\n"
        "\n"
        "# requests a month, of Keys. One per object read or written; "
        "bucket keys would make it a hundredth.\n"
        "kms_requests: {low: 10000, typical: 50000, high: 200000}\n"
    )


def test_it_names_the_keys_that_matter_and_no_other() -> None:
    assert list(read(STORE)) == [
        *("profile", "s3_storage_gb", "s3_put_requests", "s3_get_requests", "s3_internet_out_gb"),
        *("sagemaker_job_hours", "sagemaker_job_instance_type"),
        *("sagemaker_gpu_job_hours", "sagemaker_gpu_job_instance_type"),
    ]


def test_every_key_matters_for_some_template() -> None:
    assert set(read(EVERYTHING)) == {"profile", *AMOUNTS, *MACHINES}


def test_every_machine_belongs_to_hours() -> None:
    assert set(MACHINE_OF.values()) == set(MACHINES)
    assert set(MACHINE_OF) <= set(AMOUNTS)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("region", ["us-east-1", "mx-central-1", "ap-southeast-6"])
def test_left_as_it_is_it_gives_the_estimate_of_its_profile(region: str, profile: str) -> None:
    plain = monthly(EVERYTHING, region, usage=profile, today=TODAY)
    filed = monthly(EVERYTHING, region, usage=read(EVERYTHING, region, profile), today=TODAY)
    assert (filed.total, filed.resources) == (plain.total, plain.resources)


def test_it_names_the_machine_that_the_region_sells() -> None:
    assert read(STORE, "us-east-1")["sagemaker_job_instance_type"] == "ml.m5.xlarge"
    assert read(STORE, "mx-central-1")["sagemaker_job_instance_type"] == "ml.m6i.xlarge"


def test_a_machine_that_the_template_names_is_no_usage() -> None:
    resources = {"InstanceTypes": ["c5.large"], "Type": "EC2"}
    queue = {"Type": "AWS::Batch::ComputeEnvironment", "Properties": {"ComputeResources": resources}}
    assert list(read({"Resources": {"Queue": queue}})) == ["profile", "batch_instance_hours"]


def test_a_template_without_usage_says_so() -> None:
    text = usage_file({"Resources": {"Address": {"Type": "AWS::EC2::EIP"}}}, "us-east-1", "team")
    assert text == "# Nothing in this template depends on how much it is used.\nprofile: team\n"


def test_many_carriers_are_not_all_named() -> None:
    text = usage_file(
        {"Resources": {f"K{n}": {"Type": "AWS::KMS::Key"} for n in range(9)}}, "us-east-1", "idle"
    )
    assert "K0, K1, K2, K3, K4, K5 and others" in text


def test_stacks_of_an_assembly_are_named_with_their_resources() -> None:
    stacks = [Stack(name="A", body=STORE), Stack(name="B", body=STORE)]
    assert "of A/Store, B/Store" in usage_file(stacks, "us-east-1", "light")


@pytest.mark.parametrize(("region", "profile"), [("mars", "light"), ("us-east-1", "busy")])
def test_what_does_not_exist_is_refused(region: str, profile: str) -> None:
    with pytest.raises(CostError):
        usage_file(STORE, region, profile)
