"""EKS: what a template makes, and what AWS would refuse."""

from __future__ import annotations

import base64
import ssl
from typing import Any
from urllib.request import Request, urlopen

import pytest

ACCOUNT, REGION = "123456789012", "eu-central-1"
POLICIES = "arn:aws:eks::aws:cluster-access-policy"
TEAM = {"Key": "team", "Value": "a"}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def get(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def row(kind: str, /, depends: Any = "", **properties: Any) -> dict[str, Any]:
    more = {"DependsOn": depends} if depends else {}
    return {"Type": f"AWS::{kind}", "Properties": properties, **more}


def role(service: str, *actions: str, policies: tuple[str, ...] = ()) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions or ("sts:AssumeRole",)),
    }
    return row(
        "IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [statement]},
        ManagedPolicyArns=[f"arn:aws:iam::aws:policy/{name}" for name in policies],
    )


BASE = {
    "Net": row("EC2::VPC", CidrBlock="10.0.0.0/16"),
    "A": row("EC2::Subnet", VpcId=ref("Net"), CidrBlock="10.0.0.0/20", AvailabilityZoneId="euc1-az1"),
    "B": row("EC2::Subnet", VpcId=ref("Net"), CidrBlock="10.0.16.0/20", AvailabilityZoneId="euc1-az2"),
    "Pilot": role(
        "eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession", policies=("AmazonEKSClusterPolicy",)
    ),
    "Crew": role("ec2.amazonaws.com", policies=("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy")),
    "Person": role("x.amazonaws.com"),
    "Pods": role("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession"),
}
VPC_CONFIG = {
    "SubnetIds": [ref("A"), ref("B")],
    "EndpointPrivateAccess": "true",
    "PublicAccessCidrs": ["203.0.113.0/24"],
}
AUTO = {
    "ComputeConfig": {
        "Enabled": "true",
        "NodePools": ["system", "general-purpose"],
        "NodeRoleArn": get("Crew", "Arn"),
    },
    "KubernetesNetworkConfig": {"ElasticLoadBalancing": {"Enabled": True}},
    "StorageConfig": {"BlockStorage": {"Enabled": True}},
    "BootstrapSelfManagedAddons": False,
}
ENTRIES = {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False}


def cluster(**more: Any) -> dict[str, Any]:
    return row(
        "EKS::Cluster",
        **{
            "RoleArn": get("Pilot", "Arn"),
            "ResourcesVpcConfig": VPC_CONFIG,
            "AccessConfig": ENTRIES,
            "Version": "1.35",
            **more,
        },
    )


MANAGED = {
    **BASE,
    "Ship": cluster(
        Logging={"ClusterLogging": {"EnabledTypes": [{"Type": "api"}, {"Type": "audit"}]}},
        UpgradePolicy={"SupportType": "STANDARD"},
    ),
    "Cni": row("EKS::Addon", ClusterName=ref("Ship"), AddonName="vpc-cni"),
    "Shape": row("EC2::LaunchTemplate", LaunchTemplateData={"MetadataOptions": {"HttpTokens": "required"}}),
    "Nodes": row(
        "EKS::Nodegroup",
        depends=["Cni"],
        ClusterName=ref("Ship"),
        NodeRole=get("Crew", "Arn"),
        Subnets=[ref("A"), ref("B")],
        AmiType="BOTTLEROCKET_x86_64",
        InstanceTypes=["m5.large"],
        ScalingConfig={"MinSize": "0", "DesiredSize": "1", "MaxSize": "3"},
        Labels={"Role": "work"},
        Taints=[{"Key": "only", "Value": "jobs", "Effect": "NO_SCHEDULE"}],
        LaunchTemplate={"Id": ref("Shape"), "Version": get("Shape", "LatestVersionNumber")},
    ),
    "Dns": row("EKS::Addon", depends=["Nodes"], ClusterName=ref("Ship"), AddonName="coredns"),
    "Entry": row(
        "EKS::AccessEntry",
        ClusterName=ref("Ship"),
        PrincipalArn=get("Person", "Arn"),
        AccessPolicies=[
            {
                "PolicyArn": f"{POLICIES}/AmazonEKSEditPolicy",
                "AccessScope": {"Type": "namespace", "Namespaces": ["zenml"]},
            }
        ],
    ),
    "Identity": row(
        "EKS::PodIdentityAssociation",
        ClusterName=ref("Ship"),
        Namespace="zenml",
        ServiceAccount="zenml",
        RoleArn=get("Pods", "Arn"),
    ),
}


def body(resources: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    return {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


def reason(stacks: Any, name: str) -> str:
    rows = [r for r in stacks.events(name) if r["ResourceStatus"].endswith("_FAILED")]
    return str(rows[0]["ResourceStatusReason"]) if rows else ""


def test_a_cluster_is_what_its_template_says(stacks: Any, client: Any) -> None:
    stack_id = stacks.create("ship", body(MANAGED), Tags=[TEAM])
    assert reason(stacks, "ship") == ""
    name = stacks.physical_id("ship", "Ship")
    found = client("eks").describe_cluster(name=name)["cluster"]
    assert {key: found[key] for key in ("version", "status", "upgradePolicy", "deletionProtection")} == {
        "version": "1.35",
        "status": "ACTIVE",
        "upgradePolicy": {"supportType": "STANDARD"},
        "deletionProtection": False,
    }
    assert found["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    network = found["resourcesVpcConfig"]
    assert network["vpcId"] == stacks.physical_id("ship", "Net")
    assert (network["publicAccessCidrs"], network["endpointPrivateAccess"]) == (["203.0.113.0/24"], True)
    assert found["logging"]["clusterLogging"][0] == {"types": ["api", "audit"], "enabled": True}
    assert found["tags"] == {
        "team": "a",
        "aws:cloudformation:stack-name": "ship",
        "aws:cloudformation:stack-id": stack_id,
        "aws:cloudformation:logical-id": "Ship",
    }
    assert found["identity"]["oidc"]["issuer"].startswith(f"https://oidc.eks.{REGION}.amazonaws.com/id/")
    assert base64.b64decode(found["certificateAuthority"]["data"]).startswith(b"-----BEGIN CERTIFICATE-----")


def test_a_cluster_tells_its_attributes(stacks: Any, client: Any) -> None:
    names = (
        "Arn",
        "Endpoint",
        "CertificateAuthorityData",
        "ClusterSecurityGroupId",
        "OpenIdConnectIssuerUrl",
    )
    stacks.create("tell", body(MANAGED, **{name: get("Ship", name) for name in names}))
    name = stacks.physical_id("tell", "Ship")
    found = client("eks").describe_cluster(name=name)["cluster"]
    assert stacks.outputs("tell") == {
        "Arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}",
        "Endpoint": found["endpoint"],
        "CertificateAuthorityData": found["certificateAuthority"]["data"],
        "ClusterSecurityGroupId": found["resourcesVpcConfig"]["clusterSecurityGroupId"],
        "OpenIdConnectIssuerUrl": found["identity"]["oidc"]["issuer"],
    }


def test_what_is_in_a_cluster_is_what_the_template_says(stacks: Any, client: Any) -> None:
    stacks.create("full", body(MANAGED))
    eks, name = client("eks"), stacks.physical_id("full", "Ship")
    nodes = stacks.physical_id("full", "Nodes").split("/")[1]
    group = eks.describe_nodegroup(clusterName=name, nodegroupName=nodes)["nodegroup"]
    assert {k: group[k] for k in ("amiType", "instanceTypes", "labels", "taints", "scalingConfig")} == {
        "amiType": "BOTTLEROCKET_x86_64",
        "instanceTypes": ["m5.large"],
        "labels": {"Role": "work"},
        "taints": [{"key": "only", "value": "jobs", "effect": "NO_SCHEDULE"}],
        "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 3},
    }
    assert group["launchTemplate"]["id"] == stacks.physical_id("full", "Shape")
    assert eks.list_addons(clusterName=name)["addons"] == ["coredns", "vpc-cni"]
    person, cluster_name = stacks.physical_id("full", "Entry").rsplit("|", 1)
    assert cluster_name == name
    (policy,) = eks.list_associated_access_policies(clusterName=name, principalArn=person)[
        "associatedAccessPolicies"
    ]
    assert (policy["policyArn"], policy["accessScope"]) == (
        f"{POLICIES}/AmazonEKSEditPolicy",
        {"type": "namespace", "namespaces": ["zenml"]},
    )
    # The nodes' role is let in by EKS itself.
    kinds = {
        arn: eks.describe_access_entry(clusterName=name, principalArn=arn)["accessEntry"]["type"]
        for arn in eks.list_access_entries(clusterName=name)["accessEntries"]
    }
    assert sorted(kinds.values()) == ["EC2_LINUX", "STANDARD"]
    (pods,) = eks.list_pod_identity_associations(clusterName=name)["associations"]
    assert (pods["namespace"], pods["serviceAccount"]) == ("zenml", "zenml")


def test_the_endpoint_is_real(stacks: Any, client: Any) -> None:
    stacks.create("real", body(MANAGED))
    found = client("eks").describe_cluster(name=stacks.physical_id("real", "Ship"))["cluster"]
    ca = base64.b64decode(found["certificateAuthority"]["data"]).decode()
    with urlopen(
        Request(f"{found['endpoint']}/version"), context=ssl.create_default_context(cadata=ca)
    ) as answer:
        assert b'"minor": "35"' in answer.read()


def test_a_cluster_is_updated_in_place(stacks: Any, client: Any) -> None:
    stacks.create("grow", body(MANAGED))
    name = stacks.physical_id("grow", "Ship")
    changed = {
        **MANAGED,
        "Ship": cluster(
            Version="1.36",
            DeletionProtection="true",
            ResourcesVpcConfig={**VPC_CONFIG, "PublicAccessCidrs": ["198.51.100.7/32"]},
        ),
        "Nodes": {
            **MANAGED["Nodes"],
            "Properties": {
                **MANAGED["Nodes"]["Properties"],
                "ScalingConfig": {"MinSize": 1, "DesiredSize": 2, "MaxSize": 5},
                "Labels": {"Other": "x"},
            },
        },
        "Entry": {
            **MANAGED["Entry"],
            "Properties": {
                "ClusterName": ref("Ship"),
                "PrincipalArn": get("Person", "Arn"),
                "AccessPolicies": [
                    {"PolicyArn": f"{POLICIES}/AmazonEKSViewPolicy", "AccessScope": {"Type": "cluster"}}
                ],
            },
        },
    }
    assert stacks.update("grow", body(changed)) == "UPDATE_COMPLETE"
    eks = client("eks")
    assert stacks.physical_id("grow", "Ship") == name
    found = eks.describe_cluster(name=name)["cluster"]
    assert (found["version"], found["deletionProtection"]) == ("1.36", True)
    assert found["resourcesVpcConfig"]["publicAccessCidrs"] == ["198.51.100.7/32"]
    assert [r["enabled"] for r in found["logging"]["clusterLogging"]] == [False]
    nodes = stacks.physical_id("grow", "Nodes").split("/")[1]
    group = eks.describe_nodegroup(clusterName=name, nodegroupName=nodes)["nodegroup"]
    assert group["scalingConfig"] == {"minSize": 1, "desiredSize": 2, "maxSize": 5}
    assert group["labels"] == {"Other": "x"}
    person = stacks.physical_id("grow", "Entry").rsplit("|", 1)[0]
    policies = eks.list_associated_access_policies(clusterName=name, principalArn=person)
    assert [r["policyArn"] for r in policies["associatedAccessPolicies"]] == [
        f"{POLICIES}/AmazonEKSViewPolicy"
    ]


def test_a_deleted_cluster_leaves_nothing(stacks: Any, client: Any) -> None:
    ec2 = client("ec2")
    before = (len(ec2.describe_network_interfaces()["NetworkInterfaces"]), len(groups(ec2)))
    stacks.create("gone", body(MANAGED))
    assert stacks.delete("gone") == "DELETE_COMPLETE"
    assert client("eks").list_clusters()["clusters"] == []
    assert (len(ec2.describe_network_interfaces()["NetworkInterfaces"]), len(groups(ec2))) == before
    tagged = client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
    assert [r["ResourceARN"] for r in tagged] == []


def groups(ec2: Any) -> list[Any]:
    found: list[Any] = ec2.describe_security_groups()["SecurityGroups"]
    return found


def test_the_tagging_api_sees_all_of_a_cluster(stacks: Any, client: Any) -> None:
    stacks.create("seen", body(MANAGED), Tags=[TEAM])
    pages = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "team"}], ResourceTypeFilters=["eks"]
    )
    kinds = sorted(r["ResourceARN"].split(":")[5].split("/")[0] for r in pages["ResourceTagMappingList"])
    assert kinds == ["access-entry", "addon", "addon", "cluster", "nodegroup", "podidentityassociation"]


# --- Auto Mode -------------------------------------------------------------------------------------


def test_auto_mode_lets_its_own_nodes_in(stacks: Any, client: Any) -> None:
    stacks.create("auto", body({**BASE, "Ship": cluster(**AUTO)}))
    assert reason(stacks, "auto") == ""
    eks, name = client("eks"), stacks.physical_id("auto", "Ship")
    (arn,) = eks.list_access_entries(clusterName=name)["accessEntries"]
    assert eks.describe_access_entry(clusterName=name, principalArn=arn)["accessEntry"]["type"] == "EC2"
    assert eks.describe_cluster(name=name)["cluster"]["computeConfig"]["nodePools"] == [
        "system",
        "general-purpose",
    ]
    # coredns has nodes to run on.
    more = {"Dns": row("EKS::Addon", ClusterName=ref("Ship"), AddonName="metrics-server")}
    assert stacks.update("auto", body({**BASE, "Ship": cluster(**AUTO), **more})) == "UPDATE_COMPLETE"


WHOLE = "are all either fully enabled or fully disabled"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"StorageConfig": {"BlockStorage": {"Enabled": False}}}, WHOLE),
        ({"KubernetesNetworkConfig": {}}, WHOLE),
        ({"ComputeConfig": {"Enabled": False}}, WHOLE),
        ({"ComputeConfig": {"Enabled": True, "NodePools": ["system"]}}, "nodePool list cannot be populated"),
        (
            {"ComputeConfig": {"Enabled": True, "NodeRoleArn": get("Crew", "Arn")}},
            "nodePool value(s) must be provided",
        ),
        (
            {
                "ComputeConfig": {
                    "Enabled": True,
                    "NodePools": ["gpu"],
                    "NodeRoleArn": get("Crew", "Arn"),
                }
            },
            "Invalid nodePool value(s) provided: gpu",
        ),
        ({"BootstrapSelfManagedAddons": True}, "bootstrapSelfManagedAddons must be false"),
        ({"AccessConfig": {"AuthenticationMode": "CONFIG_MAP"}}, "requires the authentication mode"),
    ],
)
def test_half_an_auto_mode_is_refused(stacks: Any, change: dict[str, Any], words: str) -> None:
    stacks.create("half", body({**BASE, "Ship": cluster(**{**AUTO, **change})}))
    assert words in reason(stacks, "half")


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Version": "1.22"}, "unsupported Kubernetes version"),
        ({"Version": "1.99"}, "unsupported Kubernetes version"),
        ({"RoleArn": get("Crew", "Arn")}, "could not be assumed"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "could not be assumed"),
        ({"ResourcesVpcConfig": {"SubnetIds": [ref("A")]}}, "at least two different AZs"),
        ({"ResourcesVpcConfig": {"SubnetIds": [ref("A"), "subnet-0"]}}, "does not exist"),
        (
            {
                "ResourcesVpcConfig": {
                    **VPC_CONFIG,
                    "EndpointPublicAccess": False,
                    "EndpointPrivateAccess": False,
                }
            },
            "cannot be false",
        ),
        (
            {"ResourcesVpcConfig": {**VPC_CONFIG, "PublicAccessCidrs": ["10.0.0.0/8"]}},
            "not allowed in publicAccessCidrs",
        ),
        (
            {"ResourcesVpcConfig": {**VPC_CONFIG, "PublicAccessCidrs": ["me"]}},
            "invalid in publicAccessCidrs",
        ),
        ({"KubernetesNetworkConfig": {"ServiceIpv4Cidr": "8.8.0.0/16"}}, "Invalid service CIDR"),
        (
            {
                "EncryptionConfig": [
                    {
                        "Resources": ["secrets"],
                        "Provider": {"KeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/none"},
                    }
                ]
            },
            "encryptionConfig provider is invalid",
        ),
        ({"Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": "gossip"}]}}}, "Invalid log type"),
        ({"Name": "-ship"}, "must begin with a letter or digit"),
        ({"OutpostConfig": {}}, "The emulator cannot apply property OutpostConfig"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(stacks: Any, change: dict[str, Any], words: str) -> None:
    stacks.create("bad", body({**BASE, "Ship": cluster(**change)}))
    assert words in reason(stacks, "bad")
    assert stacks.show("bad")["StackStatus"] == "ROLLBACK_COMPLETE"


def changed(name: str, **properties: Any) -> dict[str, Any]:
    before = MANAGED[name]
    return {**MANAGED, name: {**before, "Properties": {**before["Properties"], **properties}}}


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        (
            changed("Nodes", ScalingConfig={"MinSize": 3, "DesiredSize": 1, "MaxSize": 3}),
            "can't be less than",
        ),
        (
            changed("Nodes", ScalingConfig={"MinSize": 0, "DesiredSize": 0, "MaxSize": 0}),
            "scalingConfig.maxSize",
        ),
        (changed("Nodes", AmiType="BOTTLEROCKET_x86_64_NVIDIA"), "is not a valid instance type"),
        (changed("Nodes", InstanceTypes=["m7g.large"]), "is not a valid instance type"),
        (changed("Nodes", InstanceTypes=["m99.huge"]), "do not exist"),
        (changed("Nodes", AmiType="AL2_x86_64"), "is not supported for kubernetes version 1.35"),
        (changed("Nodes", NodeRole=get("Person", "Arn")), "service principals [ec2.amazonaws.com]"),
        (changed("Nodes", DiskSize=50), "within the launch template"),
        (changed("Nodes", Version="1.34"), "should be equal to the cluster's version"),
        (changed("Nodes", Subnets=["subnet-0"]), "does not exist"),
        (changed("Cni", AddonName="no-such"), "is not supported"),
        (changed("Cni", AddonVersion="v0.0.1-eksbuild.1"), "version specified is not supported"),
        (
            changed("Nodes", ScalingConfig={"MinSize": 0, "DesiredSize": 0, "MaxSize": 1}),
            "Addon coredns did not stabilize",
        ),
        (changed("Entry", PrincipalArn=get("Crew", "Arn")), "already in use on this cluster"),
        (changed("Entry", PrincipalArn=f"arn:aws:iam::{ACCOUNT}:role/nobody"), "invalid principal"),
        (changed("Entry", KubernetesGroups=["system:masters"]), "cannot start with system:"),
        (
            changed(
                "Entry",
                AccessPolicies=[{"PolicyArn": f"{POLICIES}/Mine", "AccessScope": {"Type": "cluster"}}],
            ),
            "is not valid",
        ),
        (
            changed(
                "Entry",
                AccessPolicies=[
                    {"PolicyArn": f"{POLICIES}/AmazonEKSEditPolicy", "AccessScope": {"Type": "namespace"}}
                ],
            ),
            "Namespaces must be given",
        ),
        (changed("Identity", RoleArn=get("Person", "Arn")), "could not be assumed"),
        (
            changed("Ship", AccessConfig={"AuthenticationMode": "CONFIG_MAP"}),
            "authentication mode must be set",
        ),
    ],
)
def test_what_cannot_be_in_a_cluster_is_refused(stacks: Any, resources: dict[str, Any], words: str) -> None:
    # The nodes' entry is made by EKS when the nodes are: the entry under test comes after it.
    resources = {**resources, "Entry": {**resources["Entry"], "DependsOn": ["Nodes"]}}
    stacks.create("bad", body(resources))
    assert words in reason(stacks, "bad")
    assert stacks.show("bad")["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_public_subnet_without_addresses_takes_no_nodes(stacks: Any) -> None:
    way_out = {
        "Door": row("EC2::InternetGateway"),
        "Hinge": row("EC2::VPCGatewayAttachment", VpcId=ref("Net"), InternetGatewayId=ref("Door")),
        "Table": row("EC2::RouteTable", VpcId=ref("Net")),
        "Seat": row("EC2::SubnetRouteTableAssociation", RouteTableId=ref("Table"), SubnetId=ref("A")),
        "Out": row(
            "EC2::Route",
            depends="Hinge",
            RouteTableId=ref("Table"),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=ref("Door"),
        ),
    }
    nodes = {**MANAGED["Nodes"], "DependsOn": ["Cni", "Out", "Seat"]}
    stacks.create("open", body({**MANAGED, **way_out, "Nodes": nodes}))
    assert "does not automatically assign public IP" in reason(stacks, "open")


def test_a_protected_cluster_is_not_deleted(stacks: Any, client: Any) -> None:
    stacks.create("safe", body({**BASE, "Ship": cluster(DeletionProtection=True)}))
    assert stacks.delete("safe") == "DELETE_FAILED"
    assert "deletion protection is enabled" in reason(stacks, "safe")
    name = stacks.physical_id("safe", "Ship")
    client("eks").update_cluster_config(name=name, deletionProtection=False)
    assert stacks.delete("safe") == "DELETE_COMPLETE"


def test_a_cluster_with_nodes_or_in_a_vpc_holds_on(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("hold", body(MANAGED))
    eks, name = client("eks"), stacks.physical_id("hold", "Ship")
    assert refused(eks.delete_cluster, name=name) == (
        "ResourceInUseException",
        "Cluster has nodegroups attached",
    )
    subnet = stacks.physical_id("hold", "A")
    assert refused(client("ec2").delete_subnet, SubnetId=subnet)[0] == "DependencyViolation"


def test_versions_go_up_by_one(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("old", body({**BASE, "Ship": cluster(Version="1.33")}))
    eks, name = client("eks"), stacks.physical_id("old", "Ship")
    assert refused(eks.update_cluster_version, name=name, version="1.35")[0] == "InvalidParameterException"
    assert eks.update_cluster_version(name=name, version="1.34")["update"]["status"] == "Successful"


def test_one_update_changes_one_kind_of_thing(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("one", body({**BASE, "Ship": cluster()}))
    eks, name = client("eks"), stacks.physical_id("one", "Ship")
    both = {"deletionProtection": True, "upgradePolicy": {"supportType": "STANDARD"}}
    assert (
        refused(eks.update_cluster_config, name=name, **both)[1] == "Only one type of update can be allowed."
    )
    assert refused(
        eks.update_cluster_config, name=name, accessConfig={"authenticationMode": "CONFIG_MAP"}
    ) == (
        "InvalidParameterException",
        "Unsupported authentication mode update from API to CONFIG_MAP",
    )


def test_the_quota_of_clusters_counts(stacks: Any, aws: Any) -> None:
    aws.set_quota(ACCOUNT, REGION, "eks", "L-1194D53C", 0)
    stacks.create("none", body({**BASE, "Ship": cluster()}))
    assert "You have reached the limit of 0 clusters" in reason(stacks, "none")


def test_unknown_names_are_not_found(client: Any, refused: Any) -> None:
    eks = client("eks")
    assert refused(eks.describe_cluster, name="none") == (
        "ResourceNotFoundException",
        "No cluster found for name: none.",
    )


def test_versions_and_add_ons_are_told(client: Any) -> None:
    eks = client("eks")
    versions = eks.describe_cluster_versions()["clusterVersions"]
    assert versions[0]["clusterVersion"] == "1.36"
    assert {r["versionStatus"] for r in versions} == {"STANDARD_SUPPORT", "EXTENDED_SUPPORT"}
    assert len(eks.describe_cluster_versions(defaultOnly=True)["clusterVersions"]) == 1
    (found,) = eks.describe_addon_versions(addonName="kube-proxy", kubernetesVersion="1.35")["addons"]
    assert found["addonVersions"][0]["addonVersion"] == "v1.35.0-eksbuild.2"


def test_clusters_come_in_pages(stacks: Any, client: Any) -> None:
    stacks.create("many", body({**BASE, **{f"Ship{n}": cluster(Name=f"s{n}") for n in range(3)}}))
    pages = client("eks").get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})
    assert [page["clusters"] for page in pages] == [["s0", "s1"], ["s2"]]
