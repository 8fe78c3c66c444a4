"""Reads and claims near-limit marks that are to be sent, in the table of limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.brake_items import UNREADABLE, make_item_key, query_partition
from lambdas.adapters.dynamodb.claims import CLAIMED_UNTIL, DueItems, write_claim_end
from lambdas.adapters.dynamodb.limit_marks import DETAIL
from lambdas.domain.governance_keys import SORT_KEY
from lambdas.domain.limit_notices import DueMark
from lambdas.domain.limit_policies import DUE_MARKS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.brake_items import Item


class DynamoDbDueMarks:
    """The marks that are due, each in an item until it was sent or has expired."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read marks of a table.

        Args:
            client: A DynamoDB client.
            table_name: The table of limits.
        """
        self._client = client
        self._table_name = table_name
        self._due = DueItems(client, table_name)

    def list_due(self) -> Iterator[DueMark]:
        """List the marks that are due and can be read, in the order of their times."""
        items = query_partition(self._client, self._table_name, DUE_MARKS)
        due = [mark for item in items if (mark := _try_to_read(item)) is not None]
        return iter(sorted(due, key=lambda mark: (mark.detail["at"], mark.id)))

    def claim(self, mark_id: str, now: datetime) -> bool:
        """Claim a mark for sending; `False` if another run has claimed it lately, or sent it."""
        return self._due.claim(make_item_key(DUE_MARKS, mark_id), now)

    def postpone(self, mark_id: str, until: datetime) -> None:
        """Let a mark that was not delivered be claimed from a time on."""
        self._due.update(
            make_item_key(DUE_MARKS, mark_id),
            f"SET {CLAIMED_UNTIL} = :until",
            {":until": write_claim_end(until)},
        )

    def remove(self, mark_id: str) -> None:
        """Remove a mark that was sent, or has expired; to repeat it changes nothing."""
        self._client.delete_item(TableName=self._table_name, Key=make_item_key(DUE_MARKS, mark_id))


def _try_to_read(item: Item) -> DueMark | None:
    """Read a mark; `None` for one that another version wrote. It expires with its window."""
    try:
        mark = DueMark(item[SORT_KEY]["S"], json.loads(item[DETAIL]["S"]))
        mark.has_expired(datetime.fromisoformat(mark.detail["at"]))
    except UNREADABLE:
        return None
    return mark
