"""Work out golden costs from a snapshot of price rows, without the estimator.

Example: python scripts/build_golden_cases.py SNAPSHOT.csv

Each family is a template, a usage and a formula; each of its cases is the formula with a region's figures.
The figures, their sources and the result are written out, so that a reader can redo every sum by hand.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import yaml

OUTPUT = Path(__file__).resolve().parent.parent / "tests/cost_estimates/golden/snapshot.yaml"
CONFIDENCE = ("low", "medium", "high")
CASES_PER_FAMILY = 6
NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)")
HEAD = """\
# Golden costs worked out from rows of the price snapshot; written by scripts/build_golden_cases.py.
# Each case: the formula with the prices of its region gives `usd`, the typical month. Usage is above idle.
"""


class Family(NamedTuple):
    """One computation: `prices` names the rows of its formula as `service usage [instance type]`."""

    what: str
    formula: str
    prices: Mapping[str, str]
    resources: Mapping[str, Any]
    usage: Mapping[str, Any] = {}
    sections: Mapping[str, Any] = {}
    regions: tuple[str, ...] = ()


def one(kind: str, **properties: Any) -> dict[str, Any]:
    return {"It": typed(kind, **properties)}


def typed(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", **({"Properties": properties} if properties else {})}


def ebs(gigabytes: int, **more: Any) -> list[dict[str, Any]]:
    disk = {"VolumeType": "gp3", "VolumeSize": gigabytes, **more}
    return [{"DeviceName": "/dev/xvda", "Ebs": disk}]


def launch(kind: str, gigabytes: int) -> dict[str, Any]:
    data = {"InstanceType": kind, "BlockDeviceMappings": ebs(gigabytes)}
    return typed("EC2::LaunchTemplate", LaunchTemplateData=data)


def task(cpu: str, memory: str, **more: Any) -> dict[str, Any]:
    return typed("ECS::TaskDefinition", RequiresCompatibilities=["FARGATE"], Cpu=cpu, Memory=memory, **more)


def service(tasks: int, **more: Any) -> dict[str, Any]:
    properties = {"LaunchType": "FARGATE", "DesiredCount": tasks, "TaskDefinition": {"Ref": "Task"}, **more}
    return typed("ECS::Service", **properties)


def build(kind: str, size: str) -> dict[str, Any]:
    return one("CodeBuild::Project", Environment={"Type": kind, "ComputeType": size, "Image": "aws/x:1"})


def endpoint(*variants: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "It": typed(
            "SageMaker::Endpoint", EndpointConfigName={"Fn::GetAtt": ["Config", "EndpointConfigName"]}
        ),
        "Config": typed("SageMaker::EndpointConfig", ProductionVariants=list(variants)),
    }


TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}]}
JOB_ROLE = typed("IAM::Role", AssumeRolePolicyDocument=TRUST)
GP3 = "EBS gp3-storage-gb-month"
M5_LARGE = "EC2 ondemand-linux-shared-hour m5.large"
IP = "VPC public-ipv4-inuse-hour"

FAMILIES = (
    Family(
        "A NAT gateway, 250 GB through it, and its address",
        "730*hour + 250*gb + 730*ip",
        {"hour": "VPC nat-gateway-hour", "gb": "VPC nat-gateway-data-gb", "ip": IP},
        {
            "It": typed("EC2::NatGateway", AllocationId={"Fn::GetAtt": ["Ip", "AllocationId"]}),
            "Ip": typed("EC2::EIP"),
        },
        {"nat_data_gb": 250},
    ),
    Family(
        "An interface endpoint in three zones, 80 GB through it",
        "3*730*hour + 80*gb",
        {"hour": "VPC interface-endpoint-hour", "gb": "VPC interface-endpoint-data-gb-tier1"},
        one("EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=["a", "b", "c"], ServiceName="s"),
        {"vpc_endpoint_data_gb": 80},
    ),
    Family(
        "An internal application load balancer, 300 unit hours",
        "730*hour + 300*unit",
        {"hour": "ELB alb-hour", "unit": "ELB alb-lcu-hour"},
        one("ElasticLoadBalancingV2::LoadBalancer", Scheme="internal", Subnets=["a", "b"]),
        {"alb_lcu_hours": 300},
    ),
    Family(
        "A public application load balancer in two subnets: two public addresses",
        "730*hour + 2*730*ip",
        {"hour": "ELB alb-hour", "ip": IP},
        one("ElasticLoadBalancingV2::LoadBalancer", Subnets=["a", "b"]),
    ),
    Family(
        "A network load balancer with an address of its own, 50 unit hours",
        "730*hour + 50*unit + 730*ip",
        {"hour": "ELB nlb-hour", "unit": "ELB nlb-lcu-hour", "ip": IP},
        {
            "It": typed(
                "ElasticLoadBalancingV2::LoadBalancer",
                Type="network",
                SubnetMappings=[{"SubnetId": "a", "AllocationId": {"Fn::GetAtt": ["Ip", "AllocationId"]}}],
            ),
            "Ip": typed("EC2::EIP"),
        },
        {"nlb_lcu_hours": 50},
    ),
    Family(
        "A classic load balancer, 40 GB through it",
        "730*hour + 40*gb",
        {"hour": "ELB clb-hour", "gb": "ELB clb-data-gb"},
        one("ElasticLoadBalancing::LoadBalancer", Listeners=[]),
        {"clb_data_gb": 40},
    ),
    Family(
        "VPC flow logs to CloudWatch Logs, 12,000 GB: 10,240 in the first tier",
        "10240*first + 1760*second",
        {"first": "CloudWatchLogs ingest-vended-gb-tier1", "second": "CloudWatchLogs ingest-vended-gb-tier2"},
        one("EC2::FlowLog", ResourceType="VPC", ResourceId="vpc-1"),
        {"flow_logs_gb": 12_000},
    ),
    Family(
        "An EKS cluster in extended support",
        "730*hour + 730*surcharge",
        {"hour": "EKS cluster-hour-standard", "surcharge": "EKS cluster-hour-extended-surcharge"},
        one("EKS::Cluster", Version="1.30"),
    ),
    Family(
        "An EKS cluster in Auto Mode: 100 hours of m5.xlarge nodes and their fee of 12 %",
        "730*hour + 100*node + 100*0.12*node",
        {"hour": "EKS cluster-hour-standard", "node": "EC2 ondemand-linux-shared-hour m5.xlarge"},
        one("EKS::Cluster", Version="1.35", ComputeConfig={"Enabled": True}),
        {"eks_auto_node_hours": 100, "eks_auto_instance_type": "m5.xlarge"},
    ),
    Family(
        "An EKS cluster and three m5.large nodes with 50 GB each from a launch template",
        "730*hour + 3*730*node + 3*50*gb",
        {"hour": "EKS cluster-hour-standard", "node": M5_LARGE, "gb": GP3},
        {
            "Cluster": typed("EKS::Cluster", Version="1.35"),
            "Nodes": typed(
                "EKS::Nodegroup",
                LaunchTemplate={"Id": {"Ref": "Lt"}},
                ScalingConfig={"DesiredSize": 3, "MaxSize": 9},
            ),
            "Lt": launch("m5.large", 50),
        },
    ),
    Family(
        "A GPU node group of two g4dn.xlarge with 100 GB each",
        "2*730*node + 2*100*gb",
        {"node": "EC2 ondemand-linux-shared-hour g4dn.xlarge", "gb": GP3},
        one("EKS::Nodegroup", InstanceTypes=["g4dn.xlarge"], DiskSize=100, ScalingConfig={"DesiredSize": 2}),
    ),
    Family(
        "Pods on Fargate: 200 vCPU hours and 800 GB hours",
        "200*vcpu + 800*gb",
        {"vcpu": "EKS fargate-vcpu-hour", "gb": "EKS fargate-gb-hour"},
        one("EKS::FargateProfile", ClusterName="c"),
        {"eks_fargate_vcpu_hours": 200, "eks_fargate_gb_hours": 800},
    ),
    Family(
        "An EC2 instance m5.xlarge with 100 GB and 4,000 IOPS",
        "730*hour + 100*gb + 1000*iops",
        {"hour": "EC2 ondemand-linux-shared-hour m5.xlarge", "gb": GP3, "iops": "EBS gp3-iops-month"},
        one("EC2::Instance", InstanceType="m5.xlarge", BlockDeviceMappings=ebs(100, Iops=4000)),
    ),
    Family(
        "A public EC2 instance c5.2xlarge with 30 GB",
        "730*hour + 30*gb + 730*ip",
        {"hour": "EC2 ondemand-linux-shared-hour c5.2xlarge", "gb": GP3, "ip": IP},
        one(
            "EC2::Instance",
            InstanceType="c5.2xlarge",
            BlockDeviceMappings=ebs(30),
            NetworkInterfaces=[{"DeviceIndex": "0", "AssociatePublicIpAddress": True}],
        ),
    ),
    Family(
        "An EC2 instance g5.2xlarge with 250 GB and detailed monitoring: seven metrics",
        "730*hour + 250*gb + 7*metric",
        {
            "hour": "EC2 ondemand-linux-shared-hour g5.2xlarge",
            "gb": GP3,
            "metric": "CloudWatch custom-metric-month-tier1",
        },
        one("EC2::Instance", InstanceType="g5.2xlarge", BlockDeviceMappings=ebs(250), Monitoring=True),
    ),
    Family(
        "Four r5.large in an Auto Scaling group with 20 GB each",
        "4*730*hour + 4*20*gb",
        {"hour": "EC2 ondemand-linux-shared-hour r5.large", "gb": GP3},
        {
            "It": typed(
                "AutoScaling::AutoScalingGroup",
                MinSize="1",
                MaxSize="9",
                DesiredCapacity="4",
                LaunchTemplate={"LaunchTemplateId": {"Ref": "Lt"}, "Version": "1"},
            ),
            "Lt": launch("r5.large", 20),
        },
    ),
    Family(
        "A gp2 volume of 500 GB",
        "500*gb",
        {"gb": "EBS gp2-storage-gb-month"},
        one("EC2::Volume", Size=500, AvailabilityZone="a"),
    ),
    Family(
        "Batch on c5.4xlarge, 60 hours of jobs",
        "60*hour",
        {"hour": "EC2 ondemand-linux-shared-hour c5.4xlarge"},
        one("Batch::ComputeEnvironment", ComputeResources={"Type": "EC2", "InstanceTypes": ["c5.4xlarge"]}),
        {"batch_instance_hours": 60},
    ),
    Family(
        "Batch on Fargate, 100 vCPU hours and 200 GB hours",
        "100*vcpu + 200*gb",
        {"vcpu": "ECS fargate-vcpu-hour", "gb": "ECS fargate-gb-hour"},
        one("Batch::ComputeEnvironment", ComputeResources={"Type": "FARGATE", "MaxvCpus": 16}),
        {"fargate_vcpu_hours": 100, "fargate_gb_hours": 200},
    ),
    Family(
        "Two Fargate tasks of 0.5 vCPU and 1 GB",
        "2*730*0.5*vcpu + 2*730*1*gb",
        {"vcpu": "ECS fargate-vcpu-hour", "gb": "ECS fargate-gb-hour"},
        {"It": service(2), "Task": task("512", "1024")},
    ),
    Family(
        "A public Fargate task on ARM with 2 vCPU, 8 GB and 50 GB of scratch space (20 are free)",
        "730*2*vcpu + 730*8*gb + 730*30*scratch + 730*ip",
        {
            "vcpu": "ECS fargate-arm-vcpu-hour",
            "gb": "ECS fargate-arm-gb-hour",
            "scratch": "ECS fargate-ephemeral-storage-gb-hour",
            "ip": IP,
        },
        {
            "It": service(
                1, NetworkConfiguration={"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED", "Subnets": []}}
            ),
            "Task": task(
                "2 vCPU",
                "8 GB",
                RuntimePlatform={"CpuArchitecture": "ARM64"},
                EphemeralStorage={"SizeInGiB": 50},
            ),
        },
    ),
    Family(
        "A Lambda function of 1 GB: 3 million requests of 0.2 s",
        "3000000*request + 600000*gbs",
        {"request": "Lambda request", "gbs": "Lambda gb-second-tier1"},
        one("Lambda::Function", MemorySize=1024),
        {"lambda_requests": 3_000_000, "lambda_seconds": 600_000},
    ),
    Family(
        "An ARM function of 2 GB with 2 GB of scratch space: 0.5 of it is free",
        "500000*request + 2*250000*gbs + 1.5*250000*scratch",
        {
            "request": "Lambda request-arm",
            "gbs": "Lambda gb-second-arm-tier1",
            "scratch": "Lambda ephemeral-storage-gb-second",
        },
        one("Lambda::Function", MemorySize=2048, Architectures=["arm64"], EphemeralStorage={"Size": 2048}),
        {"lambda_requests": 500_000, "lambda_seconds": 250_000},
    ),
    Family(
        "Two executions of a 1.5 GB function kept ready all month",
        "2*1.5*730*3600*ready",
        {"ready": "Lambda provisioned-concurrency-gb-second"},
        {
            "It": typed(
                "Lambda::Alias",
                FunctionName={"Ref": "Fn"},
                ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 2},
            ),
            "Fn": typed("Lambda::Function", MemorySize=1536),
        },
    ),
    Family(
        "A standard state machine: 400,000 transitions",
        "400000*transition",
        {"transition": "StepFunctions standard-state-transition"},
        one("StepFunctions::StateMachine", StateMachineType="STANDARD"),
        {"stepfunctions_transitions": 400_000},
    ),
    Family(
        "An express state machine: 2 million requests, 300,000 GB-seconds",
        "2000000*request + 300000*gbs",
        {"request": "StepFunctions express-request", "gbs": "StepFunctions express-gb-second-tier1"},
        one("StepFunctions::StateMachine", StateMachineType="EXPRESS"),
        {"stepfunctions_express_requests": 2_000_000, "stepfunctions_express_gb_seconds": 300_000},
    ),
    Family(
        "An event bus with 5 million events and a pipe with 8 million",
        "5000000*event + 8000000*request",
        {"event": "EventBridge custom-event", "request": "EventBridge pipes-request"},
        {"Bus": typed("Events::EventBus", Name="b"), "Pipe": typed("Pipes::Pipe", Source="s", Target="t")},
        {"events_put": 5_000_000, "pipe_requests": 8_000_000},
    ),
    Family(
        "A schedule with 2 million invocations",
        "2000000*invocation",
        {"invocation": "EventBridge scheduler-invocation-tier2"},
        one("Scheduler::Schedule", ScheduleExpression="rate(1 minute)"),
        {"scheduler_invocations": 2_000_000},
    ),
    Family(
        "An RSA 3072 key with 100,000 requests, and a symmetric key without",
        "2*key + 50000*asymmetric + 50000*request",
        {"key": "KMS key-month", "asymmetric": "KMS request-asymmetric-other", "request": "KMS request"},
        {"It": typed("KMS::Key", KeySpec="RSA_3072", KeyUsage="SIGN_VERIFY"), "Other": typed("KMS::Key")},
        {"kms_requests": 100_000},
    ),
    Family(
        "Two secrets, read 200,000 times together",
        "2*secret + 200000*request",
        {"secret": "SecretsManager secret-month", "request": "SecretsManager api-request"},
        {"A": typed("SecretsManager::Secret"), "B": typed("SecretsManager::Secret")},
        {"secretsmanager_requests": 200_000},
    ),
    Family(
        "Log groups: 30 GB taken in, half of it rarely read, and 45 GB kept",
        "15*standard + 15*rare + 45*kept",
        {
            "standard": "CloudWatchLogs ingest-custom-gb",
            "rare": "CloudWatchLogs ingest-custom-ia-gb",
            "kept": "CloudWatchLogs storage-gb-month",
        },
        {"A": typed("Logs::LogGroup"), "B": typed("Logs::LogGroup", LogGroupClass="INFREQUENT_ACCESS")},
        {"logs_ingested_gb": 30, "logs_stored_gb": 45},
    ),
    Family(
        "An alarm over two metrics, a metric filter and a dashboard",
        "2*alarm + metric + dashboard",
        {
            "alarm": "CloudWatch alarm-standard-month",
            "metric": "CloudWatch custom-metric-month-tier1",
            "dashboard": "CloudWatch dashboard-month",
        },
        {
            "Alarm": typed(
                "CloudWatch::Alarm",
                Metrics=[
                    {"Id": "a", "MetricStat": {"Period": 300}},
                    {"Id": "b", "MetricStat": {"Period": 60}},
                    {"Id": "c", "Expression": "a/b"},
                ],
            ),
            "Filter": typed("Logs::MetricFilter", MetricTransformations=[{"MetricName": "errors"}]),
            "Board": typed("CloudWatch::Dashboard", DashboardBody="{}"),
        },
    ),
    Family(
        "A build project, general1.large: 900 minutes",
        "900*minute",
        {"minute": "CodeBuild build-minute-linux general1.large"},
        build("LINUX_CONTAINER", "BUILD_GENERAL1_LARGE"),
        {"codebuild_minutes": 900},
    ),
    Family(
        "A build project on ARM, small: 600 minutes",
        "600*minute",
        {"minute": "CodeBuild build-minute-linux arm1.small"},
        build("ARM_CONTAINER", "BUILD_GENERAL1_SMALL"),
        {"codebuild_minutes": 600},
    ),
    Family(
        "Builds on Lambda with 4 GB: 300 minutes, charged by the second",
        "300*60*second",
        {"second": "CodeBuild build-second-lambda lambda.x86-64.4GB"},
        build("LINUX_LAMBDA_CONTAINER", "BUILD_LAMBDA_4GB"),
        {"codebuild_minutes": 300},
    ),
    Family(
        "A bucket with 800 GB, 1 million writes and 4 million reads, 60 GB downloaded",
        "800*gb + 1000000*put + 4000000*get + 60*out",
        {
            "gb": "S3 standard-storage-gb-month-tier1",
            "put": "S3 standard-put-request",
            "get": "S3 standard-get-request",
            "out": "DataTransfer internet-out-gb-tier1",
        },
        one("S3::Bucket"),
        {
            "s3_storage_gb": 800,
            "s3_put_requests": 1_000_000,
            "s3_get_requests": 4_000_000,
            "s3_internet_out_gb": 60,
        },
    ),
    Family(
        "Three repositories with 90 GB of images together",
        "90*gb",
        {"gb": "ECR storage-gb-month"},
        {name: typed("ECR::Repository") for name in "ABC"},
        {"ecr_storage_gb": 90},
    ),
    Family(
        "A SageMaker endpoint of two ml.c5.xlarge (the hour of Studio notebooks stands in)",
        "2*730*hour",
        {"hour": "SageMaker studio-notebook-hour ml.c5.xlarge"},
        endpoint(
            {"InstanceType": "ml.c5.xlarge", "InitialInstanceCount": 2, "ModelName": "m", "VariantName": "v"}
        ),
        regions=("us-west-2", "eu-central-1", "ap-northeast-1", "sa-east-1", "ca-central-1", "eu-north-1"),
    ),
    Family(
        "A GPU endpoint: two variants, one ml.g4dn.xlarge each (the hour of Studio notebooks stands in)",
        "2*730*hour",
        {"hour": "SageMaker studio-notebook-hour ml.g4dn.xlarge"},
        endpoint(
            {"InstanceType": "ml.g4dn.xlarge", "InitialInstanceCount": 1, "VariantName": "a"},
            {"InstanceType": "ml.g4dn.xlarge", "InitialInstanceCount": 1, "VariantName": "b"},
        ),
        regions=("us-west-2", "eu-central-1", "ap-southeast-2", "ap-northeast-2", "eu-west-2", "us-east-2"),
    ),
    Family(
        "Jobs: 50 hours of ml.m5.2xlarge (the hour of Studio notebooks stands in)",
        "50*hour",
        {"hour": "SageMaker studio-notebook-hour ml.m5.2xlarge"},
        {"It": JOB_ROLE},
        {"sagemaker_job_hours": 50, "sagemaker_job_instance_type": "ml.m5.2xlarge"},
    ),
    Family(
        "Monitoring on two ml.m5.xlarge: 30 hours (the hour of Studio notebooks stands in)",
        "30*2*hour",
        {"hour": "SageMaker studio-notebook-hour ml.m5.xlarge"},
        one(
            "SageMaker::MonitoringSchedule",
            MonitoringScheduleConfig={
                "MonitoringJobDefinition": {
                    "MonitoringResources": {
                        "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}
                    }
                }
            },
        ),
        {"sagemaker_monitoring_hours": 30},
        regions=("us-east-2", "us-west-2", "eu-west-2", "eu-west-3", "ap-southeast-1", "sa-east-1"),
    ),
    Family(
        "A Studio app that is left running on ml.t3.medium (the hour of Studio notebooks stands in)",
        "730*hour",
        {"hour": "SageMaker studio-notebook-hour ml.t3.medium"},
        one("SageMaker::App", AppType="JupyterLab", ResourceSpec={"InstanceType": "ml.t3.medium"}),
        regions=("us-east-2", "eu-west-1", "eu-central-1", "ap-south-1", "ap-northeast-1", "ca-central-1"),
    ),
    Family(
        "Parameters, a condition and a mapping choose two m5.large of three machines",
        "2*730*hour + 2*40*gb",
        {"hour": M5_LARGE, "gb": GP3},
        {
            "One": typed("EC2::Instance", InstanceType={"Ref": "Kind"}, BlockDeviceMappings=ebs(40)),
            "Two": {
                "Condition": "IsLive",
                **typed(
                    "EC2::Instance",
                    InstanceType={"Fn::FindInMap": ["Kinds", {"Ref": "Stage"}, "kind"]},
                    BlockDeviceMappings=ebs(40),
                ),
            },
            "Three": {"Condition": "IsTest", **typed("EC2::Instance", InstanceType="p4d.24xlarge")},
        },
        sections={
            "Parameters": {
                "Kind": {"Type": "String", "Default": "m5.large"},
                "Stage": {"Type": "String", "Default": "live"},
            },
            "Mappings": {"Kinds": {"live": {"kind": "m5.large"}, "test": {"kind": "t3.micro"}}},
            "Conditions": {
                "IsLive": {"Fn::Equals": [{"Ref": "Stage"}, "live"]},
                "IsTest": {"Fn::Not": [{"Condition": "IsLive"}]},
            },
        },
    ),
    Family(
        "A loop makes three public addresses and two keys",
        "3*730*ip + 2*key",
        {"ip": IP, "key": "KMS key-month"},
        {
            "Fn::ForEach::Addresses": ["Name", ["A", "B", "C"], {"Ip${Name}": typed("EC2::EIP")}],
            "Fn::ForEach::Keys": ["Name", {"Ref": "Names"}, {"Key${Name}": typed("KMS::Key")}],
        },
        sections={
            "Transform": "AWS::LanguageExtensions",
            "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "data, logs"}},
        },
    ),
    Family(
        "A loop makes a machine of each kind",
        "730*m5 + 730*c5 + 2*10*gb",
        {"m5": M5_LARGE, "c5": "EC2 ondemand-linux-shared-hour c5.large", "gb": GP3},
        {
            "Fn::ForEach::Machines": [
                "Kind",
                ["m5.large", "c5.large"],
                {
                    "Box&{Kind}": typed(
                        "EC2::Instance", InstanceType={"Ref": "Kind"}, BlockDeviceMappings=ebs(10)
                    )
                },
            ]
        },
        sections={"Transform": "AWS::LanguageExtensions"},
    ),
    Family(
        "A SageMaker endpoint of two ml.m5.xlarge with 30 GB each",
        "2*730*hour + 2*30*gb",
        {"hour": "SageMaker hosting-hour ml.m5.xlarge", "gb": "SageMaker ml-storage-endpoint-gb-month"},
        endpoint({"InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 2, "VolumeSizeInGB": 30}),
    ),
    Family(
        "A budget with an action, by the day",
        "730/24*day",
        {"day": "Budgets action-enabled-budget-day"},
        one("Budgets::BudgetsAction", ActionType="APPLY_IAM_POLICY"),
    ),
    Family(
        "A whole stack: network with two gateways, cluster, nodes, bucket, images, key, logs",
        "2*730*nat + 2*730*ip + 730*cluster + 2*730*node + 2*20*gb + 100*s3 + 10*ecr + key + 5*logs",
        {
            "nat": "VPC nat-gateway-hour",
            "ip": IP,
            "cluster": "EKS cluster-hour-standard",
            "node": M5_LARGE,
            "gb": GP3,
            "s3": "S3 standard-storage-gb-month-tier1",
            "ecr": "ECR storage-gb-month",
            "key": "KMS key-month",
            "logs": "CloudWatchLogs ingest-custom-gb",
        },
        {
            "Vpc": typed("EC2::VPC", CidrBlock="10.0.0.0/16"),
            "Inside": typed("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.0.0.0/24"),
            **{f"Nat{n}": typed("EC2::NatGateway", SubnetId="s") for n in "AB"},
            **{f"Ip{n}": typed("EC2::EIP", Domain="vpc") for n in "AB"},
            "Cluster": typed("EKS::Cluster", Version="1.35"),
            "Nodes": typed(
                "EKS::Nodegroup",
                InstanceTypes=["m5.large"],
                Subnets=[{"Ref": "Inside"}],
                ScalingConfig={"MinSize": 1, "DesiredSize": 2, "MaxSize": 4},
            ),
            "Store": typed("S3::Bucket"),
            "Images": typed("ECR::Repository"),
            "Key": typed("KMS::Key"),
            "Logs": typed("Logs::LogGroup"),
            "Access": typed("EKS::AccessEntry", ClusterName="c", PrincipalArn="a"),
            "Dns": typed("EKS::Addon", AddonName="coredns", ClusterName="c"),
        },
        {"s3_storage_gb": 100, "ecr_storage_gb": 10, "logs_ingested_gb": 5},
    ),
)


class Snapshot:
    """The newest trustworthy row for each meter and region."""

    def __init__(self, path: Path) -> None:
        self.rows: dict[tuple[str, str], dict[str, str]] = {}
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                self._keep(row)

    def _keep(self, row: dict[str, str]) -> None:
        key = (f"{row['service']} {row['usage']} {row['instance_type']}".strip(), row["region"])
        held = self.rows.get(key)
        if row["confidence"] != "low" and (held is None or self._weight(row) > self._weight(held)):
            self.rows[key] = row

    @staticmethod
    def _weight(row: dict[str, str]) -> tuple[str, int]:
        return (row["source_date"], CONFIDENCE.index(row["confidence"]))

    def find(self, meter: str, region: str) -> dict[str, str] | None:
        return self.rows.get((meter, region)) or self.rows.get((meter, "aws-global"))

    def regions(self, family: Family) -> list[str]:
        everywhere = sorted({region for _, region in self.rows} - {"aws-global"})
        return [r for r in everywhere if all(self.find(meter, r) for meter in family.prices.values())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snapshot", type=Path, help="CSV with one observed price per row")
    snapshot = Snapshot(parser.parse_args().snapshot)
    families = [written(family, number, snapshot) for number, family in enumerate(FAMILIES)]
    text = yaml.safe_dump(families, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    OUTPUT.write_text(HEAD + text, encoding="utf-8")
    print(f"{OUTPUT}: {sum(len(family['cases']) for family in families)} cases")


def written(family: Family, number: int, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "what": family.what,
        "template": {**family.sections, "Resources": dict(family.resources)},
        "usage": dict(family.usage),
        "formula": family.formula,
        "rows": dict(family.prices),
        "cases": list(cases(family, number, snapshot)),
    }


def cases(family: Family, number: int, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    regions = family.regions or spread(snapshot.regions(family), number)
    for region in regions:
        rows = {name: snapshot.find(meter, region) for name, meter in family.prices.items()}
        figures = {name: row["usd"] for name, row in rows.items() if row}
        yield {
            "region": region,
            "prices": figures,
            "usd": str(worked_out(family.formula, figures)),
            "sources": sorted(
                {f"{r['source_repo']} {r['source_path']} {r['source_date']}" for r in rows.values() if r}
            ),
        }


def spread(regions: list[str], start: int) -> list[str]:
    """Every few regions from a starting point that moves on, so that all of them have their turn."""
    step = max(1, len(regions) // CASES_PER_FAMILY)
    turned = regions[start % len(regions) :] + regions[: start % len(regions)]
    return turned[::step][:CASES_PER_FAMILY]


def worked_out(formula: str, figures: Mapping[str, str]) -> Decimal:
    names = {name: Decimal(usd) for name, usd in figures.items()}
    exact = NUMBER.sub(r"D('\1')", formula)
    total: Decimal = eval(exact, {"__builtins__": {}, "D": Decimal}, names)
    return total.normalize()


if __name__ == "__main__":
    main()
