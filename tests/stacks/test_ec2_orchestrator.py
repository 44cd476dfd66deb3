"""What SkyPilot is given to start machines with: role, profile, security group, and rights on no more."""

from typing import Any

from provisioner.components.ec2_orchestrator import SSH_CIDRS

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}
EXISTING = {
    "vpc": "vpc-0123456789abcdef0",
    "subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}
OWN_PROFILE = {
    "ArnEquals": {
        "ec2:InstanceProfile": {
            "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:instance-profile/"
            "${OrchestratorVmProfile}"
        }
    }
}


def ec2(**options: Any) -> dict[str, Any]:
    return {
        **NEEDS,
        "orchestrator": {"flavor": "ec2", "options": {"ssh_cidrs": ["198.51.100.7/32"], **options}},
    }


def granted(template: Any) -> dict[str, Any]:
    """Statements of the access role by their ids."""
    policies = template.resources["AccessRole"]["Properties"]["Policies"]
    return {s["Sid"]: s for p in policies for s in p["PolicyDocument"]["Statement"]}


def of_machines(template: Any) -> list[Any]:
    statements: list[Any] = template.resources["OrchestratorVmPolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    return statements


def test_what_skypilot_is_given_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("ec2_orchestrator")


def test_only_the_access_role_starts_machines_and_only_with_the_stacks_own_profile(make: Any) -> None:
    template = make(ec2())
    start = granted(template)["OrchestratorVmStart"]
    assert start["Condition"] == {
        **OWN_PROFILE,
        "StringEquals": {"ec2:MetadataHttpTokens": "required"},
        "Null": {"aws:RequestTag/ray-cluster-name": "false"},
    }
    starting = {"ec2:RunInstances", "ec2:StartInstances", "iam:PassRole"}
    assert [s["Sid"] for s in of_machines(template) if starting & {*s["Action"]}] == []


def test_machines_end_themselves_and_none_of_other_stacks(make: Any) -> None:
    (look, end) = of_machines(make(ec2()))
    assert look["Action"] == ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"]
    assert end["Action"] == ["ec2:StopInstances", "ec2:TerminateInstances"]
    assert end["Condition"] == OWN_PROFILE


def test_no_rule_of_a_security_group_and_no_role_can_be_made_or_changed(make: Any) -> None:
    actions = {
        a
        for s in granted(make(ec2())).values()
        for a in [s["Action"]]
        for a in ([a] if isinstance(a, str) else a)
    }
    allowed_of_iam = {a for a in actions if a.startswith("iam:")}
    assert allowed_of_iam == {"iam:PassRole", "iam:CreateServiceLinkedRole"}
    assert [a for a in actions if "SecurityGroup" in a and not a.startswith("ec2:Describe")] == []
    assert [a for a in actions if a in ("ec2:ModifyInstanceAttribute", "ec2:CreateKeyPair")] == []


def test_in_a_new_network_the_vpc_narrows_where_machines_start(make: Any) -> None:
    rights = granted(make(ec2()))
    assert "OrchestratorVmStartInSubnets" not in rights
    vpc = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc/${NetworkVpc}"}
    assert rights["OrchestratorVmStartIn"]["Condition"] == {"ArnEquals": {"ec2:Vpc": vpc}}


def test_in_an_existing_network_the_named_subnets_do(make: Any) -> None:
    rights = granted(make(ec2(), network=EXISTING))
    assert "OrchestratorVmStartIn" not in rights
    subnets = {"StringEquals": {"ec2:SubnetID": {"Ref": "SubnetIds"}}}
    assert rights["OrchestratorVmStartInSubnets"]["Condition"] == subnets


def test_each_ssh_address_has_a_rule_and_none_is_there_for_what_was_not_given(make: Any) -> None:
    template = make(ec2())
    rules = template.resources["OrchestratorVmGroup"]["Properties"]["SecurityGroupIngress"]
    assert len(rules) == SSH_CIDRS
    assert rules[0]["FromPort"] == rules[0]["ToPort"] == 22
    assert [r["Fn::If"][0] for r in rules[1:]] == [f"OrchestratorHasSsh{n}" for n in (2, 3, 4)]
    assert all(f"OrchestratorHasSsh{n}" in template.body["Conditions"] for n in (2, 3, 4))
    assert "0.0.0.0/0" not in str(rules)


def test_a_new_vpc_is_called_as_skypilot_is_told_and_an_existing_one_is_told_by_its_id(make: Any) -> None:
    new, old = make(ec2()), make(ec2(), network=EXISTING)
    (name,) = [t["Value"] for t in new.resources["NetworkVpc"]["Properties"]["Tags"] if t["Key"] == "Name"]
    assert new.body["Outputs"]["OrchestratorVpcName"]["Value"] == name == {"Ref": "AWS::StackName"}
    assert old.body["Outputs"]["OrchestratorVpcName"]["Value"] == {"Ref": "VpcId"}


def test_machines_of_one_cluster_reach_each_other(make: Any) -> None:
    group = {"Ref": "OrchestratorVmGroup"}
    inside = make(ec2()).resources["OrchestratorVmGroupInside"]["Properties"]
    assert (inside["GroupId"], inside["SourceSecurityGroupId"], inside["IpProtocol"]) == (group, group, "-1")
