"""Stacks as `stack show --json` tells them."""

from typing import Any

from provisioner.components import find
from provisioner.export.stack import ClusterPlace, ExportedStack, parse

ACCOUNT, REGION = "111122223333", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/churn-dev-access"
BUCKET = "churn-dev-artifacts"
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/churn-dev"
OUTPUTS: dict[tuple[str, str], dict[str, str]] = {
    ("artifact_store", "s3"): {"bucket_name": BUCKET, "bucket_arn": f"arn:aws:s3:::{BUCKET}"},
    ("container_registry", "ecr"): {
        "repository_arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/churn-dev",
        "repository_uri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn-dev",
    },
    ("orchestrator", "local"): {},
    ("orchestrator", "sagemaker"): {
        "execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/churn-dev-pipelines",
        "scheduler_role_arn": f"arn:aws:iam::{ACCOUNT}:role/churn-dev-schedules",
    },
    ("orchestrator", "eks"): {
        "cluster_arn": CLUSTER,
        "cluster_name": "churn-dev",
        "namespace": "zenml",
        "service_account": "zenml",
        "pods_role_arn": f"arn:aws:iam::{ACCOUNT}:role/churn-dev-pods",
    },
    ("orchestrator", "ec2"): {
        "instance_profile_name": "churn-dev-vm",
        "security_group_name": "skypilot_churn-dev",
        "vpc_name": "churn dev",
        "region": REGION,
        "instance_type": "t3.xlarge",
        "use_spot": "false",
    },
    ("step_operator", "sagemaker"): {"execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/churn-dev-steps"},
    ("step_operator", "batch"): {
        "queue_arn": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/churn-dev",
        "job_role_arn": f"arn:aws:iam::{ACCOUNT}:role/churn-dev-job",
        "execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/churn-dev-pull",
    },
    ("experiment_tracker", "mlflow"): {
        "server_arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-tracking-server/churn-dev"
    },
    ("model_deployer", "sagemaker"): {
        "execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/churn-dev-models",
        "endpoint_prefix": "churn-dev",
    },
}


def answer(*flavors: tuple[str, str], connector: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """The `stack` answer of a stack with these components beside bucket and repository."""
    kept = (("artifact_store", "s3"), ("container_registry", "ecr"), *flavors)
    outputs = {type_: OUTPUTS[type_, flavor] for type_, flavor in kept}
    facts = {type_: find(type_, flavor) for type_, flavor in kept}
    files = [f.client_files(outputs) for f in facts.values() if f]
    role = {"type": "aws", "auth_method": "iam-role", "role_arn": ROLE}
    return {
        "name": "churn-dev",
        "account": ACCOUNT,
        "region": REGION,
        "active": True,
        "status": "registered",
        "components": {
            type_: {
                "flavor": f.flavor,
                "origin": "built",
                "outputs": outputs[type_],
                "config": dict(f.register_config(outputs)),
            }
            for type_, f in facts.items()
            if f
        },
        "client_files": {path: text for found in files for path, text in found.items()},
        "connector": role if connector is None else connector,
        **more,
    }


def stack(*flavors: tuple[str, str], connector: dict[str, str] | None = None, **more: Any) -> ExportedStack:
    return parse(answer(*flavors, connector=connector, **more))


LOCAL = stack(("orchestrator", "local"))
SAGEMAKER = stack(("orchestrator", "sagemaker"), ("step_operator", "sagemaker"))
EKS = stack(("orchestrator", "eks"))
PLACED = EKS.with_clusters(
    (ClusterPlace(name="churn-dev", arn=CLUSTER, endpoint="https://EXAMPLE.eks.amazonaws.com", ca="A CA\n"),)
)
EC2 = stack(("orchestrator", "ec2"))
# Whatever no preset has.
MORE = stack(
    ("orchestrator", "local"),
    ("step_operator", "batch"),
    ("experiment_tracker", "mlflow"),
    ("model_deployer", "sagemaker"),
)
