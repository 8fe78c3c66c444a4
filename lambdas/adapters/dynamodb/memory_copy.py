"""Keeps the copy of the memory of Bedrock's logging configuration in the state table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.items import TableItems, make_key
from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.ledger.state_table import MEMORIES, MEMORY_KEY
from lambdas.domain.logging_configuration import LoggingMemory, read_copies
from lambdas.domain.logging_configuration.ports import MemoryUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbMemoryCopy:
    """Keeps the memories that are allowed as texts in one item."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Keep the copy in the state table."""
        self._client = client
        self._items = TableItems(client, table_name)

    def recall(self) -> tuple[LoggingMemory, ...]:
        """Return the memories that the copy allows; none where there is no copy, or no table."""
        with refusal_as_not_readable():
            return read_copies(self._read())

    def _read(self) -> list[str]:
        try:
            item = self._items.get(MEMORY_KEY) or {}
        except self._client.exceptions.ResourceNotFoundException:
            return []
        texts = item.get(MEMORIES, {}).get("L", [])
        return [text.get("S", "") for text in texts]

    def remember(self, memories: tuple[LoggingMemory, ...]) -> None:
        """Allow these memories and no others.

        Raises:
            MemoryUnavailableError: DynamoDB does not take them.
        """
        texts = [{"S": memory.to_text()} for memory in memories]
        try:
            self._items.put(make_key(MEMORY_KEY) | {MEMORIES: {"L": texts}})
        except (BotoCoreError, ClientError) as error:
            raise MemoryUnavailableError(str(error)) from error
