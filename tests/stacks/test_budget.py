"""The budget of a stack, as CloudFormation sees it."""

from typing import Any

import pytest


@pytest.mark.parametrize(("notify", "kind"), [
    ("ml@example.com", "EMAIL"),
    ("arn:aws:sns:us-east-1:111122223333:bills", "SNS"),
])  # fmt: skip
def test_alerts_at_half_four_fifths_and_all_of_the_limit_and_by_forecast(
    make: Any, notify: str, kind: str
) -> None:
    template = make({"artifact_store": "s3"}, budget={"monthly_usd": 200, "notify": notify})
    properties = template.resources["Budget"]["Properties"]
    assert properties["Budget"] == {
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": {"Ref": "BudgetMonthlyUsd"}, "Unit": "USD"},
        "CostFilters": {
            "TagKeyValue": [{"Fn::Join": ["$", ["user:stackwright:stack", {"Ref": "AWS::StackName"}]]}]
        },
    }
    rows = properties["NotificationsWithSubscribers"]
    assert [(r["Notification"]["NotificationType"], r["Notification"]["Threshold"]) for r in rows] == [
        ("ACTUAL", 50),
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    ]
    subscriber = {"Address": {"Ref": "BudgetNotify"}, "SubscriptionType": kind}
    assert all(row["Subscribers"] == [subscriber] for row in rows)


def test_without_a_wish_there_is_no_budget_and_no_question_about_one(make: Any) -> None:
    template = make({"artifact_store": "s3"})
    assert "AWS::Budgets::Budget" not in template.types
    assert not {"BudgetMonthlyUsd", "BudgetNotify"} & set(template.parameters)
