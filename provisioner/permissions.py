"""Every statement that a template grants or denies, read from the template itself, with its words."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from provisioner import access, callback
from provisioner.component import Statement
from provisioner.components import CATALOGUE, eks_cluster
from provisioner.template import Template

_NOT_OURS = "not a statement of a stackwright component: read the JSON"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One statement; `role` is the logical id of the role or resource that carries it."""

    component: str
    role: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Any]
    words: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read(template: Template, *, parameters: Mapping[str, str] | None = None) -> list[Permission]:
    """Trusts and grants in template order; `parameters` name the trusted principal in the words."""
    rows: list[Permission] = []
    defaults = {k: str(p["Default"]) for k, p in template.parameters.items() if p.get("Default")}
    values = defaults | dict(parameters or {})
    for logical_id, resource in template.resources.items():
        component = template.component_of(logical_id)
        for carrier, statement in _statements(logical_id, resource):
            rows.append(_permission(component, carrier, statement, parameters or {}))
        for arn in resource.get("Properties", {}).get("ManagedPolicyArns", []):
            rows.append(_managed(component, logical_id, arn))
        if resource["Type"] == "AWS::EKS::AccessEntry":
            rows += _in_the_cluster(component, logical_id, resource.get("Properties", {}), values)
    return sorted(rows, key=lambda p: _RANK.get(p.component, len(_RANK)))


_RANK = {
    key: n for n, key in enumerate(["access", *dict.fromkeys(c.type for c in CATALOGUE)])
}  # the access role first: it is what people fear
_MANAGED = {policy.name: policy for c in CATALOGUE for policy in c.managed}
_WORDS: dict[str, Statement] = {
    s.sid: s
    for s in (
        *(*access.STATEMENTS, access.USER_STATEMENT, *callback.STATEMENTS),
        *(s for c in CATALOGUE for s in c.statements),
    )
}


def text(value: Any) -> str:
    """A resource or principal as people read it: references in Fn::Sub's spelling."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref":
            return f"${{{argument}}}"
        if name == "Fn::GetAtt":
            return f"${{{'.'.join(argument) if isinstance(argument, list) else argument}}}"
        if name == "Fn::Sub":
            return argument if isinstance(argument, str) else str(argument[0])
    return json.dumps(value, separators=(",", ":"))


def _statements(logical_id: str, resource: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(who carries it, statement) of every policy document of a resource."""
    properties = resource.get("Properties", {})
    carrier = _carrier(logical_id, properties)
    documents = [properties.get("AssumeRolePolicyDocument"), properties.get("PolicyDocument")]
    documents += [p.get("PolicyDocument") for p in properties.get("Policies", []) if isinstance(p, dict)]
    for document in documents:
        for statement in _many((document or {}).get("Statement", [])):
            yield carrier, statement


def _carrier(logical_id: str, properties: Mapping[str, Any]) -> str:
    """A policy beside a role or bucket belongs to that role or bucket."""
    named = properties.get("RoleName") or properties.get("Bucket") if "PolicyDocument" in properties else None
    return str(named["Ref"]) if isinstance(named, dict) and "Ref" in named else logical_id


def _permission(
    component: str, role: str, statement: Mapping[str, Any], parameters: Mapping[str, str]
) -> Permission:
    facts = _WORDS.get(statement.get("Sid", ""))
    principal = statement.get("Principal")
    trusts = principal is not None and "Resource" not in statement
    return Permission(
        component=component,
        role=role,
        effect=str(statement["Effect"]),
        actions=_named(statement, "Action"),
        resources=_principals(principal) if trusts else _named(statement, "Resource"),
        conditions=_conditions(statement.get("Condition", {}), parameters),
        words=_trust_words(statement, parameters) if trusts else facts.words if facts else _NOT_OURS,
        reason=facts.reason if facts else "",
    )


def _named(statement: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Actions or resources; those of NotAction and NotResource, which somebody else may write, say so."""
    others = [f"everything but {text(v)}" for v in _many(statement.get(f"Not{key}", []))]
    return (*(text(v) for v in _many(statement.get(key, []))), *others)


def _managed(component: str, role: str, arn: Any) -> Permission:
    facts = _MANAGED.get(text(arn).rpartition("/")[2])
    return Permission(
        component=component,
        role=role,
        effect="Allow",
        actions=(),
        resources=(text(arn),),
        conditions={},
        words=facts.words if facts else f"everything that the managed policy {text(arn)} allows",
        reason=facts.reason if facts else "",
    )


def _in_the_cluster(
    component: str, entry: str, properties: Mapping[str, Any], values: Mapping[str, str]
) -> Iterator[Permission]:
    """What Kubernetes lets somebody do, which no IAM policy tells."""
    for association in properties.get("AccessPolicies", []):
        policy, scope = text(association.get("PolicyArn", "")), association.get("AccessScope", {})
        known = eks_cluster.ENTRY_WORDS.get(policy.rpartition("/")[2], f"everything that {policy} allows")
        namespaces = [_valued(text(n), values) for n in scope.get("Namespaces", [])]
        place = f"the Kubernetes namespace {', '.join(namespaces)}" if namespaces else "the whole cluster"
        yield Permission(
            component=component,
            role=entry,
            effect="Allow",
            actions=(),
            resources=(policy,),
            conditions={},
            words=f"{text(properties.get('PrincipalArn', ''))} {known} in {place}",
            reason="",
        )


def _valued(reference: str, values: Mapping[str, str]) -> str:
    """A parameter's value in place of `${Parameter}`, where it has one."""
    return values.get(reference.removeprefix("${").removesuffix("}"), reference)


def _principals(principal: Any) -> tuple[str, ...]:
    if not isinstance(principal, Mapping):
        return (text(principal),)
    return tuple(text(p) for value in principal.values() for p in _many(value))


def _conditions(condition: Any, parameters: Mapping[str, str]) -> Mapping[str, Any]:
    """Conditions as granted; an optional one is shown as the parameters decide it."""
    if isinstance(condition, Mapping) and "Fn::If" in condition:
        name, given, otherwise = condition["Fn::If"]
        condition = given if parameters.get(str(name).removeprefix("Has")) else otherwise
        condition = {} if condition == {"Ref": "AWS::NoValue"} else condition
    return dict(condition)


def _trust_words(statement: Mapping[str, Any], parameters: Mapping[str, str]) -> str:
    principal = statement["Principal"]
    if isinstance(principal, Mapping) and "Service" in principal:
        service = ", ".join(_many(principal["Service"]))
        guarded = "aws:SourceAccount" in json.dumps(statement.get("Condition", {}))
        return f"{service} may assume it" + (", only for this account" if guarded else "")
    conditions = json.dumps(_conditions(statement.get("Condition", {}), parameters))
    by_sid = {sid: trust for trust, sid in access.TRUST_SIDS.items()}
    federated = text(principal["Federated"]) if "Federated" in principal else ""
    return access.trust_words(
        by_sid.get(statement.get("Sid", ""), "account"),
        external_id="sts:ExternalId" in conditions,
        principal=parameters.get("TrustedPrincipal", ""),
        issuer=_issuer(conditions) or federated,
        subject=parameters.get("OidcSubject", ""),
    )


def _issuer(conditions: str) -> str:
    """The issuer that an OIDC trust's condition keys name."""
    found = re.search(r'"([^"]+):sub"', conditions)
    return found[1] if found else ""


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
