"""The access role: what a client or server assumes to use the stack."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from provisioner.access import STATEMENTS, TRUST_SIDS
from provisioner.component import Outputs, Statement
from provisioner.components import find
from provisioner.plan import Shape
from stacks.documents import boundary, fragment, if_given, policy, statement, token
from stacks.site import granted

_BOUND = {"ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}}}


# What scanners find here, and why it stays.
ACCEPTED = {
    "trust-external-id": "ZenML's connector sends no external id, so a spec may go without",
}


class AccessRole(Construct):
    """A role with one inline policy per component, and one beside it about the stack and itself."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shape: Shape,
        scopes: Mapping[str, Outputs],
    ) -> None:
        super().__init__(scope, id_)
        self.role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=policy([_trust(shape)]),
            description="Assumed by clients of this MLOps stack",
            permissions_boundary=boundary(),
            policies=[
                _policy(slot.type.replace("_", "-"), statements, scopes)
                for slot in shape.slots
                if (c := find(slot.type, slot.flavor)) and (statements := granted(c, shape, slot, "access"))
            ],
        )
        self.role.override_logical_id("AccessRole")
        self.outputs: Outputs = {"role_arn": fragment(self.role, "Arn")}
        self.self_policy = iam.CfnRolePolicy(
            self,
            "SelfPolicy",
            role_name=token(fragment(self.role)),
            policy_name="itself",
            policy_document=policy(statement(s, {**scopes, "access": self.outputs}) for s in STATEMENTS),
        )
        self.self_policy.override_logical_id("AccessRoleSelf")


def _policy(
    name: str, statements: Iterable[Statement], scopes: Mapping[str, Outputs]
) -> iam.CfnRole.PolicyProperty:
    document = policy(statement(s, scopes) for s in statements)
    return iam.CfnRole.PolicyProperty(policy_name=name, policy_document=document)


def _trust(shape: Shape) -> dict[str, Any]:
    """Who may assume the role.

    The principal of the statement is always an account's root: naming an absent role or user would roll the
    stack back, and one that is deleted and made again would lose access. The condition does the binding.
    """
    document: dict[str, Any] = {"Sid": TRUST_SIDS[shape.trust], "Effect": "Allow"}
    root: dict[str, Any]
    if shape.trust == "account":
        root = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
        condition: Any = if_given("HasTrustedPrincipal", _BOUND)
    else:
        account = {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": "TrustedPrincipal"}]}]}
        root = {"Fn::Sub": ["arn:${AWS::Partition}:iam::${Account}:root", {"Account": account}]}
        condition = dict(_BOUND)
        if shape.external_id:
            condition["StringEquals"] = {"sts:ExternalId": {"Ref": "ExternalId"}}
    return {**document, "Principal": {"AWS": root}, "Action": "sts:AssumeRole", "Condition": condition}
