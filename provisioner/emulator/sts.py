"""STS that asks the trust policy before it lets anybody be a role."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import Role, iam_backends
from moto.sts.responses import TokenResponse

from provisioner.emulator.identity import caller_of
from provisioner.emulator.refusal import AwsError, invalid
from provisioner.emulator.responses import TaughtResponse
from provisioner.emulator.trust import Caller, is_trusted

ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/.+")
CHAINED_SECONDS = 3600


class StrictTokenResponse(TaughtResponse, TokenResponse):
    """One request to STS."""

    def assume_role(self) -> ActionResult:
        """AssumeRole: the role must exist and trust the caller."""
        _check_text("roleSessionName", self._get_param("RoleSessionName"), 2, 64, r"[\w+=,.@-]*")
        _check_text("externalId", self._get_param("ExternalId"), 2, 1224, r"[\w+=,.@:/-]*")
        caller = caller_of(self.access_key, self.current_account)
        self._check_duration(self._trusting_role("sts:AssumeRole", caller, self._context(caller)), caller)
        return super().assume_role()

    def assume_role_with_web_identity(self) -> ActionResult:
        """AssumeRoleWithWebIdentity: issuer, subject and audience count, the signature is not checked."""
        claims = _claims(self._get_param("WebIdentityToken"))
        issuer = str(claims.get("iss", "")).removeprefix("https://")
        account = self._role_account()
        caller = Caller(
            account=account, principal="", federated=f"arn:aws:iam::{account}:oidc-provider/{issuer}"
        )
        if caller.federated not in iam_backends[account]["aws"].open_id_providers:
            raise AwsError(
                "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}"
            )
        context = {f"{issuer}:{key}": str(claims[key]) for key in ("sub", "aud") if key in claims}
        self._check_duration(self._trusting_role("sts:AssumeRoleWithWebIdentity", caller, context), caller)
        return super().assume_role_with_web_identity()

    def get_caller_identity(self) -> ActionResult:
        """GetCallerIdentity."""
        caller = caller_of(self.access_key, self.current_account)
        user_id, _, _ = self.backend.get_caller_identity(self.access_key, self.region)
        return ActionResult({"UserId": user_id, "Account": caller.account, "Arn": caller.session})

    def _role_account(self) -> str:
        arn = str(self._get_param("RoleArn"))
        found = ROLE_ARN.fullmatch(arn)
        if not found:
            raise invalid(f"{arn} is invalid")
        return found[1]

    def _context(self, caller: Caller) -> dict[str, str]:
        given = {
            "sts:ExternalId": self._get_param("ExternalId"),
            "sts:RoleSessionName": self._get_param("RoleSessionName"),
            "aws:PrincipalArn": caller.principal,
            "aws:PrincipalAccount": caller.account,
        }
        return {key: value for key, value in given.items() if value is not None}

    def _trusting_role(self, action: str, caller: Caller, context: Mapping[str, str]) -> Role:
        arn = str(self._get_param("RoleArn"))
        roles = iam_backends[self._role_account()]["aws"].get_roles()
        role = next((row for row in roles if row.arn == arn), None)
        # AWS does not say whether the role is missing or does not trust the caller.
        if role is None or not is_trusted(_policy(role), caller, action, context):
            raise _denied(action, caller, arn)
        return role

    def _check_duration(self, role: Role, caller: Caller) -> None:
        wanted = int(self._get_param("DurationSeconds") or CHAINED_SECONDS)
        if wanted < 900:
            raise invalid(
                f"1 validation error detected: Value '{wanted}' at 'durationSeconds' failed to satisfy "
                "constraint: Member must have value greater than or equal to 900"
            )
        if ":assumed-role/" in caller.session and wanted > CHAINED_SECONDS:
            raise invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
                "chaining."
            )
        if wanted > int(role.max_session_duration or CHAINED_SECONDS):
            raise invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def _policy(role: Role) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(role.assume_role_policy_document)
    return policy


def _denied(action: str, caller: Caller, role_arn: str) -> AwsError:
    if caller.federated:
        return AwsError("AccessDenied", f"Not authorized to perform {action}", 403)
    return AwsError(
        "AccessDenied",
        f"User: {caller.session} is not authorized to perform: {action} on resource: {role_arn}",
        403,
    )


def _check_text(name: str, value: str | None, shortest: int, longest: int, pattern: str) -> None:
    if value is None:
        return
    words = ""
    if len(value) < shortest:
        words = f"have length greater than or equal to {shortest}"
    elif len(value) > longest:
        words = f"have length less than or equal to {longest}"
    elif not re.fullmatch(pattern, value):
        words = f"satisfy regular expression pattern: {pattern}"
    if words:
        raise invalid(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member "
            f"must {words}"
        )


def _claims(token: str) -> dict[str, Any]:
    try:
        payload = token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        raise AwsError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.") from None
    return claims
