"""Calls as columns of numbers, a row for each call: what graphs need of them, in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from math import nan
from typing import TypeAlias

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics.catalog import USAGE_METRICS, MetricDefinition
from lambdas.domain.pricing import Cost

SECONDS_PER_MINUTE = 60
_COUNTS = tuple(metric for metric in USAGE_METRICS if metric.counts_calls)
_AMOUNTS = tuple(metric for metric in USAGE_METRICS if not metric.counts_calls)
_Group: TypeAlias = tuple[int, str, str, str, bool]
_Kind: TypeAlias = tuple[object, ...]


class CallColumns:
    """Calls in the order in which they were added.

    Attributes:
        minutes: The minute of each call, from 1970 on.
        groups: The place of each call's group in `examples`.
        examples: The first call of each group. The calls of a group have the same month,
            identity, project, model and outcome, and so the same dimensions.
    """

    def __init__(self) -> None:
        """Start without calls."""
        self.minutes = array("I")
        self.groups = array("I")
        self.examples: list[EnrichedCall] = []
        self._places: dict[_Group, int] = {}
        # What each call adds to each metric that is an amount: NaN where it adds nothing.
        self._amounts = tuple(array("d") for _ in _AMOUNTS)
        # The kind of each call, and what a call of each kind adds to each metric of calls.
        self._kinds = array("H")
        self._known_kinds: dict[_Kind, int] = {}
        self._counts: tuple[list[float], ...] = tuple([] for _ in _COUNTS)

    def append(self, call: EnrichedCall) -> None:
        """Add a call."""
        self.minutes.append(int(call.record.timestamp.timestamp()) // SECONDS_PER_MINUTE)
        self.groups.append(self._find_group(call))
        self._kinds.append(self._find_kind(call))
        cost = call.cost
        for metric, column in zip(_AMOUNTS, self._amounts, strict=True):
            value = metric.get_value(call, cost)
            column.append(nan if value is None else float(value))

    def extend(self, other: CallColumns, rows: Iterable[int]) -> None:
        """Add some of the calls of other columns, by their places there."""
        chosen = rows if isinstance(rows, Sequence) else array("I", rows)
        groups = list(map(self._find_group, other.examples))
        kinds = [
            self._add_kind(kind, other._read_counts(place))
            for kind, place in other._known_kinds.items()
        ]
        self.groups.extend(map(groups.__getitem__, map(other.groups.__getitem__, chosen)))
        self._kinds.extend(map(kinds.__getitem__, map(other._kinds.__getitem__, chosen)))
        self.minutes.extend(map(other.minutes.__getitem__, chosen))
        for column, further in zip(self._amounts, other._amounts, strict=True):
            column.extend(map(further.__getitem__, chosen))

    def get_values(self, metric: MetricDefinition, rows: Iterable[int]) -> Iterator[float]:
        """Get what calls add to a metric, as CloudWatch stores it: in double precision.

        It is NaN where a call adds nothing.
        """
        if not metric.counts_calls:
            return map(self._amounts[_AMOUNTS.index(metric)].__getitem__, rows)
        of_kinds = self._counts[_COUNTS.index(metric)]
        return map(of_kinds.__getitem__, map(self._kinds.__getitem__, rows))

    def _find_group(self, call: EnrichedCall) -> int:
        record = call.record
        group = (
            record.timestamp.year * 12 + record.timestamp.month,
            record.identity_arn,
            call.attribution.project,
            call.model_id,
            record.is_failed,
        )
        place = self._places.setdefault(group, len(self.examples))
        if place == len(self.examples):
            self.examples.append(call)
        return place

    def _find_kind(self, call: EnrichedCall) -> int:
        """Find the kind of a call: calls of one kind count in the same metrics."""
        record, attribution, cost = call.record, call.attribution, call.cost
        kind = (
            record.is_failed,
            record.tokens.is_missing,
            record.usage_doubt,
            cost.basis if isinstance(cost, Cost) else cost,
            isinstance(cost, Cost),
            attribution.is_forged,
            attribution.is_disputed,
        )
        place = self._known_kinds.get(kind)
        if place is None:
            values = (metric.get_value(call, cost) for metric in _COUNTS)
            place = self._add_kind(
                kind, [nan if value is None else float(value) for value in values]
            )
        return place

    def _add_kind(self, kind: _Kind, counts: Iterable[float]) -> int:
        place = self._known_kinds.setdefault(kind, len(self._known_kinds))
        if place == len(self._counts[0]):
            for column, value in zip(self._counts, counts, strict=True):
                column.append(value)
        return place

    def _read_counts(self, kind: int) -> list[float]:
        return [column[kind] for column in self._counts]
