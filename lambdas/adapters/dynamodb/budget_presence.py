"""Says if a budget was ever stored, without the modules that read budgets: these load slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.domain.governance_keys import BUDGETS, REVISION_KEY
from lambdas.domain.limit_policies import SubjectsUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbBudgetPresence:
    """Reads the item with the number of the last write of budgets, until there is one."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read from a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name
        self._is_known = False

    def has_any(self) -> bool:
        """Say if budgets were written, even if all of them were deleted since.

        Raises:
            SubjectsUnavailableError: The table does not answer.
        """
        if not self._is_known:
            try:
                answer = self._client.get_item(
                    TableName=self._table_name,
                    Key=make_item_key(BUDGETS, REVISION_KEY),
                    ConsistentRead=True,
                )
            except (BotoCoreError, ClientError) as error:
                raise SubjectsUnavailableError(str(error)) from error
            self._is_known = "Item" in answer
        return self._is_known
