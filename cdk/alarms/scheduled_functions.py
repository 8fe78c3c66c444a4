"""Health checks of a scheduled function: errors, missed starts and runs that take too long."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from cdk.alarms.health_check import DAY, HealthCheck, Silence

_MIN_PERIOD = Duration.minutes(15)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_MAX_RANGE = Duration.days(7)
MAX_WARM_UP = Duration.minutes(2880)
"""Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_WarmUpConfiguration.html"""
MAX_DELAY_OF_A_START = Duration.minutes(15)
"""The time, from the creation of an alarm, for the schedule to start and a run to report."""
_ERRORS_GRAPH = "function-errors"
STARTS_GRAPH = "function-calls"
"""The id of the graph that shows missed starts, on the dashboard `pipeline_health`."""
MAX_TIMEOUT = Duration.minutes(15)
"""The longest run that Lambda allows.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_SLOW_PERCENT = 70  # of the timeout, so that there is time to act
SLOW_RUN_MILLISECONDS = MAX_TIMEOUT.to_milliseconds() * _SLOW_PERCENT / 100
"""The duration from which an alarm notifies of a run that takes longer as usage grows."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A function that a schedule starts.

    Attributes:
        name: Its name in alarms.
        function: The function.
        every: The interval of its schedule. CloudWatch looks back seven days at most, and an alarm
            waits two days at most for a first start. A function that runs less often than daily
            therefore has an alarm on errors only.
        purpose: The work that stops when it does not run; completes the sentence "it no longer".
        fixed_name: The function's name, where another stack has it. A reference to a generated
            name would be an export, which could not be removed together with the function.
        is_growing: True if runs take longer as usage grows. The function has the longest timeout,
            and an alarm that notifies before runs reach it.
    """

    name: str
    function: lambda_.IFunction
    every: Duration
    purpose: str
    fixed_name: str | None = None
    is_growing: bool = False

    def name_function(self, metric: cloudwatch.Metric) -> cloudwatch.Metric:
        """Name the function in one of its metrics by its fixed name, if it has one."""
        if self.fixed_name is None:
            return metric
        return metric.with_(dimensions_map={"FunctionName": self.fixed_name})


def list_function_checks(scheduled: Scheduled) -> Iterator[HealthCheck]:
    """Health checks of a function that a schedule starts: it fails, is slow or is not started."""
    name, every = scheduled.name, scheduled.every.to_minutes()
    is_daily = every >= DAY.to_minutes()
    shortest = _MIN_PERIOD.to_minutes()
    yield HealthCheck(
        f"{name}Errors",
        lambda _: scheduled.name_function(
            scheduled.function.metric_errors(
                period=DAY if is_daily else Duration.minutes(max(every, shortest))
            )
        ),
        _ERRORS_GRAPH,
        f"{name} fails, so it no longer {scheduled.purpose}. First read the last error in its log"
        " group.",
        periods=(1, 1) if is_daily else (2, 2),
        runbook="FunctionErrors",
    )
    if scheduled.is_growing:
        yield _make_slow_check(scheduled)
    # Starts come some seconds early or late, so a single period without one is no proof.
    periods = max(2, math.ceil(shortest / every))
    first_start = every + MAX_DELAY_OF_A_START.to_minutes()
    if periods * every > _MAX_RANGE.to_minutes() or first_start > MAX_WARM_UP.to_minutes():
        return
    yield HealthCheck(
        f"{name}NotStarted",
        lambda _: scheduled.name_function(
            scheduled.function.metric_invocations(period=scheduled.every)
        ),
        STARTS_GRAPH,
        f"{name} missed its last {periods} starts, so it no longer {scheduled.purpose}. First"
        " check that its EventBridge rule exists, is enabled and targets the function.",
        periods=(periods, periods),
        is_below=True,
        silence=Silence.FAULT,
        runbook="FunctionNotStarted",
    )


def _make_slow_check(scheduled: Scheduled) -> HealthCheck:
    """Make the health check of runs that come close to the longest timeout."""
    return HealthCheck(
        f"{scheduled.name}Slow",
        lambda _: scheduled.name_function(
            scheduled.function.metric_duration(statistic="Maximum", period=DAY)
        ),
        None,
        f"A run of {scheduled.name} takes {_SLOW_PERCENT} percent or more of Lambda's limit of"
        f" {MAX_TIMEOUT.to_minutes():.0f} minutes, because the ledger has grown. Lower"
        " ledger_retention_days before its runs fail.",
        threshold=SLOW_RUN_MILLISECONDS,
        runbook="SlowReports",
    )
