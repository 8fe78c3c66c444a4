"""Metrics made of log files, as the deployed meter would publish them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from itertools import compress, pairwise
from math import fsum, isnan
from operator import eq
from typing import NamedTuple

from cdk.config import Config
from dashboards.cloudwatch import Metric, Periods, Statistic, Value
from dashboards.reports.call_columns import SECONDS_PER_MINUTE, CallColumns
from dashboards.reports.call_times import is_possible
from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.calls import EnrichedCall, MemoizedEnricher
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics import (
    OTHER_IDENTITIES,
    OTHER_MODELS,
    OTHER_PROJECTS,
    Admission,
    DimensionLimits,
    Dimensions,
    DimensionValues,
)
from lambdas.domain.metrics.catalog import (
    ESTIMATED_COST,
    NAMESPACE,
    USAGE_METRICS,
    DimensionSet,
    MetricDefinition,
)

_METRICS = {metric.name: metric for metric in USAGE_METRICS}
_SETS = {frozenset(dimension_set.dimension_names): dimension_set for dimension_set in DimensionSet}

MAX_NAMES = 1_000
"""Of identities, projects and models with figures of their own: logs may have any number."""


class _Observations(NamedTuple):
    """The values that calls add to a metric, in order of time.

    Attributes:
        minutes: The minute of each.
        values: The values.
    """

    minutes: array[int]
    values: array[float]


class LogMetrics:
    """Metrics of calls, as a deployment would publish them.

    Prices and labels are those of the configuration; the detail is always full, so that every graph
    has figures. The limits of a month do not apply, because metrics of logs cost nothing: a name
    that is within a limit in one month and above it in another would have a part of its figures.
    Above `MAX_NAMES`, the names that cost least in all logs are in the overflow bucket with all of
    their calls.

    A call that is read otherwise later keeps its first figures, while the
    deployed meter publishes what a correction raises. Calls with a time before Bedrock existed, or
    in the future, are left out. Failed calls of a model without a price are in its own metrics if
    it answered another call; the deployed meter, which cannot wait for that, has them in the
    overflow bucket.
    """

    def __init__(self, now: datetime, config: Config) -> None:
        """Begin without calls.

        Args:
            now: The time.
            config: The configuration of the deployment.
        """
        self._enricher = MemoizedEnricher(config.pricing, config.attribution_rules)
        self._now = now
        limits = DimensionLimits(
            role_rollup_patterns=config.role_rollup_patterns,
            max_identities=MAX_NAMES,
            max_models=MAX_NAMES,
            has_pairs=True,
        )
        self._is_priced = config.pricing.knows
        self._answering_models: set[str] = set()
        self._namer = limits.make_namer(_EveryName, self._is_priced)
        self._namer_of_failures = limits.make_namer(_EveryName, self._has_answered)
        self._calls = CallColumns()
        self._rows: dict[Dimensions, array[int]] = {}
        self._observations: dict[Metric, _Observations] = {}

    def apply(self, changes: Sequence[LedgerChange]) -> None:
        """Take in the calls that are new."""
        for change in changes:
            if change.replaced is None and (call := self.enrich(change.record)):
                self._calls.append(call)
        self._reset()

    def add(self, calls: CallColumns, rows: Iterable[int]) -> None:
        """Take in some of the calls of columns, by their places there."""
        self._calls.extend(calls, rows)
        self._reset()

    def enrich(self, record: UsageRecord) -> EnrichedCall | None:
        """Add to a call what metrics show of it; `None` for a call with an impossible time."""
        if is_possible(record.timestamp, self._now):
            return self._enricher.enrich(record)
        return None

    @property
    def start(self) -> datetime | None:
        """The start of the first minute with a call; `None` without any."""
        return _to_time(min(self._calls.minutes)) if self._calls.minutes else None

    @property
    def end(self) -> datetime | None:
        """The end of the last minute with a call; `None` without any."""
        return _to_time(max(self._calls.minutes) + 1) if self._calls.minutes else None

    def has(self, name: str) -> bool:
        """Say if a call has a value of a metric."""
        return self._has_values(_METRICS[name], range(len(self._calls.minutes)))

    def find_project(self, profile_id: str) -> str | None:
        """Find the one project that all calls of an application inference profile have."""
        model_id = f"{APPLICATION_PROFILE}{profile_id}"
        calls = [call for call in self._calls.examples if call.model_id == model_id]
        projects = {call.attribution.project for call in calls}
        return projects.pop() if len(projects - {UNATTRIBUTED}) == len(projects) == 1 else None

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        """Get every metric of a name, with any dimensions."""
        if namespace != NAMESPACE:
            return []
        found = {
            Metric(NAMESPACE, name, dimensions): rows
            for dimensions, rows in self._find_rows().items()
        }
        return [
            metric
            for metric, rows in found.items()
            if _is_published(metric) and self._has_values(_METRICS[name], rows)
        ]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[Value, ...]]:
        """The values of metrics, one for each period."""
        start = periods.start.timestamp()
        limits = [
            (start + number * periods.seconds) / SECONDS_PER_MINUTE
            for number in range(periods.count + 1)
        ]
        return {metric: self._values(metric, statistic, limits) for metric in metrics}

    def _values(
        self, metric: Metric, statistic: Statistic, limits: Sequence[float]
    ) -> tuple[Value, ...]:
        minutes, values = self._observe(metric)
        if not values or (statistic.percentile is not None and not _has_percentiles(metric)):
            return (None,) * (len(limits) - 1)
        places = [bisect_left(minutes, limit) for limit in limits]
        return tuple(
            _reduce(values[first:last], statistic) if first < last else None
            for first, last in pairwise(places)
        )

    def _observe(self, metric: Metric) -> _Observations:
        """Collect the values of a metric, once."""
        if metric not in self._observations:
            observations = _Observations(array("I"), array("d"))
            if _is_published(metric):
                rows = self._find_rows().get(metric.dimensions, ())
                minutes = map(self._calls.minutes.__getitem__, rows)
                values = list(self._calls.get_values(_METRICS[metric.name], rows))
                is_there = list(map(eq, values, values))  # NaN does not equal itself
                observations.minutes.extend(compress(minutes, is_there))
                observations.values.extend(compress(values, is_there))
            self._observations[metric] = observations
        return self._observations[metric]

    def _has_values(self, metric: MetricDefinition, rows: Iterable[int]) -> bool:
        return not all(map(isnan, self._calls.get_values(metric, rows)))

    def _find_rows(self) -> dict[Dimensions, array[int]]:
        """Find the places of the calls of all dimensions, in order of time."""
        if not self._rows:
            self._answering_models.update(
                call.model_id for call in self._calls.examples if not call.record.is_failed
            )
            rows_of_groups = [
                [self._rows.setdefault(dimensions, array("I")) for dimensions in _list(values)]
                for values in self._name_groups()
            ]
            minutes = self._calls.minutes
            for row in sorted(range(len(minutes)), key=minutes.__getitem__):
                for rows in rows_of_groups[self._calls.groups[row]]:
                    rows.append(row)
        return self._rows

    def _name_groups(self) -> list[DimensionValues]:
        """Name the dimensions of each group of calls."""
        groups = [self._name(call) for call in self._calls.examples]
        identities = self._find_largest([group.identity for group in groups])
        projects = self._find_largest([group.project for group in groups])
        models = self._find_largest([group.model for group in groups])
        return [
            DimensionValues(
                group.identity if group.identity in identities else OTHER_IDENTITIES,
                group.project if group.project in projects else OTHER_PROJECTS,
                group.model if group.model in models else OTHER_MODELS,
                group.model_of_identity if group.model in models else OTHER_MODELS,
            )
            for group in groups
        ]

    def _name(self, call: EnrichedCall) -> DimensionValues:
        namer = self._namer_of_failures if call.record.is_failed else self._namer
        return namer.name(call, call.record.timestamp)

    def _find_largest(self, names: Sequence[str]) -> AbstractSet[str]:
        """Find the names that cost most in all logs; of those of equal cost, the most used.

        Args:
            names: The name of each group of calls.
        """
        if len(set(names)) <= MAX_NAMES:
            return set(names)
        costs, calls = defaultdict[str, float](float), Counter[str]()
        usd_of_calls = self._calls.get_values(ESTIMATED_COST, range(len(self._calls.groups)))
        for group, usd in zip(self._calls.groups, usd_of_calls, strict=True):
            costs[names[group]] += 0 if isnan(usd) else usd
            calls[names[group]] += 1
        return {*sorted(calls, key=lambda name: (-costs[name], -calls[name], name))[:MAX_NAMES]}

    def _has_answered(self, model_id: str) -> bool:
        return self._is_priced(model_id) or model_id in self._answering_models

    def _reset(self) -> None:
        self._rows.clear()
        self._observations.clear()


class _EveryName:
    """A registry that admits every name."""

    def __init__(self, bound: int, scope: str) -> None:
        """Open a registry; it has neither a bound nor a scope."""

    def admit(self, month: str, value: str, role: str | None) -> Admission:  # noqa: ARG002
        """Admit a name."""
        return Admission.ADMITTED


def _list(values: DimensionValues) -> list[Dimensions]:
    """List the dimensions of the metrics that calls are in, by the values of these."""
    return [
        tuple(sorted(zip(dimension_set.dimension_names, choice, strict=True)))
        for dimension_set, choice in values.by_set.items()
    ]


def _is_published(metric: Metric) -> bool:
    """Say if calls have a metric: by its name, with its dimensions."""
    definition = _METRICS.get(metric.name)
    if definition is None or metric.namespace != NAMESPACE:
        return False
    return _SETS.get(metric.dimension_names) in definition.detail_of


def _has_percentiles(metric: Metric) -> bool:
    """Say if a deployment publishes each value of a metric, and not only statistics."""
    is_per_identity = _SETS[metric.dimension_names].is_per_identity
    return _METRICS[metric.name].has_percentiles and not is_per_identity


def _reduce(values: array[float], statistic: Statistic) -> float:
    """Reduce the values of a period to a statistic."""
    if statistic.percentile is not None:
        # The least value that so many of a hundred do not exceed.
        return sorted(values)[-(-len(values) * statistic.percentile // 100) - 1]
    match statistic:
        case Statistic.SUM:
            return fsum(values)
        case Statistic.SAMPLE_COUNT:
            return float(len(values))
        case Statistic.AVERAGE:
            return fsum(values) / len(values)
        case Statistic.MINIMUM:
            return min(values)
    return max(values)


def _to_time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * SECONDS_PER_MINUTE, UTC)
