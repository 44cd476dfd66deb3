"""What the embedded EKS remembers, in the form in which its API shows it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource
from moto.ec2.models import ec2_backends

from provisioner.emulator.kubernetes_access import Grant, Identity
from provisioner.emulator.kubernetes_server import KubernetesServer
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.trust import Caller

Shown = dict[str, Any]


@dataclass(kw_only=True)
class Entry:
    """One access entry and the policies that are associated with it, by policy ARN."""

    shown: Shown
    policies: dict[str, Shown] = field(default_factory=dict)


@dataclass(kw_only=True)
class Cluster:
    """One cluster and everything in it, each by the name that its API uses."""

    shown: Shown
    api: KubernetesServer
    interfaces: list[str] = field(default_factory=list)
    nodegroups: dict[str, Shown] = field(default_factory=dict)
    addons: dict[str, Shown] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    associations: dict[str, Shown] = field(default_factory=dict)
    updates: dict[str, Shown] = field(default_factory=dict)

    @property
    def is_automatic(self) -> bool:
        """Does EKS run the nodes?"""
        return bool(self.shown.get("computeConfig", {}).get("enabled"))

    @property
    def nodes(self) -> int:
        """How many nodes there are; pools of Auto Mode count as one each."""
        managed = sum(int(row["scalingConfig"]["desiredSize"]) for row in self.nodegroups.values())
        pools = self.shown.get("computeConfig", {}).get("nodePools", []) if self.is_automatic else []
        return managed + len(pools)

    def identity(self, caller: Caller) -> Identity | None:
        """Who a caller is to the cluster's Kubernetes API; None without an access entry."""
        entry = self.entries.get(caller.principal)
        if entry is None:
            return None
        session = caller.session.rsplit("/", 1)[-1]
        return Identity(
            user=entry.shown["username"].replace("{{SessionName}}", session),
            groups=("system:authenticated", *entry.shown["kubernetesGroups"]),
            grants=tuple(
                Grant(policy=arn.rsplit("/", 1)[-1], namespaces=tuple(row["accessScope"]["namespaces"]))
                for arn, row in entry.policies.items()
            ),
        )


def not_found(message: str) -> AwsError:
    """What EKS answers for a name it does not know."""
    return AwsError("ResourceNotFoundException", message, 404)


def random_id(length: int) -> str:
    """Small letters and digits, as in EKS's ids."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(length))


def now() -> datetime:
    """The time that answers carry (UTC)."""
    return datetime.now(UTC)


class EksBackend(BaseBackend, TaggableResourcesMixin):
    """The clusters of one account and region."""

    SERVICE_NAMESPACE = "eks"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.clusters: dict[str, Cluster] = {}

    def reset(self) -> None:
        """Forget everything and free the clusters' ports."""
        for cluster in self.clusters.values():
            cluster.api.stop()
        super().reset()

    def cluster(self, name: str) -> Cluster:
        """The cluster; raises ResourceNotFoundException."""
        if name not in self.clusters:
            raise not_found(f"No cluster found for name: {name}.")
        return self.clusters[name]

    def arn(self, resource: str) -> str:
        """An ARN of EKS in this account and region."""
        return f"arn:aws:eks:{self.region_name}:{self.account_id}:{resource}"

    def attach_network(self, name: str, network: Shown) -> tuple[str, list[str]]:
        """The cluster's security group and its interfaces in the subnets, which keep the VPC from going."""
        ec2 = ec2_backends[self.account_id][self.region_name]
        group = ec2.create_security_group(
            f"eks-cluster-sg-{name}-{random_id(9)}",
            "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
            "as well as any managed workloads.",
            vpc_id=network["vpcId"],
            tags={f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name},
        )
        groups = [group.id, *network.get("securityGroupIds", [])]
        interfaces = [
            ec2.create_network_interface(
                ec2.get_subnet(subnet), [], group_ids=groups, description=f"Amazon EKS {name}"
            )
            for subnet in network["subnetIds"]
        ]
        return str(group.id), [str(row.id) for row in interfaces]

    def forget(self, cluster: Cluster) -> None:
        """Remove a cluster with its interfaces, its security group and its Kubernetes API."""
        ec2 = ec2_backends[self.account_id][self.region_name]
        for interface in cluster.interfaces:
            ec2.enis.pop(interface, None)
        network = cluster.shown["resourcesVpcConfig"]
        ec2.groups.get(network["vpcId"], {}).pop(network["clusterSecurityGroupId"], None)
        cluster.api.stop()
        del self.clusters[cluster.shown["name"]]

    def taggable(self) -> Iterator[tuple[str, str, Shown]]:
        """Type, ARN and shown form of everything that carries tags."""
        for cluster in self.clusters.values():
            yield "eks:cluster", cluster.shown["arn"], cluster.shown
            for row in cluster.nodegroups.values():
                yield "eks:nodegroup", row["nodegroupArn"], row
            for row in cluster.addons.values():
                yield "eks:addon", row["addonArn"], row
            for entry in cluster.entries.values():
                yield "eks:access-entry", entry.shown["accessEntryArn"], entry.shown
            for row in cluster.associations.values():
                yield "eks:podidentityassociation", row["associationArn"], row

    def tagged(self, arn: str) -> Shown:
        """What carries this ARN; raises ResourceNotFoundException."""
        for _, found, shown in self.taggable():
            if found == arn:
                return shown
        raise not_found(f"Resource {arn} not found")

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """For the tagging API."""
        for kind, arn, shown in self.taggable():
            yield TaggedResource(arn=arn, tags=dict(shown["tags"]), resource_type=kind)

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """Set some tags."""
        self.tagged(arn)["tags"].update(tags)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        """Take some tags away."""
        for key in tag_keys:
            self.tagged(arn)["tags"].pop(key, None)


eks_backends = BackendDict(EksBackend, "eks")
