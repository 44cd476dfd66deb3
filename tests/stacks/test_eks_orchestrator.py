"""The EKS cluster as the template builds it, and what it adds to one that exists."""

from typing import Any

import pytest

CIDRS = ["198.51.100.7/32"]
NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}
EXISTING = {
    "vpc": "vpc-0123456789abcdef0",
    "subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}
REUSED = {"flavor": "eks", "reuse": "arn:aws:eks:eu-central-1:111122223333:cluster/ml"}


def eks(**options: Any) -> dict[str, Any]:
    return {**NEEDS, "orchestrator": {"flavor": "eks", "options": {"public_access_cidrs": CIDRS, **options}}}


def properties(template: Any, logical_id: str) -> dict[str, Any]:
    return {k: v for k, v in template.resources[logical_id]["Properties"].items() if k != "Tags"}


def of_type(template: Any, type_: str) -> list[str]:
    return [k for k, r in template.resources.items() if r["Type"] == type_]


def policies(template: Any, role: str) -> list[str]:
    arns = properties(template, role)["ManagedPolicyArns"]
    return [arn["Fn::Sub"].rpartition("/")[2] for arn in arns]


def test_the_cluster_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("eks_orchestrator")


def test_auto_mode_is_on_as_a_whole(make: Any) -> None:
    cluster = properties(make(eks()), "OrchestratorCluster")
    assert cluster["ComputeConfig"] == {
        "Enabled": True,
        "NodePools": ["general-purpose", "system"],
        "NodeRoleArn": {"Fn::GetAtt": ["OrchestratorNodeRole", "Arn"]},
    }
    assert cluster["KubernetesNetworkConfig"] == {"ElasticLoadBalancing": {"Enabled": True}}
    assert cluster["StorageConfig"] == {"BlockStorage": {"Enabled": True}}
    assert cluster["BootstrapSelfManagedAddons"] is False


def test_auto_mode_has_the_policies_that_eks_demands_and_no_other(make: Any) -> None:
    template = make(eks())
    assert policies(template, "OrchestratorClusterRole") == [
        "AmazonEKSClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSBlockStoragePolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingPolicy",
    ]
    assert policies(template, "OrchestratorNodeRole") == [
        "AmazonEKSWorkerNodeMinimalPolicy",
        "AmazonEC2ContainerRegistryPullOnly",
    ]


def test_the_control_plane_is_trusted_for_this_account_and_may_tag_its_sessions(make: Any) -> None:
    (statement,) = properties(make(eks()), "OrchestratorClusterRole")["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Sid": "EksOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": "eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }


def test_only_named_addresses_reach_the_api_from_outside(make: Any) -> None:
    template = make(eks())
    assert properties(template, "OrchestratorCluster")["ResourcesVpcConfig"] == {
        "EndpointPrivateAccess": True,
        "EndpointPublicAccess": True,
        "PublicAccessCidrs": {"Ref": "OrchestratorPublicAccessCidrs"},
        "SubnetIds": [{"Ref": "NetworkPrivateSubnet1"}, {"Ref": "NetworkPrivateSubnet2"}],
    }
    parameter = template.parameters["OrchestratorPublicAccessCidrs"]
    assert (parameter["Type"], "Default" in parameter) == ("CommaDelimitedList", False)


def test_nobody_is_administrator_by_having_deployed(make: Any) -> None:
    assert properties(make(eks()), "OrchestratorCluster")["AccessConfig"] == {
        "AuthenticationMode": "API",
        "BootstrapClusterCreatorAdminPermissions": False,
    }


def test_logs_have_an_end_because_their_group_is_there_first(make: Any) -> None:
    template = make(eks())
    cluster, group = properties(template, "OrchestratorCluster"), properties(template, "OrchestratorLogs")
    name, values = cluster["Name"]["Fn::Sub"]
    assert group["LogGroupName"] == {"Fn::Sub": [f"/aws/eks/{name}/cluster", values]}
    assert group["RetentionInDays"] == {"Ref": "OrchestratorLogDays"}
    assert "OrchestratorLogs" in template.resources["OrchestratorCluster"]["DependsOn"]
    enabled = cluster["Logging"]["ClusterLogging"]["EnabledTypes"]
    assert [row["Type"] for row in enabled] == ["api", "audit", "authenticator"]


def test_clients_may_run_pods_in_one_namespace(make: Any) -> None:
    assert properties(make(eks()), "OrchestratorClientEntry") == {
        "AccessPolicies": [
            {
                "AccessScope": {"Type": "namespace", "Namespaces": [{"Ref": "OrchestratorNamespace"}]},
                "PolicyArn": {
                    "Fn::Sub": "arn:${AWS::Partition}:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
                },
            }
        ],
        "ClusterName": {"Ref": "OrchestratorCluster"},
        "PrincipalArn": {"Fn::GetAtt": ["AccessRole", "Arn"]},
    }


def test_only_pods_of_this_cluster_and_account_take_the_role(make: Any) -> None:
    template = make(eks())
    (statement,) = properties(template, "OrchestratorPodsRole")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["OrchestratorCluster", "Arn"]}},
    }
    assert properties(template, "OrchestratorPodIdentity") == {
        "ClusterName": {"Ref": "OrchestratorCluster"},
        "Namespace": {"Ref": "OrchestratorNamespace"},
        "RoleArn": {"Fn::GetAtt": ["OrchestratorPodsRole", "Arn"]},
        "ServiceAccount": "zenml",
    }


def test_an_administrator_has_an_entry_only_if_named(make: Any) -> None:
    named = make(eks(admin_principal="arn:aws:iam::111122223333:role/platform"))
    entry = properties(named, "OrchestratorAdminEntry")
    assert entry["PrincipalArn"] == {"Ref": "OrchestratorAdminPrincipal"}
    assert entry["AccessPolicies"][0]["AccessScope"] == {"Type": "cluster"}
    assert "OrchestratorAdminEntry" not in make(eks()).resources


def test_secrets_are_encrypted_with_a_key_of_ones_own(make: Any) -> None:
    key = "arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012"
    template = make(eks(), data={"kms_key": key})
    assert properties(template, "OrchestratorCluster")["EncryptionConfig"] == [
        {"Provider": {"KeyArn": {"Ref": "DataKeyArn"}}, "Resources": ["secrets"]}
    ]
    (policy,) = properties(template, "OrchestratorClusterRole")["Policies"]
    assert [s["Sid"] for s in policy["PolicyDocument"]["Statement"]] == ["OrchestratorSecretsKey"]


def test_the_gpus_of_auto_mode_are_promised_to_the_bootstrap(make: Any) -> None:
    template = make(eks(gpu={"instance_type": "g5.xlarge", "max_nodes": 2}))
    outputs = template.body["Outputs"]
    assert outputs["OrchestratorGpuInstanceType"]["Value"] == {"Ref": "OrchestratorGpuInstanceType"}
    assert outputs["OrchestratorGpuMaxNodes"]["Value"] == {"Ref": "OrchestratorGpuMaxNodes"}
    assert "OrchestratorGpuInstanceType" not in make(eks()).body["Outputs"]


# Node groups


def managed(make: Any, **options: Any) -> Any:
    return make(eks(compute="managed", **options))


def test_add_ons_stand_around_the_nodes_in_the_order_they_need(make: Any) -> None:
    template = managed(make)
    first = ["OrchestratorAddonVpcCni", "OrchestratorAddonKubeProxy", "OrchestratorAddonEksPodIdentityAgent"]
    nodes, dns = (template.resources[k] for k in ("OrchestratorNodes", "OrchestratorAddonCoredns"))
    assert [k for k in first if k not in nodes["DependsOn"]] == []
    assert dns["DependsOn"] in ("OrchestratorNodes", ["OrchestratorNodes"])
    assert set(of_type(template, "AWS::EKS::Addon")) == {*first, "OrchestratorAddonCoredns"}


def test_nodes_wait_for_the_way_to_the_internet(make: Any) -> None:
    after = managed(make).resources["OrchestratorNodes"]["DependsOn"]
    assert {"NetworkPublicRoute", "NetworkPrivateRoute1"} <= set(after)


def test_pods_cannot_take_a_machines_role(make: Any) -> None:
    template = managed(make, gpu={"instance_type": "g5.xlarge"})
    for launch in of_type(template, "AWS::EC2::LaunchTemplate"):
        data = properties(template, launch)["LaunchTemplateData"]
        assert data["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}
        assert [m["Ebs"]["Encrypted"] for m in data["BlockDeviceMappings"]] == [True]


def test_what_a_launch_template_starts_is_tagged(make: Any) -> None:
    template = managed(make)
    specifications = properties(template, "OrchestratorNodesLaunch")["LaunchTemplateData"][
        "TagSpecifications"
    ]
    assert [s["ResourceType"] for s in specifications] == ["instance", "volume"]
    stack = {"Key": "stackwright:stack", "Value": {"Ref": "AWS::StackName"}}
    assert all(stack in s["Tags"] for s in specifications)
    assert template.resources["OrchestratorNodes"]["Properties"]["Tags"]["team"] == {
        "Fn::If": ["HasTeam", {"Ref": "Team"}, {"Ref": "AWS::NoValue"}]
    }


def test_managed_machines_leave_the_network_to_its_add_on(make: Any) -> None:
    template = managed(make)
    assert policies(template, "OrchestratorNodeRole") == [
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
    ]
    assert policies(template, "OrchestratorCniRole") == ["AmazonEKS_CNI_Policy"]
    assert properties(template, "OrchestratorAddonVpcCni")["PodIdentityAssociations"] == [
        {"RoleArn": {"Fn::GetAtt": ["OrchestratorCniRole", "Arn"]}, "ServiceAccount": "aws-node"}
    ]
    assert policies(template, "OrchestratorClusterRole") == ["AmazonEKSClusterPolicy"]


def test_a_managed_gpu_group_starts_empty_and_is_scaled_by_hand(make: Any) -> None:
    template = managed(make, gpu={"instance_type": "g5.xlarge", "max_nodes": 2})
    group = properties(template, "OrchestratorGpus")
    assert group["AmiType"] == "BOTTLEROCKET_x86_64_NVIDIA"
    assert group["ScalingConfig"] == {
        "MinSize": 0,
        "DesiredSize": 0,
        "MaxSize": {"Ref": "OrchestratorGpuMaxNodes"},
    }
    assert group["Taints"] == [{"Key": "nvidia.com/gpu", "Value": "true", "Effect": "NO_SCHEDULE"}]
    # No NodePool: node groups have no Karpenter.
    assert "OrchestratorGpuInstanceType" not in template.body["Outputs"]


# Reuse


def test_a_reused_cluster_gets_an_entry_and_a_role_for_pods_and_nothing_else(make: Any) -> None:
    template = make({**NEEDS, "orchestrator": REUSED})
    mine = [k for k in template.resources if k.startswith(("Orchestrator", "Network"))]
    assert sorted(mine) == ["OrchestratorClientEntry", "OrchestratorPodIdentity", "OrchestratorPodsRole"]
    entry = properties(template, "OrchestratorClientEntry")
    assert entry["ClusterName"] == {"Ref": "OrchestratorClusterName"}
    assert template.body["Outputs"]["OrchestratorPodsRoleArn"]["Value"] == {
        "Fn::GetAtt": ["OrchestratorPodsRole", "Arn"]
    }
    assert "OrchestratorPodsRoleArn" not in template.parameters


@pytest.mark.parametrize("name", ["OrchestratorNamespace", "OrchestratorServiceAccount"])
def test_what_no_arn_tells_can_be_changed_in_the_form(make: Any, name: str) -> None:
    assert name in make({**NEEDS, "orchestrator": REUSED}).parameters
