"""EC2 orchestrator, virtual machines that SkyPilot starts: construct."""

from typing import Any

from aws_cdk import CfnCondition, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from provisioner.component import Outputs
from provisioner.components.ec2_orchestrator import GROUP_PREFIX, SSH_CIDRS
from stacks.documents import fragment, if_given, policy, statement, token
from stacks.service_role import ServiceRole, trust
from stacks.site import Site

# What scanners find here, and why it stays.
ACCEPTED = {
    "CKV_AWS_23": "every rule has one; the scanner does not look into those that stand behind a condition",
    "AwsSolutions-EC23": "the rule cannot read a parameter, whose pattern refuses more than a /8",
}
# No address: what stands behind the last one that was given.
_NONE = "-"


class Ec2Orchestrator(Construct):
    """Role, profile and security group under names that SkyPilot is told, so that it makes none of its own.

    SkyPilot starts the machines, and changes no rule of a group that it did not make.
    """

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.site = site
        role = ServiceRole(
            self,
            "Vm",
            logical_id=f"{site.prefix}VmRole",
            # EC2 sends neither aws:SourceAccount nor aws:SourceArn when a machine takes its role.
            trust=trust("MachinesOfThisAccount", "ec2.amazonaws.com", condition=None),
            words="Machines that SkyPilot starts for pipelines of this MLOps stack",
        )
        self.profile = iam.CfnInstanceProfile(self, "Profile", roles=[token(fragment(role.role))])
        self.profile.override_logical_id(f"{site.prefix}VmProfile")
        # No resource stands for the machines: this tells an estimate what they will be.
        starts = {"InstanceType": site.option("instance_type"), "UseSpot": site.option("use_spot")}
        self.profile.add_metadata("stackwright:starts", {**starts, "PublicAddress": True})
        self.group = self._group()
        self.outputs: Outputs = {
            "instance_profile_name": fragment(self.profile),
            "vm_role_arn": role.arn,
            "security_group_id": fragment(self.group),
            "security_group_name": f"{GROUP_PREFIX}${{AWS::StackName}}",
            "vpc_name": site.machines().scope["vpc_name"],
            "region": "${AWS::Region}",
            **{n: f"${{{site.options[n].node.id}}}" for n in ("instance_type", "use_spot")},
        }
        self._grant(role)

    def _grant(self, role: ServiceRole) -> None:
        """Beside the role, for it names the profile, which names the role."""
        scopes = {**self.site.scopes, self.site.component.type: self.outputs}
        beside = iam.CfnRolePolicy(
            self,
            "VmPolicy",
            role_name=token(fragment(role.role)),
            policy_name="machines",
            policy_document=policy(statement(s, scopes) for s in self.site.statements("vm")),
        )
        beside.override_logical_id(f"{self.site.prefix}VmPolicy")

    def _group(self) -> ec2.CfnSecurityGroup:
        made = ec2.CfnSecurityGroup
        group = made(
            self,
            "Group",
            group_description="Machines that SkyPilot starts: SSH from named addresses",
            # SkyPilot finds a group by its name, which CloudFormation would tell nobody.
            group_name=token(f"{GROUP_PREFIX}${{AWS::StackName}}"),
            vpc_id=self.site.machines().vpc_id,
            security_group_egress=[
                made.EgressProperty(
                    ip_protocol="-1",
                    cidr_ip="0.0.0.0/0",
                    description="Everything out: packages, images, data",
                )
            ],
        )
        group.add_property_override("SecurityGroupIngress", [self._ssh(n) for n in range(SSH_CIDRS)])
        group.override_logical_id(f"{self.site.prefix}VmGroup")
        inside = ec2.CfnSecurityGroupIngress(
            self,
            "Inside",
            ip_protocol="-1",
            description="Machines of one cluster among themselves",
            group_id=group.ref,
            source_security_group_id=group.ref,
        )
        inside.override_logical_id(f"{self.site.prefix}VmGroupInside")
        return group

    def _ssh(self, number: int) -> Any:
        rule = {
            "CidrIp": self._address(number),
            "Description": "SSH, by which SkyPilot works",
            "FromPort": 22,
            "IpProtocol": "tcp",
            "ToPort": 22,
        }
        if number == 0:
            return rule
        key = f"{self.site.prefix}HasSsh{number + 1}"
        given = Fn.condition_not(Fn.condition_equals(self._address(number), _NONE))
        CfnCondition(self, f"HasSsh{number + 1}", expression=given).override_logical_id(key)
        return if_given(key, rule)

    def _address(self, number: int) -> Any:
        """One of a list whose length only the user knows: behind its end stands a dash."""
        padded = ["${Given}", *[_NONE] * (SSH_CIDRS - 1)]
        given = {"Fn::Join": [",", self.site.option("ssh_cidrs")]}
        return {
            "Fn::Select": [number, {"Fn::Split": [",", {"Fn::Sub": [",".join(padded), {"Given": given}]}]}]
        }
