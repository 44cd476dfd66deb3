"""The access role: who may assume it, and what it may see of the stack itself."""

from typing import Literal

from provisioner.component import Statement

Trust = Literal["account", "principal", "oidc", "access_key"]
TRUSTS: tuple[Trust, ...] = ("account", "principal", "oidc", "access_key")

TRUST_SIDS: dict[Trust, str] = {
    "account": "AccountTrust",
    "principal": "PrincipalTrust",
    "oidc": "OidcTrust",
    "access_key": "AccessKeyTrust",
}

# Named in trust policies and proofs; nothing else of a stack carries these keys.
TAG_STACK = "stackwright:stack"
TAG_COMPONENT = "stackwright:component"
TAG_ENROLMENT = "stackwright:enrolment"
RESERVED_TAG_PREFIX = "stackwright:"

STATEMENTS = (
    Statement(
        sid="AccessReadStack",
        actions=("cloudformation:DescribeStacks", "cloudformation:GetTemplate"),
        resources=("{aws.stack_id}",),
        words="may read this stack's own outputs and template, to prove where the role comes from",
    ),
    Statement(
        sid="AccessReadSelf",
        actions=("iam:GetRole",),
        resources=("{access.role_arn}",),
        words="may read the role itself, to prove which enrolment made it",
    ),
)


# Of the one user that a stack with an access key has.
USER_STATEMENT = Statement(
    sid="AccessUserAssume",
    role="user",
    actions=("sts:AssumeRole",),
    resources=("{access.role_arn}",),
    words="the key's user may assume the access role, and nothing else",
)


def trust_words(
    trust: str,
    *,
    external_id: bool = False,
    principal: str = "",
    account: str = "",
    issuer: str = "",
    subject: str = "",
) -> str:
    """Who may assume the access role, in words."""
    if trust == "oidc":
        who = subject or "the subject given as OidcSubject"
        return f"whoever {issuer or 'the OpenID Connect issuer'} vouches for as {who}, and nobody else"
    if trust == "access_key":
        return "whoever holds the access key that the stack puts into Secrets Manager, and nobody else"
    if trust == "principal":
        who = principal or "the one role or user given as TrustedPrincipal"
        return f"{who}, and nobody else" + (
            "; it must send the external id of this enrolment" if external_id else ""
        )
    if principal:
        return f"{principal}, and nobody else"
    whole = f"account {account}" if account else "the account that the stack is created in"
    return f"any principal of {whole} that has sts:AssumeRole on this role"
