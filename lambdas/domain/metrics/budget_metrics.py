"""Metrics of budgets: usage and forecast in percent of the amount."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final

from lambdas.domain.budgets import BudgetStatus
from lambdas.domain.metrics.aggregation import DataPoint, StatisticSet
from lambdas.domain.metrics.catalog import (
    BUDGET,
    BUDGET_FORECAST,
    BUDGET_FORECAST_HIGH,
    BUDGET_FORECAST_LOW,
    BUDGET_USED,
    Metric,
    dimension_value,
)
from lambdas.domain.metrics.sink import MetricSink
from lambdas.domain.pace import Pace

STEP = timedelta(minutes=5)
"""The time between two values of a metric."""
_MAX_POINTS = 1_000
"""Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
_COVERAGE: Final = 80
"""The probability, in percent, that usage ends between the low and the high forecast."""


@dataclass(slots=True)
class BudgetPublishing:
    """Publishes the metrics of budgets, once in five minutes.

    A process notes the five minutes that it has published. A new process may publish them again,
    which changes no statistic that is shown.

    Attributes:
        sink: Takes the data points.
    """

    sink: MetricSink
    _pace: Pace = field(default_factory=lambda: Pace(STEP), init=False)

    def is_due(self, now: datetime) -> bool:
        """Say if nothing was published in the five minutes that a time is in."""
        return self._pace.is_due(now)

    def publish(self, statuses: Iterable[BudgetStatus], now: datetime) -> None:
        """Publish the metrics of budgets at a time.

        Raises:
            MetricsUnavailableError: CloudWatch did not take them; they are due again.
        """
        points = iter([point for status in statuses for point in list_points(status, now)])
        while batch := list(islice(points, _MAX_POINTS)):
            self.sink.send(batch)
        self._pace.note(now)


def list_points(status: BudgetStatus, now: datetime) -> Sequence[DataPoint]:
    """List the data points of a budget; those of the forecast are absent without one."""
    minute = now.replace(second=0, microsecond=0)
    dimensions = ((BUDGET, dimension_value(status.stored.budget.name)),)
    return [
        DataPoint(metric, dimensions, minute, StatisticSet(1, percent, percent, percent))
        for metric, percent in _list_percentages(status)
    ]


def _list_percentages(status: BudgetStatus) -> Iterator[tuple[Metric, Decimal]]:
    amount, used = status.stored.budget.amount, status.used
    yield BUDGET_USED, amount.get_percentage(used)
    if status.forecast is not None:
        low, high = status.forecast.get_interval(_COVERAGE)
        yield BUDGET_FORECAST, amount.get_percentage(used + status.forecast.amount)
        yield BUDGET_FORECAST_LOW, amount.get_percentage(used + low)
        yield BUDGET_FORECAST_HIGH, amount.get_percentage(used + high)
