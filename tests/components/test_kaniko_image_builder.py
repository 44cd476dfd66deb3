"""The kaniko image builder's facts."""

import pytest

from provisioner import spec as specs
from provisioner.components.kaniko_image_builder import COMPONENT
from provisioner.errors import SpecError

BUILDER = {
    "cluster_arn": "arn:aws:eks:us-east-1:111122223333:cluster/ml",
    "cluster_name": "ml",
    "namespace": "churn",
    "service_account": "kaniko",
    "builder_role_arn": "arn:aws:iam::111122223333:role/builder",
}


def test_zenml_gets_a_context_an_account_and_an_executor_that_knows_pod_identity() -> None:
    assert COMPONENT.register_config({"image_builder": BUILDER}) == {
        "kubernetes_context": "arn:aws:eks:us-east-1:111122223333:cluster/ml",
        "kubernetes_namespace": "churn",
        "service_account_name": "kaniko",
        "executor_image": "gcr.io/kaniko-project/executor:v1.24.0",
    }


def test_without_a_cluster_it_is_refused() -> None:
    components = {"artifact_store": "s3", "container_registry": "ecr", "image_builder": "kaniko"}
    with pytest.raises(SpecError) as refused:
        specs.parse({"version": 1, "name": "churn", "region": "us-east-1", "components": components})
    assert refused.value.message == "image_builder kaniko needs orchestrator eks or step_operator eks"
