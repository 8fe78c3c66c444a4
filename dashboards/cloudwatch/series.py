"""Time series of metrics, and their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Never, Protocol, Self, TypeAlias

Value: TypeAlias = float | None
"""`None` where there is no data, which is not zero."""


class UnknownExpressionError(Exception):
    """An expression that the project does not use. The text names it."""


class SourceError(Exception):
    """A source of metrics does not answer. The text says why, in one line."""


class Statistic(StrEnum):
    """The way that the data points of a period become one value."""

    SUM = "Sum"
    MAXIMUM = "Maximum"
    MINIMUM = "Minimum"
    AVERAGE = "Average"
    SAMPLE_COUNT = "SampleCount"
    P50 = "p50"
    P90 = "p90"
    P99 = "p99"

    @classmethod
    def _missing_(cls, value: object) -> Never:
        message = f"statistic {value}"
        raise UnknownExpressionError(message)

    @property
    def percentile(self) -> int | None:
        """The number of the percentile; `None` for other statistics."""
        return int(self[1:]) if self[0] == "p" else None


@dataclass(frozen=True, slots=True)
class Periods:
    """Periods of equal length, one after the other.

    Attributes:
        end: The end of the last one, not included.
        seconds: The length of each.
        count: The number of periods.
    """

    end: datetime
    seconds: int
    count: int

    @classmethod
    def covering(cls, start: datetime, end: datetime, seconds: int) -> Self:
        """The periods that a graph shows: they begin at multiples of their length, in UTC."""
        first = int(start.timestamp()) // seconds
        last = -int(-end.timestamp() // seconds)
        return cls(datetime.fromtimestamp(last * seconds, UTC), seconds, max(last - first, 1))

    @property
    def start(self) -> datetime:
        """The start of the first period."""
        return self.end - timedelta(seconds=self.seconds * self.count)

    @property
    def is_aligned(self) -> bool:
        """True if they begin at multiples of their length, as those of graphs do."""
        return self.end.timestamp() % self.seconds == 0

    def __iter__(self) -> Iterator[tuple[datetime, datetime]]:
        """The start and the end of each, the oldest first."""
        length = timedelta(seconds=self.seconds)
        start = self.start
        for _ in range(self.count):
            end = start + length
            yield start, end
            start = end


@dataclass(frozen=True, slots=True)
class Metric:
    """The name of a metric. Dimensions are part of it: without them it is another metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @property
    def dimension_names(self) -> frozenset[str]:
        """The names of its dimensions."""
        return frozenset(name for name, _ in self.dimensions)


@dataclass(frozen=True, slots=True)
class Series:
    """A value for each period.

    Attributes:
        label: Its label: the values of its dimensions, or the name of its metric.
        values: The oldest first.
        metric: The one metric whose values these are; `None` for a computed series.
    """

    label: str
    values: tuple[Value, ...]
    metric: Metric | None = None

    @property
    def present(self) -> list[float]:
        """The values where there is data."""
        return [value for value in self.values if value is not None]


class MetricSource(Protocol):
    """A source of metrics and their values."""

    def metrics(self, namespace: str, name: str) -> Sequence[Metric]:
        """Get every metric of a name, with any dimensions."""

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> Mapping[Metric, tuple[Value, ...]]:
        """The values of metrics, one for each period."""
