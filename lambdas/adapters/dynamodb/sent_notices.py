"""Keeps the keys of notices that were sent in the ledger table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.domain.ledger.table import EXPIRES_AT, NOTICE_PREFIX, PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Longer than a batch job may run, so that its last event is no news.
_RETENTION = timedelta(days=40)


class DynamoDbSentNotices:
    """Keeps one item for each key; DynamoDB deletes it when no event can need it any more."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Keep keys in a table.

        Args:
            client: A DynamoDB client.
            table_name: The ledger table; the items' keys are none of a call's.
        """
        self._client = client
        self._table_name = table_name

    def contains(self, key: str) -> bool:
        """Say if the notice of a key was sent."""
        answer = self._client.get_item(
            TableName=self._table_name,
            Key={PARTITION_KEY: {"S": NOTICE_PREFIX + key}},
            ConsistentRead=True,
        )
        return "Item" in answer

    def add(self, key: str, sent_at: datetime) -> None:
        """Add a key; the time of the first notice stays."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    PARTITION_KEY: {"S": NOTICE_PREFIX + key},
                    "sent_at": {"S": sent_at.isoformat()},
                    EXPIRES_AT: {"N": str(round((sent_at + _RETENTION).timestamp()))},
                },
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY})",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return
