"""The stream of the ledger table, as Lambda delivers it.

Records: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import read_key
from lambdas.adapters.dynamodb.usage_item import (
    CALL_ATTRIBUTES,
    call_key,
    expiry,
    from_item,
    read_expiry,
)
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import (
    LedgerChange,
    StreamedChange,
    StreamRecord,
    TamperedCall,
    Tampering,
)

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.items import Item

_REMOVE = "REMOVE"
_TIME_TO_LIVE = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""


def read_stream(batch: Iterable[StreamRecord], retention: timedelta) -> list[StreamedChange]:
    """Read a batch, without the calls that DynamoDB itself deleted because their time had come.

    Args:
        batch: Records of the stream, in order.
        retention: The time for which the ledger keeps a call after it was made.
    """
    return [
        StreamedChange(
            number=record["dynamodb"]["SequenceNumber"],
            # in whole seconds
            changed_at=datetime.fromtimestamp(
                record["dynamodb"]["ApproximateCreationDateTime"], UTC
            ),
            change=read_change(record, retention),
        )
        for record in batch
        if not _is_expired(record)
    ]


def read_change(record: StreamRecord, retention: timedelta) -> LedgerChange | TamperedCall:
    """Read the change of a call.

    A call that replaces an unreadable one counts as new. If the unreadable one was published,
    metrics show too much rather than too little.

    Args:
        record: A record of the stream that `read_stream` does not leave out.
        retention: The time for which the ledger keeps a call after it was made.
    """
    images = record["dynamodb"]
    after, before = images.get("NewImage", {}), images.get("OldImage", {})
    call, replaced = _read_call(after), _read_call(before)
    if record["eventName"] == _REMOVE:
        return TamperedCall(Tampering.REMOVED, replaced)
    if call is None:
        return TamperedCall(Tampering.UNREADABLE, replaced)
    tampering = _find_tampering(after, call, before, retention)
    if tampering is not None:
        return TamperedCall(tampering, call)
    return LedgerChange(call, None if record["eventName"] == "INSERT" else replaced)


def _is_expired(record: StreamRecord) -> bool:
    return record["eventName"] == _REMOVE and record.get("userIdentity") == _TIME_TO_LIVE


def _read_call(image: Item) -> UsageRecord | None:
    try:
        return from_item(image)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _find_tampering(
    after: Item, call: UsageRecord, before: Item, retention: timedelta
) -> Tampering | None:
    """Find the tampering of an item that holds a call.

    A new item may hold more: a later version of the meter may have written it.
    It may expire sooner than before where that is its time: a deployment may have made the
    retention shorter.
    """
    if read_key(after) != call_key(call):
        return Tampering.MISPLACED
    if before and not after.keys() <= CALL_ATTRIBUTES:  # Time to Live can be set to any of them
        return Tampering.CHANGED
    expires_at = read_expiry(after)
    if before and expires_at < read_expiry(before) and expires_at < expiry(call, retention):
        return Tampering.EXPIRES_SOONER
    return None
