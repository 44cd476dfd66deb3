"""The EKS step operator's facts."""

import pytest

from provisioner import arn
from provisioner import spec as specs
from provisioner.components.eks_step_operator import COMPONENT
from provisioner.errors import SpecError

CLUSTER = "arn:aws:eks:us-east-1:111122223333:cluster/ml"


def test_zenml_gets_namespace_and_service_account() -> None:
    outputs = {
        "step_operator": COMPONENT.outputs_of(arn.parse(CLUSTER)),
        "orchestrator": {"namespace": "other"},
    }
    assert COMPONENT.register_config(outputs) == {
        "kubernetes_namespace": "zenml",
        "service_account_name": "zenml",
    }


def test_without_a_cluster_to_share_it_is_refused_with_what_is_possible() -> None:
    components = {"artifact_store": "s3", "container_registry": "ecr", "step_operator": "eks"}
    with pytest.raises(SpecError) as refused:
        specs.parse({"version": 1, "name": "churn", "region": "us-east-1", "components": components})
    assert refused.value.message == "step_operator eks needs orchestrator eks"
    assert refused.value.hint == "add `orchestrator: eks`, or take step_operator: sagemaker or batch"
