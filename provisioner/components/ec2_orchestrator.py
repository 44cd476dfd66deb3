"""EC2 orchestrator, virtual machines that SkyPilot starts: facts."""

from collections.abc import Mapping

from provisioner.access import TAG_COMPONENT, TAG_STACK
from provisioner.component import Component, Option, Outputs, Statement
from provisioner.components.eks_orchestrator import CIDR

# EC2 lets no group's name begin with sg-, and a stack may be called anything.
GROUP_PREFIX = "skypilot_"
# A rule of a security group takes one range, and a template cannot count a list.
SSH_CIDRS = 4
# No Graviton, whose families have a g behind the number: ZenML's images are built for x86.
_X86 = r"[a-z]{1,4}\d{1,2}[a-fh-z]{0,4}(-flex|-b\d{3})?\.[a-z0-9-]{2,12}"

_EC2 = "arn:{aws.partition}:ec2:{aws.region}:{aws.account}:"
_INSTANCES = _EC2 + "instance/*"
_OWN_PROFILE = {
    "ec2:InstanceProfile": "arn:{aws.partition}:iam::{aws.account}:instance-profile/"
    "{orchestrator.instance_profile_name}"
}
_TAG = "aws:RequestTag/ray-cluster-name"
_BY_PROFILE = "EC2 gives machines their ids; the profile that only this stack's machines carry narrows it."
_NO_RESOURCES = "EC2 knows no resources for Describe calls."


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    vms = outputs["orchestrator"]
    return {
        "region": vms["region"],
        "instance_type": vms["instance_type"],
        "use_spot": "true" if vms["use_spot"] == "true" else "false",
        # A step with settings of its own would be started by the first machine, which has not the file below.
        "disable_step_based_settings": "true",
    }


def _client_files(outputs: Mapping[str, Outputs]) -> Mapping[str, str]:
    """Without this file SkyPilot would make a role of its own, with FullAccess, and fail: it may not."""
    vms = outputs["orchestrator"]
    stack = vms["security_group_name"].removeprefix(GROUP_PREFIX)
    known = not vms["vpc_name"].startswith("vpc-")
    lines = [
        "aws:",
        f"  remote_identity: {vms['instance_profile_name']}",
        f"  security_group_name: {vms['security_group_name']}",
        *([] if known else [f"  # Write the Name tag of {vms['vpc_name']} here: SkyPilot knows no ids."]),
        f"  vpc_name: {vms['vpc_name']}",
        "  disk_encrypted: true",
        "  labels:",
        f"    {TAG_STACK}: {stack}",
        f"    {TAG_COMPONENT}: orchestrator",
    ]
    return {"~/.sky/config.yaml": "\n".join(lines) + "\n"}


COMPONENT = Component(
    name="ec2_orchestrator",
    type="orchestrator",
    flavor="ec2",
    words="virtual machines that SkyPilot starts for pipelines; they cost only while they run",
    zenml_flavor="vm_aws",
    resource_types=(
        *("AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::IAM::InstanceProfile"),
        *("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"),
    ),
    network=True,
    options=(
        Option(
            name="ssh_cidrs",
            default=(),
            guards=True,
            pattern=CIDR,
            maximum=SSH_CIDRS,
            placeholder="YOUR-ADDRESS/32",
            doc="The only addresses from which machines can be reached, by SSH: /8 to /32, at most "
            f"{SSH_CIDRS}; yours, from which pipelines are started.",
        ),
        Option(
            name="instance_type",
            default="t3.xlarge",
            pattern=_X86,
            doc="Machine of a pipeline that asks for no other, x86.",
        ),
        Option(
            name="use_spot",
            default=False,
            doc="Whether pipelines that do not say take spot machines: cheaper, and EC2 may end them.",
        ),
        Option(
            name="zones",
            default=2,
            minimum=2,
            maximum=3,
            shapes="network",
            doc="Availability zones of a new VPC.",
        ),
    ),
    outputs={
        "instance_profile_name": "Instance profile of the machines: remote_identity of SkyPilot.",
        "security_group_name": "Security group of the machines: security_group_name of SkyPilot.",
        "vpc_name": "Name tag of their VPC: vpc_name of SkyPilot; of an existing VPC its id.",
        "region": "Region of the machines.",
        "instance_type": "Machine of a pipeline that asks for no other.",
        "use_spot": "Whether machines are spot ones.",
    },
    private=("vm_role_arn", "security_group_id"),
    needs=("artifact_store", "container_registry"),
    statements=(
        Statement(
            sid="OrchestratorVmLook",
            actions=(
                *("ec2:DescribeAvailabilityZones", "ec2:DescribeImages", "ec2:DescribeInstances"),
                *("ec2:DescribeRegions", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups"),
                *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
            ),
            resources=("*",),
            words="may look at machines, images, zones and networks of the account",
            reason=_NO_RESOURCES,
        ),
        Statement(
            sid="OrchestratorVmStart",
            actions=("ec2:RunInstances",),
            resources=(_INSTANCES,),
            conditions={
                "ArnEquals": _OWN_PROFILE,
                "StringEquals": {"ec2:MetadataHttpTokens": "required"},
                "Null": {_TAG: "false"},
            },
            words="may start machines with the stack's own instance profile, marked as SkyPilot's, "
            "whose metadata asks for a session token",
            reason=_BY_PROFILE,
        ),
        Statement(
            sid="OrchestratorVmStartIn",
            actions=("ec2:RunInstances",),
            resources=(_EC2 + "subnet/*",),
            when="vpc=new",
            conditions={"ArnEquals": {"ec2:Vpc": _EC2 + "vpc/{network.vpc_id}"}},
            words="may start them in the stack's own VPC only",
            reason="The VPC narrows it to the stack's subnets.",
        ),
        Statement(
            sid="OrchestratorVmStartInSubnets",
            actions=("ec2:RunInstances",),
            resources=(_EC2 + "subnet/*",),
            when="vpc=existing",
            conditions={"StringEquals": {"ec2:SubnetID": "{network.subnet_ids}"}},
            words="may start them in the named subnets only",
            reason="The condition narrows it; SkyPilot goes on to the next subnet where one is denied.",
        ),
        Statement(
            sid="OrchestratorVmStartWith",
            actions=("ec2:RunInstances",),
            resources=(
                _EC2 + "security-group/{orchestrator.security_group_id}",
                _EC2 + "network-interface/*",
                _EC2 + "volume/*",
                _EC2 + "spot-instances-request/*",
                "arn:{aws.partition}:ec2:{aws.region}::image/*",
            ),
            words="may start them in the stack's security group only, with new disks and addresses, "
            "from any image",
            reason="Disks, addresses and requests come with a machine; SkyPilot's images change.",
        ),
        Statement(
            sid="OrchestratorVmMark",
            actions=("ec2:CreateTags",),
            resources=(_INSTANCES,),
            conditions={"StringEquals": {"ec2:CreateAction": "RunInstances"}},
            words="may tag machines while it starts them",
            reason=_BY_PROFILE,
        ),
        Statement(
            sid="OrchestratorVmHandle",
            actions=(
                *("ec2:CreateTags", "ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"),
            ),
            resources=(_INSTANCES,),
            conditions={"ArnEquals": _OWN_PROFILE},
            words="may tag, stop, start again and end the stack's own machines, and no other",
            reason=_BY_PROFILE,
        ),
        Statement(
            sid="OrchestratorPassVm",
            actions=("iam:PassRole",),
            resources=("{orchestrator.vm_role_arn}",),
            conditions={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
            words="may hand the machines' role to EC2, and to nothing else",
        ),
        Statement(
            sid="OrchestratorSpotRole",
            actions=("iam:CreateServiceLinkedRole",),
            resources=(
                "arn:{aws.partition}:iam::{aws.account}:role/aws-service-role/spot.amazonaws.com/"
                "AWSServiceRoleForEC2Spot",
            ),
            conditions={"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}},
            words="may have AWS make its own role for spot machines, once in an account",
        ),
        Statement(
            sid="OrchestratorVmSeeItself",
            role="vm",
            actions=("ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"),
            resources=("*",),
            words="machines may look at machines and networks of the account, to find themselves",
            reason=_NO_RESOURCES,
        ),
        Statement(
            sid="OrchestratorVmEndItself",
            role="vm",
            actions=("ec2:StopInstances", "ec2:TerminateInstances"),
            resources=(_INSTANCES,),
            conditions={"ArnEquals": _OWN_PROFILE},
            words="machines may stop and end themselves when they are idle, and the stack's other ones",
            reason=_BY_PROFILE,
        ),
    ),
    register_config=_register_config,
    client_files=_client_files,
)
