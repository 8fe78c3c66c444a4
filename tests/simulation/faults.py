"""The faults that a simulation can inject, one by one or together."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from random import Random
from typing import TypeAlias


class Fault(StrEnum):
    """A fault of AWS, or of the ways to it."""

    DUPLICATES = "duplicates"
    """CloudWatch Logs delivers records again, packed in another way."""
    REORDERING = "reordering"
    """Deliveries overtake each other, and so do the records in them."""
    LATENESS = "lateness"
    """Records come hours or days after their calls."""
    THROTTLES = "throttles"
    """DynamoDB, CloudWatch and other services refuse requests for a moment."""
    UNPROCESSED_ITEMS = "unprocessed_items"
    """DynamoDB leaves a part of a batch."""
    TRANSACTION_CONFLICTS = "transaction_conflicts"
    """Another writer is in the way of a transaction or of a conditional write."""
    LOST_ANSWERS = "lost_answers"
    """A request was carried out, and its answer got lost."""
    KILLS = "kills"
    """A process dies between two effects, as after a timeout or without memory."""
    SHARDS = "shards"
    """The stream has several shards, which are split into children."""
    EARLY_WINDOWS = "early_windows"
    """Tumbling windows end before their time."""
    PARTIAL_ANSWERS = "partial_answers"
    """The time of an invocation ends in the middle of a batch."""
    BISECT = "bisect"
    """Lambda halves a batch that failed."""
    RETRY_LIMIT = "retry_limit"
    """An outage lasts longer than Lambda tries an event."""
    AGE_LIMIT = "age_limit"
    """A stream is not read for so long that Lambda gives up on its oldest records."""
    EXPIRED_ITERATORS = "expired_iterators"
    """A poller loses its iterator, and reads again from its last checkpoint, or what is left."""
    TTL_REPLAY = "ttl_replay"
    """Calls are replayed around the time at which the ledger deletes them."""
    TWO_VERSIONS = "two_versions"
    """Two versions of the code run during a deployment; the newer one writes more attributes."""
    CLOCK_SKEW = "clock_skew"
    """The clocks of callers and of Bedrock differ from ours by up to 15 minutes."""
    POISON = "poison"
    """Records and deliveries that cannot be read."""
    HUGE_OBJECTS = "huge_objects"
    """Deliveries that unpack to more than memory holds at once."""


Faults: TypeAlias = AbstractSet[Fault]
ALL_FAULTS: Faults = frozenset(Fault)
_ALONE_EVERY = 3


def choose_faults(seed: int) -> Faults:
    """Choose the faults of a seed: one alone for every third seed, else a random half of them."""
    if seed % _ALONE_EVERY == 0:
        return frozenset({list(Fault)[seed // _ALONE_EVERY % len(Fault)]})
    random = Random(f"faults {seed}")  # noqa: S311  # a simulation
    return frozenset(fault for fault in Fault if random.random() < random.choice((0.2, 0.5, 0.8)))
