"""The SageMaker step operator's facts: a role by its ARN, and as ZenML wants it."""

from provisioner import arn
from provisioner.component import Statement
from provisioner.components.sagemaker_orchestrator import COMPONENT as ORCHESTRATOR
from provisioner.components.sagemaker_step_operator import COMPONENT

ROLE = "arn:aws:iam::111122223333:role/ml-exec"


def test_a_role_promises_its_arn() -> None:
    assert COMPONENT.outputs_of(arn.parse(ROLE)) == {"execution_role_arn": ROLE}


def test_zenml_gets_role_and_bucket() -> None:
    outputs = {
        "artifact_store": {"bucket_name": "team-artifacts"},
        "orchestrator": {"execution_role_arn": "another"},
        "step_operator": {"execution_role_arn": ROLE},
    }
    assert COMPONENT.register_config(outputs) == {"role": ROLE, "bucket": "team-artifacts"}


def test_its_jobs_may_do_what_those_of_the_orchestrator_may_but_start_others() -> None:
    own = {s.sid.removeprefix("StepOperator") for s in _of_jobs(COMPONENT.statements)}
    theirs = {s.sid.removeprefix("Orchestrator") for s in _of_jobs(ORCHESTRATOR.statements)}
    assert theirs - own == {"RunSteps", "RunExperiment", "PassSelf"}
    assert own <= theirs


def _of_jobs(statements: tuple[Statement, ...]) -> list[Statement]:
    return [s for s in statements if s.role == "execution"]
