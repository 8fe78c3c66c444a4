"""Stores events of the brake in the table `Governance` until they are sent, and their ids after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    make_item_key,
    query_partition,
    write_json,
    write_time,
)
from lambdas.adapters.dynamodb.claims import CLAIMED_UNTIL, DueItems
from lambdas.adapters.dynamodb.transactions import read_cancellation_codes
from lambdas.domain.brake import BrakeEvent
from lambdas.domain.budgets.governance_table import (
    BRAKE_EVENTS,
    DUE_BRAKE_EVENTS,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.domain.ledger.table import EXPIRES_AT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.brake_items import Item

EVENT_RETENTION = timedelta(days=40)
"""The time for which events are kept: longer than the longest period, a month."""
_DETAIL = "detail"
_SENT_AT = "sent_at"
_REFUSED = "ConditionalCheckFailed"


class DynamoDbBrakeEvents:
    """Stores each event in an item, with a copy while it is due."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store events in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name
        self._due = DueItems(client, table_name)

    def add_due(self, event: BrakeEvent) -> bool:
        """Store an event as due, unless one with its id is stored.

        A conflict with another writer is raised as an error: the next run tries again.
        """
        content = write_json(event.detail)
        expires_at = datetime.fromisoformat(event.detail["at"]) + EVENT_RETENTION
        actions: list[TransactWriteItemTypeDef] = [
            {
                "Put": {
                    "TableName": self._table_name,
                    "Item": {
                        **make_item_key(BRAKE_EVENTS, event.id),
                        _DETAIL: content,
                        EXPIRES_AT: {"N": str(round(expires_at.timestamp()))},
                    },
                    "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
                }
            },
            {
                "Put": {
                    "TableName": self._table_name,
                    "Item": {**make_item_key(DUE_BRAKE_EVENTS, event.id), _DETAIL: content},
                }
            },
        ]
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if read_cancellation_codes(error) == {_REFUSED}:
                return False
            raise
        return True

    def list_due(self) -> Iterator[BrakeEvent]:
        """List the events that are due and can be read, in the order of their times."""
        items = query_partition(self._client, self._table_name, DUE_BRAKE_EVENTS)
        due = [event for item in items if (event := _try_to_read(item)) is not None]
        return iter(sorted(due, key=lambda event: (event.detail["at"], event.id)))

    def claim(self, event_id: str, now: datetime) -> bool:
        """Claim a due event for sending, unless another run has claimed it lately."""
        return self._due.claim(make_item_key(DUE_BRAKE_EVENTS, event_id), now)

    def release(self, event_id: str) -> None:
        """Give up the claim of an event that was not delivered, unless it was sent meanwhile."""
        self._due.update(make_item_key(DUE_BRAKE_EVENTS, event_id), f"REMOVE {CLAIMED_UNTIL}")

    def mark_sent(self, event_id: str, sent_at: datetime) -> None:
        """Mark an event sent, and delete its copy."""
        actions: list[TransactWriteItemTypeDef] = [
            {
                "Update": {
                    "TableName": self._table_name,
                    "Key": make_item_key(BRAKE_EVENTS, event_id),
                    "UpdateExpression": f"SET {_SENT_AT} = :now",
                    "ConditionExpression": f"attribute_exists({PARTITION_KEY})",
                    "ExpressionAttributeValues": {":now": {"S": write_time(sent_at)}},
                }
            },
            {
                "Delete": {
                    "TableName": self._table_name,
                    "Key": make_item_key(DUE_BRAKE_EVENTS, event_id),
                }
            },
        ]
        self._client.transact_write_items(TransactItems=actions)


def _try_to_read(item: Item) -> BrakeEvent | None:
    try:
        detail = json.loads(item[_DETAIL]["S"])
        return BrakeEvent(detail["id"], detail) if detail["at"] and item[SORT_KEY] else None
    except UNREADABLE:
        return None
