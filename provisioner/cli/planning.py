"""What plan, link and deploy have in common: a wish to its plan, template, estimate and findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner import permissions, preflight, regions, synth
from provisioner import plan as plans
from provisioner.cli import price_books
from provisioner.cli.options import now, places
from provisioner.component import Severity
from provisioner.errors import CheckError, SpecError
from provisioner.permissions import Permission
from provisioner.plan import Plan
from provisioner.preflight import Ask, Finding, foreign
from provisioner.preflight.foreign import OwnerPolicy
from provisioner.spec import Spec
from provisioner.template import Template

if TYPE_CHECKING:
    from cost_estimates.model import Estimate
    from cost_estimates.template import Stack
    from provisioner.deploy_policy import DeployPolicy


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A plan with everything that can be said of it before anything is called."""

    plan: Plan
    template: Template
    cost: Mapping[str, Any]
    findings: list[Finding]
    owner_policies: Sequence[OwnerPolicy] = ()

    @property
    def permissions(self) -> list[Permission]:
        return permissions.read(self.template, parameters=self.plan.parameters)

    def as_dict(self) -> dict[str, Any]:
        """The `plan` answer of the JSON contract."""
        return {
            "spec": self.plan.spec.as_dict(),
            "template": {
                "sha256": self.template.sha256,
                "bytes": self.template.size,
                "shape": self.plan.shape.key,
            },
            "parameters": dict(self.plan.parameters),
            "resources": self.resources(),
            "permissions": [p.as_dict() for p in self.permissions],
            "deploy_policy": self._deploying(),
            "cost": self.cost,
            "findings": [f.as_dict() for f in self.findings],
            "link_blockers": preflight.link_blockers(self.findings),
            "owner_policies": [p.as_dict() for p in self.owner_policies],
        }

    def deploy_policy(self, account: str = "") -> "DeployPolicy":
        """What deploying the plan takes; an empty account is any account."""
        from provisioner import deploy_policy

        spec = self.plan.spec
        return deploy_policy.make(
            self.template,
            name=spec.name,
            region=spec.region,
            partition=regions.partition(spec.region).name,
            account=account,
            parameters=self.plan.parameters,
        )

    def _deploying(self) -> dict[str, Any]:
        """The deploy policy in short; `synth --policy` has it whole."""
        policy = self.deploy_policy()
        characters = [piece.characters for piece in policy.setup]
        return {"words": list(policy.capability), "pieces": len(characters), "characters": sum(characters)}

    def asked(self, ask: Ask, live: Mapping[str, Any]) -> "Draft":
        """The same with what AWS tells before a deployment; `live` is what its stack has already."""
        today = datetime.now(UTC).date()
        findings = preflight.check(self.plan, self.template, self.cost, today=today, ask=ask, live=live)
        owners = foreign.policies(self.plan, self.template, ask)
        return replace(self, findings=findings, owner_policies=owners)

    def resources(self) -> list[dict[str, str]]:
        built = [
            {
                "logical_id": logical_id,
                "type": str(resource["Type"]),
                "component": self.template.component_of(logical_id),
                "action": "build",
            }
            for logical_id, resource in self.template.resources.items()
        ]
        reused = [
            {
                "logical_id": w.reuse,
                "type": w.component.flavor,
                "component": w.component.type,
                "action": "reuse",
            }
            for w in self.plan.spec.components
            if w.reuse
        ]
        return built + reused

    def check(self, fail_on: Severity = "error") -> None:
        """Raises CheckError on a finding at or above the bar, and on whatever blocks a link."""
        bar = ("error", "warning", "info").index(fail_on)
        for finding in self.findings:
            above = ("error", "warning", "info").index(finding.severity) <= bar
            if above or preflight.blocks(finding):
                raise CheckError(
                    f"{finding.subject}: {finding.message}", hint=finding.fix, field=finding.subject
                )


def draft(spec: Spec, *, ask: Ask | None = None) -> Draft:
    """The plan with its findings; `ask` answers what only AWS can tell."""
    check_usage(spec.usage)
    plan = plans.make(spec)
    template = synth.template(plan, cache_dir=places().cache)
    cost = estimate(template.body, spec.region, usage=spec.usage, parameters=plan.parameters)
    findings = preflight.check(plan, template, cost, today=datetime.now(UTC).date(), ask=ask)
    owners = foreign.policies(plan, template, ask) if ask else []
    return Draft(plan=plan, template=template, cost=cost, findings=findings, owner_policies=owners)


def check_usage(usage: Mapping[str, Any]) -> None:
    """Raises SpecError for a profile or key that no meter knows, before anything is synthesized."""
    from cost_estimates import usage as usages
    from cost_estimates.model import CostError

    try:
        usages.parse(usage)
    except CostError as error:
        raise SpecError(error.message, hint=error.hint, field=error.field or "usage") from None


def estimate(
    template: "Mapping[str, Any] | Sequence[Stack]",
    region: str,
    *,
    usage: Any,
    parameters: Mapping[str, str],
) -> Mapping[str, Any]:
    """The `estimate` answer; raises SpecError for what the estimator does not understand."""
    return estimated(template, region, usage=usage, parameters=parameters).as_dict()


def estimated(
    template: "Mapping[str, Any] | Sequence[Stack]",
    region: str,
    *,
    usage: Any,
    parameters: Mapping[str, str],
) -> "Estimate":
    """The estimate as a value, from the newest price book there is; raises SpecError."""
    from cost_estimates.estimate import monthly
    from cost_estimates.model import CostError

    try:
        return monthly(
            template,
            region,
            usage=usage,
            parameters=parameters,
            today=now().date(),
            book=price_books.load(),
        )
    except CostError as error:
        raise SpecError(error.message, hint=error.hint, field=error.field) from None
