"""Budgets as AWS refuses them, with the update and the tags that moto lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse

MOST_NOTIFICATIONS, MOST_EMAILS = 10, 10


class StrictBudgetsResponse(TaughtResponse, BudgetsResponse):
    """One request to Budgets."""

    error_protocol = "json"

    def create_budget(self) -> str:
        """CreateBudget."""
        given = json.loads(self.body)
        _check(given["Budget"])
        _check_notifications(given.get("NotificationsWithSubscribers", []))
        answer = super().create_budget()
        tags = {row["Key"]: row["Value"] for row in given.get("ResourceTags", [])}
        vars(self._find(given["Budget"]["BudgetName"]))["resource_tags"] = tags
        return str(answer)

    def update_budget(self) -> str:
        """UpdateBudget: the new budget in place of the old one."""
        wanted = json.loads(self.body)["NewBudget"]
        _check(wanted)
        before = self._find(wanted["BudgetName"])
        after = Budget(wanted, [])
        after.notifications = before.notifications
        vars(after)["resource_tags"] = vars(before).get("resource_tags", {})
        self.backend.budgets[self.current_account][wanted["BudgetName"]] = after
        return "{}"

    def list_tags_for_resource(self) -> str:
        """ListTagsForResource."""
        name = json.loads(self.body)["ResourceARN"].rsplit("/", 1)[-1]
        tags = vars(self._find(name)).get("resource_tags", {})
        return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]})

    def _find(self, name: str) -> Budget:
        found: Budget | None = self.backend.budgets[self.current_account].get(name)
        if found is None:
            raise AwsError("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
        return found


def _check(budget: Mapping[str, Any]) -> None:
    limit = budget.get("BudgetLimit")
    if limit is None and "PlannedBudgetLimits" not in budget and "AutoAdjustData" not in budget:
        raise AwsError(
            "InvalidParameterException", "A budget needs a BudgetLimit, PlannedBudgetLimits or AutoAdjustData"
        )
    try:
        too_small = limit is not None and Decimal(str(limit["Amount"])) <= 0
    except InvalidOperation:
        too_small = True
    if too_small:
        raise AwsError("InvalidParameterException", "The budget limit must be greater than zero")


def _check_notifications(rows: list[Mapping[str, Any]]) -> None:
    if len(rows) > MOST_NOTIFICATIONS:
        raise AwsError("CreationLimitExceededException", "A budget has at most 10 notifications")
    for row in rows:
        kinds = [subscriber["SubscriptionType"] for subscriber in row["Subscribers"]]
        if kinds.count("EMAIL") > MOST_EMAILS or kinds.count("SNS") > 1:
            words = "A notification has at most 10 email subscribers and one SNS topic"
            raise AwsError("InvalidParameterException", words)
