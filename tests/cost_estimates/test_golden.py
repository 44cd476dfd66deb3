"""Costs worked out by hand from rows of the snapshot that the price book was made from."""

from datetime import date
from decimal import Decimal

import pytest

from cost_estimates.estimate import monthly
from cost_estimates.model import Band

TODAY = date(2026, 1, 15)
TRUSTS_SAGEMAKER = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}],
}
BUCKET = {"Type": "AWS::S3::Bucket"}
REPOSITORY = {"Type": "AWS::ECR::Repository"}
JOB_ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUSTS_SAGEMAKER}}
NAT = {"Type": "AWS::EC2::NatGateway"}
CLUSTER = {"Type": "AWS::EKS::Cluster", "Properties": {"Version": "1.35"}}
OLD_CLUSTER = {"Type": "AWS::EKS::Cluster", "Properties": {"Version": "1.30"}}
AUTO_CLUSTER = {
    "Type": "AWS::EKS::Cluster",
    "Properties": {"Version": "1.35", "ComputeConfig": {"Enabled": True}},
}


def instance(kind: str, gigabytes: int) -> dict[str, object]:
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp3", "VolumeSize": gigabytes}}
    return {
        "Type": "AWS::EC2::Instance",
        "Properties": {"InstanceType": kind, "BlockDeviceMappings": [disk]},
    }


def storage(gigabytes: int) -> dict[str, object]:
    return {"s3_storage_gb": gigabytes}


def jobs(kind: str, hours: int) -> dict[str, object]:
    return {"sagemaker_job_hours": hours, "sagemaker_job_instance_type": kind}


def auto(kind: str, hours: int) -> dict[str, object]:
    return {"eks_auto_node_hours": hours, "eks_auto_instance_type": kind}


# region, resource, usage on top of idle, how it was worked out, US dollars per month
STORAGE = [
    # S3 standard-storage-gb-month-tier1 (to 51,200 GB), -tier2 (to 512,000 GB), -tier3, 2025-10-22
    ("us-east-1", BUCKET, storage(100), "100 × 0.023", "2.3"),
    ("us-west-1", BUCKET, storage(100), "100 × 0.026", "2.6"),
    ("eu-central-1", BUCKET, storage(40), "40 × 0.0245", "0.98"),
    ("sa-east-1", BUCKET, storage(200), "200 × 0.0405", "8.1"),
    ("af-south-1", BUCKET, storage(1000), "1000 × 0.0274", "27.4"),
    ("mx-central-1", BUCKET, storage(10), "10 × 0.02415", "0.2415"),
    ("us-east-1", BUCKET, storage(51_199), "51199 × 0.023", "1177.577"),
    ("us-east-1", BUCKET, storage(51_200), "51200 × 0.023", "1177.6"),
    ("us-east-1", BUCKET, storage(51_201), "51200 × 0.023 + 1 × 0.022", "1177.622"),
    ("us-east-1", BUCKET, storage(512_000), "51200 × 0.023 + 460800 × 0.022", "11315.2"),
    ("us-east-1", BUCKET, storage(512_001), "51200 × 0.023 + 460800 × 0.022 + 1 × 0.021", "11315.221"),
    ("sa-east-1", BUCKET, storage(60_000), "51200 × 0.0405 + 8800 × 0.039", "2416.8"),
]
REQUESTS = [
    # S3 standard-put-request and standard-get-request, 2025-10-22
    ("us-east-1", BUCKET, {"s3_put_requests": 1_000_000}, "1e6 × 0.000005", "5"),
    ("us-east-1", BUCKET, {"s3_get_requests": 1_000_000}, "1e6 × 0.0000004", "0.4"),
    ("ap-northeast-1", BUCKET, {"s3_put_requests": 10_000}, "10000 × 0.0000047", "0.047"),
    ("eu-south-2", BUCKET, {"s3_put_requests": 200_000}, "200000 × 0.0000053", "1.06"),
    ("ap-southeast-2", BUCKET, {"s3_get_requests": 500_000}, "500000 × 0.00000044", "0.22"),
]
INTERNET = [
    # DataTransfer internet-out-gb-tier1 (to 10,240 GB), -tier2 (51,200), -tier3 (153,600), -tier4, 2025-06-18
    ("us-east-1", BUCKET, {"s3_internet_out_gb": 50}, "50 × 0.09", "4.5"),
    ("ap-south-1", BUCKET, {"s3_internet_out_gb": 50}, "50 × 0.1093", "5.465"),
    ("us-east-1", BUCKET, {"s3_internet_out_gb": 10_240}, "10240 × 0.09", "921.6"),
    ("us-east-1", BUCKET, {"s3_internet_out_gb": 10_241}, "10240 × 0.09 + 1 × 0.085", "921.685"),
    (
        "us-east-1",
        BUCKET,
        {"s3_internet_out_gb": 153_601},
        "10240 × 0.09 + 40960 × 0.085 + 102400 × 0.07 + 1 × 0.05",
        "11571.25",
    ),
]
IMAGES = [
    # ECR storage-gb-month, 2025-06-05
    ("us-east-1", REPOSITORY, {"ecr_storage_gb": 12}, "12 × 0.1", "1.2"),
    ("eu-north-1", REPOSITORY, {"ecr_storage_gb": "7.5"}, "7.5 × 0.1", "0.75"),
    ("il-central-1", REPOSITORY, {"ecr_storage_gb": 1000}, "1000 × 0.1", "100"),
]
JOBS = [
    # SageMaker training-hour, 2026-09-24 (us-east-1, ap-south-1) and 2023-12-31 (eu-west-1)
    ("us-east-1", JOB_ROLE, jobs("ml.m5.xlarge", 10), "10 × 0.23", "2.3"),
    ("us-east-1", JOB_ROLE, jobs("ml.g5.xlarge", 3), "3 × 1.408", "4.224"),
    ("eu-west-1", JOB_ROLE, jobs("ml.m5.xlarge", 8), "8 × 0.257", "2.056"),
    ("ap-south-1", JOB_ROLE, jobs("ml.g6.xlarge", 4), "4 × 1.353", "5.412"),
    # SageMaker studio-notebook-hour stands in, 2025-06-16
    ("eu-central-1", JOB_ROLE, jobs("ml.m5.xlarge", 10), "10 × 0.276", "2.76"),
    ("ap-northeast-1", JOB_ROLE, jobs("ml.g5.xlarge", 2), "2 × 2.04", "4.08"),
    ("sa-east-1", JOB_ROLE, jobs("ml.m5.2xlarge", 5), "5 × 0.734", "3.67"),
    ("me-central-1", JOB_ROLE, jobs("ml.m5.xlarge", 20), "20 × 0.282", "5.64"),
    # EC2 ondemand-linux-shared-hour × factor stands in, 2025-11-04
    ("us-west-2", JOB_ROLE, jobs("ml.m6i.xlarge", 10), "10 × 1.20 × 0.192", "2.304"),
    ("eu-north-1", JOB_ROLE, jobs("ml.g6.xlarge", 2), "2 × 1.40 × 0.8536", "2.39008"),
    ("mx-central-1", JOB_ROLE, jobs("ml.m6i.xlarge", 10), "10 × 1.20 × 0.2016", "2.4192"),
]
NETWORK = [
    # VPC nat-gateway-hour and nat-gateway-data-gb, 2025-10-28
    ("us-east-1", NAT, {}, "730 × 0.045", "32.85"),
    ("eu-west-1", NAT, {"nat_data_gb": 100}, "730 × 0.048 + 100 × 0.048", "39.84"),
    ("ap-northeast-1", NAT, {"nat_data_gb": 10}, "730 × 0.062 + 10 × 0.062", "45.88"),
    ("sa-east-1", NAT, {}, "730 × 0.093", "67.89"),
    ("mx-central-1", NAT, {"nat_data_gb": 1}, "730 × 0.04725 + 1 × 0.04725", "34.53975"),
]
KUBERNETES = [
    # EKS cluster-hour-standard and cluster-hour-extended-surcharge, 2025-10-28
    ("us-east-1", CLUSTER, {}, "730 × 0.1", "73"),
    ("af-south-1", CLUSTER, {}, "730 × 0.1", "73"),
    ("eu-central-1", OLD_CLUSTER, {}, "730 × 0.1 + 730 × 0.5", "438"),
    # EKS auto-mode-fee-hour m5.large, 2026-07-15; elsewhere 0.12 × EC2 m5.large, 2025-11-04
    ("us-east-1", AUTO_CLUSTER, auto("m5.large", 10), "730 × 0.1 + 10 × 0.096 + 10 × 0.01152", "74.0752"),
    ("eu-west-1", AUTO_CLUSTER, auto("m5.large", 10), "73 + 10 × 0.107 + 10 × 0.12 × 0.107", "74.1984"),
]
MACHINES = [
    # EC2 ondemand-linux-shared-hour, 2025-11-04; EBS gp3-storage-gb-month, dates by region
    ("us-east-1", instance("t3.medium", 8), {}, "730 × 0.0416 + 8 × 0.08", "31.008"),
    ("us-west-1", instance("m5.large", 100), {}, "730 × 0.112 + 100 × 0.096", "91.36"),
    ("eu-central-1", instance("g5.xlarge", 200), {}, "730 × 1.258 + 200 × 0.0952", "937.38"),
    ("ap-south-1", instance("m5.xlarge", 50), {}, "730 × 0.202 + 50 × 0.0912", "152.02"),
    ("sa-east-1", instance("m5.large", 20), {}, "730 × 0.153 + 20 × 0.152", "114.73"),
    ("ca-central-1", instance("g6.xlarge", 100), {}, "730 × 0.8936 + 100 × 0.088", "661.128"),
]
ALL = STORAGE + REQUESTS + INTERNET + IMAGES + JOBS + NETWORK + KUBERNETES + MACHINES


def spelled(case: tuple[str, dict[str, object], dict[str, object], str, str]) -> str:
    return f"{case[1]['Type']} in {case[0]}: {case[3]}"


@pytest.mark.parametrize("case", ALL, ids=spelled)
def test_a_month_costs_what_the_hand_calculation_says(
    case: tuple[str, dict[str, object], dict[str, object], str, str],
) -> None:
    region, resource, usage, _, usd = case
    estimate = monthly(
        {"Resources": {"It": resource}}, region, usage={"profile": "idle", **usage}, today=TODAY
    )
    assert (estimate.total.typical, estimate.unknown) == (Decimal(usd), 0)


def test_the_hand_calculations_cover_ten_regions() -> None:
    assert len(ALL) >= 40
    assert len({region for region, *_ in ALL}) >= 10


def test_a_whole_stack_costs_the_sum_of_its_parts() -> None:
    """In us-east-1, with light usage.

    idle:    NAT 32.85, EKS 73
    low:     idle + S3 0.115 + 0.025 + 0.01 + 0.045, ECR 0.2, jobs 0.46, NAT data 0.225
    typical: idle + S3 0.46 + 0.1 + 0.04 + 0.18, ECR 0.8, jobs 2.3, NAT data 0.9
    high:    idle + S3 2.3 + 0.5 + 0.2 + 0.9, ECR 2, jobs 6.9, NAT data 2.7
    """
    stack = {"Bucket": BUCKET, "Images": REPOSITORY, "Jobs": JOB_ROLE, "Nat": NAT, "Cluster": CLUSTER}
    estimate = monthly({"Resources": stack}, "us-east-1", usage="light", today=TODAY)
    assert estimate.total == Band(
        idle=Decimal("105.85"), low=Decimal("106.93"), typical=Decimal("110.63"), high=Decimal("121.35")
    )
