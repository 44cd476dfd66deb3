"""A template with its conditions decided, and its IAM statements with texts in place of references."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner import permissions
from provisioner.template import Template

_GONE = object()
IDENTITIES = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
_POLICIES = ("PolicyDocument", "KeyPolicy", "RepositoryPolicyText", "ResourcePolicy")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of an identity, a trust or a resource's own policy."""

    sid: str
    effect: str
    kind: str  # "identity", "trust" or "resource"
    principals: Mapping[str, list[str]]
    actions: list[str]
    resources: list[str]
    conditions: Mapping[str, Any]

    @property
    def keys(self) -> set[str]:
        """The condition keys, in lower case as IAM compares them."""
        return {key.lower() for keys in self.conditions.values() for key in keys}


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything optional given, or everything optional left out: between them all branches are seen."""

    given: bool
    body: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]

    def of(self, *types: str) -> dict[str, Mapping[str, Any]]:
        """Logical id -> properties."""
        return {k: r.get("Properties", {}) for k, r in self.resources.items() if r["Type"] in types}

    def statements(self, logical_id: str) -> list[Statement]:
        resource = self.resources[logical_id]
        return [_read(kind, s) for kind, s in _statements(resource["Type"], resource.get("Properties", {}))]


def worlds(template: Template) -> list[World]:
    return [_world(template, held) for held in (True, False)]


def _world(template: Template, held: bool) -> World:
    body = _decided(template.body, held)
    kept = {
        k: {key: value for key, value in r.items() if key not in ("Condition", "Metadata")}
        for k, r in body["Resources"].items()
        if held or "Condition" not in r
    }
    return World(given=held, body=body, resources=kept)


def _decided(value: Any, held: bool) -> Any:
    if isinstance(value, list):
        return [v for v in (_decided(child, held) for child in value) if v is not _GONE]
    if not isinstance(value, dict):
        return value
    if value == {"Ref": "AWS::NoValue"}:
        return _GONE
    if list(value) == ["Fn::If"]:
        _, yes, no = value["Fn::If"]
        return _decided(yes if held else no, held)
    decided = {key: _decided(child, held) for key, child in value.items()}
    return {key: child for key, child in decided.items() if child is not _GONE}


def _statements(type_: str, properties: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    own = "identity" if type_.startswith("AWS::IAM::") else "resource"
    documents = [(own, properties.get(key)) for key in _POLICIES]
    documents.append(("trust", properties.get("AssumeRolePolicyDocument")))
    documents += [(own, p.get("PolicyDocument")) for p in properties.get("Policies", [])]
    for kind, document in documents:
        if isinstance(document, dict):
            for statement in _many(document.get("Statement", [])):
                yield kind, statement


def _read(kind: str, statement: Mapping[str, Any]) -> Statement:
    principal = statement.get("Principal", {})
    named = principal if isinstance(principal, dict) else {"*": principal}
    return Statement(
        sid=str(statement.get("Sid", "")),
        effect=statement["Effect"],
        kind=kind,
        principals={key: texts(who) for key, who in named.items()},
        actions=texts(statement.get("Action", [])),
        resources=texts(statement.get("Resource", [])),
        conditions=statement.get("Condition", {}),
    )


def texts(value: Any) -> list[str]:
    """One value or many, with references in Fn::Sub's spelling."""
    return [permissions.text(item) for item in _many(value)]


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
