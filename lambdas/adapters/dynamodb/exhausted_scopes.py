"""Stores the scopes whose credits are exhausted, in the table `Governance`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    make_item_key,
    query_partition,
    write_json,
)
from lambdas.domain.budgets.governance_table import CONTENT, CREDIT_EXHAUSTED, SORT_KEY
from lambdas.domain.credits import ExhaustedScope, read_exhausted, write_exhausted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.brake_items import Item


class DynamoDbExhaustedScopes:
    """Stores each exhausted scope in an item, by the digest of the scope."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store them in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def list_exhausted(self) -> Sequence[ExhaustedScope]:
        """List those that can be read, with a consistent read."""
        items = query_partition(self._client, self._table_name, CREDIT_EXHAUSTED)
        return [scope for item in items if (scope := _try_to_read(item)) is not None]

    def replace(self, exhausted: Sequence[ExhaustedScope]) -> None:
        """Store these and no other. A scope that is stored already stays as it is."""
        wanted = {scope.key: scope for scope in exhausted}
        stored = set()
        for item in query_partition(self._client, self._table_name, CREDIT_EXHAUSTED):
            key, scope = item[SORT_KEY]["S"], _try_to_read(item)
            if key in wanted and scope is not None and scope.key == key:
                stored.add(key)
            elif key not in wanted:
                self._client.delete_item(
                    TableName=self._table_name, Key=make_item_key(CREDIT_EXHAUSTED, key)
                )
        for key, scope in wanted.items():
            if key not in stored:
                self._client.put_item(
                    TableName=self._table_name,
                    Item={
                        **make_item_key(CREDIT_EXHAUSTED, key),
                        CONTENT: write_json(write_exhausted(scope)),
                    },
                )


def _try_to_read(item: Item) -> ExhaustedScope | None:
    try:
        return read_exhausted(json.loads(item[CONTENT]["S"]))
    except UNREADABLE:
        return None
