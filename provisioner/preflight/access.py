"""Checks of who may use the stack, and of what whoever deploys it may do."""

from collections.abc import Callable, Iterator

from provisioner import arn, regions
from provisioner.access import trust_words
from provisioner.preflight.row import Case, Row, Seen
from provisioner.spec import subject_example


def _partition(key: str) -> Callable[[Case], Iterator[Seen]]:
    def look(case: Case) -> Iterator[Seen]:
        named, region = getattr(case.plan.spec.access, key), case.plan.spec.region
        if named and arn.parse(named).partition != regions.partition(region).name:
            yield Seen(
                subject=f"access.{key}",
                message=f"{named} is in partition {arn.parse(named).partition}",
                fix=f"a stack in {region} knows only what is in its own partition",
            )

    return look


def _trust(case: Case) -> Iterator[Seen]:
    access = case.plan.spec.access
    words = trust_words(
        access.trust,
        external_id=access.external_id,
        principal=access.principal,
        issuer=case.plan.shape.oidc_issuer,
        subject=access.oidc.subject if access.oidc else "",
    )
    anybody = access.trust == "account" and not access.principal
    yield Seen(
        subject="access.trust",
        message=f"The access role may be assumed by {words}",
        fix="name one with access.principal" if anybody else "",
    )


def _roles(case: Case) -> Iterator[Seen]:
    if not case.plan.spec.access.boundary:
        yield Seen(
            subject="access.boundary",
            message="Whoever deploys this can create roles: admin-equivalent without a permissions boundary",
        )


def _key(case: Case) -> Iterator[Seen]:
    if case.plan.spec.access.trust == "access_key":
        yield Seen(
            subject="access.trust",
            message="A key that never expires is made; it lies in Secrets Manager, readable by whoever may "
            "read secrets of the account",
        )


def _subject(case: Case) -> Iterator[Seen]:
    oidc = case.plan.spec.access.oidc
    if oidc and ("*" in oidc.subject or "?" in oidc.subject):
        yield Seen(
            subject="access.oidc.subject",
            message=f"{oidc.subject} trusts whatever it matches: every branch, run and request of others",
            fix=f"name one: {subject_example(oidc.host)}",
        )


def _provider(case: Case) -> Iterator[Seen]:
    if case.plan.shape.oidc_provider == "build":
        yield Seen(
            subject="access.oidc",
            message=f"The account's provider for {case.plan.shape.oidc_issuer} is made, and stays when the "
            "stack goes; an account has one per issuer",
        )


ROWS = (
    *(
        Row(
            id=f"{key}-partition",
            severity="error",
            why="IAM knows nothing of other partitions, and refuses the role",
            look=_partition(key),
        )
        for key in ("principal", "boundary")
    ),
    Row(
        id="trust",
        severity="info",
        why="who may use a stack is the first thing that a reviewer asks",
        look=_trust,
    ),
    Row(
        id="creates-roles",
        severity="info",
        why="whoever may create a role and pass it on can become it",
        look=_roles,
        fix="access.boundary caps every role of the stack",
    ),
    Row(
        id="access-key",
        severity="warning",
        why="keys that never expire are how accounts are lost",
        look=_key,
        fix="trust: principal or oidc need no key; only a new stack brings a new key",
    ),
    Row(
        id="oidc-wildcard",
        severity="warning",
        why="whoever may open a pull request could deploy",
        look=_subject,
    ),
    Row(
        id="oidc-provider",
        severity="info",
        why="a second provider for the same issuer is refused, and the stack rolls back",
        look=_provider,
        fix="if it is there already, set access.oidc.provider to its ARN",
    ),
)
