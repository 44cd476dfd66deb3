"""The EKS step operator: it shares the orchestrator's cluster, or gets access to one that exists."""

from typing import Any

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}
REUSED = {"flavor": "eks", "reuse": "arn:aws:eks:eu-central-1:111122223333:cluster/ml"}
CLUSTER = {"flavor": "eks", "options": {"public_access_cidrs": ["198.51.100.7/32"]}}


def test_what_is_added_to_a_cluster_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("eks_step_operator")


def test_on_the_orchestrators_cluster_nothing_is_made(make: Any) -> None:
    template = make({**NEEDS, "orchestrator": CLUSTER, "step_operator": "eks"})
    assert [k for k in template.resources if k.startswith("StepOperator")] == []
    outputs = template.body["Outputs"]
    for key in ("ClusterArn", "ClusterName", "Namespace", "ServiceAccount", "PodsRoleArn"):
        assert outputs[f"StepOperator{key}"]["Value"] == outputs[f"Orchestrator{key}"]["Value"]


def test_a_cluster_of_its_own_gets_an_entry_and_a_role_for_pods(make: Any) -> None:
    template = make({**NEEDS, "step_operator": REUSED})
    mine = [k for k in template.resources if k.startswith("StepOperator")]
    assert sorted(mine) == ["StepOperatorClientEntry", "StepOperatorPodIdentity", "StepOperatorPodsRole"]


def test_it_shares_a_cluster_that_the_orchestrator_reuses(make: Any) -> None:
    template = make({**NEEDS, "orchestrator": REUSED, "step_operator": "eks"})
    assert [k for k in template.resources if k.startswith("StepOperator")] == []
    assert template.body["Outputs"]["StepOperatorClusterName"]["Value"] == {"Ref": "OrchestratorClusterName"}
