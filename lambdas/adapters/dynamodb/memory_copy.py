"""Keeps the copy of the memory of Bedrock's logging configuration in the ledger table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.ledger.table import MEMORIES, MEMORY_KEY, PARTITION_KEY
from lambdas.domain.logging_configuration import LoggingMemory, read_copies
from lambdas.domain.logging_configuration.ports import MemoryUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbMemoryCopy:
    """Keeps the memories that are allowed as texts in one item."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Keep the copy in the ledger table; no call has the item's key."""
        self._client = client
        self._table_name = table_name

    def recall(self) -> tuple[LoggingMemory, ...]:
        """Return the memories that the copy allows; none where there is no copy, or no table."""
        with refusal_as_not_readable():
            return read_copies(self._read())

    def _read(self) -> list[str]:
        try:
            answer = self._client.get_item(
                TableName=self._table_name,
                Key={PARTITION_KEY: {"S": MEMORY_KEY}},
                ConsistentRead=True,
            )
        except self._client.exceptions.ResourceNotFoundException:
            return []
        texts = answer.get("Item", {}).get(MEMORIES, {}).get("L", [])
        return [text.get("S", "") for text in texts]

    def remember(self, memories: tuple[LoggingMemory, ...]) -> None:
        """Allow these memories and no others.

        Raises:
            MemoryUnavailableError: DynamoDB does not take them.
        """
        texts = [{"S": memory.to_text()} for memory in memories]
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item={PARTITION_KEY: {"S": MEMORY_KEY}, MEMORIES: {"L": texts}},
            )
        except (BotoCoreError, ClientError) as error:
            raise MemoryUnavailableError(str(error)) from error
