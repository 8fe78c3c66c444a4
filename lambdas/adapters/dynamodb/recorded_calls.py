"""Reads calls back from the ledger table, by scanning it: reports need all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import make_key, read_key
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.domain.ledger import ScannedCall, ScannedPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import ScanInputTypeDef

    from lambdas.adapters.dynamodb.items import Item

_FILTER = "#at >= :start AND #at < :end"


class DynamoDbRecordedCalls:
    """Scans the table page by page, a megabyte each; calls of other times are read as well."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read from a table.

        Args:
            client: A DynamoDB client.
            table_name: The ledger table.
        """
        self._client = client
        self._table_name = table_name

    def scan_range(
        self, start: datetime, end: datetime, after: str | None = None
    ) -> Iterator[ScannedPage]:
        """The calls of a time, page by page, from a place on: the key of the last item before it.

        The reads are eventually consistent and may miss the writes of the last second.
        Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
        """
        scan: ScanInputTypeDef = {
            "TableName": self._table_name,
            "FilterExpression": _FILTER,
            "ExpressionAttributeNames": {"#at": "timestamp"},
            "ExpressionAttributeValues": {
                ":start": {"S": _comparable(start)},
                ":end": {"S": _comparable(end)},
            },
        }
        cursor = after
        while True:
            if cursor is not None:
                scan["ExclusiveStartKey"] = make_key(cursor)
            page = self._client.scan(**scan)
            last = page.get("LastEvaluatedKey")
            cursor = None if last is None else read_key(last)
            read = [_read_call(item) for item in page["Items"]]
            calls = [call for call in read if call is not None]
            yield ScannedPage(calls, cursor, len(read) - len(calls))
            if cursor is None:
                return

    def get_creation_time(self) -> datetime:
        """The time at which the table was created.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
        """
        table = self._client.describe_table(TableName=self._table_name)["Table"]
        return table["CreationDateTime"].astimezone(UTC)


def _read_call(item: Item) -> ScannedCall | None:
    try:
        return ScannedCall(read_key(item), from_item(item))
    except (KeyError, TypeError, ValueError):
        return None


def _comparable(moment: datetime) -> str:
    """Text that sorts before every time in an item at or after the moment.

    Items have `isoformat()` in UTC, with a fraction where there is one: both `+` and `.` follow.
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
