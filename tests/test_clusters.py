"""Stacks with a cluster on the embedded AWS: deployed as planned, by a link too, and gone without a trace."""

from typing import Any

import pytest

from provisioner import spec as specs

REGION = "eu-central-1"
CIDRS = ["198.51.100.7/32"]
BASE = {"artifact_store": "s3", "container_registry": "ecr"}
GPU = {"instance_type": "g5.xlarge", "max_nodes": 2}
EKS_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},'
    '"Action":["sts:AssumeRole","sts:TagSession"]}]}'
)


def cluster(**options: Any) -> dict[str, Any]:
    return {"flavor": "eks", "options": {"public_access_cidrs": CIDRS, **options}}


def spec(components: dict[str, Any], **more: Any) -> specs.Spec:
    given = {"version": 1, "name": "churn-dev", "region": REGION, "data": {"retention": "delete"}}
    return specs.parse({**given, "components": {**BASE, **components}, **more})


SHAPES = {
    "auto": {"orchestrator": cluster()},
    "auto without gateway": {"orchestrator": cluster(nat_gateways=0)},
    "auto, a gateway in each of three zones": {"orchestrator": cluster(zones=3, nat_gateways=3, gpu=GPU)},
    "node groups": {"orchestrator": cluster(compute="managed", gpu=GPU)},
    "everything on it": {"orchestrator": cluster(), "step_operator": "eks", "image_builder": "kaniko"},
}


def left(world: Any) -> dict[str, Any]:
    """What an account holds that it did not come with."""
    raw = {name: world.cloud.session.client(name).raw for name in ("ec2", "eks", "logs", "ecr")}
    return {
        "clusters": raw["eks"].list_clusters()["clusters"],
        "networks": [v["VpcId"] for v in raw["ec2"].describe_vpcs()["Vpcs"] if not v["IsDefault"]],
        "addresses": raw["ec2"].describe_addresses()["Addresses"],
        "launch templates": raw["ec2"].describe_launch_templates()["LaunchTemplates"],
        "log groups": raw["logs"].describe_log_groups()["logGroups"],
        "repositories": raw["ecr"].describe_repositories()["repositories"],
        "buckets": [b["Name"] for b in world.s3.list_buckets()["Buckets"]],
        "roles": [r["RoleName"] for r in world.iam.list_roles()["Roles"]],
    }


def delete(world: Any, name: str) -> str:
    raw = world.cloud.session.client("cloudformation").raw
    stack_id = raw.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    raw.delete_stack(StackName=name)
    raw.get_waiter("stack_delete_complete").wait(
        StackName=stack_id, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400}
    )
    return str(raw.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])


@pytest.mark.parametrize("name", SHAPES)
def test_a_cluster_is_deployed_as_planned_and_deleted_without_a_trace(world: Any, name: str) -> None:
    before = left(world)
    state = world.deploy(spec(SHAPES[name]))
    _, template = world.drafted(spec(SHAPES[name]))
    completed = {e.logical_id for e in world.events if e.status == "CREATE_COMPLETE"}
    assert (state.status, completed) == ("CREATE_COMPLETE", {*template.resources, "churn-dev"})
    assert delete(world, "churn-dev") == "DELETE_COMPLETE"
    assert left(world) == before


def test_the_cluster_is_closed_logged_and_named_after_its_stack(world: Any) -> None:
    state = world.deploy(spec(SHAPES["auto"]))
    raw = world.cloud.session.client("eks").raw
    found = raw.describe_cluster(name=state.outputs["OrchestratorClusterName"])["cluster"]
    network = found["resourcesVpcConfig"]
    assert found["name"].startswith("churn-dev-")
    assert (network["publicAccessCidrs"], network["endpointPrivateAccess"]) == (CIDRS, True)
    assert found["accessConfig"]["authenticationMode"] == "API"
    entries = raw.list_access_entries(clusterName=found["name"])["accessEntries"]
    assert state.outputs["AccessRoleArn"] in entries
    groups = world.cloud.session.client("logs").raw.describe_log_groups()["logGroups"]
    assert [(g["logGroupName"], g["retentionInDays"]) for g in groups] == [
        (f"/aws/eks/{found['name']}/cluster", 30)
    ]


def test_the_preset_goes_through_its_own_link_and_waits_for_its_bootstrap(world: Any) -> None:
    preset = specs.preset("eks", name="churn-dev", region=REGION).as_dict()
    components: Any = preset["components"]
    components["orchestrator"]["options"]["public_access_cidrs"] = CIDRS
    state = world.click(world.link(specs.parse(preset)))
    assert state.status == "CREATE_COMPLETE"
    assert state.outputs["OrchestratorNamespace"] == "zenml"
    world.finish()
    assert world.held() == {"churn-dev": "needs_bootstrap"}


def network(world: Any, *, block: str) -> tuple[str, list[str]]:
    ec2 = world.cloud.session.client("ec2").raw
    vpc = ec2.create_vpc(CidrBlock=f"10.{block}.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    zones = (("0", "euc1-az1"), ("1", "euc1-az2"))
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{block}.{third}.0/24", AvailabilityZoneId=zone)
        for third, zone in zones
    ]
    return vpc, [subnet["Subnet"]["SubnetId"] for subnet in made]


def test_a_network_that_exists_is_used_and_left_alone(world: Any) -> None:
    vpc, subnets = network(world, block="1")
    before = left(world)
    state = world.deploy(spec(SHAPES["auto"], network={"vpc": vpc, "subnets": subnets}))
    found = world.cloud.session.client("eks").raw.describe_cluster(
        name=state.outputs["OrchestratorClusterName"]
    )
    assert set(found["cluster"]["resourcesVpcConfig"]["subnetIds"]) == set(subnets)
    delete(world, "churn-dev")
    assert left(world) == before


def test_subnets_of_another_network_are_refused_before_anything_is_made(world: Any, refusal: Any) -> None:
    _, subnets = network(world, block="1")
    other, _ = network(world, block="2")
    before = left(world)
    message, code = refusal(
        lambda: world.deploy(spec(SHAPES["auto"], network={"vpc": other, "subnets": subnets}))
    )
    assert "Every subnet must be in the VPC." in message
    assert (code, left(world)) == (4, before)


def test_a_cluster_that_exists_is_granted_access_and_left_as_it_was(world: Any) -> None:
    _, subnets = network(world, block="1")
    eks = world.cloud.session.client("eks").raw
    role = world.iam.create_role(RoleName="pilot", AssumeRolePolicyDocument=EKS_TRUST)["Role"]["Arn"]
    made = eks.create_cluster(
        name="ml",
        roleArn=role,
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API"},
    )["cluster"]

    def held() -> tuple[Any, Any]:
        entries = eks.list_access_entries(clusterName="ml")["accessEntries"]
        return entries, eks.list_pod_identity_associations(clusterName="ml")["associations"]

    before = held()
    reused = {"flavor": "eks", "reuse": made["arn"]}
    state = world.deploy(spec({"orchestrator": reused, "step_operator": "eks", "image_builder": "kaniko"}))
    entries, associations = held()
    assert state.outputs["AccessRoleArn"] in entries
    assert {a["serviceAccount"] for a in associations} == {"zenml", "kaniko"}
    delete(world, "churn-dev")
    assert held() == before
