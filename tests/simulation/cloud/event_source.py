"""The event source mapping of a stream: a poller for each shard, retries, halves and windows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulation.cloud.functions import Functions
from tests.simulation.cloud.stream import Shard, Stream, changed_at, read_number
from tests.simulation.faults import Fault
from tests.simulation.world import START, Killed, World

_IDLE_SECONDS, _SLOW_SECONDS = 60, 1200
_BUSY_HOURS = timedelta(hours=4)
_BUSY_SECONDS = 2
_RETRY_SECONDS, _MAX_PAUSE = 10, 300
_GIVE_UP = 100
_LOSS_SHARE = 0.005
_PAUSE_SHARE = 0.005
_EARLY_SHARE = 0.2
_REPEATED_SHARE = 0.5
_SHORT_OUTAGE = (16 * 60, 60 * 60)
_LONG_OUTAGE = (25 * 3600, 30 * 3600)
_LONG_SHARE = 0.3
_UNREAD = (7 * 3600, 20 * 3600)
_LONG_UNREAD = (21 * 3600, 23.9 * 3600)  # the stream keeps records for a day

_Records = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMapping:
    """The properties of a mapping.

    Attributes:
        function: The function that it starts.
        batch_size: The maximum number of records of a batch.
        max_attempts: The attempts until a batch goes to the failure bucket.
        max_age: The age of a record from which on it goes there.
        window: The length of its tumbling windows; `None` for no windows.
        is_taken: Says if a record passes its filter.
        starts_at_latest: True if polling starts with new records alone.
    """

    function: str
    batch_size: int
    max_attempts: int
    max_age: timedelta
    window: timedelta | None = None
    is_taken: Callable[[Mapping[str, Any]], bool] = lambda _: True
    starts_at_latest: bool = False


def is_no_expiry(record: Mapping[str, Any]) -> bool:
    """Say if a record is no removal by Time to Live, as the meter's mappings filter."""
    return record["eventName"] != "REMOVE" or "userIdentity" not in record


def is_no_removal(record: Mapping[str, Any]) -> bool:
    """Say if a record is no removal of any kind."""
    return bool(record["eventName"] != "REMOVE")


class EventSource:
    """Starts a function with the records of a stream.

    Attributes:
        trimmed: Records that the stream did not keep long enough to be read.
        failed: Records that went to the failure bucket.
    """

    def __init__(
        self, world: World, functions: Functions, stream: Stream, mapping: StreamMapping
    ) -> None:
        self.world, self.functions, self.stream, self.mapping = world, functions, stream, mapping
        self.trimmed: _Records = []
        self.failed: _Records = []
        self.pollers: dict[str, Poller] = {}

    def start(self) -> None:
        """Poll the shards without a parent; children follow."""
        self.start_children(None)

    def start_children(self, shard_id: str | None) -> None:
        """Poll the shards that were split off a shard, once it is read to its end."""
        for shard in self.stream.children(shard_id):
            self.pollers[shard.shard_id] = poller = Poller(self, shard)
            self.world.after(_BUSY_SECONDS, poller.poll)

    @property
    def is_done(self) -> bool:
        """True when all records of all shards were read."""
        return all(
            shard_id in self.pollers and self.pollers[shard_id].is_done
            for shard_id in self.stream.shards
        )


class Poller:
    """Reads one shard in order, one batch at a time."""

    def __init__(self, source: EventSource, shard: Shard) -> None:
        self._source, self._world, self._shard = source, source.world, shard
        self._mapping = source.mapping
        self._place = 0
        self._last_place = 0
        self._work: list[_Records] = []
        self._attempts = 0
        self._read_before = 0
        self._window: datetime | None = None
        self._state: Any = {}

    @property
    def is_done(self) -> bool:
        return not self._work and self._place >= len(self._shard.records)

    def poll(self) -> None:
        """Read, and call the function with what was read."""
        if self._rest():
            return
        if not self._work:
            self._read()
        if not self._work:
            self._idle()
            return
        is_given_up = self._drop_old()
        if not is_given_up and self._open_window(self._work[-1]):
            self._deliver(self._work[-1])
        self._world.after(self._pause(), self.poll)

    def _pause(self) -> float:
        """The seconds until the next poll: longer after each failure."""
        if not self._attempts:
            return _BUSY_SECONDS
        return min(_RETRY_SECONDS * 2.0 ** (self._attempts - 1), _MAX_PAUSE)

    def _rest(self) -> bool:
        """Stop reading for a while, where a fault makes it so."""
        world = self._world
        if world.strikes(Fault.EXPIRED_ITERATORS, _LOSS_SHARE):
            is_long = world.random.random() < _LONG_SHARE
            seconds = world.random.uniform(*(_LONG_OUTAGE if is_long else _SHORT_OUTAGE))
            world.after(seconds, self._resume)
            return True
        if world.strikes(Fault.AGE_LIMIT, _PAUSE_SHARE):
            is_patient = self._mapping.max_age > timedelta(seconds=_UNREAD[1])
            unread = _LONG_UNREAD if is_patient else _UNREAD
            world.after(world.random.uniform(*unread), self.poll)
            return True
        return False

    def _resume(self) -> None:
        """Go on from the last checkpoint with a new iterator: the last batch may come again."""
        done = self._count_done()
        is_repeated = self._world.random.random() < _REPEATED_SHARE
        self._work, self._attempts = [], 0
        if self._mapping.starts_at_latest:
            self._place = self._last_place = len(self._shard.records)
        elif is_repeated or done < self._place:
            self._read_before = max(self._read_before, done)
            self._place = self._last_place
            again = self._shard.records[self._place : self._read_before]
            self._source.functions.note_repeated(self._mapping.function, again)
        self.poll()

    def _count_done(self) -> int:
        """The number of records of the shard that are done."""
        if not self._work:
            return self._place
        return self._shard.records.index(self._work[-1][0])

    def _read(self) -> None:
        records = self._shard.records
        if self._place >= len(records):
            return
        first = self._source.stream.trim(self._shard, self._place, self._world.now)
        if first > self._place:
            unread = max(self._place, self._read_before)
            self._source.trimmed += filter(self._mapping.is_taken, records[unread:first])
            self._place = first
        batch = records[self._place : self._place + self._mapping.batch_size]
        self._last_place, self._place = self._place, self._place + len(batch)
        batch = [record for record in batch if self._mapping.is_taken(record)]
        self._work = [batch] if batch else []

    def _idle(self) -> None:
        if self._place < len(self._shard.records):
            self._world.after(_BUSY_SECONDS, self.poll)
        elif self._shard.is_closed:
            if self._window is None or self._end_window(is_early=False):
                self._source.start_children(self._shard.shard_id)
            else:
                self._world.after(_RETRY_SECONDS, self.poll)
        else:
            if self._window is not None and self._world.now >= self._window_end():
                self._end_window(is_early=False)
            is_early = self._world.now < START + _BUSY_HOURS
            self._world.after(_IDLE_SECONDS if is_early else _SLOW_SECONDS, self.poll)

    def _drop_old(self) -> bool:
        """Give up on records that are too old: they go to the failure bucket.

        Returns:
            True if there were some; the next poll goes on with the others.
        """
        if Fault.AGE_LIMIT not in self._world.faults:
            return False
        oldest = (self._world.now - self._mapping.max_age).timestamp()
        batch = self._work.pop()
        old = [record for record in batch if changed_at(record) < oldest]
        rest = batch[len(old) :]
        if old:
            self._fail(old, "RecordAgeExceeded")
        if rest:
            self._work.append(rest)
        return bool(old)

    def _deliver(self, batch: _Records) -> None:
        try:
            answer = self._source.functions.call(self._mapping.function, self._event(batch))
        except (Exception, Killed):  # noqa: BLE001  # as Lambda does
            self._fail_batch(batch)
            return
        failures = (answer or {}).get("batchItemFailures") or []
        self._state = (answer or {}).get("state", self._state)
        if not failures:
            self._finish(batch)
            return
        numbers = [read_number(record) for record in batch]
        first = numbers.index(failures[0]["itemIdentifier"])
        if first == 0:
            self._fail_batch(batch)
        else:
            self._work[-1] = batch[first:]
            self._attempts = 0

    def _finish(self, batch: _Records) -> None:
        del batch
        self._work.pop()
        self._attempts = 0
        if self._window is not None and self._world.strikes(Fault.EARLY_WINDOWS, _EARLY_SHARE):
            self._end_window(is_early=True)

    def _fail_batch(self, batch: _Records) -> None:
        """Try again: in halves, whole, or not at all any more."""
        self._attempts += 1
        is_limited = Fault.RETRY_LIMIT in self._world.faults
        if is_limited and self._attempts >= self._mapping.max_attempts:
            self._work.pop()
            self._attempts = 0
            self._fail(batch, "RetryAttemptsExhausted")
        elif self._attempts >= _GIVE_UP:
            self._work.pop()
            self._attempts = 0
            self._source.functions.given_up.append(self._mapping.function)
        elif len(batch) > 1 and Fault.BISECT in self._world.faults:
            middle = len(batch) // 2
            self._work[-1:] = [batch[middle:], batch[:middle]]

    def _fail(self, batch: _Records, condition: str) -> None:
        self._source.failed += batch
        payload = json.dumps(self._event(batch))
        self._source.functions.fail(self._mapping.function, {"payload": payload}, condition)

    # windows

    def _open_window(self, batch: _Records) -> bool:
        """Cut a batch at its window's end; `False` where the window before is still open."""
        if self._mapping.window is None:
            return True
        start = self._find_window(batch[0])
        if self._window not in (None, start) and not self._end_window(is_early=False):
            return False
        self._window = start
        size = next(
            (place for place, record in enumerate(batch) if self._find_window(record) != start),
            len(batch),
        )
        if size < len(batch):
            self._work[-1:] = [batch[size:], batch[:size]]
        return True

    def _end_window(self, *, is_early: bool) -> bool:
        """Call the function for the end of a window; `False` where it failed."""
        closing = {"isFinalInvokeForWindow": True, "isWindowTerminatedEarly": is_early}
        try:
            self._source.functions.call(self._mapping.function, self._event([]) | closing)
        except (Exception, Killed):  # noqa: BLE001  # as Lambda does
            return False
        self._window, self._state = None, {}
        return True

    def _find_window(self, record: Mapping[str, Any]) -> datetime:
        seconds = int((self._mapping.window or timedelta(seconds=1)).total_seconds())
        return datetime.fromtimestamp(changed_at(record) // seconds * seconds, UTC)

    def _window_end(self) -> datetime:
        return (self._window or self._world.now) + (self._mapping.window or timedelta())

    def _event(self, batch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Make the event of a batch.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
        """
        event: dict[str, Any] = {"Records": list(batch)}
        if self._mapping.window is None:
            return event
        start = self._window or self._world.now
        return event | {
            "window": {"start": start.isoformat(), "end": self._window_end().isoformat()},
            "state": self._state,
            "shardId": self._shard.shard_id,
            "isFinalInvokeForWindow": False,
            "isWindowTerminatedEarly": False,
        }
