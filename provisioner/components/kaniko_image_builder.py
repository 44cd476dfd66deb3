"""Kaniko image builder: facts."""

from collections.abc import Mapping

from provisioner.component import Component, Outputs
from provisioner.components import eks_cluster as cluster
from provisioner.components import images

SERVICE_ACCOUNT = "kaniko"
# ZenML's default is of 2022: its AWS libraries know no Pod Identity. This one's do, and it is kaniko's last.
_EXECUTOR = "gcr.io/kaniko-project/executor:v1.24.0"


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    builder = outputs["image_builder"]
    return {
        # ZenML calls kubectl with it: what `aws eks update-kubeconfig --name CLUSTER` names a context.
        "kubernetes_context": builder["cluster_arn"],
        "kubernetes_namespace": builder["namespace"],
        "service_account_name": builder["service_account"],
        "executor_image": _EXECUTOR,
    }


COMPONENT = Component(
    name="kaniko_image_builder",
    type="image_builder",
    flavor="kaniko",
    words="images built by kaniko pods on the stack's EKS cluster, which push to the one repository",
    zenml_flavor="kaniko",
    resource_types=("AWS::EKS::PodIdentityAssociation", "AWS::IAM::Role"),
    outputs={
        **{k: cluster.OUTPUTS[k] for k in ("cluster_arn", "cluster_name", "namespace", "service_account")},
        "builder_role_arn": "ARN of the role that building pods have.",
    },
    needs=("container_registry",),
    beside=(("orchestrator", "eks"), ("step_operator", "eks")),
    manifests=("namespace", "service_account"),
    statements=(
        images.login("ImageBuilderPodLogin", "building pods may ask ECR for a login token", role="builder"),
        images.push(
            "ImageBuilderPodPush",
            "building pods may pull and push images in your image repository; so may a pipeline's code "
            "that starts a pod as their service account",
            role="builder",
        ),
    ),
    register_config=_register_config,
)
