"""Finds series in the meter's namespace that the meter cannot have published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from lambdas.domain.completeness.audit_window import AuditWindow
from lambdas.domain.metrics.catalog import DimensionSet

MAX_SERIES_READ: Final = 500
"""More than the meter can have by identity or by model at the turn of a month."""

GUARDED_SETS: Final = (DimensionSet.IDENTITY, DimensionSet.MODEL)
"""The dimension sets whose alarms look at each series."""

_PAST: Final = timedelta(days=8)
"""The longest window of a usage alarm, a week, and a day: values can be dated back."""
_FUTURE: Final = timedelta(hours=2)
"""CloudWatch takes values of so much later.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""


class SeriesReader(Protocol):
    """Reads the lowest value of each series of a metric."""

    def lowest_values(
        self, namespace: str, name: str, dimension: str, window: AuditWindow, *, at_most: int
    ) -> Mapping[str, float]:
        """Get the lowest value of each series with this one dimension, by the dimension's value.

        Args:
            namespace: The metric's namespace.
            name: The metric's name.
            dimension: The one dimension of the series.
            window: The period.
            at_most: The number of series to read; if there are more, any of them are read.

        Raises:
            MetricReadError: CloudWatch did not return all of them.
        """


@dataclass(frozen=True, slots=True)
class ForgedSeries:
    """Series that someone else has written to.

    Attributes:
        negative: The lowest value of each series with values below zero, by identity or model.
        exceeded: The dimension sets with more series than the meter publishes.
    """

    negative: Mapping[str, float]
    exceeded: tuple[DimensionSet, ...] = ()

    @property
    def count(self) -> int:
        """The number of findings."""
        return len(self.negative) + len(self.exceeded)


def window_of_series(moment: datetime) -> AuditWindow:
    """Get the time that usage alarms add up, and the hours that values can be dated ahead."""
    return AuditWindow(moment - _PAST, moment + _FUTURE)


def judge_series(lowest: Mapping[DimensionSet, Mapping[str, float]]) -> ForgedSeries:
    """Find series with values below zero, and more series than the meter has.

    Args:
        lowest: The lowest value of each series, by dimension set and by the dimension's value.
    """
    return ForgedSeries(
        negative={
            name: value
            for by_name in lowest.values()
            for name, value in by_name.items()
            if value < 0
        },
        exceeded=tuple(
            dimension_set
            for dimension_set, by_name in lowest.items()
            if len(by_name) >= MAX_SERIES_READ
        ),
    )
