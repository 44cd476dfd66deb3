"""EKS: clusters, access entries, node groups, add-ons and pod identities, refused as EKS refuses them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from moto.core.responses import ActionResult, BaseResponse

from provisioner import kubernetes_versions
from provisioner.emulator import eks_checks as checks
from provisioner.emulator import eks_facts as facts
from provisioner.emulator import quotas
from provisioner.emulator.eks_store import (
    Cluster,
    EksBackend,
    Entry,
    Shown,
    eks_backends,
    not_found,
    now,
    random_id,
)
from provisioner.emulator.identity import caller_of
from provisioner.emulator.kubernetes_server import KubernetesServer
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse

# The settings of a cluster that one update may change, each alone; the first three go together.
AUTOMATIC = ("computeConfig", "kubernetesNetworkConfig", "storageConfig")
UPDATES: Mapping[str, str] = {
    "resourcesVpcConfig": "VpcConfigUpdate",
    "logging": "LoggingUpdate",
    "accessConfig": "AccessConfigUpdate",
    "upgradePolicy": "UpgradePolicyUpdate",
    "zonalShiftConfig": "ZonalShiftConfigUpdate",
    "deletionProtection": "DeletionProtectionUpdate",
    "computeConfig": "AutoModeUpdate",
}
LATER = AwsError("InvalidParameterException", "The type for cluster update was not provided.")


class EksResponse(TaughtResponse, BaseResponse):
    """One request to EKS."""

    error_protocol = "rest-json"

    def __init__(self) -> None:
        super().__init__(service_name="eks")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> EksBackend:
        """The clusters of the caller's account in this region."""
        found: EksBackend = eks_backends[self.current_account][self.region]
        return found

    def _cluster(self, parameter: str = "clusterName") -> Cluster:
        return self.backend.cluster(unquote(str(self._get_param(parameter))))

    def _given(self, *names: str) -> Shown:
        """Those parameters that the request has."""
        values = {name: self._get_param(name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def _page(self, key: str, rows: list[Any]) -> ActionResult:
        start = _position(self._get_param("nextToken"))
        size = int(self._get_param("maxResults") or 100)
        answer: Shown = {key: rows[start : start + size]}
        if start + size < len(rows):
            answer["nextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        return ActionResult(answer)

    # --- clusters ----------------------------------------------------------------------------------

    def create_cluster(self) -> ActionResult:
        """CreateCluster: ready at once."""
        given = self._given(*self._known("CreateCluster"))
        name = given["name"]
        self._check_cluster(name, given)
        vpc = checks.network(self.current_account, self.region, name, given["resourcesVpcConfig"])
        shown = self._new_cluster(given, vpc)
        cluster = Cluster(shown=shown, api=KubernetesServer(name=name, version=shown["version"]))
        cluster.api.state.identify = cluster.identity
        cluster.api.state.set_automatic(cluster.is_automatic)
        group, cluster.interfaces = self.backend.attach_network(name, shown["resourcesVpcConfig"])
        shown["resourcesVpcConfig"]["clusterSecurityGroupId"] = group
        shown["endpoint"] = cluster.api.start()
        shown["certificateAuthority"] = {"data": cluster.api.authority}
        self.backend.clusters[name] = cluster
        self._enter_creator(cluster, given)
        self._enter_automatic(cluster)
        return ActionResult({"cluster": shown})

    def _known(self, operation: str) -> list[str]:
        from moto.core.utils import get_service_model

        return list(get_service_model("eks").operation_model(operation).input_shape.members)

    def _check_cluster(self, name: str, given: Shown) -> None:
        checks.cluster_name(name)
        if name in self.backend.clusters:
            raise checks.in_use(f"Cluster already exists with name: {name}")
        most = quotas.limit(self.current_account, self.region, "eks", "L-1194D53C")
        if len(self.backend.clusters) >= most:
            raise AwsError(
                "ResourceLimitExceededException", f"You have reached the limit of {most:g} clusters"
            )
        checks.version(given.get("version", facts.default_version()))
        checks.automatic(given)
        enabled = bool(given.get("computeConfig", {}).get("enabled"))
        if enabled:
            checks.automatic_cluster(given)
        # Auto Mode passes session tags on; EKS finds a missing right out late, when no node comes.
        actions = ("sts:AssumeRole", "sts:TagSession") if enabled else ("sts:AssumeRole",)
        checks.service_role(given["roleArn"], "eks.amazonaws.com", actions)
        checks.service_cidr(given.get("kubernetesNetworkConfig", {}))
        checks.encryption(self.current_account, self.region, given.get("encryptionConfig", []))
        checks.logging(given.get("logging", {}))

    def _new_cluster(self, given: Shown, vpc: str) -> Shown:
        network, name = given["resourcesVpcConfig"], given["name"]
        kept = ("encryptionConfig", "zonalShiftConfig", "computeConfig", "storageConfig")
        services = given.get("kubernetesNetworkConfig", {})
        access = given.get("accessConfig", {})
        return {
            **{key: given[key] for key in kept if key in given},
            "name": name,
            "arn": self.backend.arn(f"cluster/{name}"),
            "createdAt": now(),
            "version": given.get("version", facts.default_version()),
            "platformVersion": "eks.1",
            "roleArn": given["roleArn"],
            "status": "ACTIVE",
            "health": {"issues": []},
            "tags": dict(given.get("tags", {})),
            "identity": {"oidc": {"issuer": self._issuer()}},
            "resourcesVpcConfig": {
                "subnetIds": network["subnetIds"],
                "securityGroupIds": network.get("securityGroupIds", []),
                "vpcId": vpc,
                "endpointPublicAccess": network.get("endpointPublicAccess", True),
                "endpointPrivateAccess": network.get("endpointPrivateAccess", False),
                "publicAccessCidrs": network.get("publicAccessCidrs") or ["0.0.0.0/0"],
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": "172.20.0.0/16",
                "ipFamily": "ipv4",
                "elasticLoadBalancing": {"enabled": False},
                **services,
            },
            "accessConfig": {
                "authenticationMode": access.get("authenticationMode", "CONFIG_MAP"),
                # Told for what it was at creation; EKS does the same.
                "bootstrapClusterCreatorAdminPermissions": access.get(
                    "bootstrapClusterCreatorAdminPermissions", True
                ),
            },
            "logging": _logging(given.get("logging", {})),
            "upgradePolicy": given.get("upgradePolicy", {"supportType": "EXTENDED"}),
            "deletionProtection": bool(given.get("deletionProtection", False)),
        }

    def _issuer(self) -> str:
        return f"https://oidc.eks.{self.region}.amazonaws.com/id/{uuid4().hex.upper()}"

    def _enter_creator(self, cluster: Cluster, given: Shown) -> None:
        if not cluster.shown["accessConfig"]["bootstrapClusterCreatorAdminPermissions"]:
            return
        creator = caller_of(self.access_key, self.current_account).principal
        entry = self._enter(cluster, creator, "STANDARD", {})
        policy = f"{facts.POLICY_ARN}AmazonEKSClusterAdminPolicy"
        entry.policies[policy] = _association(policy, {"type": "cluster", "namespaces": []})

    def _enter_automatic(self, cluster: Cluster) -> None:
        """EKS itself lets the nodes of its own pools in, so nobody else can make that entry."""
        role = cluster.shown.get("computeConfig", {}).get("nodeRoleArn")
        if cluster.is_automatic and role and role not in cluster.entries:
            entry = self._enter(cluster, role, "EC2", {})
            policy = f"{facts.POLICY_ARN}AmazonEKSAutoNodePolicy"
            entry.policies[policy] = _association(policy, {"type": "cluster", "namespaces": []})

    def describe_cluster(self) -> ActionResult:
        """DescribeCluster."""
        return ActionResult({"cluster": self._cluster("name").shown})

    def list_clusters(self) -> ActionResult:
        """ListClusters."""
        return self._page("clusters", sorted(self.backend.clusters))

    def delete_cluster(self) -> ActionResult:
        """DeleteCluster: not while it is protected or has node groups."""
        cluster = self._cluster("name")
        name = cluster.shown["name"]
        if cluster.shown["deletionProtection"]:
            raise checks.invalid_request(
                f"Cluster {name} cannot be deleted because deletion protection is enabled. Disable deletion "
                "protection and try again."
            )
        if cluster.nodegroups:
            raise checks.in_use("Cluster has nodegroups attached")
        self.backend.forget(cluster)
        return ActionResult({"cluster": {**cluster.shown, "status": "DELETING"}})

    def update_cluster_config(self) -> ActionResult:
        """UpdateClusterConfig: one kind of setting at a time."""
        cluster = self._cluster("name")
        given = self._given(*UPDATES, *AUTOMATIC)
        kinds = {"computeConfig" if key in AUTOMATIC else key for key in given}
        if not kinds:
            raise LATER
        if len(kinds) > 1:
            raise checks.invalid_parameter("Only one type of update can be allowed.")
        (kind,) = kinds
        getattr(self, f"_update_{kind}", self._replace)(cluster, kind, given)
        return self._update(cluster, UPDATES[kind])

    def _replace(self, cluster: Cluster, kind: str, given: Shown) -> None:
        cluster.shown[kind] = given[kind]

    # Named after the parameters that they change, and found by name.
    def _update_resourcesVpcConfig(self, cluster: Cluster, kind: str, given: Shown) -> None:  # noqa: N802 - named by the API
        network = cluster.shown[kind]
        wanted = {**network, **given[kind]}
        if set(wanted["subnetIds"]) != set(network["subnetIds"]):
            vpc = checks.network(self.current_account, self.region, cluster.shown["name"], wanted)
            if vpc != network["vpcId"]:
                raise checks.invalid_parameter("Subnets must belong to the cluster's VPC")
        checks.endpoint_access(wanted)
        network.update(wanted)

    def _update_logging(self, cluster: Cluster, kind: str, given: Shown) -> None:
        checks.logging(given[kind])
        before = {
            name for row in cluster.shown[kind]["clusterLogging"] if row["enabled"] for name in row["types"]
        }
        for row in given[kind].get("clusterLogging", []):
            change = set(row.get("types", []))
            before = before | change if row.get("enabled") else before - change
        cluster.shown[kind] = _logging({"clusterLogging": [{"enabled": True, "types": sorted(before)}]})

    def _update_accessConfig(self, cluster: Cluster, kind: str, given: Shown) -> None:  # noqa: N802 - named by the API
        after = given[kind]["authenticationMode"]
        checks.mode_step(cluster.shown[kind]["authenticationMode"], after)
        cluster.shown[kind]["authenticationMode"] = after

    def _update_computeConfig(self, cluster: Cluster, kind: str, given: Shown) -> None:  # noqa: N802 - named by the API
        shown = cluster.shown
        services = {**shown["kubernetesNetworkConfig"], **given.get("kubernetesNetworkConfig", {})}
        wanted = {"kubernetesNetworkConfig": services, **{k: given.get(k) for k in AUTOMATIC if k in given}}
        wanted["kubernetesNetworkConfig"] = services
        checks.automatic(wanted)
        shown.update(wanted)
        cluster.api.state.set_automatic(cluster.is_automatic)
        self._enter_automatic(cluster)

    def update_cluster_version(self) -> ActionResult:
        """UpdateClusterVersion: one minor version at a time."""
        cluster = self._cluster("name")
        checks.version_step(cluster.shown["version"], self._get_param("version"))
        cluster.shown["version"] = cluster.api.state.version = self._get_param("version")
        return self._update(cluster, "VersionUpdate")

    def describe_update(self) -> ActionResult:
        """DescribeUpdate."""
        cluster, number = self._cluster("name"), self._get_param("updateId")
        if number not in cluster.updates:
            raise not_found(f"No update found for ID: {number}")
        return ActionResult({"update": cluster.updates[number]})

    def list_updates(self) -> ActionResult:
        """ListUpdates."""
        return self._page("updateIds", list(self._cluster("name").updates))

    def _update(self, cluster: Cluster, kind: str) -> ActionResult:
        update: Shown = {
            "id": str(uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [],
            "createdAt": now(),
            "errors": [],
        }
        cluster.updates[update["id"]] = update
        return ActionResult({"update": update})

    # --- access entries ----------------------------------------------------------------------------

    def create_access_entry(self) -> ActionResult:
        """CreateAccessEntry: one per principal."""
        cluster = self._cluster()
        checks.takes_entries(cluster)
        arn, kind = self._get_param("principalArn"), self._get_param("type", "STANDARD")
        checks.principal(arn)
        if arn in cluster.entries:
            raise checks.in_use("The specified access entry resource is already in use on this cluster.")
        given = self._given("kubernetesGroups", "username", "tags")
        if kind not in facts.ENTRY_TYPES:
            raise checks.invalid_parameter(f"The type {kind} is not valid")
        if kind != "STANDARD" and given.get("kubernetesGroups"):
            raise checks.invalid_parameter(f"Groups cannot be set for an access entry of type {kind}")
        checks.groups(given.get("kubernetesGroups", []))
        return ActionResult({"accessEntry": self._enter(cluster, arn, kind, given).shown})

    def _enter(self, cluster: Cluster, arn: str, kind: str, given: Shown) -> Entry:
        name = cluster.shown["name"]
        shown = {
            "clusterName": name,
            "principalArn": arn,
            "kubernetesGroups": given.get("kubernetesGroups", []),
            "accessEntryArn": self.backend.arn(
                f"access-entry/{name}/{arn.split(':')[5].split('/')[0]}/{arn.split(':')[4]}/"
                f"{arn.rsplit('/', 1)[-1]}/{uuid4()}"
            ),
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": dict(given.get("tags", {})),
            "username": given.get("username") or _username(arn, kind),
            "type": kind,
        }
        cluster.entries[arn] = Entry(shown=shown)
        return cluster.entries[arn]

    def _entry(self) -> Entry:
        cluster, arn = self._cluster(), unquote(str(self._get_param("principalArn")))
        checks.takes_entries(cluster)
        if arn not in cluster.entries:
            raise not_found(
                f"The specified principalArn could not be found. You can view a list of principals with: "
                f"list-access-entries. ({arn})"
            )
        return cluster.entries[arn]

    def describe_access_entry(self) -> ActionResult:
        """DescribeAccessEntry."""
        return ActionResult({"accessEntry": self._entry().shown})

    def list_access_entries(self) -> ActionResult:
        """ListAccessEntries."""
        cluster, policy = self._cluster(), self._get_param("associatedPolicyArn")
        checks.takes_entries(cluster)
        rows = [arn for arn, row in cluster.entries.items() if policy is None or policy in row.policies]
        return self._page("accessEntries", rows)

    def update_access_entry(self) -> ActionResult:
        """UpdateAccessEntry."""
        entry, given = self._entry(), self._given("kubernetesGroups", "username")
        checks.groups(given.get("kubernetesGroups", []))
        entry.shown.update(given, modifiedAt=now())
        return ActionResult({"accessEntry": entry.shown})

    def delete_access_entry(self) -> ActionResult:
        """DeleteAccessEntry."""
        del self._cluster().entries[self._entry().shown["principalArn"]]
        return ActionResult({})

    def associate_access_policy(self) -> ActionResult:
        """AssociateAccessPolicy: twice is the same as once, with the later scope."""
        entry, policy = self._entry(), self._get_param("policyArn")
        scope = self._get_param("accessScope") or {}
        checks.access_policy(policy, scope)
        if entry.shown["type"] != "STANDARD":
            raise checks.invalid_request(
                f"Access policies cannot be associated with an access entry of type {entry.shown['type']}."
            )
        entry.policies[policy] = _association(policy, {"namespaces": [], **scope})
        return ActionResult(
            {
                "clusterName": entry.shown["clusterName"],
                "principalArn": entry.shown["principalArn"],
                "associatedAccessPolicy": entry.policies[policy],
            }
        )

    def disassociate_access_policy(self) -> ActionResult:
        """DisassociateAccessPolicy."""
        entry, policy = self._entry(), unquote(str(self._get_param("policyArn")))
        if policy not in entry.policies:
            raise not_found(f"The access policy {policy} is not associated with the access entry.")
        del entry.policies[policy]
        return ActionResult({})

    def list_associated_access_policies(self) -> ActionResult:
        """ListAssociatedAccessPolicies."""
        return self._page("associatedAccessPolicies", list(self._entry().policies.values()))

    def list_access_policies(self) -> ActionResult:
        """ListAccessPolicies."""
        rows = [{"name": name, "arn": f"{facts.POLICY_ARN}{name}"} for name in facts.ACCESS_POLICIES]
        return self._page("accessPolicies", rows)

    # --- node groups -------------------------------------------------------------------------------

    def create_nodegroup(self) -> ActionResult:
        """CreateNodegroup: active at once; no instance is started."""
        cluster, given = self._cluster(), self._given(*self._known("CreateNodegroup"))
        name = given["nodegroupName"]
        if name in cluster.nodegroups:
            raise checks.in_use(
                f"NodeGroup already exists with name {name} and cluster name {cluster.shown['name']}"
            )
        self._check_nodegroup(cluster, given)
        cluster.nodegroups[name] = self._new_nodegroup(cluster, given)
        entered = cluster.shown["accessConfig"]["authenticationMode"] != "CONFIG_MAP"
        if entered and given["nodeRole"] not in cluster.entries:
            self._enter(cluster, given["nodeRole"], "EC2_LINUX", {"kubernetesGroups": ["system:nodes"]})
        return ActionResult({"nodegroup": cluster.nodegroups[name]})

    def _check_nodegroup(self, cluster: Cluster, given: Shown) -> None:
        checks.node_role(given["nodeRole"])
        checks.nodegroup_subnets(self.current_account, self.region, cluster, given["subnets"])
        checks.scaling(_scaling(given))
        if "launchTemplate" in given:
            checks.template_combination(given)
        kubernetes = cluster.shown["version"]
        if given.get("version", kubernetes) != kubernetes:
            raise checks.invalid_parameter(
                f"Nodegroup Kubernetes version should be equal to the cluster's version {kubernetes}"
            )
        ami = given.get("amiType", "AL2023_x86_64_STANDARD")
        checks.image(kubernetes, ami, given.get("instanceTypes") or ["t3.medium"])

    def _new_nodegroup(self, cluster: Cluster, given: Shown) -> Shown:
        name, kubernetes = given["nodegroupName"], cluster.shown["version"]
        where = f"{cluster.shown['name']}/{name}/{uuid4()}"
        template = {} if "launchTemplate" in given else {"diskSize": 20}
        return {
            **template,
            **{key: value for key, value in given.items() if key != "clientRequestToken"},
            "clusterName": cluster.shown["name"],
            "nodegroupArn": self.backend.arn(f"nodegroup/{where}"),
            "version": kubernetes,
            "releaseVersion": given.get("releaseVersion", f"{kubernetes}.0-20261101"),
            "createdAt": now(),
            "modifiedAt": now(),
            "status": "ACTIVE",
            "capacityType": given.get("capacityType", "ON_DEMAND"),
            "scalingConfig": _scaling(given),
            "instanceTypes": given.get("instanceTypes") or ["t3.medium"],
            "amiType": given.get("amiType", "AL2023_x86_64_STANDARD"),
            "labels": given.get("labels", {}),
            "taints": given.get("taints", []),
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{uuid4()}"}]},
            "health": {"issues": []},
            "updateConfig": given.get("updateConfig", {"maxUnavailable": 1}),
            "tags": dict(given.get("tags", {})),
        }

    def _nodegroup(self) -> tuple[Cluster, Shown]:
        cluster, name = self._cluster(), self._get_param("nodegroupName")
        if name not in cluster.nodegroups:
            raise not_found(f"No node group found for name: {name}.")
        return cluster, cluster.nodegroups[name]

    def describe_nodegroup(self) -> ActionResult:
        """DescribeNodegroup."""
        return ActionResult({"nodegroup": self._nodegroup()[1]})

    def list_nodegroups(self) -> ActionResult:
        """ListNodegroups."""
        return self._page("nodegroups", sorted(self._cluster().nodegroups))

    def update_nodegroup_config(self) -> ActionResult:
        """UpdateNodegroupConfig: scaling, labels, taints."""
        cluster, row = self._nodegroup()
        scaled = {**row["scalingConfig"], **(self._get_param("scalingConfig") or {})}
        checks.scaling(scaled)
        labels = self._get_param("labels") or {}
        kept = {k: v for k, v in row["labels"].items() if k not in labels.get("removeLabels", [])}
        row["labels"] = {**kept, **labels.get("addOrUpdateLabels", {})}
        row["taints"] = _tainted(row["taints"], self._get_param("taints") or {})
        row.update(self._given("updateConfig", "nodeRepairConfig"), scalingConfig=scaled, modifiedAt=now())
        return self._update(cluster, "ConfigUpdate")

    def update_nodegroup_version(self) -> ActionResult:
        """UpdateNodegroupVersion."""
        cluster, row = self._nodegroup()
        row.update(self._given("releaseVersion", "launchTemplate"))
        row.update(version=cluster.shown["version"], modifiedAt=now())
        return self._update(cluster, "VersionUpdate")

    def delete_nodegroup(self) -> ActionResult:
        """DeleteNodegroup: the entry of a role that no other node group has goes too."""
        cluster, row = self._nodegroup()
        del cluster.nodegroups[row["nodegroupName"]]
        role = row["nodeRole"]
        entry = cluster.entries.get(role)
        shared = any(other["nodeRole"] == role for other in cluster.nodegroups.values())
        if entry and entry.shown["type"] == "EC2_LINUX" and not shared:
            del cluster.entries[role]
        return ActionResult({"nodegroup": {**row, "status": "DELETING"}})

    # --- add-ons -----------------------------------------------------------------------------------

    def create_addon(self) -> ActionResult:
        """CreateAddon: one that needs nodes is degraded while there is none."""
        cluster, given = self._cluster(), self._given(*self._known("CreateAddon"))
        name, kubernetes = given["addonName"], cluster.shown["version"]
        checks.addon(name, given.get("addonVersion"), kubernetes)
        if name in cluster.addons:
            raise checks.in_use("Addon already exists.")
        associations = [
            self._associate_addon(cluster, row) for row in given.get("podIdentityAssociations", [])
        ]
        cluster.addons[name] = {
            **{key: given[key] for key in ("configurationValues", "serviceAccountRoleArn") if key in given},
            "addonName": name,
            "clusterName": cluster.shown["name"],
            "addonVersion": facts.addon_version(name, kubernetes),
            "addonArn": self.backend.arn(f"addon/{cluster.shown['name']}/{name}/{uuid4()}"),
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": dict(given.get("tags", {})),
            "podIdentityAssociations": associations,
        }
        return ActionResult({"addon": _addon(cluster, name)})

    def _associate_addon(self, cluster: Cluster, row: Shown) -> str:
        made = self._associate(cluster, {**row, "namespace": "kube-system"})
        return str(made["associationArn"])

    def describe_addon(self) -> ActionResult:
        """DescribeAddon."""
        return ActionResult({"addon": self._addon()})

    def _addon(self) -> Shown:
        cluster, name = self._cluster(), self._get_param("addonName")
        if name not in cluster.addons:
            raise not_found(f"No addon: {name} found in cluster: {cluster.shown['name']}")
        return _addon(cluster, name)

    def list_addons(self) -> ActionResult:
        """ListAddons."""
        return self._page("addons", sorted(self._cluster().addons))

    def update_addon(self) -> ActionResult:
        """UpdateAddon."""
        self._addon()
        cluster, name = self._cluster(), self._get_param("addonName")
        checks.addon(name, self._get_param("addonVersion"), cluster.shown["version"])
        changes = self._given("configurationValues", "serviceAccountRoleArn")
        cluster.addons[name].update(changes, modifiedAt=now())
        return self._update(cluster, "AddonUpdate")

    def delete_addon(self) -> ActionResult:
        """DeleteAddon, with the pod identities that it brought."""
        row = self._addon()
        cluster = self._cluster()
        for arn in row["podIdentityAssociations"]:
            cluster.associations.pop(arn.rsplit("/", 1)[-1], None)
        del cluster.addons[row["addonName"]]
        return ActionResult({"addon": {**row, "status": "DELETING"}})

    def describe_addon_versions(self) -> ActionResult:
        """DescribeAddonVersions."""
        wanted, kubernetes = self._get_param("addonName"), self._get_param("kubernetesVersion")
        versions = [kubernetes] if kubernetes else _running()
        if wanted and wanted not in facts.ADDONS:
            raise not_found(f"Addon {wanted} not found")
        rows = [_offered(name, versions) for name in facts.ADDONS if wanted in (None, name)]
        return self._page("addons", rows)

    # --- pod identities ----------------------------------------------------------------------------

    def create_pod_identity_association(self) -> ActionResult:
        """CreatePodIdentityAssociation: one per service account; the namespace may come later."""
        given = self._given("namespace", "serviceAccount", "roleArn", "targetRoleArn", "tags")
        return ActionResult({"association": self._associate(self._cluster(), given)})

    def _associate(self, cluster: Cluster, given: Shown) -> Shown:
        checks.service_role(given["roleArn"], "pods.eks.amazonaws.com", ("sts:AssumeRole", "sts:TagSession"))
        where = (given["namespace"], given["serviceAccount"])
        for row in cluster.associations.values():
            if (row["namespace"], row["serviceAccount"]) == where:
                raise checks.in_use(f"Association already exists: {row['associationId']}")
        number = f"a-{random_id(17)}"
        cluster.associations[number] = {
            **{key: value for key, value in given.items() if key != "tags"},
            "clusterName": cluster.shown["name"],
            "associationArn": self.backend.arn(f"podidentityassociation/{cluster.shown['name']}/{number}"),
            "associationId": number,
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": dict(given.get("tags", {})),
        }
        return cluster.associations[number]

    def _association(self) -> Shown:
        cluster, number = self._cluster(), self._get_param("associationId")
        if number not in cluster.associations:
            raise not_found(f"No association found for ID: {number}")
        return cluster.associations[number]

    def describe_pod_identity_association(self) -> ActionResult:
        """DescribePodIdentityAssociation."""
        return ActionResult({"association": self._association()})

    def list_pod_identity_associations(self) -> ActionResult:
        """ListPodIdentityAssociations."""
        wanted = self._given("namespace", "serviceAccount")
        keys = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")
        rows = [
            {key: row[key] for key in keys}
            for row in self._cluster().associations.values()
            if all(row[key] == value for key, value in wanted.items())
        ]
        return self._page("associations", rows)

    def update_pod_identity_association(self) -> ActionResult:
        """UpdatePodIdentityAssociation."""
        row, given = self._association(), self._given("roleArn", "targetRoleArn")
        if "roleArn" in given:
            actions = ("sts:AssumeRole", "sts:TagSession")
            checks.service_role(given["roleArn"], "pods.eks.amazonaws.com", actions)
        row.update(given, modifiedAt=now())
        return ActionResult({"association": row})

    def delete_pod_identity_association(self) -> ActionResult:
        """DeletePodIdentityAssociation."""
        row = self._association()
        del self._cluster().associations[row["associationId"]]
        return ActionResult({"association": row})

    # --- the rest ----------------------------------------------------------------------------------

    def describe_cluster_versions(self) -> ActionResult:
        """DescribeClusterVersions, newest first."""
        wanted, only = self._get_param("clusterVersions") or [], self._get_bool_param("defaultOnly", False)
        rows = [row for row in map(_version, reversed(kubernetes_versions.versions())) if row["status"]]
        asked = (self._get_param("versionStatus") or "").upper()
        shown = [
            row
            for row in rows
            if (not wanted or row["clusterVersion"] in wanted)
            and (not only or row["defaultVersion"])
            and asked in ("", row["versionStatus"])
        ]
        return self._page("clusterVersions", shown)

    def list_fargate_profiles(self) -> ActionResult:
        """ListFargateProfiles: none can be made here."""
        self._cluster()
        return self._page("fargateProfileNames", [])

    def tag_resource(self) -> ActionResult:
        """TagResource."""
        self.backend.tag_resource(unquote(self._get_param("resourceArn")), self._get_param("tags") or {})
        return ActionResult({})

    def untag_resource(self) -> ActionResult:
        """UntagResource."""
        self.backend.untag_resource(unquote(self._get_param("resourceArn")), self._get_param("tagKeys") or [])
        return ActionResult({})

    def list_tags_for_resource(self) -> ActionResult:
        """ListTagsForResource."""
        return ActionResult({"tags": self.backend.tagged(unquote(self._get_param("resourceArn")))["tags"]})


def _position(token: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode(token)) if token else 0
    except ValueError:
        raise checks.invalid_parameter("The nextToken is invalid") from None


def _logging(given: Shown) -> Shown:
    on = {
        name for row in given.get("clusterLogging", []) if row.get("enabled") for name in row.get("types", [])
    }
    rows = [(True, sorted(on)), (False, sorted(facts.LOG_TYPES - on))]
    return {"clusterLogging": [{"types": types, "enabled": enabled} for enabled, types in rows if types]}


def _username(arn: str, kind: str) -> str:
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
    if kind in ("EC2", "EC2_LINUX", "EC2_WINDOWS"):
        return "system:node:{{EC2PrivateDNSName}}"
    if ":role/" in arn:
        return f"arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}"
    return arn


def _association(policy: str, scope: Shown) -> Shown:
    return {"policyArn": policy, "accessScope": scope, "associatedAt": now(), "modifiedAt": now()}


def _scaling(given: Shown) -> Shown:
    wanted = given.get("scalingConfig") or {}
    most = wanted.get("maxSize", max(2, wanted.get("desiredSize", 2)))
    return {
        "minSize": wanted.get("minSize", 1),
        "maxSize": most,
        "desiredSize": wanted.get("desiredSize", max(wanted.get("minSize", 1), min(2, most))),
    }


def _tainted(before: list[Shown], change: Shown) -> list[Shown]:
    gone = {(row["key"], row["effect"]) for row in change.get("removeTaints", [])}
    added = {(row["key"], row["effect"]): row for row in change.get("addOrUpdateTaints", [])}
    kept = {(row["key"], row["effect"]): row for row in before}
    return [row for key, row in {**kept, **added}.items() if key not in gone]


def _addon(cluster: Cluster, name: str) -> Shown:
    """An add-on with the health that it has now."""
    waits = name in facts.NEED_NODES and cluster.nodes < 1
    issue = {
        "code": "InsufficientNumberOfReplicas",
        "message": "The add-on is unhealthy because all deployments have all pods unscheduled no nodes "
        "available to schedule pods",
        "resourceIds": [],
    }
    return {
        **cluster.addons[name],
        "status": "DEGRADED" if waits else "ACTIVE",
        "health": {"issues": [issue] if waits else []},
    }


def _version(row: kubernetes_versions.Version) -> Shown:
    standing, _ = kubernetes_versions.check(row.name, now().date())
    word = {"supported": "STANDARD_SUPPORT", "ending": "STANDARD_SUPPORT", "extended": "EXTENDED_SUPPORT"}
    status = word.get(standing, "")
    return {
        "clusterVersion": row.name,
        "clusterType": "eks",
        "defaultPlatformVersion": "eks.1",
        "defaultVersion": row.name == facts.default_version(),
        "releaseDate": row.released.isoformat(),
        "endOfStandardSupportDate": row.standard_until.isoformat(),
        "endOfExtendedSupportDate": row.extended_until.isoformat(),
        "status": status.lower().replace("_", "-"),
        "versionStatus": status,
        "kubernetesPatchVersion": f"{row.name}.0",
    }


def _running() -> list[str]:
    return [row.name for row in kubernetes_versions.versions() if _version(row)["status"]]


def _offered(name: str, versions: list[str]) -> Shown:
    builds: dict[str, list[str]] = {}
    for kubernetes in versions:
        builds.setdefault(facts.addon_version(name, kubernetes), []).append(kubernetes)
    return {
        "addonName": name,
        "type": "networking" if name in ("vpc-cni", "coredns", "kube-proxy") else "storage",
        "owner": "aws",
        "publisher": "eks",
        "addonVersions": [
            {
                "addonVersion": build,
                "architecture": ["amd64", "arm64"],
                "computeTypes": ["ec2", "auto"],
                "compatibilities": [
                    {"clusterVersion": kubernetes, "platformVersions": ["*"], "defaultVersion": True}
                    for kubernetes in fitting
                ],
                "requiresConfiguration": False,
                "requiresIamPermissions": name in ("vpc-cni", "aws-ebs-csi-driver"),
            }
            for build, fitting in builds.items()
        ],
    }
