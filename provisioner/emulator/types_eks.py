"""CloudFormation types of EKS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.emulator.handler import (
    Gone,
    HandlerError,
    Properties,
    ResourceType,
    Site,
    api_chosen,
    api_form,
    changed,
    physical_name,
)
from provisioner.emulator.template import words

GONE = ("ResourceNotFoundException",)


class EksType(ResourceType):
    """An EKS resource: its tags are a map, changed by its ARN."""

    tagging = "system"

    def retag(self, site: Site, arn: str, new: Properties) -> None:
        """Bring the tags to what the template and its stack say."""
        wanted = self.tags(site, new)
        had = site.call("eks", "ListTagsForResource", resourceArn=arn)["tags"]
        gone = [key for key in had if key not in wanted]
        if gone:
            site.call("eks", "UntagResource", resourceArn=arn, tagKeys=gone)
        site.call("eks", "TagResource", resourceArn=arn, tags=wanted)


class Cluster(EksType):
    """AWS::EKS::Cluster."""

    name = "AWS::EKS::Cluster"
    allowed = words(
        "AccessConfig ActiveCertificateAuthorityId BootstrapSelfManagedAddons CertificateAuthority "
        "ComputeConfig ControlPlaneScalingConfig DeletionProtection EncryptionConfig Force "
        "KubeApiServerConfig KubeControllerManagerConfig KubeSchedulerConfig KubernetesNetworkConfig Logging "
        "Name OutpostConfig RemoteNetworkConfig ResourcesVpcConfig RoleArn RollbackConfig StorageConfig Tags "
        "UpgradePolicy Version ZonalShiftConfig"
    )
    required = words("ResourcesVpcConfig RoleArn")
    beyond = words(
        "ActiveCertificateAuthorityId CertificateAuthority ControlPlaneScalingConfig KubeApiServerConfig "
        "KubeControllerManagerConfig KubeSchedulerConfig OutpostConfig RemoteNetworkConfig RollbackConfig"
    )
    create_only = words("BootstrapSelfManagedAddons EncryptionConfig Name OutpostConfig RoleArn")
    name_property = "Name"
    attribute_names = words(
        "Arn CertificateAuthorityData ClusterSecurityGroupId EncryptionConfigKeyArn Endpoint Id "
        "KubernetesNetworkConfig.ServiceIpv6Cidr OpenIdConnectIssuerUrl"
    )

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("Name") or physical_name(site, 100))
        wanted = api_chosen(
            properties,
            "AccessConfig BootstrapSelfManagedAddons ComputeConfig DeletionProtection EncryptionConfig "
            "KubernetesNetworkConfig ResourcesVpcConfig RoleArn StorageConfig UpgradePolicy Version "
            "ZonalShiftConfig",
        )
        if "Logging" in properties:
            wanted["logging"] = _logging(properties["Logging"])
        site.call("eks", "CreateCluster", name=name, tags=self.tags(site, properties), **wanted)
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        self._refuse_replacement(new, old)
        if changed("Version", new, old) and "Version" in new:
            site.call("eks", "UpdateClusterVersion", name=physical_id, version=new["Version"])
        for update in self._updates(new, old):
            site.call("eks", "UpdateClusterConfig", name=physical_id, **update)
        self.retag(site, site.arn("eks", f"cluster/{physical_id}"), new)

    def _refuse_replacement(self, new: Properties, old: Properties) -> None:
        before = old.get("AccessConfig", {}).get("BootstrapClusterCreatorAdminPermissions", True)
        if new.get("AccessConfig", {}).get("BootstrapClusterCreatorAdminPermissions", True) != before:
            raise HandlerError(
                "BootstrapClusterCreatorAdminPermissions cannot be updated after the cluster is created"
            )

    def _updates(self, new: Properties, old: Properties) -> list[dict[str, Any]]:
        """One request per kind of setting, as EKS wants it."""
        made = [
            {name[:1].lower() + name[1:]: api_form(new[name])}
            for name in ("ResourcesVpcConfig", "UpgradePolicy", "ZonalShiftConfig")
            if changed(name, new, old) and name in new
        ]
        automatic = ("ComputeConfig", "KubernetesNetworkConfig", "StorageConfig")
        if any(changed(name, new, old) for name in automatic):
            made.append(api_chosen(new, " ".join(automatic)))
        if changed("Logging", new, old):
            made.append({"logging": _logging(new.get("Logging", {}), off=True)})
        mode = new.get("AccessConfig", {}).get("AuthenticationMode")
        if mode and mode != old.get("AccessConfig", {}).get("AuthenticationMode"):
            made.append({"accessConfig": {"authenticationMode": mode}})
        if changed("DeletionProtection", new, old):
            made.append({"deletionProtection": new.get("DeletionProtection", False)})
        return made

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("eks", "DescribeCluster", name=physical_id)["cluster"]
        keys = [row["provider"]["keyArn"] for row in found.get("encryptionConfig", [])]
        return {
            "Arn": found["arn"],
            "CertificateAuthorityData": found["certificateAuthority"]["data"],
            "ClusterSecurityGroupId": found["resourcesVpcConfig"]["clusterSecurityGroupId"],
            "EncryptionConfigKeyArn": keys[0] if keys else "",
            "Endpoint": found["endpoint"],
            "Id": physical_id,
            "KubernetesNetworkConfig.ServiceIpv6Cidr": "",
            "OpenIdConnectIssuerUrl": found["identity"]["oidc"]["issuer"],
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("eks", "DeleteCluster", name=physical_id)


LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(value: Properties, *, off: bool = False) -> dict[str, Any]:
    rows = value.get("ClusterLogging", {}).get("EnabledTypes", [])
    enabled = [row["Type"] for row in rows]
    made = [{"enabled": True, "types": enabled}] if enabled else []
    disabled = [name for name in LOGS if name not in enabled]
    return {"clusterLogging": [*made, *([{"enabled": False, "types": disabled}] if off and disabled else [])]}


class Nodegroup(EksType):
    """AWS::EKS::Nodegroup; Ref answers `cluster/nodegroup`."""

    name = "AWS::EKS::Nodegroup"
    allowed = words(
        "AmiType CapacityType ClusterName DiskSize ForceUpdateEnabled InstanceTypes Labels LaunchTemplate "
        "NodeRepairConfig NodeRole NodegroupName ReleaseVersion RemoteAccess ScalingConfig Subnets Tags "
        "Taints UpdateConfig Version WarmPoolConfig"
    )
    required = words("ClusterName NodeRole Subnets")
    beyond = words("WarmPoolConfig RemoteAccess")
    create_only = words(
        "AmiType CapacityType ClusterName DiskSize InstanceTypes NodeRole NodegroupName RemoteAccess Subnets"
    )
    name_property = "NodegroupName"
    attribute_names = words("Arn ClusterName Id NodegroupName")

    def tags(self, site: Site, properties: Properties) -> dict[str, str]:
        """A node group keeps a map; a list is refused."""
        own = {str(key): str(value) for key, value in properties.get("Tags", {}).items()}
        return {**site.stack_tags, **self.system(site), **own}

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("NodegroupName") or physical_name(site, 63))
        labels = {"labels": dict(properties["Labels"])} if "Labels" in properties else {}
        wanted = api_chosen(
            properties,
            "AmiType CapacityType ClusterName DiskSize InstanceTypes LaunchTemplate NodeRepairConfig "
            "NodeRole ReleaseVersion ScalingConfig Subnets Taints UpdateConfig Version",
        )
        tags = self.tags(site, properties)
        site.call("eks", "CreateNodegroup", nodegroupName=name, tags=tags, **labels, **wanted)
        return f"{properties['ClusterName']}/{name}"

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        where = _names(physical_id, "nodegroupName")
        if any(changed(name, new, old) for name in ("ScalingConfig", "Labels", "Taints", "UpdateConfig")):
            site.call("eks", "UpdateNodegroupConfig", **where, **_config_change(new, old))
        if any(changed(name, new, old) for name in ("ReleaseVersion", "Version", "LaunchTemplate")):
            versions = api_chosen(new, "ReleaseVersion Version LaunchTemplate")
            site.call("eks", "UpdateNodegroupVersion", **where, **versions)
        self.retag(site, self._find(site, physical_id)["nodegroupArn"], new)

    def _find(self, site: Site, physical_id: str) -> dict[str, Any]:
        found: dict[str, Any] = site.call("eks", "DescribeNodegroup", **_names(physical_id, "nodegroupName"))[
            "nodegroup"
        ]
        return found

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = self._find(site, physical_id)
        return {
            "Arn": found["nodegroupArn"],
            "ClusterName": found["clusterName"],
            "Id": physical_id,
            "NodegroupName": found["nodegroupName"],
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("eks", "DeleteNodegroup", **_names(physical_id, "nodegroupName"))


def _config_change(new: Properties, old: Properties) -> dict[str, Any]:
    made = api_chosen(new, "ScalingConfig UpdateConfig")
    wanted, had = new.get("Labels", {}), old.get("Labels", {})
    gone = [key for key in had if key not in wanted]
    if wanted or gone:
        made["labels"] = {"addOrUpdateLabels": dict(wanted), "removeLabels": gone}
    taints = api_form(new.get("Taints", []))
    lost = [row for row in api_form(old.get("Taints", [])) if row not in taints]
    if taints or lost:
        made["taints"] = {"addOrUpdateTaints": taints, "removeTaints": lost}
    return made


def _names(physical_id: str, second: str, separator: str = "/") -> dict[str, str]:
    cluster, _, name = physical_id.partition(separator)
    return {"clusterName": cluster, second: name}


class Addon(EksType):
    """AWS::EKS::Addon; Ref answers `cluster|addon`."""

    name = "AWS::EKS::Addon"
    allowed = words(
        "AddonName AddonVersion ClusterName ConfigurationValues NamespaceConfig PodIdentityAssociations "
        "PreserveOnDelete ResolveConflicts ServiceAccountRoleArn Tags"
    )
    required = words("AddonName ClusterName")
    beyond = words("NamespaceConfig")
    create_only = words("AddonName ClusterName NamespaceConfig")
    attribute_names = words("Arn")

    def create(self, site: Site, properties: Properties) -> str:
        wanted = api_chosen(
            properties,
            "AddonName AddonVersion ClusterName ConfigurationValues PodIdentityAssociations ResolveConflicts "
            "ServiceAccountRoleArn",
        )
        site.call("eks", "CreateAddon", tags=self.tags(site, properties), **wanted)
        return f"{properties['ClusterName']}|{properties['AddonName']}"

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        where = _names(physical_id, "addonName", "|")
        if old and any(changed(n, new, old) for n in ("AddonVersion", "ConfigurationValues", SERVICE_ROLE)):
            wanted = api_chosen(new, f"AddonVersion ConfigurationValues ResolveConflicts {SERVICE_ROLE}")
            site.call("eks", "UpdateAddon", **where, **wanted)
        found = site.call("eks", "DescribeAddon", **where)["addon"]
        if found["status"] == "DEGRADED":
            # CloudFormation waits for the add-on to be healthy, and gives up.
            said = found["health"]["issues"][0]["message"]
            raise HandlerError(
                f"Addon {found['addonName']} did not stabilize: it is DEGRADED. {said}. "
                "(HandlerErrorCode: NotStabilized)"
            )
        if old:
            self.retag(site, found["addonArn"], new)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("eks", "DescribeAddon", **_names(physical_id, "addonName", "|"))["addon"]
        return {"Arn": found["addonArn"]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        preserve = api_chosen(properties, "PreserveOnDelete")
        kept = {"preserve": preserve["preserveOnDelete"]} if preserve else {}
        with Gone(*GONE):
            site.call("eks", "DeleteAddon", **_names(physical_id, "addonName", "|"), **kept)


SERVICE_ROLE = "ServiceAccountRoleArn"


class AccessEntry(EksType):
    """AWS::EKS::AccessEntry; Ref answers `principal|cluster`."""

    name = "AWS::EKS::AccessEntry"
    allowed = words("AccessPolicies ClusterName KubernetesGroups PrincipalArn Tags Type Username")
    required = words("ClusterName PrincipalArn")
    create_only = words("ClusterName PrincipalArn Type")
    attribute_names = words("AccessEntryArn")

    def create(self, site: Site, properties: Properties) -> str:
        wanted = api_chosen(properties, "ClusterName KubernetesGroups PrincipalArn Type Username")
        site.call("eks", "CreateAccessEntry", tags=self.tags(site, properties), **wanted)
        return f"{properties['PrincipalArn']}|{properties['ClusterName']}"

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        where = self._where(physical_id)
        if old and any(changed(name, new, old) for name in ("KubernetesGroups", "Username")):
            site.call("eks", "UpdateAccessEntry", **where, **api_chosen(new, "KubernetesGroups Username"))
        wanted = {row["PolicyArn"]: row for row in new.get("AccessPolicies", [])}
        for row in old.get("AccessPolicies", []):
            if row["PolicyArn"] not in wanted:
                with Gone(*GONE):
                    site.call("eks", "DisassociateAccessPolicy", policyArn=row["PolicyArn"], **where)
        for arn, row in wanted.items():
            scope = api_form(row["AccessScope"])
            site.call("eks", "AssociateAccessPolicy", policyArn=arn, accessScope=scope, **where)
        if old:
            self.retag(site, self.attributes(site, physical_id, new)["AccessEntryArn"], new)

    def _where(self, physical_id: str) -> dict[str, str]:
        principal, _, cluster = physical_id.rpartition("|")
        return {"principalArn": principal, "clusterName": cluster}

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("eks", "DescribeAccessEntry", **self._where(physical_id))["accessEntry"]
        return {"AccessEntryArn": found["accessEntryArn"]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("eks", "DeleteAccessEntry", **self._where(physical_id))


class PodIdentityAssociation(EksType):
    """AWS::EKS::PodIdentityAssociation; Ref answers the ARN."""

    name = "AWS::EKS::PodIdentityAssociation"
    allowed = words(
        "ClusterName DisableSessionTags Namespace Policy RoleArn ServiceAccount Tags TargetRoleArn"
    )
    required = words("ClusterName Namespace RoleArn ServiceAccount")
    beyond = words("DisableSessionTags Policy")
    create_only = words("ClusterName Namespace ServiceAccount")
    attribute_names = words("AssociationArn AssociationId ExternalId")

    def create(self, site: Site, properties: Properties) -> str:
        wanted = api_chosen(properties, "ClusterName Namespace RoleArn ServiceAccount TargetRoleArn")
        tags = self.tags(site, properties)
        made = site.call("eks", "CreatePodIdentityAssociation", tags=tags, **wanted)
        return str(made["association"]["associationArn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and any(changed(name, new, old) for name in ("RoleArn", "TargetRoleArn")):
            wanted = api_chosen(new, "RoleArn TargetRoleArn")
            site.call("eks", "UpdatePodIdentityAssociation", **self._where(physical_id), **wanted)
        if old:
            self.retag(site, physical_id, new)

    def _where(self, physical_id: str) -> dict[str, str]:
        _, cluster, number = physical_id.split("/")
        return {"clusterName": cluster, "associationId": number}

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        number = physical_id.rsplit("/", 1)[-1]
        return {"AssociationArn": physical_id, "AssociationId": number, "ExternalId": ""}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("eks", "DeletePodIdentityAssociation", **self._where(physical_id))


EKS_TYPES = (Cluster(), Nodegroup(), Addon(), AccessEntry(), PodIdentityAssociation())
