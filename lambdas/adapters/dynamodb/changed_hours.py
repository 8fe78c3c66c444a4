"""Notes that the cost of an hour has changed, which counters write with the change, for credits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.brake_items import UNREADABLE, query_partition
from lambdas.adapters.dynamodb.counter_items import (
    TOKEN,
    changed_hour_key,
    read_changed_hour,
)
from lambdas.adapters.refusals import error_code
from lambdas.domain.counters.table import CHANGED_HOURS
from lambdas.domain.credits import ChangedHour, floor_hour

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.items import Item

_REFUSED, _CONFLICT = "ConditionalCheckFailedException", "TransactionConflictException"


class DynamoDbChangedHours:
    """The notes in the table of counters."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read the notes in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table of counters.
        """
        self._client = client
        self._table_name = table_name

    def list_changed(self) -> Sequence[ChangedHour]:
        """List the notes that can be read, the earliest hour first."""
        items = query_partition(self._client, self._table_name, CHANGED_HOURS)
        return [note for item in items if (note := _try_to_read(item)) is not None]

    def remove(self, changed: ChangedHour) -> None:
        """Remove a note, unless cells have changed since or change now: then it stays."""
        try:
            self._client.delete_item(
                TableName=self._table_name,
                Key=changed_hour_key(changed.hour, changed.writer),
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": TOKEN},
                ExpressionAttributeValues={":token": {"S": changed.token}},
            )
        except ClientError as error:
            if error_code(error) not in {_REFUSED, _CONFLICT}:
                raise


def _try_to_read(item: Item) -> ChangedHour | None:
    """Read a note; `None` for one that this version does not know, or of no whole hour of UTC."""
    try:
        note = ChangedHour(*read_changed_hour(item))
        return note if floor_hour(note.hour) == note.hour else None
    except UNREADABLE:
        return None
