"""Keeps the copy of the saved state of Bedrock's logging configuration in the state table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.items import TableItems, make_key
from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.ledger.state_table import COPIED_STATES, LOGGING_STATE_KEY
from lambdas.domain.logging_configuration import LoggingState, read_copies
from lambdas.domain.logging_configuration.ports import StateUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbStateCopy:
    """Stores the allowed states as texts in one item."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store the copy in the state table."""
        self._client = client
        self._items = TableItems(client, table_name)

    def load(self) -> tuple[LoggingState, ...]:
        """Return the states that the copy allows; none where there is no copy, or no table."""
        with refusal_as_not_readable():
            return read_copies(self._read())

    def _read(self) -> list[str]:
        try:
            item = self._items.get(LOGGING_STATE_KEY) or {}
        except self._client.exceptions.ResourceNotFoundException:
            return []
        texts = item.get(COPIED_STATES, {}).get("L", [])
        return [text.get("S", "") for text in texts]

    def save(self, states: tuple[LoggingState, ...]) -> None:
        """Replace the states that the copy allows.

        Raises:
            StateUnavailableError: DynamoDB does not take them.
        """
        texts = [{"S": logging_state.to_text()} for logging_state in states]
        try:
            self._items.put(make_key(LOGGING_STATE_KEY) | {COPIED_STATES: {"L": texts}})
        except (BotoCoreError, ClientError) as error:
            raise StateUnavailableError(str(error)) from error
