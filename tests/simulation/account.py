"""One AWS account with the meter in it: tables, buckets, metrics, functions, and the calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lambdas.adapters.dynamodb.usage_item import to_item
from lambdas.domain.alerts import Notice
from lambdas.domain.metrics.catalog import HealthMetric
from tests.simulation.cloud.cloudwatch import SimulatedCloudWatch
from tests.simulation.cloud.dynamodb import SimulatedDynamoDb
from tests.simulation.cloud.event_source import EventSource, StreamMapping
from tests.simulation.cloud.functions import Functions
from tests.simulation.cloud.objects import SimulatedS3
from tests.simulation.cloud.table import Table
from tests.simulation.planted.plant import Plant
from tests.simulation.ports import Port
from tests.simulation.traffic import RETENTION, Traffic
from tests.simulation.world import World

LEDGER, STATE, COUNTERS = "UsageLedger", "MeterState", "UsageCounters"


class Account:
    """Everything that a run changes.

    Attributes:
        world: Time and chance.
        traffic: The calls.
        plant: A planted bug, or none.
        tables: The tables by name.
        dynamodb: Their client.
        s3: All buckets.
        cloudwatch: The metrics.
        functions: The functions.
        sources: The event source mappings of the ledger's stream, by function.
        topic: The notices that were published.
        health: The sum of each health metric.
    """

    def __init__(self, world: World, traffic: Traffic, plant: Plant) -> None:
        self.world, self.traffic, self.plant = world, traffic, plant
        self.tables = {
            LEDGER: Table(world, has_stream=True),
            STATE: Table(world),
            COUNTERS: Table(world),
        }
        self.dynamodb: Any = SimulatedDynamoDb(world, self.tables)
        self.s3 = SimulatedS3(world)
        self.cloudwatch: Any = SimulatedCloudWatch(world)
        self.functions = Functions(world, self.s3)
        self.sources: dict[str, EventSource] = {}
        self.topic = Topic(world)
        self.health: Counter[str] = Counter()
        for record in traffic.stored:  # their records in the stream are long trimmed
            item = to_item(record, RETENTION)
            self.tables[LEDGER].items[self.tables[LEDGER].key(item)] = item

    @property
    def settled_at(self) -> datetime:
        """The time of the last change of the ledger or of metrics."""
        return max(self.tables[LEDGER].changed_at, self.cloudwatch.changed_at)

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self.world.now

    def pause(self, _seconds: float) -> None:
        """Wait as an adapter does between its attempts: another writer may come in between."""
        self.world.effect()

    def map_stream(self, mapping: StreamMapping) -> None:
        """Start a function with the changes of the ledger."""
        stream = self.tables[LEDGER].stream
        assert stream is not None
        mapping = self.plant.change_mapping(mapping)
        source = EventSource(self.world, self.functions, stream, mapping)
        self.sources[mapping.function] = source

    def record_health(self, values: Mapping[HealthMetric, float]) -> None:
        """Record health metrics, as a handler does when its service has returned."""
        for metric, value in values.items():
            self.health[metric.name] += round(value)

    def write(self, text: str) -> int:
        """Read metrics from a function's log, as CloudWatch does.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
        """
        if text.startswith("{"):
            line = json.loads(text)
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
                dimensions = sum(directive["Dimensions"], [])
                for metric in directive["Metrics"]:
                    is_of_account = not set(dimensions) - {"service"}
                    if is_of_account:
                        self.health[metric["Name"]] += round(sum(_values(line[metric["Name"]])))
        return len(text)

    def flush(self) -> None:
        """Do nothing, as a log has nothing to flush."""


def _values(value: Any) -> list[float]:
    return value if isinstance(value, list) else [value]


class Topic:
    """The topic of notifications.

    Attributes:
        notices: The notices that reached people.
        repeatable: Notices that may have come twice, by their subjects.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.notices: list[Notice] = []
        self.repeatable: Counter[str] = Counter()
        self.port: Any = Port(world, self, ConnectionError)

    def publish(self, notice: Notice) -> None:
        """Publish a notice."""
        self.notices.append(notice)
        process = self._world.current
        if process is not None:
            process.sent.append(lambda: self.allow_repetition(notice))

    def count(self, *parts: str) -> int:
        """Count the notices whose subjects have one of some parts."""
        return sum(_has_any(notice.subject, parts) for notice in self.notices)

    def count_repeatable(self, *parts: str) -> int:
        """Count those of them that may be repetitions."""
        return sum(
            count for subject, count in self.repeatable.items() if _has_any(subject, parts)
        )

    def allow_repetition(self, notice: Notice) -> None:
        """Note that a function does not know that it published a notice."""
        self.repeatable[notice.subject] += 1


def _has_any(subject: str, parts: Iterable[str]) -> bool:
    return any(part in subject for part in parts)
