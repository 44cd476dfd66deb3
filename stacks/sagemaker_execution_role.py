"""The role that SageMaker jobs run as; orchestrator and step operator each have one of their own."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from provisioner.component import Component, Outputs, Statement, pascal
from stacks.documents import boundary, fragment, policy, statement, token

TRUST = policy(
    [
        {
            "Sid": "SageMakerOfThisAccount",
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
            # The page "Cross-service confused deputy prevention" of the SageMaker guide.
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        }
    ]
)


class SageMakerExecutionRole(Construct):
    """An execution role with exactly the statements that its component's facts list."""

    def __init__(
        self, scope: Construct, id_: str, *, component: Component, scopes: Mapping[str, Outputs]
    ) -> None:
        super().__init__(scope, id_)
        name = pascal(component.type)
        of_jobs = [s for s in component.statements if s.role == "execution"]
        of_itself = [s for s in of_jobs if _names_own_role(s, component)]
        self.role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=TRUST,
            description=component.words,
            permissions_boundary=boundary(),
            policies=[_policy("jobs", [statement(s, scopes) for s in of_jobs if s not in of_itself])],
        )
        self.role.override_logical_id(f"{name}Role")
        self.outputs: Outputs = {"execution_role_arn": fragment(self.role, "Arn")}
        if of_itself:
            own = {**scopes, component.type: self.outputs}
            # A role cannot name its own ARN in an inline policy: a policy beside it can.
            self.self_policy = iam.CfnRolePolicy(
                self,
                "SelfPolicy",
                role_name=token(fragment(self.role)),
                policy_name="itself",
                policy_document=policy(statement(s, own) for s in of_itself),
            )
            self.self_policy.override_logical_id(f"{name}RoleSelf")


def _policy(name: str, statements: list[dict[str, Any]]) -> iam.CfnRole.PolicyProperty:
    return iam.CfnRole.PolicyProperty(policy_name=name, policy_document=policy(statements))


def _names_own_role(facts: Statement, component: Component) -> bool:
    return f"{{{component.type}.execution_role_arn}}" in facts.resources
