"""Findings over a plan and its template, before anything is called."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from provisioner import arn, regions
from provisioner import template as templates
from provisioner.access import trust_words
from provisioner.component import Severity
from provisioner.plan import Plan
from provisioner.spec import PARAMETER_TAGS
from provisioner.template import Template


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`severity` error stops link and deploy; `fix` is the next step, or empty where none is needed."""

    id: str
    severity: Severity
    subject: str
    message: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def check(plan: Plan, template: Template, estimate: Mapping[str, Any]) -> list[Finding]:
    """Every finding, the gravest first; `estimate` is the plan's `cost` answer."""
    found = [
        *(Finding(**vars(flaw)) for flaw in templates.link_flaws(template)),
        *_region(plan, template),
        *_access(plan),
        *_reuse(plan),
        *_accounts(plan),
        *_data(plan),
        *_stamped_tags(plan),
        *_placeholders(plan),
        *_cost(estimate),
    ]
    return sorted(found, key=lambda f: ("error", "warning", "info").index(f.severity))


def link_blockers(findings: list[Finding]) -> list[str]:
    """Why no link can be made, in words; empty where one can."""
    return [f"{f.subject}: {f.message}" for f in findings if blocks(f)]


def blocks(finding: Finding) -> bool:
    """Whether no link is made and nothing deployed before it is mended; a plan can be had all the same."""
    return finding.severity == "error" or finding.id in _BLOCKERS


_BLOCKERS = frozenset({"value-needed"})


def _placeholders(plan: Plan) -> Iterator[Finding]:
    """Values that only the user can know."""
    for wish in plan.spec.components:
        for option in wish.component.options if not wish.reuse else ():
            given = wish.options[option.name]
            if option.placeholder and (not given or given in (option.placeholder, (option.placeholder,))):
                yield Finding(
                    id="value-needed",
                    severity="warning",
                    subject=f"components.{wish.component.type}.options.{option.name}",
                    message=f"{option.doc} Nobody but you can know it.",
                    fix=f"write it instead of {option.placeholder}; no link is made before",
                )


def _region(plan: Plan, template: Template) -> Iterator[Finding]:
    region = plan.spec.region
    missing = regions.missing_types(region)
    if missing is None:
        yield Finding(
            id="region-unknown",
            severity="warning",
            subject=region,
            message="no published list of resource types for this region: a type may be missing",
            fix="deploy once in a test account, or choose another region",
        )
    for type_ in sorted(template.types & (missing or frozenset())):
        yield Finding(
            id="type-missing",
            severity="error",
            subject=type_,
            message=f"CloudFormation has no such type in {region}",
            fix="choose another region or flavor",
        )


def _access(plan: Plan) -> Iterator[Finding]:
    access = plan.spec.access
    for key, named in (("principal", access.principal), ("boundary", access.boundary)):
        if named and arn.parse(named).partition != regions.partition(plan.spec.region).name:
            yield Finding(
                id=f"{key}-partition",
                severity="error",
                subject=f"access.{key}",
                message=f"{named} is in partition {arn.parse(named).partition}",
                fix=f"a stack in {plan.spec.region} knows only what is in its own partition",
            )
    yield Finding(
        id="trust",
        severity="info",
        subject="access.trust",
        message="The access role may be assumed by "
        + trust_words(
            access.trust,
            external_id=access.external_id,
            principal=access.principal,
            issuer=plan.shape.oidc_issuer,
            subject=access.oidc.subject if access.oidc else "",
        ),
        fix="name one with access.principal" if access.trust == "account" and not access.principal else "",
    )
    if access.trust == "access_key":
        yield Finding(
            id="access-key",
            severity="warning",
            subject="access.trust",
            message="A key that never expires is made; it lies in Secrets Manager, readable by whoever may "
            "read secrets of the account",
            fix="trust: principal or oidc need no key; else replace it every 90 days",
        )
    if not access.boundary:
        yield Finding(
            id="creates-roles",
            severity="info",
            subject="access.boundary",
            message="Whoever deploys this can create roles: admin-equivalent without a permissions boundary",
            fix="access.boundary caps every role of the stack",
        )


def _reuse(plan: Plan) -> Iterator[Finding]:
    built = {w.component.type for w in plan.spec.components if not w.reuse}
    for wish in plan.spec.components:
        if wish.reuse:
            path = f"components.{wish.component.type}.reuse"
            found = arn.parse(wish.reuse)
            if found.region not in ("", plan.spec.region):
                yield Finding(
                    id="reuse-region",
                    severity="error",
                    subject=path,
                    message=f"{wish.reuse} is in {found.region}, the stack in {plan.spec.region}",
                    fix=f"set region: {found.region}, or build a new one",
                )
            if found.partition != regions.partition(plan.spec.region).name:
                yield Finding(
                    id="reuse-partition",
                    severity="error",
                    subject=path,
                    message=f"{wish.reuse} is in partition {found.partition}",
                    fix=f"a stack in {plan.spec.region} can reuse only its own partition's resources",
                )
            if wish.component.type in ("orchestrator", "step_operator") and built:
                yield Finding(
                    id="reuse-role",
                    severity="warning",
                    subject=path,
                    message="a reused role is not changed: it may lack rights on what this stack builds",
                    fix="`stackwright scan` says what the role trusts; compare its policies with the plan's",
                )


def _accounts(plan: Plan) -> Iterator[Finding]:
    """A bucket's ARN tells no account; the others must agree, for no role is passed across accounts."""
    reused = [w.reuse for w in plan.spec.components if w.reuse]
    accounts = sorted({account for text in reused if (account := arn.parse(text).account)})
    if len(accounts) > 1:
        yield Finding(
            id="reuse-accounts",
            severity="error",
            subject="components",
            message=f"what is reused is in several accounts: {', '.join(accounts)}",
            fix="a stack holds resources of one account",
        )


_HOLDS_DATA = {"artifact_store": "bucket", "container_registry": "repository"}


def _data(plan: Plan) -> Iterator[Finding]:
    built = [_HOLDS_DATA[s.type] for s in plan.shape.slots if s.action == "build" and s.type in _HOLDS_DATA]
    what = ", ".join(built)
    if plan.spec.retention == "retain":
        message = f"Kept when the stack goes, until `destroy` empties it: {what}"
    else:
        message = f"Deleted with the stack; while something is in it, the deletion fails: {what}"
    if built:
        yield Finding(id="data-kept", severity="info", subject="data.retention", message=message)


def _stamped_tags(plan: Plan) -> Iterator[Finding]:
    """CloudFormation gives templates back with `?` for every letter that is not ASCII.

    The proof compares what it gives back with what was handed in. https://github.com/aws/aws-cdk/issues/10523
    """
    for key, value in plan.stamped_tags.items():
        if not f"{key}{value}".isascii():
            yield Finding(
                id="tag-not-ascii",
                severity="error",
                subject=f"tags.{key}",
                message="a tag of your own is written into the template, which must be ASCII to be proved",
                fix=f"use ASCII letters, or one of {', '.join(PARAMETER_TAGS)}: those are parameters",
            )


def _cost(estimate: Mapping[str, Any]) -> Iterator[Finding]:
    if estimate["unknown"]:
        yield Finding(
            id="cost-unknown",
            severity="warning",
            subject="cost",
            message=f"{estimate['unknown']} resources have no known price in {estimate['region']}",
            fix="the total is the sum of the rest",
        )
    if estimate["price_book"]["stale"]:
        yield Finding(
            id="prices-stale",
            severity="warning",
            subject="cost",
            message=f"The price book is of {estimate['price_book']['as_of']}, older than 180 days",
            fix="compare with the AWS price pages before you rely on an amount",
        )
