"""SageMaker orchestrator: construct."""

from stacks.sagemaker_execution_role import SageMakerExecutionRole


class SageMakerOrchestrator(SageMakerExecutionRole):
    """The role that pipelines run as: it starts jobs and hands itself to them."""
