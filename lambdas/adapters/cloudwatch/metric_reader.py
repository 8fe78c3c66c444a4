"""Reads sums of metrics from CloudWatch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from lambdas.domain.completeness import AuditWindow, MetricReadError
from lambdas.domain.completeness.audit_window import STEP
from lambdas.domain.metrics import Dimensions
from lambdas.domain.metrics.catalog import MODEL_ID

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import (
        ListMetricsInputPaginateTypeDef,
        MetricDataQueryTypeDef,
        MetricStatTypeDef,
        MetricTypeDef,
    )

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_MAX_QUERIES = 500
_COMPLETE = "Complete"

DimensionValues: TypeAlias = tuple[str, ...]
"""The values of a metric's dimensions, in an order that is agreed upon."""


class _Metric(NamedTuple):
    name: str
    dimensions: Dimensions = ()


class _Statistic(NamedTuple):
    name: str
    period: timedelta


_SUMS = _Statistic("Sum", STEP)
_HOURLY_SUMS = _Statistic("Sum", timedelta(hours=1))
_MAX_LENGTH_IN_STEPS = timedelta(days=1)
_LOWEST = _Statistic("Minimum", timedelta(hours=1))


class CloudWatchMetricReader:
    """Finds metrics by listing them, and adds up their data points."""

    def __init__(self, client: CloudWatchClient) -> None:
        """Read with a CloudWatch client."""
        self._client = client

    def sum_by_model(
        self, namespace: str, names: Collection[str], window: AuditWindow
    ) -> Mapping[str, Mapping[str, int]]:
        """Sums of the metrics whose one dimension is `ModelId`: by model, then by name.

        Raises:
            MetricReadError: CloudWatch did not give all of them.
        """
        metrics = [metric for name in names for metric in self._list(namespace, name, (MODEL_ID,))]
        return self._sums_by_model(namespace, metrics, window)

    def count_models(self, namespace: str, name: str) -> int:
        """Count the metrics of a name whose one dimension is `ModelId`, without reading them."""
        return sum(1 for _ in self._list(namespace, name, (MODEL_ID,)))

    def list_values(
        self, namespace: str, name: str, dimensions: Sequence[str], *, is_recent: bool = True
    ) -> Iterator[DimensionValues]:
        """List the metrics of a name with exactly these dimensions, as far as they are asked for.

        Args:
            namespace: The metrics' namespace.
            name: Their name.
            dimensions: The names of their dimensions.
            is_recent: True for those of the last three hours; else those of two weeks.

        Yields:
            The values of their dimensions.
        """
        for metric in self._list(namespace, name, dimensions, is_recent=is_recent):
            values = dict(metric.dimensions)
            yield tuple(values[dimension] for dimension in dimensions)

    def sum_by_values(
        self,
        namespace: str,
        name: str,
        dimensions: Sequence[str],
        listed: Iterable[DimensionValues],
        window: AuditWindow,
    ) -> Mapping[DimensionValues, int]:
        """Sums of the metrics with these values of their dimensions.

        Raises:
            MetricReadError: CloudWatch did not give all of them.
        """
        metrics = [_Metric(name, tuple(zip(dimensions, values, strict=True))) for values in listed]
        sums = self._sums(namespace, metrics, window)
        return {
            tuple(value for _, value in metric.dimensions): total for metric, total in sums.items()
        }

    def list_models(self, namespace: str, name: str, at_most: int) -> Collection[str]:
        """List models with a metric of a name whose one dimension is `ModelId`: some, if more."""
        listed = islice(self._list(namespace, name, (MODEL_ID,)), at_most)
        return [value for metric in listed for _, value in metric.dimensions]

    def sum_models(
        self, namespace: str, models: Mapping[str, Collection[str]], window: AuditWindow
    ) -> Mapping[str, Mapping[str, int]]:
        """Sums of the metrics of models, without listing them: by model, then by name.

        Args:
            namespace: The metrics' namespace.
            models: The models, by the metric's name.
            window: The period.

        Raises:
            MetricReadError: CloudWatch did not give all of them.
        """
        metrics = [
            _Metric(name, ((MODEL_ID, model),))
            for name, of_name in models.items()
            for model in of_name
        ]
        return self._sums_by_model(namespace, metrics, window)

    def sum_account(
        self, namespace: str, names: Collection[str], window: AuditWindow
    ) -> Mapping[str, int]:
        """Sums of the metrics without dimensions, by name.

        Raises:
            MetricReadError: CloudWatch did not give all of them.
        """
        sums = self._sums(namespace, [_Metric(name) for name in names], window)
        return {metric.name: total for metric, total in sums.items()}

    def lowest_values(
        self, namespace: str, name: str, dimension: str, window: AuditWindow, *, at_most: int
    ) -> Mapping[str, float]:
        """Get the lowest value of each series with this one dimension, by the dimension's value.

        Raises:
            MetricReadError: CloudWatch did not give all of them.
        """
        metrics = list(islice(self._list(namespace, name, (dimension,)), at_most))
        return {
            metric.dimensions[0][1]: min(values)
            for metric, values in self._read(namespace, metrics, window, _LOWEST).items()
        }

    def _sums_by_model(
        self, namespace: str, metrics: Sequence[_Metric], window: AuditWindow
    ) -> Mapping[str, Mapping[str, int]]:
        found: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for metric, total in self._sums(namespace, metrics, window).items():
            ((_, model),) = metric.dimensions
            found[model][metric.name] = total
        return found

    def _list(
        self, namespace: str, name: str, dimensions: Sequence[str], *, is_recent: bool = True
    ) -> Iterator[_Metric]:
        request: ListMetricsInputPaginateTypeDef = {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": dimension} for dimension in dimensions],
        }
        if is_recent:
            request["RecentlyActive"] = "PT3H"  # the only choice; the hour began 80 minutes ago
        pages = self._client.get_paginator("list_metrics").paginate(**request)
        for page in pages:
            for metric in page["Metrics"]:
                found = metric["Dimensions"]
                if len(found) == len(dimensions):  # not by tier or identity as well
                    yield _Metric(name, tuple((pair["Name"], pair["Value"]) for pair in found))

    def _sums(
        self, namespace: str, metrics: Sequence[_Metric], window: AuditWindow
    ) -> Mapping[_Metric, int]:
        is_long = window.end - window.start > _MAX_LENGTH_IN_STEPS
        found = self._read(namespace, metrics, window, _HOURLY_SUMS if is_long else _SUMS)
        return {metric: sum(map(round, values)) for metric, values in found.items()}

    def _read(
        self, namespace: str, metrics: Sequence[_Metric], window: AuditWindow, statistic: _Statistic
    ) -> Mapping[_Metric, Sequence[float]]:
        """Read the values of metrics; one without data has no entry."""
        values: dict[_Metric, Sequence[float]] = {}
        remaining = iter(metrics)
        while part := list(islice(remaining, _MAX_QUERIES)):
            values |= self._read_part(namespace, part, window, statistic)
        return values

    def _read_part(
        self, namespace: str, metrics: Sequence[_Metric], window: AuditWindow, statistic: _Statistic
    ) -> Mapping[_Metric, Sequence[float]]:
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[
                _query(f"m{number}", namespace, metric, statistic)
                for number, metric in enumerate(metrics)
            ],
            StartTime=window.start,
            EndTime=window.end,
        )
        values: defaultdict[str, list[float]] = defaultdict(list)
        status: dict[str, str] = {}
        for page in pages:
            for result in page["MetricDataResults"]:
                status[result["Id"]] = result["StatusCode"]  # that of the last page holds
                values[result["Id"]] += result["Values"]
        if incomplete := sum(code != _COMPLETE for code in status.values()):
            message = (
                f"CloudWatch gave {incomplete} of {len(metrics)} metrics in {namespace} in part"
            )
            raise MetricReadError(message)
        found = {metric: values[f"m{number}"] for number, metric in enumerate(metrics)}
        return {metric: read for metric, read in found.items() if read}


def _query(
    query_id: str, namespace: str, metric: _Metric, statistic: _Statistic
) -> MetricDataQueryTypeDef:
    named: MetricTypeDef = {
        "Namespace": namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }
    wanted: MetricStatTypeDef = {
        "Metric": named,
        "Period": round(statistic.period.total_seconds()),
        "Stat": statistic.name,
    }
    return {"Id": query_id, "MetricStat": wanted}
