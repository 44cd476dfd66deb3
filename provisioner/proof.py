"""Proofs: is this the stack that the link promised, and is its role bound as promised?"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from provisioner import access, arn, guards
from provisioner.enrolments import PROVED, Enrolment
from provisioner.errors import CheckError, RefusedError
from provisioner.plan import Shape
from provisioner.template import Template

if TYPE_CHECKING:
    from provisioner.aws.cloudformation import Stacks, StackState
    from provisioner.aws.roles import Roles
    from provisioner.registry import RegisteredStack, Registry

Answer = TypeVar("Answer")
_DENIED = ("AccessDenied", "AccessDeniedException", "403")
# Clocks differ; a stack may look a little older than its link.
_SKEW = timedelta(minutes=5)
# Values that decide who may use the stack and what caps it: the console user may not change them.
_TRUST = (*guards.PARAMETERS, "EnrolmentId")


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What finishing with credentials reads: the caller, its stacks and roles, and those of a session."""

    caller_account: str
    caller_arn: str
    stacks: "Stacks"
    roles: "Roles"
    as_session: Callable[[Mapping[str, str]], tuple[str, "Stacks", "Roles"]]
    # Called between two tries to assume a role that may be too new to be known everywhere.
    pauses: Sequence[Callable[[], None]] = ()


def check_place(known: "RegisteredStack", *, account: str, region: str) -> None:
    """Elsewhere a living stack looks deleted: raises CheckError before anybody draws that conclusion."""
    if (known.account, known.region) == (account, region):
        return
    steps = [
        f"use credentials of account {known.account}" if known.account != account else "",
        f"leave --region out, or say --region {known.region}" if known.region != region else "",
    ]
    raise CheckError(
        f"{known.name} is in account {known.account}, region {known.region}; "
        f"this would look in account {account}, region {region}",
        hint="; ".join(step for step in steps if step),
        field="region" if known.account == account else "profile",
    )


class ExpiredError(CheckError):
    """Too late, but not suspicious."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="make a new link, or `stackwright deploy` to take the stack over")


def check_enrolment(enrolment: Enrolment, state: "StackState", template: Template, now: datetime) -> None:
    if enrolment.status == "failed":
        raise CheckError("this enrolment failed its proof and cannot be used again", hint="make a new link")
    if enrolment.stack_id and enrolment.stack_id != state.id:
        raise _unproved("the enrolment was used by another stack")
    # An open enrolment bound to a stack was taken over by `deploy`: there is no link to be late for.
    taken_over = enrolment.status == "open" and enrolment.stack_id
    if enrolment.status not in PROVED and not taken_over:
        _check_times(enrolment, state.created_at, now)
    check_expected_account(enrolment, state.account)
    if state.region != enrolment.region:
        raise _unproved(f"the stack is in {state.region}, the link was for {enrolment.region}")
    # `cdk deploy` writes the same template with other defaults; it opens no enrolment.
    if template.sha256 != enrolment.template_sha256:
        raise _unproved("the stack was made from another template than the link named")
    for key in _TRUST:
        if not guards.is_same(key, state.parameters.get(key, ""), enrolment.parameters.get(key, "")):
            raise _unproved(f"somebody changed {key} on the way to the console")


def _check_times(enrolment: Enrolment, created_at: datetime, now: datetime) -> None:
    if not enrolment.opened_at - _SKEW <= created_at <= enrolment.start_by + _SKEW:
        raise ExpiredError("the stack was not created within 60 minutes of its link")
    if now > enrolment.finish_by:
        raise ExpiredError("more than 24 hours have passed since the link was made")


def check_expected_account(enrolment: Enrolment, account: str) -> None:
    if enrolment.expected_account and account != enrolment.expected_account:
        raise _unproved(f"the stack is in account {account}, expected {enrolment.expected_account}")


def check_open(enrolment: Enrolment, stack_id: str, registry: "Registry", now: datetime) -> None:
    if enrolment.status in (*PROVED, "failed", "deleted", "expired"):
        raise CheckError(
            f"this enrolment is {enrolment.status}: an address works once",
            hint="`stackwright stack list` shows what is registered; make a new link for a new stack",
            field="enrolment",
        )
    if enrolment.stack_id and enrolment.stack_id != stack_id:
        raise CheckError("the enrolment was used by another stack", hint="make a new link", field="stack")
    if now > enrolment.finish_by:
        registry.update_enrolment(replace(enrolment, status="expired"))
        raise ExpiredError("more than 24 hours have passed since the link was made")


def check_claims(
    claimed: "RegisteredStack | None",
    state: "StackState",
    role_arn: str,
    outputs: Mapping[str, Mapping[str, str]],
    registry: "Registry",
) -> None:
    """What an address claimed earlier must be what AWS says now."""
    if claimed is None or claimed.status != "unverified":
        return
    held = {t: dict(c.outputs) for t, c in registry.components_of(claimed).items()}
    real = {t: dict(values) for t, values in outputs.items()}
    if held != real or claimed.connector.get("role_arn") != role_arn or claimed.stack_id != state.id:
        raise _unproved("the finish address named other values than the stack's real outputs")


def check_role(role_arn: str, shape: Shape, state: "StackState", roles: "Roles") -> None:
    """The role as it is now, not as the template made it."""
    facts = roles.read(role_arn)
    if facts.tags.get(access.TAG_ENROLMENT, "") != state.enrolment_id:
        raise _unproved("the access role carries another enrolment than the stack")
    statements = facts.trust.get("Statement", [])
    partition = arn.parse(role_arn).partition
    wanted = [_TRUSTS[shape.trust](shape, state, partition)]
    found = [_statement(s, partition) for s in statements]
    if json.dumps(found, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        raise _unproved("the access role trusts somebody else than the link said")


def _trust_of_account(shape: Shape, state: "StackState", partition: str) -> dict[str, Any]:
    principal = state.parameters.get("TrustedPrincipal", "")
    return _assumed_by(state.account, partition, _bound_to(principal) if principal else {})


def _trust_of_principal(shape: Shape, state: "StackState", partition: str) -> dict[str, Any]:
    principal = state.parameters.get("TrustedPrincipal", "")
    condition = _bound_to(principal)
    if shape.external_id:
        condition["StringEquals"] = {"sts:ExternalId": state.parameters.get("ExternalId", "")}
    return _assumed_by(arn.parse(principal).account, partition, condition)


def _trust_of_key(shape: Shape, state: "StackState", partition: str) -> dict[str, Any]:
    return _assumed_by(state.account, partition, _bound_to(state.outputs.get("AccessUserArn", "")))


def _trust_of_oidc(shape: Shape, state: "StackState", partition: str) -> dict[str, Any]:
    built = f"arn:{partition}:iam::{state.account}:oidc-provider/{shape.oidc_issuer}"
    reused = state.parameters.get("OidcProviderArn", "")
    audience, subject = (state.parameters.get(key, "") for key in ("OidcAudience", "OidcSubject"))
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": reused if shape.oidc_provider == "reuse" else built},
        "Condition": {
            "StringEquals": {f"{shape.oidc_issuer}:aud": audience},
            "StringLike": {f"{shape.oidc_issuer}:sub": subject},
        },
    }


_TRUSTS = {
    "account": _trust_of_account,
    "principal": _trust_of_principal,
    "oidc": _trust_of_oidc,
    "access_key": _trust_of_key,
}


def _bound_to(principal: str) -> dict[str, Any]:
    return {"ArnEquals": {"aws:PrincipalArn": principal}}


def _assumed_by(account: str, partition: str, condition: Mapping[str, Any]) -> dict[str, Any]:
    root = f"arn:{partition}:iam::{account}:root"
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": root},
        "Condition": dict(condition),
    }


def _statement(raw: Mapping[str, Any], partition: str) -> dict[str, Any]:
    """A statement without its label, in the one form in which it can be compared."""
    action = raw.get("Action")
    return {
        **{key: value for key, value in raw.items() if key != "Sid"},
        "Action": action[0] if isinstance(action, list) and len(action) == 1 else action,
        "Principal": _root(raw.get("Principal"), partition),
        "Condition": raw.get("Condition", {}),
    }


def _root(principal: Any, partition: str) -> Any:
    """IAM may answer an account's root as its bare number."""
    if isinstance(principal, Mapping) and str(principal.get("AWS", "")).isdigit():
        return {"AWS": f"arn:{partition}:iam::{principal['AWS']}:root"}
    return principal


def is_trusted(caller_arn: str, state: "StackState") -> bool:
    """Whether the caller is the one principal that the stack's role trusts.

    Role names are unique in an account, and a session's ARN does not show its role's path.
    """
    trusted = state.parameters.get("TrustedPrincipal", "")
    return bool(trusted) and _who(caller_arn) == _who(trusted)


def _who(text: str) -> tuple[str, str, str]:
    """Account, kind and name of a role, of its session or of a user."""
    principal = arn.parse(text)
    kind, _, name = principal.resource.partition("/")
    if kind == "assumed-role":
        return principal.account, "role", name.partition("/")[0]
    return principal.account, kind, name.rpartition("/")[2]


def prove_external_id(role_arn: str, state: "StackState", doors: Doors, random_id: Callable[[], str]) -> None:
    """The role must refuse us without and with a wrong external id, then accept the right one.

    A role that lets us in regardless would let in any other customer of whoever calls it, too.
    """
    session = f"stackwright-proof-{random_id()[:8]}"
    wrong = random_id()
    _check_refuses(role_arn, doors, session, wrong)
    credentials = assume(role_arn, doors, session, state.parameters.get("ExternalId", ""))
    if credentials is None:
        raise _unproved("the role refuses the external id of this enrolment")
    # A new role refuses everybody for some seconds: only now its refusals mean something.
    _check_refuses(role_arn, doors, session, wrong)
    account, stacks, roles = doors.as_session(credentials)
    # The role's own policies may come into force later than its trust.
    seen = patiently(lambda: stacks.describe(state.id), doors.pauses)
    if account != state.account or seen is None or seen.outputs != state.outputs:
        raise _unproved("the role's own session sees another account or stack")
    facts = patiently(lambda: roles.read(role_arn), doors.pauses)
    if facts.tags.get(access.TAG_ENROLMENT, "") != state.enrolment_id:
        raise _unproved("the role carries another enrolment")


def patiently(read: Callable[[], Answer], pauses: Sequence[Callable[[], None]]) -> Answer:
    """What is read once it is no longer denied; raises RefusedError where it is even after the pauses."""
    for pause in pauses:
        try:
            return read()
        except RefusedError as error:
            if error.code not in _DENIED:
                raise
        pause()
    return read()


def assume(role_arn: str, doors: Doors, session: str, external_id: str) -> Mapping[str, str] | None:
    """Credentials, or None where the role still refuses after the last pause."""
    for pause in (*doors.pauses, None):
        credentials = doors.roles.assume(role_arn, session_name=session, external_id=external_id)
        if credentials is not None or pause is None:
            return credentials
        pause()
    return None


def _check_refuses(role_arn: str, doors: Doors, session: str, wrong: str) -> None:
    if doors.roles.assume(role_arn, session_name=session) is not None:
        raise _unproved("the role lets us in without an external id")
    if doors.roles.assume(role_arn, session_name=session, external_id=wrong) is not None:
        raise _unproved("the role lets us in with any external id")


def _unproved(why: str) -> CheckError:
    return CheckError(
        f"the proof failed: {why}",
        hint="nothing was registered: look at the stack in the console, delete it if it is not yours, "
        "and make a new link",
    )
