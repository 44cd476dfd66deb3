"""The SageMaker model deployer's facts: endpoints by the stack's name, a role by its ARN."""

from provisioner import arn
from provisioner.components.sagemaker_model_deployer import COMPONENT

ROLE = "arn:aws:iam::111122223333:role/ml-models"


def test_a_role_promises_its_arn_and_the_template_the_prefix() -> None:
    assert COMPONENT.outputs_of(arn.parse(ROLE)) == {"execution_role_arn": ROLE}
    assert COMPONENT.made_outputs == ("endpoint_prefix",)


def test_everything_that_clients_may_touch_carries_the_stacks_name() -> None:
    touched = {r for s in COMPONENT.statements if s.role == "access" for r in s.resources}
    assert [r for r in touched if "{aws.stack_name}-*" not in r] == ["{model_deployer.execution_role_arn}"]


def test_models_may_write_nothing_but_their_logs() -> None:
    actions = [a for s in COMPONENT.statements if s.role == "execution" for a in s.actions]
    assert [a for a in actions if ":Put" in a or ":Create" in a] == [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ]


def test_zenml_has_no_such_flavor() -> None:
    assert COMPONENT.zenml_flavor == ""
