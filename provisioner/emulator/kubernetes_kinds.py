"""The kinds of objects that the embedded Kubernetes knows, and where they live in its API."""

from __future__ import annotations

from dataclasses import dataclass

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource of the API."""

    group: str
    version: str
    resource: str
    kind: str
    namespaced: bool = True
    # Only clusters with Auto Mode have these.
    automatic: bool = False

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """`resource.group`, as messages say it."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def _core(resource: str, kind: str, *, namespaced: bool = True) -> Kind:
    return Kind(group="", version="v1", resource=resource, kind=kind, namespaced=namespaced)


def _rbac(resource: str, kind: str, *, namespaced: bool = True) -> Kind:
    return Kind(group=RBAC, version="v1", resource=resource, kind=kind, namespaced=namespaced)


NAMESPACES = _core("namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNTS = _core("serviceaccounts", "ServiceAccount")
ROLES, ROLE_BINDINGS = _rbac("roles", "Role"), _rbac("rolebindings", "RoleBinding")
CLUSTER_ROLES = _rbac("clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = _rbac("clusterrolebindings", "ClusterRoleBinding", namespaced=False)
NODE_POOLS = Kind(
    group="karpenter.sh",
    version="v1",
    resource="nodepools",
    kind="NodePool",
    namespaced=False,
    automatic=True,
)
NODE_CLASSES = Kind(
    group="eks.amazonaws.com",
    version="v1",
    resource="nodeclasses",
    kind="NodeClass",
    namespaced=False,
    automatic=True,
)
KINDS = (
    NAMESPACES,
    SERVICE_ACCOUNTS,
    _core("pods", "Pod"),
    _core("configmaps", "ConfigMap"),
    _core("secrets", "Secret"),
    _core("services", "Service"),
    _core("persistentvolumeclaims", "PersistentVolumeClaim"),
    _core("resourcequotas", "ResourceQuota"),
    _core("limitranges", "LimitRange"),
    _core("events", "Event"),
    _core("nodes", "Node", namespaced=False),
    Kind(group="apps", version="v1", resource="deployments", kind="Deployment"),
    Kind(group="batch", version="v1", resource="jobs", kind="Job"),
    Kind(group="batch", version="v1", resource="cronjobs", kind="CronJob"),
    Kind(group="networking.k8s.io", version="v1", resource="networkpolicies", kind="NetworkPolicy"),
    Kind(
        group="storage.k8s.io",
        version="v1",
        resource="storageclasses",
        kind="StorageClass",
        namespaced=False,
    ),
    ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    NODE_POOLS,
    NODE_CLASSES,
)
BY_PATH = {(row.group, row.version, row.resource): row for row in KINDS}
