"""What watches: logs, metrics, alarms, dashboards, trails, budgets."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cost_estimates.model import HOURS_PER_MONTH
from cost_estimates.rules.rule import Charge, Charges, Meter, Rule, Situation, fixed, no_price
from cost_estimates.template import Resource

LOGS_INGESTED = Meter("CloudWatchLogs", "ingest-custom-gb")
LOGS_INGESTED_RARELY_READ = Meter("CloudWatchLogs", "ingest-custom-ia-gb")
LOGS_STORED = Meter("CloudWatchLogs", "storage-gb-month")
ALARM = Meter("CloudWatch", "alarm-standard-month")
CUSTOM_METRIC = Meter("CloudWatch", "custom-metric-month-tier1")
DASHBOARD = Meter("CloudWatch", "dashboard-month")
BUDGET_DAY = Meter("Budgets", "action-enabled-budget-day")

DAYS_PER_MONTH = HOURS_PER_MONTH / 24
SHORTEST_STANDARD_PERIOD = 60
METRICS_OF_ANOMALY_DETECTION = 3  # the metric and both edges of its band
BUDGET_WORDS = "a budget with actions is charged by the day; the account's two free ones are left to others"


def log_group(group: Resource, situation: Situation) -> Charges:
    rarely_read = group.read_text("LogGroupClass", "STANDARD") == "INFREQUENT_ACCESS"
    ingested = LOGS_INGESTED_RARELY_READ if rarely_read else LOGS_INGESTED
    return (
        Charge(meter=ingested, per="logs_ingested_gb"),
        Charge(meter=LOGS_STORED, per="logs_stored_gb"),
    )


def metric_filter(filter_: Resource, situation: Situation) -> Charges:
    metrics = filter_.count("MetricTransformations") or 1
    return (Charge(meter=CUSTOM_METRIC, quantity=Decimal(metrics)),)


def alarm(alarm: Resource, situation: Situation) -> Charges:
    """Charged by the metrics that it looks at; expressions over them are free."""
    queries = [query for query in alarm.parts("Metrics") if query.has("MetricStat")]
    metrics = len(queries) or 1
    if alarm.has("ThresholdMetricId"):
        metrics *= METRICS_OF_ANOMALY_DETECTION
    periods = [query.read_number("MetricStat.Period", SHORTEST_STANDARD_PERIOD) for query in queries]
    if min([alarm.read_number("Period", SHORTEST_STANDARD_PERIOD), *periods]) < SHORTEST_STANDARD_PERIOD:
        return (no_price("high-resolution alarms"),)
    return (Charge(meter=ALARM, quantity=Decimal(metrics)),)


def trail(trail: Resource, situation: Situation) -> Charges:
    """The first copy of management events is free; everything else is charged by the event."""
    plain = trail.parts("EventSelectors")
    if trail.has("AdvancedEventSelectors") or any(selector.has("DataResources") for selector in plain):
        yield no_price("CloudTrail data events", used=True)
    if trail.count("InsightSelectors"):
        yield no_price("CloudTrail Insights events", used=True)


RULES: Mapping[str, Rule] = {
    "AWS::Logs::LogGroup": Rule(words="charged for logs taken in and kept", charges=log_group),
    "AWS::Logs::MetricFilter": Rule(
        words="each metric it makes is a custom metric, charged while lines match", charges=metric_filter
    ),
    "AWS::CloudWatch::Alarm": Rule(words="charged by the metrics it looks at", charges=alarm),
    "AWS::CloudWatch::Dashboard": Rule(
        words="a month of the dashboard; the account's three free ones are left to others",
        charges=fixed(Charge(meter=DASHBOARD)),
    ),
    "AWS::CloudTrail::Trail": Rule(
        words="charged by the event",
        charges=trail,
        otherwise="the first copy of management events is free; its bucket is charged there",
    ),
    "AWS::Budgets::BudgetsAction": Rule(
        words=BUDGET_WORDS, charges=fixed(Charge(meter=BUDGET_DAY, quantity=DAYS_PER_MONTH))
    ),
}
