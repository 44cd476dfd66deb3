"""Managed node groups of an EKS cluster, and the add-ons around them in the order that they need."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import CfnResource
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks as eks
from constructs import Construct

from provisioner.component import Outputs
from stacks.documents import after, token
from stacks.eks_access import trust_of_pods
from stacks.service_role import ServiceRole
from stacks.site import Site

_CNI_ACCOUNT = "aws-node"


class ManagedNodes(Construct):
    """Network, proxy and identity add-ons, then machines, then DNS, which runs on them."""

    def __init__(
        self, scope: Construct, id_: str, *, site: Site, cluster: Outputs, node_role: ServiceRole
    ) -> None:
        super().__init__(scope, id_)
        self.site, self.cluster, self.node_role = site, cluster, node_role
        cni = ServiceRole(
            self,
            "Cni",
            logical_id=f"{site.prefix}CniRole",
            trust=trust_of_pods(cluster["cluster_arn"]),
            words="The network add-on of the cluster",
            managed_policies=site.managed("cni"),
        )
        first = [
            self._addon("vpc-cni", pod_role=cni.arn),
            self._addon("kube-proxy"),
            self._addon("eks-pod-identity-agent"),
        ]
        nodes = self._group("Nodes", image="AL2023_x86_64_STANDARD", disk="/dev/xvda", first=first)
        if site.slot.options.get("gpu_instance_type"):
            self._group("Gpus", image="BOTTLEROCKET_x86_64_NVIDIA", disk="/dev/xvdb", first=first)
        after(self._addon("coredns"), nodes)

    def _addon(self, name: str, *, pod_role: str = "") -> eks.CfnAddon:
        addon = eks.CfnAddon(
            self,
            name,
            addon_name=name,
            cluster_name=token(self.cluster["cluster_name"]),
            resolve_conflicts="OVERWRITE",
        )
        if pod_role:
            association = {"RoleArn": token(pod_role), "ServiceAccount": _CNI_ACCOUNT}
            addon.add_property_override("PodIdentityAssociations", [association])
        suffix = "".join(part.capitalize() for part in name.split("-"))
        addon.override_logical_id(f"{self.site.prefix}Addon{suffix}")
        return addon

    def _group(self, kind: str, *, image: str, disk: str, first: Sequence[CfnResource]) -> eks.CfnNodegroup:
        gpu = kind == "Gpus"
        option = self.site.option
        launch = self._launch(kind, disk)
        group = eks.CfnNodegroup(
            self,
            kind,
            ami_type=image,
            cluster_name=token(self.cluster["cluster_name"]),
            node_role=token(self.node_role.arn),
            subnets=self.site.machines().subnets,
        )
        properties: dict[str, Any] = {
            "InstanceTypes": [option("gpu_instance_type" if gpu else "node_instance_type")],
            "LaunchTemplate": {"Id": launch.ref, "Version": launch.attr_latest_version_number},
            "NodeRepairConfig": {"Enabled": True},
            "ScalingConfig": {"MinSize": 0, "DesiredSize": 0, "MaxSize": option("gpu_max_nodes")}
            if gpu
            else {
                "MinSize": option("node_min"),
                "DesiredSize": option("node_desired"),
                "MaxSize": option("node_max"),
            },
        }
        if gpu:
            # Pods that ask for nvidia.com/gpu tolerate it without saying so: EKS adds the toleration.
            properties["Taints"] = [{"Key": "nvidia.com/gpu", "Value": "true", "Effect": "NO_SCHEDULE"}]
        for key, wanted in properties.items():
            group.add_property_override(key, wanted)
        after(group, *first, *self.site.machines().ready)
        group.override_logical_id(f"{self.site.prefix}{kind}")
        return group

    def _launch(self, kind: str, disk: str) -> ec2.CfnLaunchTemplate:
        """Session tokens at one hop: pods cannot take the machine's own role."""
        launch = ec2.CfnLaunchTemplate(self, f"{kind}Launch", launch_template_data={})
        gpu = kind == "Gpus"
        size: Any = 100 if gpu else self.site.option("node_disk_gb")
        launch.add_property_override(
            "LaunchTemplateData",
            {
                "BlockDeviceMappings": [
                    {
                        "DeviceName": disk,
                        "Ebs": {
                            "DeleteOnTermination": True,
                            "Encrypted": True,
                            "VolumeSize": size,
                            "VolumeType": "gp3",
                        },
                    }
                ],
                "MetadataOptions": {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"},
            },
        )
        launch.override_logical_id(f"{self.site.prefix}{kind}Launch")
        return launch
