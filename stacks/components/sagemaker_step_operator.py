"""SageMaker step operator: construct."""

from stacks.sagemaker_execution_role import SageMakerExecutionRole


class SageMakerStepOperator(SageMakerExecutionRole):
    """The role that single steps run as: data, image, logs, and no right to start anything."""
