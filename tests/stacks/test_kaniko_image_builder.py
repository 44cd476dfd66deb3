"""Kaniko on the stack's cluster: a role that pipelines' pods do not have."""

from typing import Any

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}
CLUSTER = {"flavor": "eks", "options": {"public_access_cidrs": ["198.51.100.7/32"]}}
REUSED = {"flavor": "eks", "reuse": "arn:aws:eks:eu-central-1:111122223333:cluster/ml"}


def granted(template: Any, role: str) -> set[str]:
    (policy,) = template.resources[role]["Properties"]["Policies"]
    actions = [s["Action"] for s in policy["PolicyDocument"]["Statement"]]
    return {a for many in actions for a in (many if isinstance(many, list) else [many])}


def test_the_builder_is_what_was_reviewed(check_snapshot: Any) -> None:
    check_snapshot("kaniko_image_builder")


def test_building_pods_may_push_and_pipelines_pods_may_not(make: Any) -> None:
    template = make({**NEEDS, "orchestrator": CLUSTER, "image_builder": "kaniko"})
    assert "ecr:PutImage" in granted(template, "ImageBuilderRole")
    assert "ecr:PutImage" not in granted(template, "OrchestratorPodsRole")
    association = template.resources["ImageBuilderPodIdentity"]["Properties"]
    assert association["ServiceAccount"] == "kaniko"
    assert association["Namespace"] == {"Ref": "OrchestratorNamespace"}


def test_it_builds_on_the_step_operators_cluster_where_no_other_is(make: Any) -> None:
    template = make({**NEEDS, "step_operator": REUSED, "image_builder": "kaniko"})
    association = template.resources["ImageBuilderPodIdentity"]["Properties"]
    assert association["ClusterName"] == {"Ref": "StepOperatorClusterName"}
