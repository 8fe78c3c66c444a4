"""Stores in the state table which weekly summaries are due and which were sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import TableItems, make_key
from lambdas.domain.ledger.state_table import SUMMARY_PREFIX, SUMMARY_SENT_AT
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_UNTIL = "until"
_DUE_TIMEOUT = timedelta(minutes=15)  # as long as a function can run
_RETENTION = timedelta(days=40)  # a week is asked for until the next one has settled


class DynamoDbSummaryDeliveries:
    """Keeps one item for each week: due until some time, or sent."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Keep weeks in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
        """
        self._items = TableItems(client, table_name)

    def begin(self, week: str, now: datetime) -> bool:
        """Take on the summary of a week; `False` if it was sent, or another run is sending it."""
        return self._items.put_if(
            f"attribute_not_exists({PARTITION_KEY}) OR #until <= :now",
            {
                **make_key(SUMMARY_PREFIX + week),
                _UNTIL: _seconds(now + _DUE_TIMEOUT),
                EXPIRES_AT: _seconds(now + _RETENTION),
            },
            names={"#until": _UNTIL},
            values={":now": _seconds(now)},
        )

    def give_up(self, week: str) -> None:
        """Leave the summary of a week, which was not sent, to the next run."""
        self._items.delete(SUMMARY_PREFIX + week)

    def complete(self, week: str, now: datetime) -> None:
        """Note that the summary of a week was sent."""
        self._items.put(
            {
                **make_key(SUMMARY_PREFIX + week),
                SUMMARY_SENT_AT: {"S": now.isoformat()},
                EXPIRES_AT: _seconds(now + _RETENTION),
            }
        )


def _seconds(moment: datetime) -> AttributeValueTypeDef:
    return {"N": str(round(moment.timestamp()))}
