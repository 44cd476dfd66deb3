"""A budget over what carries the stack's tag, with alerts before and at its limit."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from provisioner.access import TAG_STACK
from provisioner.plan import Shape
from stacks.documents import token

# (spent or forecast, percent of the limit)
_ALERTS = (("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
_KINDS = {"email": "EMAIL", "sns": "SNS"}


class StackBudget(Construct):
    """It counts nothing until the account that pays activates the tag for cost allocation."""

    def __init__(self, scope: Construct, id_: str, *, shape: Shape) -> None:
        super().__init__(scope, id_)
        subscriber = budgets.CfnBudget.SubscriberProperty(
            address=token("${BudgetNotify}"), subscription_type=_KINDS[shape.budget]
        )
        self.budget = budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                # `user:KEY$VALUE`: the dollar separates, so Fn::Sub would have to escape it.
                cost_filters={
                    "TagKeyValue": [{"Fn::Join": ["$", [f"user:{TAG_STACK}", {"Ref": "AWS::StackName"}]]}]
                },
            ),
            notifications_with_subscribers=[_alert(kind, percent, subscriber) for kind, percent in _ALERTS],
        )
        self.budget.add_property_override(
            "Budget.BudgetLimit", {"Amount": {"Ref": "BudgetMonthlyUsd"}, "Unit": "USD"}
        )
        self.budget.override_logical_id("Budget")


def _alert(
    kind: str, percent: int, subscriber: budgets.CfnBudget.SubscriberProperty
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    notification = budgets.CfnBudget.NotificationProperty(
        comparison_operator="GREATER_THAN",
        notification_type=kind,
        threshold=percent,
        threshold_type="PERCENTAGE",
    )
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=notification, subscribers=[subscriber]
    )
