"""The simulated stream has shards, windows and limits as DynamoDB's and Lambda's documents say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.simulation.cloud.event_source import EventSource, StreamMapping, is_no_expiry
from tests.simulation.cloud.functions import FAILURES, Functions
from tests.simulation.cloud.objects import SimulatedS3
from tests.simulation.cloud.stream import Stream, read_number
from tests.simulation.faults import Fault
from tests.simulation.world import START, Killed, World

_MAPPING = StreamMapping(
    function="reader",
    batch_size=4,
    max_attempts=3,
    max_age=timedelta(hours=6),
    is_taken=is_no_expiry,
)


class _Reader:
    """Records its events, and fails for a while."""

    expected_errors: tuple[type[Exception], ...] = (ConnectionError,)

    def __init__(self, world: World) -> None:
        self._world = world
        self.events: list[Any] = []
        self.fails_until = START

    def handle(self, event: Any) -> Any:
        if self._world.now < self.fails_until:
            raise ConnectionError
        self.events.append(event)
        return {"state": {"seen": len(event["Records"]) + event.get("state", {}).get("seen", 0)}}

    def restart(self) -> None:
        """Keep nothing."""

    @property
    def numbers(self) -> list[str]:
        return [read_number(record) for event in self.events for record in event["Records"]]


class _Account:
    def __init__(self, *faults: Fault, window: timedelta | None = None) -> None:
        self.world = World(3, frozenset(faults))
        self.s3 = SimulatedS3(self.world)
        self.functions = Functions(self.world, self.s3)
        self.reader = _Reader(self.world)
        self.functions.handlers["reader"] = self.reader
        self.stream = Stream(self.world)
        mapping = StreamMapping(
            function="reader",
            batch_size=4,
            max_attempts=3,
            max_age=timedelta(hours=6),
            window=window,
            is_taken=is_no_expiry,
        )
        self.source = EventSource(self.world, self.functions, self.stream, mapping)
        self.source.start()

    def write(self, count: int, seconds: float = 0) -> None:
        for number in range(count):
            self.stream.append(f"key {number}", None, {"n": {"N": str(number)}}, {})
            self.world.now += timedelta(seconds=seconds)

    def run(self, **time: float) -> None:
        self.world.run_until(self.world.now + timedelta(**time))


def test_batches_are_in_order_and_no_larger_than_set() -> None:
    account = _Account()
    account.write(9)
    account.run(minutes=5)
    assert [len(event["Records"]) for event in account.reader.events] == [4, 4, 1]
    assert account.reader.numbers == sorted(account.reader.numbers)


def test_children_are_read_after_their_parent() -> None:
    account = _Account(Fault.SHARDS)
    account.write(400)
    parents = {shard.shard_id for shard in account.stream.shards.values() if shard.is_closed}
    assert parents
    account.run(hours=2)
    assert account.source.is_done
    assert len(account.reader.numbers) == 400
    places = {number: place for place, number in enumerate(account.reader.numbers)}
    for shard in account.stream.shards.values():
        if shard.parent is not None and shard.records:
            parent = account.stream.shards[shard.parent]
            last = max(places[read_number(record)] for record in parent.records)
            assert last < min(places[read_number(record)] for record in shard.records)


def test_a_failed_batch_is_halved_where_lambda_bisects() -> None:
    account = _Account(Fault.BISECT)
    account.world.is_calm = True
    account.reader.fails_until = START + timedelta(seconds=5)
    account.write(4)
    account.run(minutes=5)
    assert [len(event["Records"]) for event in account.reader.events] == [2, 2]


def test_a_batch_goes_to_the_failure_bucket_after_its_last_attempt() -> None:
    account = _Account(Fault.RETRY_LIMIT)
    account.reader.fails_until = START + timedelta(hours=1)
    account.write(2)
    account.run(hours=2)
    assert account.reader.events == []
    assert account.s3.has_objects(FAILURES)


def test_records_that_are_too_old_go_to_the_failure_bucket() -> None:
    account = _Account(Fault.AGE_LIMIT)
    account.world.is_calm = True
    account.write(2)
    account.world.now += timedelta(hours=7)
    account.write(1)
    account.run(minutes=5)
    assert len(account.reader.numbers) == 1
    assert account.s3.has_objects(FAILURES)


def test_records_older_than_a_day_are_trimmed_and_named() -> None:
    account = _Account()
    account.write(2)
    account.world.now += timedelta(hours=25)
    account.write(1)
    account.run(minutes=5)
    assert len(account.reader.numbers) == 1
    assert len(account.source.trimmed) == 2


def test_expired_items_are_filtered() -> None:
    account = _Account()
    account.stream.append("key", {"n": {"N": "1"}}, None, {"userIdentity": {"type": "Service"}})
    account.stream.append("key", {"n": {"N": "1"}}, None, {})
    account.run(minutes=5)
    assert len(account.reader.numbers) == 1


def test_a_window_carries_its_state_to_its_end() -> None:
    account = _Account(window=timedelta(seconds=60))
    account.write(6, seconds=1)
    account.run(minutes=5)
    final = account.reader.events[-1]
    assert final["isFinalInvokeForWindow"]
    assert not final["isWindowTerminatedEarly"]
    assert final["state"] == {"seen": 6}
    assert final["shardId"] == "shardId-00000000"


def test_a_dead_process_has_no_further_effect() -> None:
    world = World(1, frozenset())
    with pytest.raises(Killed), world.process("any") as process:  # noqa: PT012
        process.effects_left = 1
        world.effect()
        try:
            world.effect()
        finally:
            process.effects_left = None
            world.effect()
    assert process.is_interrupted
