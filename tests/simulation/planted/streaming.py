"""Bugs in how batches of the stream are read and answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from lambdas.adapters.dynamodb.usage_item import CALL_ATTRIBUTES
from lambdas.domain.counters import CountersUnavailableError
from lambdas.domain.ledger import StreamRecord
from lambdas.services.publish_stream import BatchOutcome, StreamPublisher
from tests.simulation.cloud.event_source import StreamMapping
from tests.simulation.cloud.stream import read_number
from tests.simulation.planted.plant import Plant


class _CounterBug(Plant):
    """A bug in how the counter's batches are read."""

    def call(self, function: str, handle: Callable[[Any], Any], event: Any) -> Any:
        return self.count(handle, event) if function == "usage_counter" else handle(event)

    def count(self, handle: Callable[[Any], Any], event: Any) -> Any:
        raise NotImplementedError


class OneCheckpointForAllShards(_CounterBug):
    """The counter has one checkpoint, whatever the shard."""

    def count(self, handle: Callable[[Any], Any], event: Any) -> Any:
        return handle(event | {"shardId": "all"})


class WritesAtTheEndOfWindows(_CounterBug):
    """The counter collects records in the state of a window, which may end early."""

    def count(self, handle: Callable[[Any], Any], event: Any) -> Any:
        state = dict(event["state"]) | {read_number(record): record for record in event["Records"]}
        if not event["isFinalInvokeForWindow"]:
            return {"batchItemFailures": [], "state": state}
        if not event["isWindowTerminatedEarly"]:
            answer = handle(event | {"Records": [state[number] for number in sorted(state)]})
            if answer["batchItemFailures"]:
                message = "the rest of the window comes again"
                raise CountersUnavailableError(message)
        return {"batchItemFailures": [], "state": {}}


class ChecksOffWhatItClaimed(_CounterBug):
    """A batch is claimed up to its end, and checked off up to there whatever part of it came."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], str] = {}
        self._done: dict[str, str] = {}

    def count(self, handle: Callable[[Any], Any], event: Any) -> Any:
        shard = event["shardId"]
        done = self._done.get(shard, "")
        records = [record for record in event["Records"] if read_number(record) > done]
        if not records:
            return handle(event | {"Records": []})
        first, last = read_number(records[0]), read_number(records[-1])
        end = self._claims.setdefault((shard, first), last)
        answer = handle(event | {"Records": records})
        failures = answer["batchItemFailures"]
        if failures:
            first_left = failures[0]["itemIdentifier"]
            end = max(
                (read_number(record) for record in records if read_number(record) < first_left),
                default=done,
            )
        self._done[shard] = max(done, end)
        return answer


class _PublisherBug(Plant):
    """A bug in the publisher of metrics."""

    def change_service(self, function: str, service: Any) -> Any:
        return self.change_publisher(service) if function == "metric_publisher" else service

    def change_publisher(self, publisher: StreamPublisher) -> Any:
        raise NotImplementedError


class _ForgetsTheRest:
    def __init__(self, publisher: StreamPublisher) -> None:
        self._publisher = publisher

    def publish(
        self, batch: Sequence[StreamRecord], now: datetime, has_time: Callable[[], bool]
    ) -> BatchOutcome:
        answers: list[bool] = []

        def ask() -> bool:
            answers.append(has_time())
            return answers[-1]

        outcome = self._publisher.publish(batch, now, ask)
        return outcome if all(answers) else outcome._replace(first_unsent=None)


class ForgetsTheRest(_PublisherBug):
    """The rest of a batch does not come again after time ran out."""

    def change_publisher(self, publisher: StreamPublisher) -> Any:
        return _ForgetsTheRest(publisher)


class RejectsUnknownAttributes(_PublisherBug):
    """A call that a later version wrote is not published."""

    def change_publisher(self, publisher: StreamPublisher) -> Any:
        def read(batch: Sequence[StreamRecord]) -> Any:
            known = [
                record
                for record in batch
                if record["dynamodb"].get("NewImage", {}).keys() <= CALL_ATTRIBUTES
            ]
            return publisher.read(known)

        return replace(publisher, read=read)


class ReadsFromTheLatest(Plant):
    """A new iterator begins with the latest record instead of the one after the checkpoint."""

    def change_mapping(self, mapping: StreamMapping) -> StreamMapping:
        is_publisher = mapping.function == "metric_publisher"
        return replace(mapping, starts_at_latest=True) if is_publisher else mapping
