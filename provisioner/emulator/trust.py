"""Trust policies: may this caller assume this role?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

# Keys that a request may lack: their absence is a fact, not ignorance.
KNOWN_KEYS = frozenset(
    {
        "sts:externalid",
        "sts:rolesessionname",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:multifactorauthpresent",
        "aws:viaawsservice",
    }
)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks: the principal ARN (of a role session: the role's), and its account."""

    account: str
    principal: str
    # What GetCallerIdentity answers; a trust policy may also name one session.
    session: str = ""
    # A caller by web identity is its provider's ARN instead of an account's principal.
    federated: str = ""


def is_trusted(policy: Mapping[str, Any], caller: Caller, action: str, context: Mapping[str, str]) -> bool:
    """Does the policy allow the action? A Deny wins."""
    statements = policy.get("Statement", [])
    matching = [
        row["Effect"]
        for row in (statements if isinstance(statements, list) else [statements])
        if _matches(row, caller, action, context)
    ]
    return "Allow" in matching and "Deny" not in matching


def _matches(statement: Mapping[str, Any], caller: Caller, action: str, context: Mapping[str, str]) -> bool:
    if not any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _list(statement.get("Action"))):
        return False
    if "Principal" not in statement or not _names(statement["Principal"], caller):
        return False
    return conditions_hold(statement, context)


def names_service(policy: Mapping[str, Any], service: str, action: str) -> bool:
    """Does the policy let an AWS service do this? Conditions are the service's business."""
    statements = policy.get("Statement", [])
    return any(
        row["Effect"] == "Allow"
        and isinstance(row.get("Principal"), Mapping)
        and service in _list(row["Principal"].get("Service"))
        and any(fnmatchcase(action.lower(), name.lower()) for name in _list(row.get("Action")))
        for row in (statements if isinstance(statements, list) else [statements])
    )


def conditions_hold(statement: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether a statement applies to a request with these keys."""
    conditions = statement.get("Condition", {})
    # What is not understood must never let anybody in: it fails an Allow and fulfils a Deny.
    otherwise = statement["Effect"] == "Deny"
    return all(_holds(operator, rows, context, otherwise) for operator, rows in conditions.items())


def _names(principal: Any, caller: Caller) -> bool:
    if principal == "*":
        return not caller.federated
    kind = "Federated" if caller.federated else "AWS"
    return any(_is_caller(name, caller) for name in _list(principal.get(kind)))


def _is_caller(name: str, caller: Caller) -> bool:
    if caller.federated:
        return name == caller.federated
    root = f"arn:aws:iam::{caller.account}:root"
    return name in ("*", caller.account, root, caller.principal, caller.session)


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _holds(operator: str, rows: Mapping[str, Any], context: Mapping[str, str], otherwise: bool) -> bool:
    if operator.removesuffix("IfExists") not in {*_OPERATORS, "Null"}:
        return otherwise
    keys = {key.lower(): value for key, value in context.items()}
    known = KNOWN_KEYS | keys.keys()
    return all(
        _compare(operator, keys.get(name.lower()), _texts(value)) if name.lower() in known else otherwise
        for name, value in rows.items()
    )


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]


def _compare(operator: str, actual: str | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    base = operator.removesuffix("IfExists")
    if actual is None:
        # A negated operator matches a missing key; any other only with IfExists.
        return operator.endswith("IfExists") or "Not" in base
    return _OPERATORS[base](actual, wanted)


def _like(actual: str, wanted: list[str]) -> bool:
    return any(re.fullmatch(_wildcard(pattern), actual, re.DOTALL) for pattern in wanted)


def _wildcard(pattern: str) -> str:
    # Only * and ? are wildcards; fnmatch would also read [..].
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def _arn_like(actual: str, wanted: list[str]) -> bool:
    return any(_arn_matches(actual, pattern) for pattern in wanted)


def _arn_matches(actual: str, pattern: str) -> bool:
    # Each of the six parts is matched alone, so a * never reaches over a colon of the first five.
    parts, patterns = actual.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(
        _like(part, [wanted]) for part, wanted in zip(parts, patterns, strict=True)
    )


_OPERATORS: Mapping[str, Callable[[str, list[str]], bool]] = {
    "StringEquals": lambda actual, wanted: actual in wanted,
    "StringNotEquals": lambda actual, wanted: actual not in wanted,
    "StringEqualsIgnoreCase": lambda actual, wanted: actual.lower() in [w.lower() for w in wanted],
    "StringLike": _like,
    "StringNotLike": lambda actual, wanted: not _like(actual, wanted),
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "ArnNotEquals": lambda actual, wanted: not _arn_like(actual, wanted),
    "ArnNotLike": lambda actual, wanted: not _arn_like(actual, wanted),
    "Bool": lambda actual, wanted: actual.lower() in [w.lower() for w in wanted],
}
