"""Alarms on the meter itself work even if others publish metrics in its namespace."""

from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.domain.metrics.catalog import HEALTH_NAMESPACE
from tests.infrastructure.synthesis import deployment, resources


def health_statistics(configuration: str) -> Iterator[tuple[str, str]]:
    """The alarms on health metrics of the meter, and the statistic of each."""
    alarms = resources(deployment(configuration).monitoring, "AWS::CloudWatch::Alarm").values()
    for alarm in alarms:
        for part in (alarm, *(each.get("MetricStat", {}) for each in alarm.get("Metrics", ()))):
            metric: dict[str, Any] = part.get("Metric", part)
            if metric.get("Namespace") == HEALTH_NAMESPACE:
                yield alarm["AlarmName"], part.get("Stat") or part["Statistic"]


@pytest.mark.parametrize("configuration", ["default", "everything"])
def test_no_value_below_zero_lowers_a_health_alarm_s_statistic(configuration: str) -> None:
    """A writer to any log group can make metrics, also below zero; a sum would fall.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Generation_PutLogEvents.html
    """
    found = list(health_statistics(configuration))
    assert len(found) > 6
    # Forged samples only raise SampleCount, which the alarm on missing data uses.
    assert {statistic for _, statistic in found} == {"Maximum", "SampleCount"}
