"""CloudFormation values and IAM documents, written with Fn::Sub so that people can read them."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import CfnResource, Stack, Token

from provisioner.component import Outputs, Statement, fill

AWS_SCOPE: Outputs = {
    "partition": "${AWS::Partition}",
    "region": "${AWS::Region}",
    "account": "${AWS::AccountId}",
    "stack_id": "${AWS::StackId}",
    "stack_name": "${AWS::StackName}",
    "suffix": "${AWS::URLSuffix}",
}

_TAGS = "stackwright:own-tags"


def fragment(resource: CfnResource, attribute: str = "") -> str:
    """`${LogicalId}` or `${LogicalId.Attribute}`: a reference as Fn::Sub spells it."""
    logical_id = Stack.of(resource).resolve(resource.logical_id)
    return f"${{{logical_id}.{attribute}}}" if attribute else f"${{{logical_id}}}"


def value(text: str) -> Any:
    """A text with fragments as the shortest CloudFormation value that means it."""
    inner = text.removeprefix("${").removesuffix("}")
    if text == f"${{{inner}}}" and "$" not in inner:
        name, _, attribute = inner.partition(".")
        return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
    return {"Fn::Sub": text} if "${" in text else text


def token(text: str) -> str:
    """The same value where a typed construct wants a string."""
    return Token.as_string(value(text))


def statement(facts: Statement, scope: Mapping[str, Outputs], principal: Any = None) -> dict[str, Any]:
    """One IAM statement with its placeholders resolved against the promised outputs."""
    resources = [value(fill(r, scope)) for r in facts.resources]
    document: dict[str, Any] = {"Sid": facts.sid, "Effect": facts.effect}
    if principal is not None:
        document["Principal"] = principal
    document["Action"] = _one_or_many(facts.actions)
    document["Resource"] = _one_or_many(resources)
    if facts.conditions:
        document["Condition"] = {
            operator: {key: _condition_value(wanted, scope) for key, wanted in keys.items()}
            for operator, keys in facts.conditions.items()
        }
    return document


def policy(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def after(resource: CfnResource, *earlier: CfnResource) -> None:
    """Let a resource wait for others that it names nowhere; on deletion they wait for it."""
    resource.add_override("DependsOn", [fragment(e)[2:-1] for e in earlier])


def with_tags(resource: CfnResource, tags: Mapping[str, str]) -> None:
    """Tags of one resource besides those that every resource of the stack carries; values are fragments."""
    resource.node.set_context(_TAGS, dict(tags))


def own_tags(resource: CfnResource) -> Mapping[str, str]:
    return dict(resource.node.try_get_context(_TAGS) or {})


def if_given(condition: str, wanted: Any) -> Any:
    """The value where the condition holds, else as if the property were not there."""
    return {"Fn::If": [condition, wanted, {"Ref": "AWS::NoValue"}]}


def boundary() -> str:
    """The optional permissions boundary that every role of a stack carries."""
    return Token.as_string(if_given("HasBoundary", {"Ref": "PermissionsBoundaryArn"}))


def _condition_value(wanted: str | tuple[str, ...], scope: Mapping[str, Outputs]) -> Any:
    if isinstance(wanted, str):
        return value(fill(wanted, scope))
    return [value(fill(each, scope)) for each in wanted]


def _one_or_many(values: Iterable[Any]) -> Any:
    many = list(values)
    return many[0] if len(many) == 1 else many
