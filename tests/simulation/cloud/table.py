"""A table of DynamoDB: items by key, and a stream of what changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY
from tests.simulation.cloud.expressions import Item
from tests.simulation.cloud.stream import Stream
from tests.simulation.world import World

Watch: TypeAlias = Callable[[Item | None, Item | None], None]
_TIME_TO_LIVE = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


class Table:
    """Items by key.

    Attributes:
        items: The items.
        has_conflicts: True if transactions of others may be in the way of single writes.
        stream: The stream of changes; `None` for a table without one.
        changed_at: The time of the last change, but for expiry.
        watch: Sees each change of an item: as it was, and as it is.
    """

    def __init__(
        self,
        world: World,
        key_names: tuple[str, ...] = (PARTITION_KEY,),
        *,
        has_stream: bool = False,
        has_conflicts: bool = False,
    ) -> None:
        self.items: dict[tuple[Any, ...], Item] = {}
        self._partitions: defaultdict[Any, set[tuple[Any, ...]]] = defaultdict(set)
        self.stream = Stream(world) if has_stream else None
        self.changed_at = world.now
        self.watch: Watch = lambda _before, _after: None
        self.has_conflicts = has_conflicts
        self._world, self._key_names = world, key_names

    def start_stream(self) -> Stream:
        """Add a stream: of changes from now on."""
        self.stream = Stream(self._world)
        return self.stream

    def key(self, item: Mapping[str, Any]) -> tuple[Any, ...]:
        """The key of an item."""
        return tuple(next(iter(item[name].values())) for name in self._key_names)

    def get(self, key: Mapping[str, Any]) -> Item | None:
        """Get an item by its key."""
        item = self.items.get(self.key(key))
        return None if item is None else dict(item)

    def list_partition(self, partition: Any) -> list[Item]:
        """Read the items of a partition in the order of their sort keys."""
        return [dict(self.items[key]) for key in sorted(self._partitions[partition])]

    def load(self, item: Item) -> None:
        """Put an item from before the run, which the stream no longer has."""
        key = self.key(item)
        self.items[key] = item
        self._partitions[key[0]].add(key)

    def write(self, key: Mapping[str, Any], item: Item | None) -> None:
        """Put an item, or delete it. A write that changes nothing is not in the stream."""
        self._change(self.key(key), None if item is None else dict(item), {})

    def expire(self, now: datetime) -> int:
        """Delete items whose time has come, as Time to Live does; return their number.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
        """
        expired = [
            key
            for key, item in self.items.items()
            if EXPIRES_AT in item and int(item[EXPIRES_AT]["N"]) < now.timestamp()
        ]
        for key in expired:
            self._change(key, None, {"userIdentity": _TIME_TO_LIVE})
        return len(expired)

    def scan(self, start: Mapping[str, Any] | None) -> Iterator[Item]:
        """Read the items in the order of their keys, from a place on."""
        first = None if start is None else self.key(start)
        for key in sorted(self.items):
            if first is None or key > first:
                yield dict(self.items[key])

    def _change(self, key: tuple[Any, ...], after: Item | None, cause: Mapping[str, Any]) -> None:
        before = self.items.get(key)
        if after == before:
            return
        if not cause:
            self.changed_at = self._world.now
        if after is None:
            del self.items[key]
            self._partitions[key[0]].discard(key)
        else:
            self.items[key] = after
            self._partitions[key[0]].add(key)
        self.watch(before, after)
        item = before if after is None else after
        if self.stream is not None and item is not None:
            keys = {name: item[name] for name in self._key_names}
            self.stream.append(repr(key), before, after, cause, keys)
