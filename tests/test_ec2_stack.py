"""A stack of machines, deployed: what SkyPilot looks for is there under the names that it is told."""

from typing import Any

import pytest
import yaml

from provisioner import destroy, teardown
from provisioner.cli.stack import client_files, stack_text

NAME = "churn-dev"
ACCOUNT = "123456789012"
COMPONENTS = {
    "artifact_store": "s3",
    "container_registry": "ecr",
    "orchestrator": {
        "flavor": "ec2",
        "options": {"ssh_cidrs": ["198.51.100.7/32", "203.0.113.0/24"], "use_spot": True},
    },
}


def ask(world: Any, operation: str, **arguments: Any) -> Any:
    return getattr(world.cloud.session.client("ec2").raw, operation)(**arguments)


def there(world: Any) -> dict[str, set[str]]:
    """What such a stack is made of, by id."""
    return {
        "vpcs": {v["VpcId"] for v in ask(world, "describe_vpcs")["Vpcs"]},
        "subnets": {s["SubnetId"] for s in ask(world, "describe_subnets")["Subnets"]},
        "tables": {t["RouteTableId"] for t in ask(world, "describe_route_tables")["RouteTables"]},
        "groups": {g["GroupId"] for g in ask(world, "describe_security_groups")["SecurityGroups"]},
        "roles": {r["Arn"] for r in world.iam.list_roles()["Roles"]},
        "profiles": {p["Arn"] for p in world.iam.list_instance_profiles()["InstanceProfiles"]},
        "buckets": {b["Name"] for b in world.s3.list_buckets()["Buckets"]},
    }


def settings(world: Any) -> dict[str, Any]:
    """What the file says that `finish` and `stack show` print."""
    (text,) = client_files(world.registry.stack(NAME), world.registry).values()
    aws: dict[str, Any] = yaml.safe_load(text)["aws"]
    return aws


@pytest.fixture
def machines(world: Any) -> Any:
    world.deploy(world.spec(components=COMPONENTS))
    world.finish()
    return world


def vpc_of(world: Any) -> str:
    """As SkyPilot finds it: by its Name tag, which only one may have."""
    named = [{"Name": "tag:Name", "Values": [settings(world)["vpc_name"]]}]
    (vpc,) = ask(world, "describe_vpcs", Filters=named)["Vpcs"]
    return str(vpc["VpcId"])


def group_of(world: Any) -> dict[str, Any]:
    """As SkyPilot finds it: by its name in that VPC."""
    inside = [{"Name": "vpc-id", "Values": [vpc_of(world)]}]
    groups = ask(world, "describe_security_groups", Filters=inside)["SecurityGroups"]
    (group,) = [g for g in groups if g["GroupName"] == settings(world)["security_group_name"]]
    return dict(group)


def test_ssh_is_let_in_from_each_address_that_was_given_and_from_nowhere_else(machines: Any) -> None:
    group = group_of(machines)
    rules = {
        (rule["IpProtocol"], rule.get("FromPort"), *(r["CidrIp"] for r in rule["IpRanges"]))
        for rule in group["IpPermissions"]
    }
    pairs = [p["GroupId"] for rule in group["IpPermissions"] for p in rule["UserIdGroupPairs"]]
    from_outside = {cidr for rule in rules for cidr in rule[2:]}
    assert from_outside == {"198.51.100.7/32", "203.0.113.0/24"}
    assert {rule[:2] for rule in rules if rule[2:]} == {("tcp", 22)}
    assert pairs == [group["GroupId"]]


def test_the_profile_carries_one_role_that_machines_may_take(machines: Any) -> None:
    name = settings(machines)["remote_identity"]
    profile = machines.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    (role,) = profile["Roles"]
    (trusting,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusting["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert machines.iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"] == []


def test_subnets_lead_to_the_internet_as_skypilot_asks(machines: Any) -> None:
    inside = [{"Name": "vpc-id", "Values": [vpc_of(machines)]}]
    tables = ask(machines, "describe_route_tables", Filters=inside)["RouteTables"]
    public = {
        association["SubnetId"]
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association
        and any(str(route.get("GatewayId", "")).startswith("igw-") for route in table["Routes"])
    }
    assert public == {s["SubnetId"] for s in ask(machines, "describe_subnets", Filters=inside)["Subnets"]}


def test_the_file_is_printed_with_the_stack(machines: Any) -> None:
    stack = machines.registry.stack(NAME)
    (text,) = client_files(stack, machines.registry).values()
    shown = stack_text(stack, machines.registry)
    assert "Write ~/.sky/config.yaml, without which nothing starts:" in shown
    assert text in shown


def test_a_stack_without_machines_has_no_such_file(world: Any) -> None:
    world.deploy()
    stack = world.finish()
    assert client_files(stack, world.registry) == {}
    assert "Write " not in stack_text(stack, world.registry)


def test_destroying_leaves_nothing(world: Any) -> None:
    before = there(world)
    world.deploy(world.spec(components=COMPONENTS))
    world.finish()
    assert {kind for kind, ids in there(world).items() if ids != before[kind]} == set(before)
    doors = world.cloud.for_destroy()
    found = destroy.look(NAME, doors=doors, account=ACCOUNT, region=world.region)
    found = destroy.begin(found, doors=doors, now=world.now)
    for step in teardown.plan(found, keep_data=False):
        destroy.apply(step, doors=doors, clock=world.clock, on_event=world.events.append)
    assert there(world) == before
