"""Who may do what on an EKS cluster: access entries for people and clients, a role for pods."""

from typing import Any

from aws_cdk import aws_eks as eks
from constructs import Construct

from provisioner.component import Outputs
from provisioner.components.eks_cluster import EDIT
from stacks.documents import token, value
from stacks.service_role import THIS_ACCOUNT, ServiceRole, trust
from stacks.site import Site

# The page "Cross-service confused deputy prevention in Amazon EKS".
PODS_SERVICE = "pods.eks.amazonaws.com"
_POLICY = "arn:${AWS::Partition}:eks::aws:cluster-access-policy/"


class EksAccess(Construct):
    """The access role may run pods in the one namespace; pods of the one service account have a role.

    The same for a cluster that the template builds and for one that exists.
    """

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        cluster = site.scopes[site.component.type]
        entry(
            self,
            f"{site.prefix}ClientEntry",
            cluster=cluster,
            principal=site.scopes["access"]["role_arn"],
            policy=EDIT,
            namespace=value(cluster["namespace"]),
        )
        role = pods_role(self, f"{site.prefix}PodsRole", site=site, role="pods", cluster=cluster)
        self.outputs: Outputs = {"pods_role_arn": role.arn}


def entry(
    scope: Construct, logical_id: str, *, cluster: Outputs, principal: str, policy: str, namespace: Any = None
) -> None:
    """An access entry with one of EKS's access policies, in one namespace or the whole cluster."""
    reach = {"Type": "cluster"} if namespace is None else {"Type": "namespace", "Namespaces": [namespace]}
    made = eks.CfnAccessEntry(
        scope, "Entry", cluster_name=token(cluster["cluster_name"]), principal_arn=token(principal)
    )
    granted = {"AccessScope": reach, "PolicyArn": value(_POLICY + policy)}
    made.add_property_override("AccessPolicies", [granted])
    made.override_logical_id(logical_id)


def pods_role(scope: Construct, logical_id: str, *, site: Site, role: str, cluster: Outputs) -> ServiceRole:
    """A role that only this cluster can hand to pods, and hands to those of one service account."""
    made = ServiceRole(
        scope,
        "Role",
        logical_id=logical_id,
        trust=trust_of_pods(cluster["cluster_arn"]),
        words=f"Pods of the {site.component.type.replace('_', ' ')}",
        statements=site.statements(role),
        scopes=site.scopes,
    )
    association = eks.CfnPodIdentityAssociation(
        scope,
        "Association",
        cluster_name=token(cluster["cluster_name"]),
        namespace=token(cluster["namespace"]),
        service_account=token(cluster["service_account"]),
        role_arn=token(made.arn),
    )
    association.override_logical_id(f"{site.prefix}PodIdentity")
    return made


def trust_of_pods(cluster_arn: str) -> dict[str, Any]:
    this_cluster = {**THIS_ACCOUNT, "ArnEquals": {"aws:SourceArn": value(cluster_arn)}}
    return trust(
        "PodsOfThisCluster",
        PODS_SERVICE,
        condition=this_cluster,
        actions=["sts:AssumeRole", "sts:TagSession"],
    )
