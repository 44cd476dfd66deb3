"""An EKS cluster as a place for pods: what orchestrator, step operator and image builder share."""

from collections.abc import Mapping
from datetime import date

from provisioner import kubernetes_versions
from provisioner.arn import Arn
from provisioner.component import Check, ComponentType, ManagedPolicy, Outputs, Statement, flag, pascal
from provisioner.components import data_key
from provisioner.kubernetes_versions import Standing, Version

ARN_PATTERN = r"arn:[a-z-]+:eks:[a-z0-9-]+:\d{12}:cluster/[0-9A-Za-z][A-Za-z0-9_-]{0,99}"
NAMESPACE = "zenml"
# Kubernetes' own are not for pods of a stack: whoever may edit kube-system owns the cluster. A pattern of the
# console looks neither ahead nor behind, so every beginning of kube- and defa ("k", "def") is refused too.
OWN_NAMESPACE = (
    "([a-ce-jl-z0-9]|d(-*[a-df-z0-9]|e(-*[a-eg-z0-9]|f[b-z0-9]))"
    "|k(-*[a-tv-z0-9]|u([ac-z0-9]|b([a-df-z0-9]|e[a-z0-9]))))([a-z0-9-]{0,57}[a-z0-9])?"
)
SERVICE_ACCOUNT = "zenml"
OUTPUTS: Mapping[str, str] = {
    "cluster_arn": "ARN of the EKS cluster.",
    "cluster_name": "Name of the EKS cluster.",
    "namespace": "Kubernetes namespace that pods run in.",
    "service_account": "Kubernetes service account that pods run as.",
    "pods_role_arn": "ARN of the role that pods of this service account have.",
}
RESOURCE_TYPES = ("AWS::EKS::AccessEntry", "AWS::EKS::PodIdentityAssociation", "AWS::IAM::Role")
MANIFESTS = ("namespace", "service_account", "role_binding")

# The access policies of EKS that stacks use: what Kubernetes, not IAM, then lets somebody do.
EDIT, ADMIN = "AmazonEKSEditPolicy", "AmazonEKSClusterAdminPolicy"
ENTRY_WORDS = {
    EDIT: "may start, change, read and delete pods, jobs, secrets and the like",
    ADMIN: "may do everything",
}


def outputs_of(arn: Arn) -> Outputs:
    """What a cluster promises that exists; namespace and service account are made by the bootstrap."""
    return {
        "cluster_arn": str(arn),
        "cluster_name": arn.name,
        "namespace": NAMESPACE,
        "service_account": SERVICE_ACCOUNT,
    }


def statements(type_: ComponentType) -> tuple[Statement, ...]:
    """How clients reach the cluster, and what its pods may do in AWS; the rest is Kubernetes' own access."""
    slot = pascal(type_)
    return (
        Statement(
            sid=f"{slot}Cluster",
            actions=("eks:DescribeCluster",),
            resources=(f"{{{type_}.cluster_arn}}",),
            words="may look up the address of your cluster",
        ),
        Statement(
            sid=f"{slot}PodData",
            role="pods",
            actions=("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
            resources=("{artifact_store.bucket_arn}/*",),
            words="pods may read, write and delete objects in your artifact bucket",
        ),
        Statement(
            sid=f"{slot}PodDataList",
            role="pods",
            actions=("s3:ListBucket", "s3:GetBucketLocation"),
            resources=("{artifact_store.bucket_arn}",),
            words="pods may list your artifact bucket",
        ),
        data_key.statement(
            f"{slot}PodDataKey",
            "pods may use the data key for objects in your artifact bucket",
            role="pods",
        ),
    )


_AUTO = "EKS Auto Mode refuses to start without this policy; AWS keeps it in step with what Auto Mode does."
CLUSTER_POLICIES = (
    ManagedPolicy(
        name="AmazonEKSClusterPolicy",
        role="cluster",
        words="the control plane may manage disks, security groups, routes and load balancers",
        reason="EKS demands it of every cluster role.",
    ),
    ManagedPolicy(
        name="AmazonEKSComputePolicy",
        role="cluster",
        when="compute=auto",
        words="Auto Mode may start and end machines that carry its cluster's tag",
        reason=_AUTO,
    ),
    ManagedPolicy(
        name="AmazonEKSBlockStoragePolicy",
        role="cluster",
        when="compute=auto",
        words="Auto Mode may make, attach and delete disks that carry its cluster's tag",
        reason=_AUTO,
    ),
    ManagedPolicy(
        name="AmazonEKSLoadBalancingPolicy",
        role="cluster",
        when="compute=auto",
        words="Auto Mode may make and delete load balancers that carry its cluster's tag",
        reason=_AUTO,
    ),
    ManagedPolicy(
        name="AmazonEKSNetworkingPolicy",
        role="cluster",
        when="compute=auto",
        words="Auto Mode may make and delete network interfaces for pods",
        reason=_AUTO,
    ),
    ManagedPolicy(
        name="AmazonEKSWorkerNodeMinimalPolicy",
        role="node",
        when="compute=auto",
        words="machines may ask EKS for the credentials of the pods on them",
        reason="EKS demands it of Auto Mode's machines; it allows this one action.",
    ),
    ManagedPolicy(
        name="AmazonEKSWorkerNodePolicy",
        role="node",
        when="compute=managed",
        words="machines may look up their cluster and network, and ask EKS for their pods' credentials",
        reason="EKS demands it of the machines of a node group.",
    ),
    ManagedPolicy(
        name="AmazonEC2ContainerRegistryPullOnly",
        role="node",
        words="machines may pull images from the account's repositories",
        reason="Kubernetes' own images come from ECR repositories of AWS that no stack can name.",
    ),
    ManagedPolicy(
        name="AmazonEKS_CNI_Policy",
        role="cni",
        when="compute=managed",
        words="the network add-on may give pods addresses of the VPC",
        reason="the add-on acts on network interfaces that nobody can name before; only its pods have it.",
    ),
)


def _speaks_api(attributes: Mapping[str, object]) -> bool | None:
    mode = attributes.get("authentication")
    return mode != "CONFIG_MAP" if isinstance(mode, str) else None


def _hands_out_roles(attributes: Mapping[str, object]) -> bool | None:
    """Auto Mode has the agent built in; elsewhere it is an add-on."""
    if attributes.get("auto_mode") is True:
        return True
    addons = attributes.get("addons")
    return "eks-pod-identity-agent" in addons if isinstance(addons, list | tuple) else None


def _in_support(attributes: Mapping[str, object]) -> bool | None:
    """Today where the facts say it, else on the table's date: a check knows no clock."""
    standing, _ = _standing(attributes)
    return None if standing == "unknown" else standing in ("supported", "ending")


def _not_ended(attributes: Mapping[str, object]) -> bool | None:
    standing, _ = _standing(attributes)
    return None if standing == "unknown" else standing != "ended"


def _standing(attributes: Mapping[str, object]) -> tuple[Standing, Version | None]:
    version, today = attributes.get("version"), attributes.get("today")
    if not isinstance(version, str):
        return "unknown", None
    return kubernetes_versions.check(
        version, today if isinstance(today, date) else kubernetes_versions.as_of()
    )


def _support(attributes: Mapping[str, object]) -> str:
    """`1.33: standard support until 2026-07-29, extended until 2027-07-29`."""
    name, (_, version) = attributes.get("version", ""), _standing(attributes)
    if version is None:
        return str(name)
    return f"{name}: standard support until {version.standard_until}, extended until {version.extended_until}"


def _has_nodes(attributes: Mapping[str, object]) -> bool | None:
    """Without Auto Mode and node groups pods may still run on Fargate or machines that EKS does not list."""
    if attributes.get("auto_mode") is True:
        return True
    most = attributes.get("nodes_max")
    return most > 0 if isinstance(most, int) else None


def _nodes(attributes: Mapping[str, object]) -> str:
    if attributes.get("auto_mode") is True:
        return "Auto Mode"
    types = attributes.get("instance_types")
    if not isinstance(types, list | tuple):
        return ""
    size = f"{attributes.get('nodes_desired')} of at most {attributes.get('nodes_max')} machines"
    return f"{size}: {', '.join(map(str, types))}" if types else size


def _has_gpu(attributes: Mapping[str, object]) -> bool | None:
    """Auto Mode starts what its node pools allow, which only the cluster itself can tell."""
    return None if attributes.get("auto_mode") is True else flag("gpu")(attributes)


CHECKS = (
    Check(
        id="same_region",
        severity="error",
        test=flag("same_region"),
        reason="the cluster is in the stack's region",
    ),
    Check(id="active", severity="error", test=flag("active"), reason="the cluster is active"),
    Check(
        id="access_entries",
        severity="error",
        test=_speaks_api,
        reason="access is granted by access entries, not only by the aws-auth config map",
    ),
    Check(
        id="pod_identity",
        severity="error",
        test=_hands_out_roles,
        reason="pods can be given roles: Auto Mode, or the add-on eks-pod-identity-agent",
    ),
    Check(
        id="version_supported",
        severity="warning",
        test=_in_support,
        reason="its Kubernetes version is in standard support",
        detail=_support,
    ),
    Check(
        id="version_not_ended",
        severity="error",
        test=_not_ended,
        reason="EKS still supports its Kubernetes version",
        detail=_support,
    ),
    Check(
        id="has_nodes",
        severity="error",
        test=_has_nodes,
        reason="pods find machines: Auto Mode, or a node group that may grow",
        detail=_nodes,
    ),
    Check(
        id="endpoint_reachable",
        severity="warning",
        test=flag("endpoint_public"),
        reason="its API is reachable from outside its network",
    ),
    Check(
        id="endpoint_narrow",
        severity="warning",
        test=flag("endpoint_narrow"),
        reason="its API is not open to the whole internet",
    ),
    Check(
        id="secrets_encrypted",
        severity="info",
        test=flag("secrets_encrypted"),
        reason="Kubernetes secrets are encrypted with a key of yours",
    ),
    Check(id="gpu", severity="info", test=_has_gpu, reason="a node group has NVIDIA GPUs", detail=_nodes),
)
