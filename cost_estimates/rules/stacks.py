"""Nested stacks, and types whose resources nobody sees before deployment."""

from __future__ import annotations

from collections.abc import Mapping

from cost_estimates.rules.rule import Charges, Missing, Rule, Situation
from cost_estimates.template import STACK, Resource, Stack

NOT_HANDED_IN = "a nested stack: estimate its own template"
AMAZON = "AWS::"
UNKNOWABLE = (
    ("Custom::", "a custom resource: what it makes is not in the template"),
    ("AWS::CloudFormation::CustomResource", "a custom resource: what it makes is not in the template"),
    ("AWS::CloudFormation::", "what it deploys is not in the template"),
    ("AWS::Serverless::Application", "a nested application: what it makes is not in the template"),
    ("AWS::Serverless::", "a macro writes its resources only on deployment"),
    ("Fn::", "written out only on deployment"),
)


def nested(stack: Resource, situation: Situation) -> Charges:
    """Free where its template was read: its resources stand in the estimate themselves."""
    found = stack.template.nested.get(stack.logical_id, NOT_HANDED_IN)
    return () if isinstance(found, Stack) else (Missing(reason=found),)


def unknown_reason(type_name: str) -> str:
    """Why a type has no rule."""
    reasons = (reason for prefix, reason in UNKNOWABLE if type_name.startswith(prefix))
    if "::" in type_name and not type_name.startswith(AMAZON):
        return next(reasons, f"{type_name} is not a type of AWS's own")
    return next(reasons, f"no price rule for {type_name or 'a resource without Type'} yet")


RULES: Mapping[str, Rule] = {
    STACK: Rule(
        words="a template within the template",
        charges=nested,
        otherwise="CloudFormation is free; the resources of the nested template follow under its name",
    ),
}
