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


class DynamoDbWatchStateStore:
    """Stores the state as text in one item, with an optimistic lock."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store the state in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
        """
        self._items = TableItems(client, table_name)

    def load(self) -> WatchState:
        """Load the state that was saved last; at first, a state without drift.

        Raises:
            NotReadableError: The table does not answer.
        """
        with refusal_as_not_readable():
            item = self._items.get(WATCH_KEY)
        return WatchState() if item is None else WatchState.from_text(item[_STATE]["S"])

    def save(self, state: WatchState, before: WatchState) -> None:
        """Save a state in place of the one that was loaded.

        Raises:
            WatchStateChangedError: Another state has been saved since.
            NotReadableError: The table does not answer.
        """
        with refusal_as_not_readable():
            is_saved = self._items.put_if(
                f"attribute_not_exists({PARTITION_KEY}) OR {_STATE} = :before",
                make_key(WATCH_KEY) | {_STATE: {"S": state.to_text()}},
                values={":before": {"S": before.to_text()}},
            )
        if not is_saved:
            message = "another check has saved something since this one began"
            raise WatchStateChangedError(message)
