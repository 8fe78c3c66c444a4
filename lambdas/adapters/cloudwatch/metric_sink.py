"""Sends data points to CloudWatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.metrics import DataPoint, Distribution, MetricsUnavailableError
from lambdas.domain.metrics.catalog import NAMESPACE

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef


class CloudWatchMetricSink:
    """Sends data points with one `PutMetricData`; the caller keeps within its limits."""

    def __init__(self, client: CloudWatchClient) -> None:
        """Send with a CloudWatch client."""
        self._client = client

    def send(self, data_points: Sequence[DataPoint]) -> None:
        """Send data points.

        Raises:
            MetricsUnavailableError: CloudWatch did not accept them, or its answer was lost.
        """
        try:
            self._client.put_metric_data(
                Namespace=NAMESPACE, MetricData=[_to_datum(point) for point in data_points]
            )
        except (BotoCoreError, ClientError) as error:
            raise MetricsUnavailableError(str(error)) from error


def _to_datum(point: DataPoint) -> MetricDatumTypeDef:
    datum: MetricDatumTypeDef = {
        "MetricName": point.metric.name,
        "Unit": point.metric.unit.value,
        "Timestamp": point.minute,
        "Dimensions": [{"Name": name, "Value": value} for name, value in point.dimensions],
    }
    match point.values:
        case Distribution(values, counts):
            datum["Values"] = [float(value) for value in values]
            datum["Counts"] = list(counts)
        case statistics:
            datum["StatisticValues"] = {
                "SampleCount": statistics.sample_count,
                # CloudWatch keeps doubles, of money as well.
                "Sum": float(statistics.sum),
                "Minimum": float(statistics.minimum),
                "Maximum": float(statistics.maximum),
            }
    return datum
