"""Health alarms: missing calls, delays and failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.alarms.health_check import HealthCheck, Silence, Watched
from cdk.alarms.health_checks import checks
from cdk.alarms.scheduled_functions import (
    MAX_DELAY_OF_A_START,
    MAX_WARM_UP,
    Scheduled,
    list_function_checks,
)
from lambdas.domain.alarms.names import HEALTH_ALARM_PREFIX

_MIN_WARM_UP = Duration.minutes(30)


class HealthAlarms(Construct):
    """One alarm for each check.

    Attributes:
        alarms: All of them, by name.
        without_recovery: The names of those that end after a fixed time, without a notification.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Watched,
        scheduled: Sequence[Scheduled],
        optional: Iterable[HealthCheck] = (),
        dashboard_url: str,
    ) -> None:
        """Make the alarms.

        Args:
            scope: The stack.
            construct_id: Their name there.
            watched: The resources with metrics of their own.
            scheduled: The functions that a schedule starts.
            optional: Health checks of optional parts of a deployment.
            dashboard_url: The address of the dashboard with the details.
        """
        super().__init__(scope, construct_id)
        all_checks = list(chain(checks(), optional, *map(list_function_checks, scheduled)))
        self.alarms = {
            check.name: self._alarm(check, watched, dashboard_url) for check in all_checks
        }
        self.without_recovery = frozenset(
            f"{HEALTH_ALARM_PREFIX}{check.name}"
            for check in all_checks
            if not check.is_recovery_notified
        )

    def _alarm(self, check: HealthCheck, watched: Watched, dashboard_url: str) -> cloudwatch.Alarm:
        breaching, evaluated = check.periods
        metric = check.build_metric(watched)
        alarm = cloudwatch.Alarm(
            self,
            check.name,
            alarm_name=f"{HEALTH_ALARM_PREFIX}{check.name}",
            alarm_description=f"{check.description} Dashboard: {dashboard_url}",
            metric=metric,
            threshold=check.threshold,
            datapoints_to_alarm=breaching,
            evaluation_periods=evaluated,
            comparison_operator=(
                cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
                if check.is_below
                else cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            treat_missing_data=check.silence.value,
        )
        resource = cast("cloudwatch.CfnAlarm", alarm.node.default_child)
        resource.warm_up_configuration = _warm_up(check, metric.period)
        return alarm


def _warm_up(
    check: HealthCheck, period: Duration
) -> cloudwatch.CfnAlarm.WarmUpConfigurationProperty | None:
    """Delay an alarm until its periods describe this deployment.

    If silence is a fault, the alarm begins with the first value; CloudWatch begins earlier if the
    periods are filled. If the periods include the time before the deployment, the alarm begins
    once they no longer do.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
    """
    periods = check.periods[1] if check.is_of_the_past else 1
    if not (check.is_of_the_past or check.silence is Silence.FAULT):
        return None
    minutes = max(
        _MIN_WARM_UP.to_minutes(), periods * period.to_minutes() + MAX_DELAY_OF_A_START.to_minutes()
    )
    return cloudwatch.CfnAlarm.WarmUpConfigurationProperty(
        warm_up_period_duration_in_minutes=min(minutes, MAX_WARM_UP.to_minutes()),
        only_start_evaluating_after_warm_up_period_ends=check.is_of_the_past,
    )
