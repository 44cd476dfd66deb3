"""IAM's refusal of trust policies that name nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.iam.models import iam_backends

from provisioner.emulator.refusal import AwsError

# Action -> the form field with the trust policy.
TRUST_FIELDS: Mapping[str, str] = {
    "CreateRole": "AssumeRolePolicyDocument",
    "UpdateAssumeRolePolicy": "PolicyDocument",
}
_ENTITY = re.compile(r"arn:aws:iam::(\d{12}):(role|user)/(.+)")


def check_trust(form: Mapping[str, str]) -> None:
    """Refuse a trust policy with a role or user that does not exist, as IAM does."""
    field = TRUST_FIELDS.get(form.get("Action", ""))
    if field is None or field not in form:
        return
    for arn in _principals(form[field]):
        if not _exists(arn):
            raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')


def _principals(text: str) -> Iterator[str]:
    try:
        statements = json.loads(text).get("Statement", [])
    except (ValueError, AttributeError):
        return  # moto says what is wrong with the document.
    for statement in statements if isinstance(statements, list) else [statements]:
        yield from _aws_principals(statement.get("Principal", {}))


def _aws_principals(principal: Any) -> list[str]:
    if not isinstance(principal, Mapping):
        return []
    named = principal.get("AWS", [])
    return [named] if isinstance(named, str) else list(named)


def _exists(arn: str) -> bool:
    found = _ENTITY.fullmatch(arn)
    if not found:
        return "*" not in arn or arn == "*"
    account, kind, path = found.groups()
    if (kind, path) == ("user", "moto"):
        return True
    backend = iam_backends[account]["aws"]
    rows = backend.get_roles() if kind == "role" else backend.users.values()
    return any(row.arn == arn for row in rows)
