"""Stores the findings of the logging watcher in the state table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import TableItems, make_key
from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.ledger.state_table import WATCH_KEY
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.logging_configuration import WatchState
from lambdas.domain.logging_configuration.watch_ports import WatchStateChangedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STATE = "watch_state"


class DynamoDbWatchMemory:
    """Keeps the state as text in one item, which is written only in place of what was read."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Keep the state in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
        """
        self._items = TableItems(client, table_name)

    def recall(self) -> WatchState:
        """Return what was remembered last; at first, that all was as deployed.

        Raises:
            NotReadableError: The table does not answer.
        """
        with refusal_as_not_readable():
            item = self._items.get(WATCH_KEY)
        return WatchState() if item is None else WatchState.from_text(item[_STATE]["S"])

    def remember(self, state: WatchState, before: WatchState) -> None:
        """Remember, in place of what was recalled.

        Raises:
            WatchStateChangedError: That is not what is remembered any more.
            NotReadableError: The table does not answer.
        """
        with refusal_as_not_readable():
            is_saved = self._items.put_if(
                f"attribute_not_exists({PARTITION_KEY}) OR {_STATE} = :before",
                make_key(WATCH_KEY) | {_STATE: {"S": state.to_text()}},
                values={":before": {"S": before.to_text()}},
            )
        if not is_saved:
            message = "another check has remembered something since this one has begun"
            raise WatchStateChangedError(message)
