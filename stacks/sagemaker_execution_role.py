"""The role that SageMaker jobs run as; every component that starts jobs has one of its own."""

from constructs import Construct

from provisioner.component import Outputs
from stacks.service_role import ServiceRole, trust
from stacks.site import Site

# The page "Cross-service confused deputy prevention" of the SageMaker guide.
TRUST = trust("SageMakerOfThisAccount", "sagemaker.amazonaws.com")


class SageMakerExecutionRole(Construct):
    """An execution role with exactly the statements that its component's facts list."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.execution = ServiceRole(
            self,
            "Execution",
            logical_id=f"{site.prefix}Role",
            trust=TRUST,
            words=site.component.words,
            statements=site.statements("execution"),
            scopes=site.scopes,
            own=(site.component.type, "execution_role_arn"),
        )
        self.outputs: Outputs = {"execution_role_arn": self.execution.arn}
