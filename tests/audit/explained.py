"""Where a finding is explained: at the construct that makes the resource, or by the statement's reason."""

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules

import stacks
from provisioner.components import find
from provisioner.plan import Plan
from provisioner.template import Template
from stacks import components
from tests.audit.scanners import Finding
from tests.audit.world import World
from tests.test_catalogue import STATEMENTS, is_wide_in_template

WILDCARD = "AwsSolutions-IAM5"


def construct(plan: Plan, template: Template, logical_id: str) -> str:
    """The module whose construct makes a resource."""
    user = template.resources[logical_id].get("Properties", {}).get("UserName")
    # What a user has carries no tag: it is where the user is.
    tag = template.component_of(user["Ref"] if user else logical_id)
    for slot in plan.shape.slots:
        component = find(slot.type, slot.flavor)
        if slot.type == tag and component:
            return f"stacks.components.{component.name}"
    return f"stacks.{tag}"


def accepted() -> dict[str, Mapping[str, str]]:
    """Module -> rule -> why it stays, of every construct that accepts something."""
    names = [f"stacks.{m.name}" for m in iter_modules(stacks.__path__) if not m.ispkg]
    names += [f"stacks.components.{m.name}" for m in iter_modules(components.__path__)]
    return {name: import_module(name).ACCEPTED for name in names if hasattr(import_module(name), "ACCEPTED")}


def rule_of(finding: Finding) -> str:
    """The rule without what it fired about: `AwsSolutions-IAM5[Resource::*]` is AwsSolutions-IAM5."""
    return finding.rule.partition("[")[0]


def by_statement(finding: Finding, worlds: Iterable[World]) -> bool:
    """A wildcard in a resource: a wide one has its written reason, any other stays in the stack."""
    about = re.search(r"\[Resource::(.*)\]$", finding.rule)
    if rule_of(finding) != WILDCARD or about is None:
        return False
    carrying = [
        statement
        for world in worlds
        for statement in world.statements(finding.logical_id)
        if about[1] in [_as_nag_writes(text) for text in statement.resources]
    ]
    wide = is_wide_in_template(re.sub(r"<([^>]*)>", r"${\1}", about[1]))
    return bool(carrying) and all(not wide or STATEMENTS[s.sid].reason for s in carrying)


def _as_nag_writes(text: str) -> str:
    return re.sub(r"\$\{([^}]*)\}", r"<\1>", text)
