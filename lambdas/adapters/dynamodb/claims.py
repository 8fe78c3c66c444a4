"""Claims of due items in the table `Governance`, so that of several runs one sends a message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.transactions import MAX_CONFLICTS
from lambdas.domain.budgets.budget_alerts import CLAIM
from lambdas.domain.budgets.governance_table import PARTITION_KEY
from lambdas.domain.times import write_sortable_seconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateItemInputTypeDef

    from lambdas.adapters.dynamodb.brake_items import Item

CLAIMED_UNTIL = "claimed_until"
"""The attribute with the end of a claim."""


def write_claim_end(until: datetime) -> AttributeValueTypeDef:
    """Write the end of a claim so that texts are in order of time."""
    return {"S": write_sortable_seconds(until)}


class DueItems:
    """The due items of a table. One that was sent is deleted, and stays so."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Claim items of a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def claim(self, key: Item, now: datetime) -> bool:
        """Claim an item for sending; `False` if another run has claimed it lately, or sent it."""
        return self.update(
            key,
            f"SET {CLAIMED_UNTIL} = :until",
            {":until": write_claim_end(now + CLAIM), ":now": write_claim_end(now)},
            only_if=f"(attribute_not_exists({CLAIMED_UNTIL}) OR {CLAIMED_UNTIL} <= :now)",
        )

    def update(
        self,
        key: Item,
        update: str,
        values: Mapping[str, AttributeValueTypeDef] | None = None,
        only_if: str = "",
    ) -> bool:
        """Update an item; `False` if it was sent meanwhile, or another condition does not hold."""
        is_due = f"attribute_exists({PARTITION_KEY})"
        request: UpdateItemInputTypeDef = {
            "TableName": self._table_name,
            "Key": key,
            "UpdateExpression": update,
            "ConditionExpression": f"{is_due} AND {only_if}" if only_if else is_due,
        }
        if values:
            request["ExpressionAttributeValues"] = values
        for attempt in range(1, MAX_CONFLICTS + 1):
            try:
                self._client.update_item(**request)
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
            except self._client.exceptions.TransactionConflictException:
                # A transaction on the item is under way, which takes milliseconds.
                if attempt == MAX_CONFLICTS:
                    raise
            else:
                break
        return True
