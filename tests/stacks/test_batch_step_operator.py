"""The Batch queue as the template builds it."""

from typing import Any

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}


def test_the_queue_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("batch_step_operator")


def test_tags_are_a_map_that_leaves_out_what_is_not_given(make: Any) -> None:
    resources = make({**NEEDS, "step_operator": "batch"}).resources
    for logical_id in ("StepOperatorEnvironment", "StepOperatorQueue"):
        tags = resources[logical_id]["Properties"]["Tags"]
        assert tags["stackwright:component"] == "step_operator"
        assert tags["team"] == {"Fn::If": ["HasTeam", {"Ref": "Team"}, {"Ref": "AWS::NoValue"}]}


def test_no_machine_waits_for_jobs(make: Any) -> None:
    resources = make({**NEEDS, "step_operator": "batch"}).resources
    compute = resources["StepOperatorEnvironment"]["Properties"]["ComputeResources"]
    assert compute["Type"] == {"Ref": "StepOperatorCapacity"}
    assert "MinvCpus" not in compute
