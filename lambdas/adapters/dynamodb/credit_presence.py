"""Says if credits of a scope are exhausted, without the modules of credits: these load slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.governance_keys import CREDIT_EXHAUSTED, PARTITION_KEY
from lambdas.domain.limit_policies import SubjectsUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbCreditPresence:
    """Reads if there is an item of an exhausted scope."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read from a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def has_exhausted(self) -> bool:
        """Say if a scope is exhausted.

        Raises:
            SubjectsUnavailableError: The table does not answer.
        """
        try:
            answer = self._client.query(
                TableName=self._table_name,
                KeyConditionExpression=f"{PARTITION_KEY} = :partition",
                ExpressionAttributeValues={":partition": {"S": CREDIT_EXHAUSTED}},
                ConsistentRead=True,
                Limit=1,
            )
        except (BotoCoreError, ClientError) as error:
            raise SubjectsUnavailableError(str(error)) from error
        return bool(answer["Items"])
