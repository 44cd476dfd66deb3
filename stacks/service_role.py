"""A role that one AWS service assumes, with exactly the statements that a component's facts list."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from provisioner.component import Outputs, Statement
from stacks.documents import boundary, fragment, policy, statement, token

# Every service whose documentation says that it sends the key; ec2 and lambda do not.
THIS_ACCOUNT: Mapping[str, Any] = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def this_account(service: str, resources: str) -> dict[str, Any]:
    """The same for a service that also names the resource it works for: those of this region only."""
    arn = f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resources}"
    return {**THIS_ACCOUNT, "ArnLike": {"aws:SourceArn": {"Fn::Sub": arn}}}


class ServiceRole(Construct):
    """`own` is the placeholder of the role's own ARN: what names it cannot stand in an inline policy."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        logical_id: str,
        trust: Mapping[str, Any],
        words: str,
        statements: Sequence[Statement] = (),
        scopes: Mapping[str, Outputs] | None = None,
        own: tuple[str, str] = ("", ""),
        managed_policies: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, id_)
        of_itself = [s for s in statements if f"{{{own[0]}.{own[1]}}}" in s.resources]
        inline = [s for s in statements if s not in of_itself]
        known = dict(scopes or {})
        self.role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=policy([dict(trust)]),
            description=words,
            permissions_boundary=boundary(),
            policies=[_policy("jobs", inline, known)] if inline else None,
            managed_policy_arns=[token(arn) for arn in managed_policies] or None,
        )
        self.role.override_logical_id(logical_id)
        self.arn = fragment(self.role, "Arn")
        if of_itself:
            known[own[0]] = {**known.get(own[0], {}), own[1]: self.arn}
            self._add_beside(logical_id, of_itself, known)

    def _add_beside(
        self, logical_id: str, statements: Iterable[Statement], scopes: Mapping[str, Outputs]
    ) -> None:
        """A role cannot name its own ARN in an inline policy: a policy beside it can."""
        beside = iam.CfnRolePolicy(
            self,
            "SelfPolicy",
            role_name=token(fragment(self.role)),
            policy_name="itself",
            policy_document=policy(statement(s, scopes) for s in statements),
        )
        beside.override_logical_id(f"{logical_id}Self")


def trust(
    sid: str,
    service: str,
    *,
    condition: Mapping[str, Any] | None = THIS_ACCOUNT,
    actions: str | list[str] = "sts:AssumeRole",
) -> dict[str, Any]:
    """The trust in one service, for calls on behalf of this account only."""
    document = {"Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": actions}
    return document | ({"Condition": dict(condition)} if condition else {})


def _policy(
    name: str, statements: Iterable[Statement], scopes: Mapping[str, Outputs]
) -> iam.CfnRole.PolicyProperty:
    return iam.CfnRole.PolicyProperty(
        policy_name=name, policy_document=policy(statement(s, scopes) for s in statements)
    )
