"""What a role's trust policy says: whether a service may assume it, and on whose behalf."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

Document = Mapping[str, Any]

_GUARDS = ("aws:sourceaccount", "aws:sourcearn")
# Negated operators and the …IfExists ones also match a request that carries no such key: they guard nothing.
_GUARDING = ("stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike")


def parse(document: str | Document) -> Document:
    """A policy document; IAM's own answers carry it percent-encoded."""
    if not isinstance(document, str):
        return document
    parsed: Document = json.loads(unquote(document) if document.startswith("%") else document)
    return parsed


def trusts(document: Document, service: str) -> bool:
    """Whether the service may assume the role."""
    return bool(_about(document, service, "Allow")) and not any(
        "Condition" not in denial for denial in _about(document, service, "Deny")
    )


def guarded(document: Document, service: str, account: str) -> bool:
    """Whether the service may assume the role only on behalf of this account."""
    allowing = _about(document, service, "Allow")
    return bool(allowing) and all(_names_account(statement, account) for statement in allowing)


def _about(document: Document, service: str, effect: str) -> list[Document]:
    return [
        s
        for s in _listed(document.get("Statement", []))
        if s.get("Effect") == effect and service in _services(s) and _assumes(s)
    ]


def _services(statement: Document) -> list[Any]:
    principal = statement.get("Principal", {})
    return _listed(principal.get("Service", [])) if isinstance(principal, Mapping) else []


def _assumes(statement: Document) -> bool:
    return any(fnmatchcase("sts:assumerole", a.lower()) for a in _listed(statement.get("Action", [])))


def _names_account(statement: Document, account: str) -> bool:
    return any(
        all(account in (value, *value.split(":")[4:5]) for value in _listed(values))
        for operator, keys in statement.get("Condition", {}).items()
        if operator.lower() in _GUARDING
        for key, values in keys.items()
        if key.lower() in _GUARDS
    )


def _listed(value: Any) -> list[Any]:
    """IAM writes a list of one as the thing itself."""
    return value if isinstance(value, list) else [value]
