"""Metaflow's configuration: the bucket as datastore, the cluster or the queue for steps."""

import json

from provisioner.export.format import Format
from provisioner.export.stack import ExportedStack

_PREFIX = "metaflow"
# Metaflow's variable -> (component type, flavor, output). Its container registry is not set: Metaflow would
# take its own default images from there, and a repository of ours does not hold them.
_VALUES = {
    "METAFLOW_KUBERNETES_NAMESPACE": ("orchestrator", "eks", "namespace"),
    "METAFLOW_KUBERNETES_SERVICE_ACCOUNT": ("orchestrator", "eks", "service_account"),
    "METAFLOW_BATCH_JOB_QUEUE": ("step_operator", "batch", "queue_arn"),
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": ("step_operator", "batch", "job_role_arn"),
    "METAFLOW_ECS_FARGATE_EXECUTION_ROLE": ("step_operator", "batch", "execution_role_arn"),
}


def render(stack: ExportedStack) -> str:
    root = f"s3://{stack.output('artifact_store', 'bucket_name')}/{_PREFIX}"
    config = {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": root,
        "METAFLOW_DATATOOLS_S3ROOT": f"{root}/data",
        "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION": stack.region,
        **{
            variable: stack.output(type_, key)
            for variable, (type_, flavor, key) in _VALUES.items()
            if type_ in stack.parts and stack.parts[type_].flavor == flavor and stack.output(type_, key)
        },
        # Metaflow takes its region and role from AWS's own settings, and reads past what is not its own.
        "stackwright": {
            "stack": stack.name,
            "account": stack.account,
            "region": stack.region,
            "role_arn": stack.role_arn,
        },
    }
    return json.dumps(config, indent=2) + "\n"


def _lacks(stack: ExportedStack) -> str:
    return "" if stack.output("artifact_store", "bucket_name") else "S3 bucket as artifact store"


FORMAT = Format(
    name="metaflow",
    words="Metaflow's configuration",
    render=render,
    use="cp {file} ~/.metaflowconfig/config_{name}.json && export METAFLOW_PROFILE={name}",
    lacks=_lacks,
)
