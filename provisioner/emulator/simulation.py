"""IAM's policy simulator: identity policies, a boundary and conditions; no resource policies, no SCPs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from moto.iam.models import IAMBackend, Role, User

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.trust import conditions_hold

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
Policy = Mapping[str, Any]
ROOT_LIKE: Policy = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_ENTITY = re.compile(r"arn:aws:iam::\d{12}:(user|role)/(?:.*/)?([^/]+)")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one evaluation asks."""

    action: str
    resource: str
    context: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Policies:
    """What decides; without a boundary (None) nothing limits."""

    identity: tuple[Policy, ...]
    boundary: tuple[Policy, ...] | None = None


def simulate(policies: Policies, requests: Iterable[Request]) -> list[dict[str, Any]]:
    """EvaluationResults of the API."""
    return [_result(policies, request) for request in requests]


def decide(policies: Policies, request: Request) -> Decision:
    """A Deny wins; an Allow counts only within the boundary."""
    identity = _verdict(policies.identity, request)
    if policies.boundary is None or identity != "allowed":
        return identity
    return _verdict(policies.boundary, request)


def _result(policies: Policies, request: Request) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "EvalActionName": request.action,
        "EvalResourceName": request.resource,
        "EvalDecision": decide(policies, request),
        "MatchedStatements": [],
        "MissingContextValues": sorted(_missing(policies, request)),
    }
    if policies.boundary is not None:
        within = _verdict(policies.boundary, request) == "allowed"
        answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within}
    return answer


def _verdict(policies: Iterable[Policy], request: Request) -> Decision:
    effects = {
        row["Effect"]
        for row in _statements(policies)
        if _concerns(row, request) and conditions_hold(row, request.context)
    }
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


def _missing(policies: Policies, request: Request) -> set[str]:
    given = {key.lower() for key in request.context}
    rows = _statements([*policies.identity, *(policies.boundary or ())])
    return {
        key
        for row in rows
        if _concerns(row, request)
        for keys in row.get("Condition", {}).values()
        for key in keys
        if key.lower() not in given
    }


def _statements(policies: Iterable[Policy]) -> Iterator[Mapping[str, Any]]:
    for policy in policies:
        found = policy.get("Statement", [])
        yield from found if isinstance(found, list) else [found]


def _concerns(row: Mapping[str, Any], request: Request) -> bool:
    return _among(row, "Action", request.action.lower(), lower=True) and _among(
        row, "Resource", request.resource, lower=False
    )


def _among(row: Mapping[str, Any], key: str, value: str, *, lower: bool) -> bool:
    named = f"Not{key}" if f"Not{key}" in row else key
    texts = row.get(named, [])
    patterns = [texts] if isinstance(texts, str) else texts
    # A simulated resource `*` stands for every resource: only a pattern that is `*` itself covers it.
    found = any(_matches(pattern.lower() if lower else pattern, value) for pattern in patterns)
    return found != (named == f"Not{key}")


def _matches(pattern: str, value: str) -> bool:
    regular = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regular, value, re.DOTALL) is not None


def policies_of(backend: IAMBackend, arn: str, extra: tuple[Policy, ...] = ()) -> Policies:
    """What a user or role may by its own policies; raises what IAM answers for anybody else."""
    found = _ENTITY.fullmatch(arn)
    if not found:
        raise AwsError(
            "InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        )
    if found[0].endswith(":user/moto") and "moto" not in backend.users:
        return Policies(identity=(ROOT_LIKE, *extra))
    entity: User | Role = backend.get_user(found[2]) if found[1] == "user" else backend.get_role(found[2])
    documents = [*entity.policies.values(), *(row.document for row in _attached(backend, entity))]
    edge = getattr(entity, "permissions_boundary", None)
    boundary = None
    if edge:
        policy = backend.managed_policies.get(edge["PermissionsBoundaryArn"])
        boundary = (_read(default_document(policy)),) if policy else ()
    return Policies(identity=(*map(_read, documents), *extra), boundary=boundary)


def _attached(backend: IAMBackend, entity: User | Role) -> Iterator[Any]:
    groups = backend.get_groups_for_user(entity.name) if isinstance(entity, User) else []
    for holder in (entity, *groups):
        for policy in holder.managed_policies.values():
            yield _Document(document=default_document(policy))
        if holder is not entity:
            for text in holder.policies.values():
                yield _Document(document=text)


@dataclass(frozen=True, kw_only=True)
class _Document:
    document: str


def default_document(policy: Any) -> str:
    """The text of a managed policy's version in force."""
    return next((str(row.document) for row in policy.versions if row.is_default), "{}")


def _read(text: str) -> Policy:
    policy: Policy = json.loads(text)
    return policy
