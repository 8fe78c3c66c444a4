"""CloudWatch's answer becomes a value for each period."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from dashboards.cloudwatch import (
    CloudWatchMetrics,
    Metric,
    Periods,
    Statistic,
    UnknownExpressionError,
)

pytestmark = pytest.mark.usefixtures("aws")
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
LAST_TWO_HOURS = Periods(NOW, 3600, 2)
CALLS = Metric("BedrockMeter", "Invocations", (("IdentityArn", "ana"),))


@pytest.fixture
def source() -> CloudWatchMetrics:
    """Calls at the start and the end of both hours, and just outside."""
    cloudwatch = boto3.client("cloudwatch")
    for value, minutes in enumerate((-121, -120, -61, -60, -1, 0)):
        cloudwatch.put_metric_data(
            Namespace=CALLS.namespace,
            MetricData=[
                {
                    "MetricName": CALLS.name,
                    "Dimensions": [
                        {"Name": name, "Value": text} for name, text in CALLS.dimensions
                    ],
                    "Timestamp": NOW + timedelta(minutes=minutes),
                    "Value": 10**value,
                }
            ],
        )
    return CloudWatchMetrics(cloudwatch)


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        (Statistic.SUM, (110, 11_000)),
        (Statistic.MAXIMUM, (100, 10_000)),
        (Statistic.MINIMUM, (10, 1_000)),
    ],
)
def test_a_period_begins_with_its_first_minute_and_ends_before_the_next(
    source: CloudWatchMetrics, statistic: Statistic, values: tuple[float, ...]
) -> None:
    assert source.values([CALLS], statistic, LAST_TWO_HOURS) == {CALLS: values}


def test_metrics_are_found_with_their_dimensions(source: CloudWatchMetrics) -> None:
    assert source.metrics("BedrockMeter", "Invocations") == [CALLS]
    assert source.metrics("BedrockMeter", "Nothing") == []


def test_an_unpublished_metric_has_no_value(source: CloudWatchMetrics) -> None:
    nothing = Metric("BedrockMeter", "Nothing")
    assert source.values([nothing], Statistic.SUM, LAST_TWO_HOURS) == {nothing: (None, None)}


def test_sliding_windows_consist_of_minutes(source: CloudWatchMetrics) -> None:
    sliding = Periods(NOW - timedelta(minutes=30), 3600, 2)
    assert source.values([CALLS], Statistic.SUM, sliding) == {CALLS: (11, 1100)}
    assert source.values([CALLS], Statistic.AVERAGE, sliding) == {CALLS: (5.5, 550)}
    with pytest.raises(UnknownExpressionError, match="p50"):
        source.values([CALLS], Statistic.P50, sliding)


def test_a_mean_covers_all_calls_of_a_period(source: CloudWatchMetrics) -> None:
    assert source.values([CALLS], Statistic.AVERAGE, LAST_TWO_HOURS) == {CALLS: (55, 5500)}
