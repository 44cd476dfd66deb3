"""SageMaker step operator: facts."""

from collections.abc import Mapping

from provisioner.component import Component, Outputs
from provisioner.components import sagemaker_execution as execution


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    # Without `bucket` the SDK would create one named sagemaker-REGION-ACCOUNT.
    return {
        "role": outputs["step_operator"]["execution_role_arn"],
        "bucket": outputs["artifact_store"]["bucket_name"],
    }


COMPONENT = Component(
    name="sagemaker_step_operator",
    type="step_operator",
    flavor="sagemaker",
    words="execution role for single SageMaker steps; jobs cost only while they run",
    zenml_flavor="sagemaker",
    resource_types=("AWS::IAM::Role",),
    outputs={"execution_role_arn": "ARN of the role that SageMaker steps run as."},
    needs=("artifact_store", "container_registry"),
    statements=(
        *execution.access_to_jobs("step_operator"),
        *execution.base_statements("step_operator"),
    ),
    arn_pattern=execution.ARN_PATTERN,
    outputs_of=execution.outputs_of,
    register_config=_register_config,
    checks=execution.CHECKS,
)
