"""SageMaker model deployer: construct."""

from constructs import Construct

from provisioner.component import Outputs
from stacks.sagemaker_execution_role import SageMakerExecutionRole
from stacks.site import Site


class SageMakerModelDeployer(SageMakerExecutionRole):
    """The role that models run as: it reads the bucket, pulls images, and may start nothing."""


class EndpointPrefix(Construct):
    """What the access role may name endpoints by, whether the models' role is built or reused."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.outputs: Outputs = {"endpoint_prefix": "${AWS::StackName}"}
