"""One AWS account with the meter in it: tables, buckets, metrics, functions, and the calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Any, cast

from lambdas.adapters.dynamodb.usage_item import to_item
from lambdas.domain.alerts import Notice
from lambdas.domain.counters.table import SORT_KEY
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.metrics.catalog import HealthMetric
from tests.brake import FakeIam
from tests.simulation.cloud.cloudwatch import SimulatedCloudWatch
from tests.simulation.cloud.dynamodb import SimulatedDynamoDb
from tests.simulation.cloud.event_source import EventSource, StreamMapping
from tests.simulation.cloud.functions import Functions
from tests.simulation.cloud.objects import SimulatedS3
from tests.simulation.cloud.queue import SimulatedQueue, SimulatedSqs
from tests.simulation.cloud.table import Table
from tests.simulation.planted.plant import Plant
from tests.simulation.ports import Port
from tests.simulation.traffic import RETENTION, Traffic
from tests.simulation.world import World
from tests.webhooks import InMemorySecretBox

LEDGER, STATE, COUNTERS = "UsageLedger", "MeterState", "UsageCounters"
GOVERNANCE, AUDIT, LIMITS = "Governance", "Audit", "Limits"
EVENTS, DELIVERIES = "webhook-events", "webhook-deliveries"


class Account:
    """Everything that a run changes.

    Attributes:
        world: Time and chance.
        traffic: The calls.
        plant: A planted bug, or none.
        tables: The tables by name.
        dynamodb: Their client.
        s3: All buckets.
        cloudwatch: A client of CloudWatch.
        metrics: The metrics that it took.
        functions: The functions.
        sources: The event source mappings of streams, by function.
        queues: The queues by URL.
        sqs: Their client.
        box: The key of webhooks.
        topic: The notices that were published.
        health: The sum of each health metric.
        iam: The roles and users, and what is attached to them.
        planned: What several drivers plan together, and one of them has planned.
    """

    def __init__(self, world: World, traffic: Traffic, plant: Plant) -> None:
        self.world, self.traffic, self.plant = world, traffic, plant
        self.tables = {
            LEDGER: Table(world, has_stream=True, has_conflicts=True),
            STATE: Table(world),
            COUNTERS: Table(world, (PARTITION_KEY, SORT_KEY)),
            GOVERNANCE: Table(world, (PARTITION_KEY, SORT_KEY)),
            AUDIT: Table(world, (PARTITION_KEY, SORT_KEY)),
            LIMITS: Table(world, (PARTITION_KEY, SORT_KEY)),
        }
        self.dynamodb: Any = SimulatedDynamoDb(world, self.tables)
        s3 = SimulatedS3(world)
        self.s3: Any = s3
        metrics = SimulatedCloudWatch(world)
        self.metrics, self.cloudwatch = metrics, cast("Any", metrics)
        self.functions = Functions(world, s3)
        self.sources: dict[str, EventSource] = {}
        self.queues = {url: SimulatedQueue(world, self.functions) for url in (EVENTS, DELIVERIES)}
        self.sqs: Any = SimulatedSqs(world, self.queues)
        self.box = InMemorySecretBox()
        self.topic = Topic(world)
        self.health: Counter[str] = Counter()
        self.planned: set[str] = set()
        self.iam = FakeIam()
        for record in traffic.stored:  # their records in the stream are long trimmed
            self.tables[LEDGER].load(to_item(record, RETENTION))

    @property
    def settled_at(self) -> datetime:
        """The time of the last change of the ledger or of metrics."""
        return max(self.tables[LEDGER].changed_at, self.metrics.changed_at)

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self.world.now

    def pause(self, _seconds: float) -> None:
        """Wait as an adapter does between its attempts: another writer may come in between."""
        self.world.effect()

    def map_stream(self, mapping: StreamMapping, table: str = LEDGER) -> None:
        """Start a function with the changes of a table."""
        stream = self.tables[table].stream
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
                dimensions = {*chain.from_iterable(directive["Dimensions"])}
                for metric in directive["Metrics"]:
                    is_of_account = dimensions <= {"service"}
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
        notices: The notices that reached people, with the functions that published them.
        repeatable: Those of them that may come again, since their function does not know of them.
        port: The topic as functions reach it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.notices: list[tuple[str, str]] = []
        self.repeatable: list[tuple[str, str]] = []
        self.port: Any = Port(world, self, ConnectionError)

    def publish(self, notice: Notice) -> None:
        """Publish a notice."""
        process = self._world.current
        assert process is not None
        sent = (process.function, notice.subject)
        self.notices.append(sent)
        process.sent.append(lambda: self.repeatable.append(sent))

    def count(self, function: str, part: str = "") -> tuple[int, int]:
        """Count the notices of a function whose subjects have a part, and those that may repeat."""
        sent, repeatable = (
            sum(name == function and part in subject for name, subject in notices)
            for notices in (self.notices, self.repeatable)
        )
        return sent, repeatable
