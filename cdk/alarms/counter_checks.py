"""Health checks of the exact counters and budgets, where governance is on."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.alarms.health_check import (
    FIVE_MINUTES,
    HealthCheck,
    MetricBuilder,
    build_health_metric,
)
from lambdas.domain.metrics.catalog import BUDGET_DRIFT, UNBUILT_BUDGETS

USAGE_COUNTER = "UsageCounter"
"""The name of the function that counts, in alarms."""
COUNTER_AGE = "CounterAge"
_MAX_DELAY = Duration.minutes(15)
_LAMBDA = "AWS/Lambda"
_FAILS = (
    "fails repeatedly, so exact counters stand still. Lambda tries again for 23 hours. First read"
    " the last error in its log group."
)
_IS_THROTTLED = (
    "is throttled, so exact counters stand still. First check its reserved concurrency, which the"
    " meter does not set, then the account's concurrency limit."
)


def counter_checks(function_name: str) -> Iterator[HealthCheck]:
    """Health checks of the function that counts, and of the sums of budgets.

    Args:
        function_name: Its fixed name: a reference would be an export, which could not be removed
            together with the function.
    """
    for metric, meaning in (("Errors", _FAILS), ("Throttles", _IS_THROTTLED)):
        yield HealthCheck(
            f"{USAGE_COUNTER}{metric}",
            _build_metric(function_name, metric, "Sum"),
            "function-errors",
            f"{USAGE_COUNTER} {meaning}",
            periods=(2, 3),
            runbook="FunctionErrors",
        )
    yield HealthCheck(
        COUNTER_AGE,
        _build_metric(function_name, "IteratorAge", "Maximum"),
        "delays",
        f"{USAGE_COUNTER} counts calls more than {_MAX_DELAY.to_minutes():.0f} minutes late."
        " Nothing is lost for 23 hours. First check whether the function fails or is throttled.",
        threshold=_MAX_DELAY.to_milliseconds(),
        runbook="CountingDelays",
    )
    yield HealthCheck(
        BUDGET_DRIFT.name,
        lambda _: build_health_metric(BUDGET_DRIFT.name, FIVE_MINUTES),
        "checks",
        "Sums of a budget differ from exact counters, or a budget cannot be read, so its alerts may"
        " be wrong or missing. First query the log of BudgetBuilder: it names the budget.",
    )
    yield HealthCheck(
        UNBUILT_BUDGETS.name,
        lambda _: build_health_metric(UNBUILT_BUDGETS.name, FIVE_MINUTES),
        "checks",
        "Budgets have been building for more than 30 minutes, so they send no alerts. First query"
        " the log of BudgetBuilder: it names the budgets and why they wait.",
    )


def _build_metric(function_name: str, metric: str, statistic: str) -> MetricBuilder:
    return lambda _: cloudwatch.Metric(
        namespace=_LAMBDA,
        metric_name=metric,
        dimensions_map={"FunctionName": function_name},
        statistic=statistic,
        period=FIVE_MINUTES,
    )
