"""Metrics made of log files, as the deployed meter would publish them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cdk.config import Config
from dashboards.cloudwatch import Metric, Periods, Statistic, Value
from dashboards.reports.temporary_store import InMemoryRegistries
from lambdas.domain.calls import CallEnricher
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics import NEWEST, DimensionLimits, Distribution, StatisticSet, aggregate
from lambdas.domain.metrics.catalog import NAMESPACE, Detail, MetricValue

_MINUTE = 60
_MIN_TIMESTAMP = datetime(2023, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Samples:
    """The samples of a metric over a period.

    Attributes:
        count: The number of values.
        sum: Their sum.
        minimum: The least of them.
        maximum: The largest of them.
        occurrences: The count of each value; empty where only statistics are published, and then
            there are no percentiles.
    """

    count: int = 0
    sum: MetricValue = 0
    minimum: MetricValue | None = None
    maximum: MetricValue | None = None
    occurrences: Counter[MetricValue] = field(default_factory=Counter)

    def add(self, values: Distribution | StatisticSet) -> None:
        """Add one published value."""
        if isinstance(values, StatisticSet):
            self._add(values.sample_count, values.sum, values.minimum, values.maximum)
            return
        pairs = dict(zip(values.values, values.counts, strict=True))
        total = sum(value * count for value, count in pairs.items())
        self._add(sum(values.counts), total, min(values.values), max(values.values))
        self.occurrences.update(pairs)

    def merge(self, other: _Samples) -> None:
        """Add the samples of another minute."""
        if other.minimum is not None and other.maximum is not None:
            self._add(other.count, other.sum, other.minimum, other.maximum)
        self.occurrences.update(other.occurrences)

    def _add(
        self, count: int, total: MetricValue, minimum: MetricValue, maximum: MetricValue
    ) -> None:
        self.count += count
        self.sum += total
        self.minimum = minimum if self.minimum is None else min(minimum, self.minimum)
        self.maximum = maximum if self.maximum is None else max(maximum, self.maximum)

    def value(self, statistic: Statistic) -> Value:
        """A statistic of the values; `None` without any, or where it is not known."""
        if statistic.percentile is not None:
            return self._percentile(statistic.percentile)
        match statistic:
            case Statistic.SUM:
                return float(self.sum)
            case Statistic.SAMPLE_COUNT:
                return float(self.count)
            case Statistic.AVERAGE:
                return float(self.sum) / self.count
            case Statistic.MINIMUM:
                return _value(self.minimum)
        return _value(self.maximum)

    def _percentile(self, percent: int) -> Value:
        """The least value that so many of a hundred do not exceed."""
        needed, seen = self.occurrences.total() * percent / 100, 0
        for value in sorted(self.occurrences):
            seen += self.occurrences[value]
            if seen >= needed:
                return float(value)
        return None


class LogMetrics:
    """Metrics of the calls that a ledger passes on, as a deployment would publish them.

    Prices, labels and limits are those of the configuration; the detail is always full, so that
    every graph has figures. A call that is read otherwise later keeps its first figures, while the
    deployed meter publishes what a correction raises. Calls with a time before Bedrock existed, or
    in the future, are left out.
    """

    def __init__(self, now: datetime, config: Config) -> None:
        """Begin without calls.

        Args:
            now: The time.
            config: The configuration of the deployment.
        """
        self._enricher = CallEnricher(config.pricing, config.attribution_rules)
        self._newest = now + NEWEST
        limits = DimensionLimits(
            role_rollup_patterns=config.role_rollup_patterns,
            max_identities=config.max_identities,
            max_models=config.max_models,
            has_pairs=True,
        )
        self._namer = limits.make_namer(InMemoryRegistries().open, config.pricing.knows)
        self._minutes: defaultdict[Metric, defaultdict[int, _Samples]] = defaultdict(
            lambda: defaultdict(_Samples)
        )

    def apply(self, changes: Sequence[LedgerChange]) -> None:
        """Take in the calls that are new."""
        new = [change.record for change in changes if change.replaced is None]
        records = [record for record in new if _MIN_TIMESTAMP <= record.timestamp < self._newest]
        calls = [self._namer.meter(self._enricher.enrich(record)) for record in records]
        for point in aggregate(calls, Detail.FULL):
            metric = Metric(NAMESPACE, point.metric.name, tuple(sorted(point.dimensions)))
            minute = int(point.minute.timestamp()) // _MINUTE
            self._minutes[metric][minute].add(point.values)

    @property
    def start(self) -> datetime | None:
        """The start of the first minute with a call; `None` without any."""
        first = min((min(minutes) for minutes in self._minutes.values()), default=None)
        return None if first is None else datetime.fromtimestamp(first * _MINUTE, UTC)

    @property
    def end(self) -> datetime | None:
        """The end of the last minute with a call; `None` without any."""
        last = max((max(minutes) for minutes in self._minutes.values()), default=None)
        return None if last is None else datetime.fromtimestamp((last + 1) * _MINUTE, UTC)

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        """Get every metric of a name, with any dimensions."""
        return [
            metric
            for metric in self._minutes
            if (metric.namespace, metric.name) == (namespace, name)
        ]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[Value, ...]]:
        """The values of metrics, one for each period."""
        return {metric: self._values(metric, statistic, periods) for metric in metrics}

    def _values(self, metric: Metric, statistic: Statistic, periods: Periods) -> tuple[Value, ...]:
        found: defaultdict[int, _Samples] = defaultdict(_Samples)
        start = int(periods.start.timestamp())
        for minute, samples in self._minutes.get(metric, {}).items():
            place = (minute * _MINUTE - start) // periods.seconds
            if 0 <= place < periods.count:
                found[place].merge(samples)
        places = range(periods.count)
        return tuple(found[place].value(statistic) if place in found else None for place in places)


def _value(number: MetricValue | None) -> Value:
    return None if number is None else float(number)
