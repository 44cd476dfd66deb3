"""EKS step operator: facts."""

from collections.abc import Mapping

from provisioner.component import Component, Outputs
from provisioner.components import eks_cluster as cluster


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    cluster = outputs["step_operator"]
    return {
        "kubernetes_namespace": cluster["namespace"],
        "service_account_name": cluster["service_account"],
    }


COMPONENT = Component(
    name="eks_step_operator",
    type="step_operator",
    flavor="eks",
    words="single steps as pods on the orchestrator's EKS cluster, or on one that exists",
    zenml_flavor="kubernetes",
    resource_types=cluster.RESOURCE_TYPES,
    outputs=cluster.OUTPUTS,
    chosen_outputs=("namespace",),
    made_outputs=("pods_role_arn",),
    needs=("artifact_store", "container_registry"),
    beside=(("orchestrator", "eks"),),
    manifests=cluster.MANIFESTS,
    statements=cluster.statements("step_operator"),
    arn_pattern=cluster.ARN_PATTERN,
    outputs_of=cluster.outputs_of,
    register_config=_register_config,
    checks=cluster.CHECKS,
)
