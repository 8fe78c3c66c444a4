"""Finds the calls of the gateway in the ledger table, by their reservations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import TableItems
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger.table import RESERVATION_INDEX, RESERVATION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbReservedCalls:
    """Asks the index for the keys of calls, and reads these."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read from a table.

        Args:
            client: A DynamoDB client.
            table_name: The ledger table.
        """
        self._items = TableItems(client, table_name)

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Sequence[UsageRecord]]:
        """Find the calls of reservations.

        Raises:
            TableUnavailableError: Some calls were not read.
            KeyError, TypeError, ValueError: An item holds no call.
        """
        found = {
            each: [
                from_item(item)
                for item in self._items.get_all(
                    self._items.list_keys(RESERVATION_INDEX, RESERVATION_KEY, each)
                )
            ]
            for each in reservation_ids
        }
        return {each: records for each, records in found.items() if records}
