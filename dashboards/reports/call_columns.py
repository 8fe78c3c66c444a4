"""Calls as columns of numbers, a row for each call: what graphs need of them, in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import nan
from typing import TypeAlias

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics.catalog import USAGE_METRICS

SECONDS_PER_MINUTE = 60
_Group: TypeAlias = tuple[int, str, str, str, bool]


class CallColumns:
    """Calls in the order in which they were added.

    Attributes:
        minutes: The minute of each call, from 1970 on.
        groups: The place of each call's group in `examples`.
        examples: The first call of each group. The calls of a group have the same month,
            identity, project, model and outcome, and so the same dimensions.
        values: What each call adds to each metric, in the order of the catalog, as CloudWatch
            stores it: in double precision. It is NaN where a call adds nothing.
    """

    def __init__(self) -> None:
        """Start without calls."""
        self.minutes = array("I")
        self.groups = array("I")
        self.examples: list[EnrichedCall] = []
        self.values = tuple(array("d") for _ in USAGE_METRICS)
        self._places: dict[_Group, int] = {}

    def append(self, call: EnrichedCall) -> None:
        """Add a call."""
        self.minutes.append(int(call.record.timestamp.timestamp()) // SECONDS_PER_MINUTE)
        self.groups.append(self._find_group(call))
        for metric, column in zip(USAGE_METRICS, self.values, strict=True):
            value = metric.get_value(call, call.cost)
            column.append(nan if value is None else float(value))

    def extend(self, other: CallColumns, rows: Iterable[int]) -> None:
        """Add some of the calls of other columns, by their places there."""
        chosen = array("I", rows)
        places: dict[int, int] = {}
        for row in chosen:
            group = other.groups[row]
            if group not in places:
                places[group] = self._find_group(other.examples[group])
            self.groups.append(places[group])
        self.minutes.extend(other.minutes[row] for row in chosen)
        for column, further in zip(self.values, other.values, strict=True):
            column.extend(further[row] for row in chosen)

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
