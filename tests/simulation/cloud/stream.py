"""A stream of DynamoDB: shards with parents and children, and records that are kept for a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zlib import crc32

from tests.simulation.faults import Fault
from tests.simulation.world import World

RETENTION = timedelta(hours=24)
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html"""
_MAX_FIRST_SHARDS = 4
_SPLIT_CHANCE = 0.02
_MAX_OPEN = 8
_HASHES = 2**32


@dataclass(slots=True)
class Shard:
    """A part of the stream, for a range of hashes of keys.

    Attributes:
        shard_id: Its name.
        parent: The name of the shard that was split into it.
        first_hash: The first hash of its range.
        end_hash: The first hash after it.
        records: Its records, in order.
        is_closed: True if it gets no more records.
    """

    shard_id: str
    parent: str | None
    first_hash: int
    end_hash: int
    records: list[dict[str, Any]] = field(default_factory=list)
    is_closed: bool = False


class Stream:
    """The changes of a table, in shards.

    Attributes:
        shards: The shards by name, parents first.
    """

    def __init__(self, world: World) -> None:
        self._world, self._numbers = world, count(1)
        self.shards: dict[str, Shard] = {}
        is_split = Fault.SHARDS in world.faults
        first = world.random.randint(2, _MAX_FIRST_SHARDS) if is_split else 1
        if is_split:
            world.note(Fault.SHARDS)
        for place in range(first):
            self._open(None, place * _HASHES // first, (place + 1) * _HASHES // first)

    def append(
        self,
        key: str,
        before: Any,
        after: Any,
        cause: Mapping[str, Any],
        keys: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a change of an item, with its keys as the record has them.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
        """
        place = crc32(key.encode())
        (shard,) = (
            shard
            for shard in self.shards.values()
            if not shard.is_closed and shard.first_hash <= place < shard.end_hash
        )
        number = next(self._numbers)
        images = {"NewImage": after, "OldImage": before}
        kind = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
        shard.records.append(
            {
                "eventID": f"{number:032x}",
                "eventName": kind,
                **cause,
                "dynamodb": {
                    "SequenceNumber": f"{number:021d}",
                    "ApproximateCreationDateTime": int(self._world.now.timestamp()),
                    "Keys": dict(keys or {}),
                    **{name: image for name, image in images.items() if image is not None},
                },
            }
        )
        if self._count_open() < _MAX_OPEN and self._world.strikes(Fault.SHARDS, _SPLIT_CHANCE):
            self._split(shard)

    def children(self, shard_id: str | None) -> Sequence[Shard]:
        """The shards that were split off a shard; `None` for those without a parent."""
        return [shard for shard in self.shards.values() if shard.parent == shard_id]

    def trim(self, shard: Shard, place: int, moment: datetime) -> int:
        """The place of the first record of a shard, from a place on, that is kept at a moment."""
        oldest = (moment - RETENTION).timestamp()
        while place < len(shard.records) and changed_at(shard.records[place]) < oldest:
            place += 1
        return place

    def _count_open(self) -> int:
        return sum(not shard.is_closed for shard in self.shards.values())

    def _split(self, shard: Shard) -> None:
        shard.is_closed = True
        middle = (shard.first_hash + shard.end_hash) // 2
        self._open(shard.shard_id, shard.first_hash, middle)
        self._open(shard.shard_id, middle, shard.end_hash)

    def _open(self, parent: str | None, first_hash: int, end_hash: int) -> None:
        shard_id = f"shardId-{len(self.shards):08d}"
        self.shards[shard_id] = Shard(shard_id, parent, first_hash, end_hash)


def changed_at(record: Mapping[str, Any]) -> int:
    """The time of a change, in seconds."""
    return int(record["dynamodb"]["ApproximateCreationDateTime"])


def read_number(record: Mapping[str, Any]) -> str:
    """The sequence number of a record."""
    return str(record["dynamodb"]["SequenceNumber"])
