"""The access role: what a client or server assumes to use the stack."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from provisioner.access import STATEMENTS, TRUST_SIDS
from provisioner.component import Outputs, Statement
from provisioner.components import find
from provisioner.plan import Shape
from stacks.documents import boundary, fragment, if_given, policy, statement, token, value
from stacks.site import granted

# What scanners find here, and why it stays.
_USER = "a last resort that a spec must ask for by name; all else here works with roles alone"
ACCEPTED = {
    "no-user": _USER,
    "no-key": _USER,
    "AwsSolutions-SMG4": "a second stack brings a new key; a schedule would need a Lambda function",
    "CKV_AWS_149": "the secret is as safe as AWS's own key; one of the user's would have to admit the reader",
    "trust-external-id": "ZenML's connector sends no external id, so a spec may go without",
}


class AccessRole(Construct):
    """A role with one inline policy per component, and one beside it about the stack and itself.

    `who` holds what the trust names and the stack makes: `provider_arn` or `user_arn`.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shape: Shape,
        scopes: Mapping[str, Outputs],
        who: Outputs,
    ) -> None:
        super().__init__(scope, id_)
        self.role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=policy([_trust(shape, who)]),
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


def _trust(shape: Shape, who: Outputs) -> dict[str, Any]:
    """Who may assume the role.

    The principal of the statement is always an account's root: naming an absent role or user would roll the
    stack back, and one that is deleted and made again would lose access. The condition does the binding.
    """
    document: dict[str, Any] = {"Sid": TRUST_SIDS[shape.trust], "Effect": "Allow"}
    return document | _TRUSTS[shape.trust](shape, who)


def _account(shape: Shape, who: Outputs) -> dict[str, Any]:
    return _assumed_by(_ROOT, if_given("HasTrustedPrincipal", _bound({"Ref": "TrustedPrincipal"})))


def _principal(shape: Shape, who: Outputs) -> dict[str, Any]:
    account = {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": "TrustedPrincipal"}]}]}
    root = {"Fn::Sub": ["arn:${AWS::Partition}:iam::${Account}:root", {"Account": account}]}
    condition = _bound({"Ref": "TrustedPrincipal"})
    if shape.external_id:
        condition["StringEquals"] = {"sts:ExternalId": {"Ref": "ExternalId"}}
    return _assumed_by(root, condition)


def _access_key(shape: Shape, who: Outputs) -> dict[str, Any]:
    return _assumed_by(_ROOT, _bound(value(who["user_arn"])))


def _oidc(shape: Shape, who: Outputs) -> dict[str, Any]:
    """The issuer names the keys, which take no reference: each issuer is a shape of its own."""
    return {
        "Principal": {"Federated": value(who["provider_arn"])},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{shape.oidc_issuer}:aud": {"Ref": "OidcAudience"}},
            "StringLike": {f"{shape.oidc_issuer}:sub": {"Ref": "OidcSubject"}},
        },
    }


_ROOT = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
_TRUSTS = {"account": _account, "principal": _principal, "oidc": _oidc, "access_key": _access_key}


def _bound(arn: Any) -> dict[str, Any]:
    return {"ArnEquals": {"aws:PrincipalArn": arn}}


def _assumed_by(root: Any, condition: Any) -> dict[str, Any]:
    return {"Principal": {"AWS": root}, "Action": "sts:AssumeRole", "Condition": condition}
