"""Which meters run for which CloudFormation resource type, and which types are free because."""

from __future__ import annotations

from collections.abc import Mapping

from cost_estimates.rules import (
    containers,
    delivery,
    kubernetes,
    machines,
    monitoring,
    network,
    sagemaker,
    security,
    serverless,
    stacks,
    storage,
    unpriced,
)
from cost_estimates.rules.free import FREE as FREE
from cost_estimates.rules.rule import Charge as Charge
from cost_estimates.rules.rule import Missing as Missing
from cost_estimates.rules.rule import Rule as Rule
from cost_estimates.rules.rule import Situation as Situation
from cost_estimates.rules.stacks import unknown_reason as unknown_reason

PRICED: Mapping[str, Rule] = {
    **containers.RULES,
    **delivery.RULES,
    **kubernetes.RULES,
    **machines.RULES,
    **monitoring.RULES,
    **network.RULES,
    **sagemaker.RULES,
    **security.RULES,
    **serverless.RULES,
    **storage.RULES,
}
RULES: Mapping[str, Rule] = {**PRICED, **unpriced.RULES, **stacks.RULES}
