"""The stream of the ledger table, as Lambda delivers it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from lambdas.adapters.dynamodb_usage_item import from_item
from lambdas.domain.metering import LedgerChange

StreamRecord: TypeAlias = Mapping[str, Any]
"""Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html"""


def read_change(record: StreamRecord) -> LedgerChange | None:
    """Read an insertion or a modification; `None` where its images hold no call."""
    images = record["dynamodb"]
    try:
        is_new = record["eventName"] == "INSERT"
        return LedgerChange(
            from_item(images["NewImage"]), None if is_new else from_item(images["OldImage"])
        )
    except (KeyError, TypeError, ValueError):
        return None


def changed_at(record: StreamRecord) -> datetime:
    """When the table was changed; DynamoDB tells whole seconds."""
    return datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC)


def sequence_number(record: StreamRecord) -> str:
    """What a record is called when it is to come again."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number
