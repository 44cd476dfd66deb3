"""IAM where moto forgives or forgets: trust policies that name nobody, and AWS's own managed policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends
from moto.iam.responses import IamResponse

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse

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


# --- policies of AWS -------------------------------------------------------------------------------

AWS_POLICY = "arn:aws:iam::aws:policy/"


class StrictIamResponse(TaughtResponse, IamResponse):
    """One request to IAM; policies of AWS are there as soon as somebody names them."""

    def call_action(self) -> Any:
        """Run the action."""
        for values in self.querystring.values():
            for value in values:
                if isinstance(value, str) and value.startswith(AWS_POLICY):
                    load_aws_policy(iam_backends[self.current_account]["aws"], value)
        return super().call_action()


def load_aws_policy(backend: IAMBackend, arn: str) -> None:
    """Put one policy of AWS into an account; one that AWS does not have stays unknown."""
    found = _aws_policies().get(arn)
    if found is None or arn in backend.managed_policies:
        return
    name, facts = found
    policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, facts)
    backend.managed_policies[arn] = policy
    backend.aws_managed_policies.append(policy)


@cache
def _aws_policies() -> dict[str, tuple[str, dict[str, Any]]]:
    # moto would make objects of all 1,400 for every account: slow, and here few are ever named.
    rows: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return {f"arn:aws:iam::aws:policy{facts['Path']}{name}": (name, facts) for name, facts in rows.items()}
