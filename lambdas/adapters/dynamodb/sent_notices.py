"""Stores the keys of sent notices in the state table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import TableItems, make_key
from lambdas.domain.ledger.state_table import NOTICE_PREFIX
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Longer than a batch job may run, so that its last event is no news.
_RETENTION = timedelta(days=40)


class DynamoDbSentNotices:
    """Keeps one item for each key; DynamoDB deletes it when no event can need it any more."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store keys in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
        """
        self._items = TableItems(client, table_name)

    def contains(self, key: str) -> bool:
        """Say if the notice of a key was sent."""
        return self._items.get(NOTICE_PREFIX + key) is not None

    def add(self, key: str, sent_at: datetime) -> None:
        """Add a key; the time of the first notice stays."""
        self._items.put_if(
            f"attribute_not_exists({PARTITION_KEY})",
            {
                **make_key(NOTICE_PREFIX + key),
                "sent_at": {"S": sent_at.isoformat()},
                EXPIRES_AT: {"N": str(round((sent_at + _RETENTION).timestamp()))},
            },
        )
