"""How a ZenML server may get into a stack's account: the ways, when each one works, and the way out."""

from collections.abc import Mapping
from typing import get_args

from provisioner.errors import CheckError, SpecError
from provisioner.zenml.wanted import Login, Method

METHODS: tuple[Method, ...] = tuple(m for m in get_args(Method) if m)
TURN_ON = "set ZENML_ENABLE_IMPLICIT_AUTH_METHODS=true on the ZenML server"
GIVE_KEY = (
    "STACKWRIGHT_ZENML_AWS_ACCESS_KEY_ID and STACKWRIGHT_ZENML_AWS_SECRET_ACCESS_KEY hold a key that the "
    "server may keep"
)


def choose(
    *,
    connector: Mapping[str, str],
    implicit: bool,
    key_mark: str = "",
    wish: str = "",
    role_arn: str = "",
) -> Login:
    """The login of a stack whose connector this is; raises CheckError that names the ways out.

    `implicit` says whether the server lets connectors use its own identity; `key_mark` stands for a key, and
    is empty where there is none; `role_arn` is one that the user names for a stack without an access role.
    """
    role = connector.get("role_arn", "") or role_arn
    _check_role(connector)
    _check_wish(wish)
    method = wish or _best(role, implicit=implicit, key_mark=key_mark)
    _check_method(method, role, implicit=implicit, key_mark=key_mark)
    return Login(
        method=method,  # type: ignore[arg-type]  # checked against METHODS above
        role_arn=role if method in ("implicit", "iam-role") else "",
        key_mark=key_mark if method != "implicit" else "",
        data_key=connector.get("data_key", ""),
    )


def _check_role(connector: Mapping[str, str]) -> None:
    if connector.get("external_id"):
        raise CheckError(
            f"{connector['role_arn']} asks for an external id, and a ZenML server never sends one",
            hint="write `access: {external_id: false}` and `register: {to: zenml}` in stack.yaml, then "
            "`stackwright deploy`",
            field="access.external_id",
        )
    if connector.get("trust") == "oidc":
        raise CheckError(
            f"{connector['role_arn']} lets in only tokens of its issuer, which a ZenML server has not",
            hint="write `access: {trust: principal, principal: ARN of the server's role}` in stack.yaml",
            field="access.trust",
        )


def _check_wish(wish: str) -> None:
    if wish and wish not in METHODS:
        raise SpecError(
            f"{wish!r} is no way for a connector to log in",
            hint=f"allowed: {', '.join(METHODS)}",
            field="zenml-auth",
        )


def _best(role: str, *, implicit: bool, key_mark: str) -> Method:
    if role and key_mark:
        return "iam-role"
    if role and implicit:
        return "implicit"
    if key_mark:
        return "session-token"
    if not role:
        raise CheckError(
            "the stack has no access role, so the ZenML server has no way into its account",
            hint=f"--zenml-role names a role that it may assume, or {GIVE_KEY}, or "
            "--zenml-auth implicit lets every user of the server act with the server's own rights",
            field="zenml-auth",
        )
    raise CheckError(
        "the ZenML server may not use its own identity for connectors, and no key is given",
        hint=f"{TURN_ON} and let its role assume {role}; or {GIVE_KEY}",
        field="zenml-auth",
    )


def _check_method(method: str, role: str, *, implicit: bool, key_mark: str) -> None:
    if method == "implicit" and not implicit:
        raise CheckError(
            "the ZenML server may not use its own identity for connectors", hint=TURN_ON, field="zenml-auth"
        )
    if method != "implicit" and not key_mark:
        raise CheckError(f"connectors by {method} need an AWS access key", hint=GIVE_KEY, field="zenml-auth")
    if method == "iam-role" and not role:
        raise CheckError(
            "connectors by iam-role need a role", hint="--zenml-role names one", field="zenml-role"
        )
