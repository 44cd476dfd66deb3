"""EKS orchestrator: construct."""

from typing import Any

from aws_cdk import Token
from aws_cdk import aws_eks as eks
from aws_cdk import aws_logs as logs
from constructs import Construct

from provisioner.component import Outputs
from provisioner.components.eks_cluster import ADMIN, SERVICE_ACCOUNT
from stacks.documents import after, fragment, token
from stacks.eks_access import EksAccess, entry
from stacks.eks_nodes import ManagedNodes
from stacks.service_role import ServiceRole, trust
from stacks.site import Site

# What scanners find here, and why it stays.
_OF_AWS = "EKS changes what it calls as it grows, and keeps these policies in step; each is AWS's smallest"
_LOGS = "CloudWatch encrypts logs itself; a user's key that does not name the log service would lose them"
ACCEPTED = {
    "no-managed-policy": _OF_AWS,
    "AwsSolutions-IAM4": _OF_AWS,
    "log-own-key": _LOGS,
    "CKV_AWS_158": _LOGS,
    "CKV_AWS_58": "a key is the user's choice; without one EKS encrypts what it holds with AWS's own",
    "I3011": "logs of a control plane end with their cluster: deleting them is meant",
}

_POOLS = ["general-purpose", "system"]
_LOGGED = ("api", "audit", "authenticator")
_UUID = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
_ENCRYPTED = {"EncryptionConfig": [{"Provider": {"KeyArn": {"Ref": "DataKeyArn"}}, "Resources": ["secrets"]}]}
# EKS writes logs to a group named after the cluster, and keeps them for ever in one that it made itself.
# So the name must be known before the cluster is there: part of the stack's own id, which no other stack has.
_NAME = "${AWS::StackName}-${Id}"
_ID = {"Id": {"Fn::Select": [0, {"Fn::Split": ["-", _UUID]}]}}


class EksOrchestrator(Construct):
    """A cluster whose API the world cannot reach, that logs who did what, and has no hidden administrator."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.site, self.network = site, site.machines()
        auto = site.slot.options["compute"] == "auto"
        self.node_role = self._node_role()
        self.cluster = eks.CfnCluster(
            self,
            "Cluster",
            role_arn=token(self._cluster_role(auto).arn),
            resources_vpc_config=self._endpoints(),
        )
        encrypted = _ENCRYPTED if site.shape.kms else {}
        for key, wanted in (self._properties() | (self._auto() if auto else {}) | encrypted).items():
            self.cluster.add_property_override(key, wanted)
        self.cluster.override_logical_id(f"{site.prefix}Cluster")
        after(self.cluster, self._log_group(), *self.network.ready)
        self.outputs: Outputs = self._outputs(auto)
        if not auto:
            ManagedNodes(self, "Nodes", site=site, cluster=self.outputs, node_role=self.node_role)
        if site.slot.options.get("admin_principal"):
            entry(
                Construct(self, "Admin"),
                f"{site.prefix}AdminEntry",
                cluster=self.outputs,
                principal=f"${{{site.options['admin_principal'].node.id}}}",
                policy=ADMIN,
            )

    def _outputs(self, auto: bool) -> dict[str, str]:
        made = {
            "cluster_arn": fragment(self.cluster, "Arn"),
            "cluster_name": fragment(self.cluster),
            "namespace": f"${{{self.site.options['namespace'].node.id}}}",
            "service_account": SERVICE_ACCOUNT,
        }
        if auto and self.site.slot.options.get("gpu_instance_type"):
            for name in ("gpu_instance_type", "gpu_max_nodes"):
                made[name] = f"${{{self.site.options[name].node.id}}}"
        return made

    def _properties(self) -> dict[str, Any]:
        option = self.site.option
        encrypted = {
            "EncryptionConfig": [{"Provider": {"KeyArn": {"Ref": "DataKeyArn"}}, "Resources": ["secrets"]}]
        }
        return (encrypted if self.site.shape.kms else {}) | {
            "Name": {"Fn::Sub": [_NAME, _ID]},
            "AccessConfig": {
                "AuthenticationMode": "API",
                # Whoever deploys would stay an administrator whom no list shows.
                "BootstrapClusterCreatorAdminPermissions": False,
            },
            "BootstrapSelfManagedAddons": False,
            "DeletionProtection": option("deletion_protection"),
            "Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": kind} for kind in _LOGGED]}},
            # Extended support costs six times as much; EKS upgrades the cluster instead.
            "UpgradePolicy": {"SupportType": "STANDARD"},
            "Version": option("kubernetes_version"),
        }

    def _endpoints(self) -> eks.CfnCluster.ResourcesVpcConfigProperty:
        """Machines reach the API inside the VPC; from outside only the named addresses do."""
        return eks.CfnCluster.ResourcesVpcConfigProperty(
            endpoint_private_access=True,
            endpoint_public_access=True,
            public_access_cidrs=Token.as_list(self.site.option("public_access_cidrs")),
            subnet_ids=self.network.subnets,
        )

    def _auto(self) -> dict[str, Any]:
        """All three are on or all are off: EKS takes no other combination."""
        return {
            "ComputeConfig": {
                "Enabled": True,
                "NodePools": _POOLS,
                "NodeRoleArn": token(self.node_role.arn),
            },
            "KubernetesNetworkConfig": {"ElasticLoadBalancing": {"Enabled": True}},
            "StorageConfig": {"BlockStorage": {"Enabled": True}},
        }

    def _cluster_role(self, auto: bool) -> ServiceRole:
        return ServiceRole(
            self,
            "ClusterRole",
            logical_id=f"{self.site.prefix}ClusterRole",
            trust=trust(
                "EksOfThisAccount",
                "eks.amazonaws.com",
                actions=["sts:AssumeRole", "sts:TagSession"] if auto else "sts:AssumeRole",
            ),
            words="The control plane of the cluster",
            statements=self.site.statements("cluster"),
            scopes=self.site.scopes,
            managed_policies=self.site.managed("cluster"),
        )

    def _node_role(self) -> ServiceRole:
        return ServiceRole(
            self,
            "NodeRole",
            logical_id=f"{self.site.prefix}NodeRole",
            # EC2 sends neither aws:SourceAccount nor aws:SourceArn when a machine takes its role.
            trust=trust("MachinesOfThisAccount", "ec2.amazonaws.com", condition=None),
            words="Machines of the cluster",
            managed_policies=self.site.managed("node"),
        )

    def _log_group(self) -> logs.CfnLogGroup:
        group = logs.CfnLogGroup(self, "Logs")
        group.add_property_override("LogGroupName", {"Fn::Sub": [f"/aws/eks/{_NAME}/cluster", _ID]})
        group.add_property_override("RetentionInDays", self.site.option("log_days"))
        group.override_logical_id(f"{self.site.prefix}Logs")
        return group


class EksOrchestratorAccess(EksAccess):
    """Made for the orchestrator's cluster, built or reused."""
