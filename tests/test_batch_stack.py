"""A stack with a Batch queue, deployed and destroyed: Batch runs as AWS's own role, and nothing is left."""

from typing import Any

import pytest

from provisioner import destroy, teardown

NAME, ACCOUNT = "churn-dev", "123456789012"
LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
COMPONENTS = {
    "artifact_store": "s3",
    "container_registry": "ecr",
    "orchestrator": "local",
    "step_operator": "batch",
}
# What such a stack is made of: service, call, key of the answer, key of an id.
MADE_OF = (
    ("batch", "describe_compute_environments", "computeEnvironments", "computeEnvironmentArn"),
    ("batch", "describe_job_queues", "jobQueues", "jobQueueArn"),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("iam", "list_roles", "Roles", "Arn"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("ecr", "describe_repositories", "repositories", "repositoryArn"),
)


def client(world: Any, service: str) -> Any:
    return world.cloud.session.client(service).raw


def there(world: Any) -> dict[str, set[str]]:
    """Ids by kind, without the role that is Batch's and not the stack's."""
    return {
        key: {row[id_] for row in getattr(client(world, service), call)()[key]} - {LINKED}
        for service, call, key, id_ in MADE_OF
    }


def tear_down(world: Any) -> None:
    doors = world.cloud.for_destroy()
    found = destroy.look(NAME, doors=doors, account=ACCOUNT, region=world.region)
    found = destroy.begin(found, doors=doors, now=world.now)
    for step in teardown.plan(found, keep_data=False):
        destroy.apply(step, doors=doors, clock=world.clock, on_event=world.events.append)


@pytest.fixture
def stack(world: Any) -> Any:
    world.deploy(world.spec(components=COMPONENTS))
    return world.finish()


def test_jobs_find_a_queue_on_fargate_that_batch_runs_as_its_own_role(world: Any, stack: Any) -> None:
    api = client(world, "batch")
    (place,) = api.describe_compute_environments()["computeEnvironments"]
    (queue,) = api.describe_job_queues()["jobQueues"]
    promised = world.registry.component(stack.components["step_operator"]).outputs
    assert (place["serviceRole"], place["computeResources"]["type"]) == (LINKED, "FARGATE")
    assert queue["jobQueueArn"] == promised["queue_arn"]
    assert [row["computeEnvironment"] for row in queue["computeEnvironmentOrder"]] == [
        place["computeEnvironmentArn"]
    ]


def test_destroying_leaves_nothing(world: Any) -> None:
    before = there(world)
    world.deploy(world.spec(components=COMPONENTS))
    world.finish()
    assert {key for key, ids in there(world).items() if ids != before[key]} == set(before)
    tear_down(world)
    assert there(world) == before
    assert world.registry.stacks() == []
