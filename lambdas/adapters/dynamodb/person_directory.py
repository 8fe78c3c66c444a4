"""Stores the names of people in the table `Governance`, away from the audit trail."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from lambdas.domain.audit import PERSON_PREFIX
from lambdas.domain.budgets.governance_table import PARTITION_KEY, PEOPLE, PERSON_ID, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_ID_BYTES = 8


class DynamoDbPersonDirectory:
    """Stores an item for each person, whose key is the name."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store names in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def get_or_create_id(self, arn: str) -> str:
        """Return the id of a person; two processes that create it at once get the same."""
        known = self._get(arn)
        if known is not None:
            return known
        person_id = f"{PERSON_PREFIX}{secrets.token_hex(_ID_BYTES)}"
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=_make_key(arn) | {PERSON_ID: {"S": person_id}},
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY})",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self._get(arn) or person_id
        return person_id

    def read_names(self) -> dict[str, str]:
        """Read the names (ARNs) of all people, by their ids."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=f"{PARTITION_KEY} = :people",
            ExpressionAttributeValues={":people": {"S": PEOPLE}},
            ConsistentRead=True,
        )
        return {
            item[PERSON_ID]["S"]: item[SORT_KEY]["S"] for page in pages for item in page["Items"]
        }

    def delete(self, arn: str) -> bool:
        """Delete the name of a person for good; `False` if it is not stored."""
        answer = self._client.delete_item(
            TableName=self._table_name, Key=_make_key(arn), ReturnValues="ALL_OLD"
        )
        return "Attributes" in answer

    def _get(self, arn: str) -> str | None:
        answer = self._client.get_item(
            TableName=self._table_name, Key=_make_key(arn), ConsistentRead=True
        )
        return answer["Item"][PERSON_ID]["S"] if "Item" in answer else None


def _make_key(arn: str) -> dict[str, AttributeValueTypeDef]:
    return {PARTITION_KEY: {"S": PEOPLE}, SORT_KEY: {"S": arn}}
