"""Reads the policies of the gateway from one item of the table `Governance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.domain.governance_keys import LIMIT_POLICIES, POLICIES
from lambdas.domain.limit_policies import PoliciesUnavailableError, StoredPolicies

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

POLICIES_KEY = make_item_key(POLICIES, LIMIT_POLICIES)
CONTENT, REVISION = "content", "revision"


class DynamoDbPolicies:
    """Reads all policies, which one item has, so that they change all at once."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read policies from a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def read(self) -> StoredPolicies:
        """Read the stored policies.

        Raises:
            PoliciesUnavailableError: DynamoDB does not answer, or nothing can read the item.
        """
        try:
            answer = self._client.get_item(
                TableName=self._table_name, Key=POLICIES_KEY, ConsistentRead=True
            )
            item = answer.get("Item")
            if item is None:
                return StoredPolicies()
            return StoredPolicies(item[CONTENT]["S"], int(item[REVISION]["N"]))
        except (BotoCoreError, ClientError, LookupError, ValueError) as error:
            raise PoliciesUnavailableError(type(error).__name__) from error
