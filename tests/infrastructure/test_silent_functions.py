"""Deleting a function's log group stops its health metrics, and an alarm notifies."""

from datetime import timedelta

import pytest

from tests.infrastructure.test_fresh_deployment import (
    CREATED,
    DAY,
    HOUR,
    MINUTE,
    Values,
    first_days,
    health_alarms,
    notified,
)

WRITTEN_TO_LOGS = {
    "LogProcessor": ("AcceptedRecords", "RejectedRecords"),
    "MetricPublisher": ("UnpublishedRecords",),
    "CoverageAuditor": ("CoverageShortfall", "UsageMismatch", "ForgedSeries"),
    "LoggingWatcher": ("DeploymentDrift",),
    "TrafficAuditor": ("UnreadableRegions",),
    "PriceRefresher": ("WaitingModels", "RepricedCalls"),
    "PriceUpdater": ("HeldPrices", "PriceListAge"),
}


def without_log(function: str, length: timedelta, deleted: timedelta) -> dict[str, Values]:
    """The metrics of a deployment in which the log group of a function is deleted at a time.

    Lambda's own metrics of the function go on.
    """
    values = first_days(length, is_busy=function != "PriceUpdater")
    for name in WRITTEN_TO_LOGS[function]:
        metric = f"BedrockMeter/Health {name}"
        values[metric] = {
            moment: value for moment, value in values[metric].items() if moment < CREATED + deleted
        }
    return values


@pytest.mark.parametrize(
    ("function", "alarms", "within"),
    [
        ("LogProcessor", {"HealthMetricsMissing"}, 65 * MINUTE),
        ("MetricPublisher", {"HealthMetricsMissing"}, 65 * MINUTE),
        ("CoverageAuditor", {"Coverage"}, 15 * MINUTE),
        ("CoverageAuditor", {"Coverage", "UsageMismatch", "ForgedSeries"}, 130 * MINUTE),
        ("LoggingWatcher", {"DeploymentDrift"}, 45 * MINUTE),
        ("TrafficAuditor", {"UnreadableRegions"}, 125 * MINUTE),
        ("PriceRefresher", {"PriceRefresherSilent"}, 125 * MINUTE),
    ],
)
def test_a_deleted_log_group_of_a_function_is_noticed(
    function: str, alarms: set[str], within: timedelta
) -> None:
    deleted = 5 * HOUR
    length = deleted + within
    values = without_log(function, length, deleted)
    found = notified(health_alarms("default"), values, length, MINUTE)
    assert found == {f"BedrockMeter-Health-{name}" for name in alarms}


def test_a_deleted_log_group_of_the_price_updater_is_noticed_after_three_days() -> None:
    deleted, length = 2 * DAY, 5 * DAY + HOUR
    values = without_log("PriceUpdater", length, deleted)
    slow = [alarm for alarm in health_alarms("default") if alarm.warm_up > 6 * HOUR]
    assert notified(slow, values, length, 30 * MINUTE) == {"BedrockMeter-Health-PriceListAge"}
