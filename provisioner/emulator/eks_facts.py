"""Tables of the embedded EKS: versions, machine images, add-ons, access policies, refused zones."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner import kubernetes_versions

# https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
REFUSED_ZONES = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
AUTHENTICATION_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
LOG_TYPES = frozenset({"api", "audit", "authenticator", "controllerManager", "scheduler"})
BUILT_IN_POOLS = frozenset({"system", "general-purpose"})
ENTRY_TYPES = frozenset(
    {"STANDARD", "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX"}
)
# https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
ACCESS_POLICIES = (
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
)
POLICY_ARN = "arn:aws:eks::aws:cluster-access-policy/"
# Add-on -> newest build per Kubernetes minor version is `vX.Y.Z-eksbuild.N`; one build stands for all here.
ADDONS: Mapping[str, str] = {
    "vpc-cni": "v1.20.4-eksbuild.2",
    "kube-proxy": "v{version}.0-eksbuild.2",
    "coredns": "v1.12.4-eksbuild.1",
    "eks-pod-identity-agent": "v1.3.9-eksbuild.3",
    "aws-ebs-csi-driver": "v1.51.0-eksbuild.1",
    "aws-efs-csi-driver": "v2.1.13-eksbuild.1",
    "aws-mountpoint-s3-csi-driver": "v2.1.0-eksbuild.1",
    "metrics-server": "v0.8.0-eksbuild.3",
    "snapshot-controller": "v8.3.0-eksbuild.1",
    "amazon-cloudwatch-observability": "v4.5.0-eksbuild.1",
    "eks-node-monitoring-agent": "v1.4.1-eksbuild.1",
}
# Those that run as deployments: without a node they never become healthy.
NEED_NODES = frozenset({"coredns", "metrics-server", "aws-ebs-csi-driver", "snapshot-controller"})
AMI_TYPES = (
    *("AL2_x86_64", "AL2_x86_64_GPU", "AL2_ARM_64", "CUSTOM"),
    *("BOTTLEROCKET_ARM_64", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64_FIPS", "BOTTLEROCKET_x86_64_FIPS"),
    *("BOTTLEROCKET_ARM_64_NVIDIA", "BOTTLEROCKET_x86_64_NVIDIA"),
    *("BOTTLEROCKET_ARM_64_NVIDIA_FIPS", "BOTTLEROCKET_x86_64_NVIDIA_FIPS"),
    *("WINDOWS_CORE_2019_x86_64", "WINDOWS_FULL_2019_x86_64", "WINDOWS_CORE_2022_x86_64"),
    *("WINDOWS_FULL_2022_x86_64", "WINDOWS_CORE_2025_x86_64", "WINDOWS_FULL_2025_x86_64"),
    *("AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", "AL2023_x86_64_NEURON"),
    *("AL2023_x86_64_NVIDIA", "AL2023_ARM_64_NVIDIA"),
)
# From this minor version on EKS builds no Amazon Linux 2 images.
LAST_AL2_MINOR = 32


def addon_version(name: str, kubernetes: str) -> str:
    """The add-on's build for a Kubernetes version."""
    return ADDONS[name].format(version=kubernetes)


def minor(version: str) -> int:
    """`1.34` -> 34."""
    return int(version.split(".")[1])


def default_version() -> str:
    """What EKS takes when no version is given."""
    return kubernetes_versions.default()
