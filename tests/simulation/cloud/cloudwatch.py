"""CloudWatch metrics, with how much of each value may be a repetition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tests.fakes import InMemoryMetrics
from tests.simulation.cloud.errors import THROTTLED, UNAVAILABLE, lost_answer, refused
from tests.simulation.faults import Fault
from tests.simulation.world import World

_THROTTLED_SHARE = 0.03
_LOST_SHARE = 0.05
_SDK_RETRY_SHARE = 0.5


class Series(NamedTuple):
    """The values of one minute.

    Attributes:
        name: The metric.
        dimensions: Pairs of name and value.
        minute: The minute.
    """

    name: str
    dimensions: tuple[tuple[str, str], ...]
    minute: datetime


class SimulatedCloudWatch:
    """Takes `PutMetricData`.

    Attributes:
        sums: The sum of each series and minute.
        repeatable: The part of each sum that may be a repetition: what an invocation had sent that
            was interrupted, and what was sent without an answer.
        requests: The number of accepted requests.
        changed_at: The time of the last one of new or corrected calls.
        read: The same values for readers.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.sums: defaultdict[Series, float] = defaultdict(float)
        self.repeatable: defaultdict[Series, float] = defaultdict(float)
        self.requests = 0
        self.changed_at = world.now
        self.read = InMemoryMetrics()

    def put_metric_data(self, *, Namespace: str, MetricData: Sequence[Mapping[str, Any]]) -> None:
        """Take data points.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
        """
        world = self._world
        world.effect()
        if world.is_outage:
            raise refused(UNAVAILABLE, "PutMetricData")
        if world.strikes(Fault.THROTTLES, _THROTTLED_SHARE):
            raise refused(THROTTLED, "PutMetricData")
        self._take(Namespace, MetricData)
        process = world.current
        if process is not None:
            process.sent.append(lambda: self._allow_repetition(MetricData))
        if world.strikes(Fault.LOST_ANSWERS, _LOST_SHARE):
            self._allow_repetition(MetricData)
            if world.random.random() >= _SDK_RETRY_SHARE:
                raise lost_answer()
            self._take(Namespace, MetricData)
        world.effect()

    def _take(self, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        self.requests += 1
        process = self._world.current
        if process is not None and process.function == "metric_publisher":
            self.changed_at = self._world.now
        for datum in data:
            series, total = _read(datum)
            self.sums[series] += total
            self.read.values.append(
                (namespace, series.name, series.dimensions, series.minute, round(total))
            )

    def _allow_repetition(self, data: Sequence[Mapping[str, Any]]) -> None:
        for datum in data:
            series, total = _read(datum)
            self.repeatable[series] += total


def _read(datum: Mapping[str, Any]) -> tuple[Series, float]:
    dimensions = tuple((entry["Name"], entry["Value"]) for entry in datum["Dimensions"])
    if "StatisticValues" in datum:
        total = datum["StatisticValues"]["Sum"]
    else:
        pairs = zip(datum["Values"], datum["Counts"], strict=True)
        total = sum(value * count for value, count in pairs)
    return Series(datum["MetricName"], dimensions, datum["Timestamp"]), total
