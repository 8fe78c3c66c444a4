"""The progress of corrections of cost: an item of the state table for each superseded edition."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import TableItems, make_key
from lambdas.domain.ledger import CorrectionProgress, ProgressChangedError
from lambdas.domain.ledger.state_table import CORRECTION_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.items import Item

_REVISION = "revision"
_CURSOR = "cursor"
_IS_DONE = "is_done"


class DynamoDbCostCorrections:
    """Items that do not expire: without one, all differences would be published again."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store the progress in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
        """
        self._items = TableItems(client, table_name)

    def get_progress(self, edition: str) -> CorrectionProgress:
        """Get the progress of a superseded edition; a new one where none is stored."""
        item = self._items.get(CORRECTION_PREFIX + edition)
        if item is None:
            return CorrectionProgress(edition)
        return CorrectionProgress(
            edition,
            revision=int(item[_REVISION]["N"]),
            cursor=item[_CURSOR]["S"] if _CURSOR in item else None,
            is_done=item[_IS_DONE]["BOOL"],
            raised_calls=int(item["raised_calls"]["N"]),
            raised_usd=Decimal(item["raised_usd"]["S"]),
            lowered_calls=int(item["lowered_calls"]["N"]),
            lowered_usd=Decimal(item["lowered_usd"]["S"]),
            too_old_calls=int(item["too_old_calls"]["N"]),
            unpriced_calls=int(item["unpriced_calls"]["N"]),
        )

    def save_progress(self, progress: CorrectionProgress) -> None:
        """Save progress, whose revision is that of the one it replaces and one more.

        Raises:
            ProgressChangedError: The stored progress has another revision.
        """
        item: Item = {
            **make_key(CORRECTION_PREFIX + progress.edition),
            _REVISION: {"N": str(progress.revision)},
            _IS_DONE: {"BOOL": progress.is_done},
            "raised_calls": {"N": str(progress.raised_calls)},
            "raised_usd": {"S": f"{progress.raised_usd:f}"},
            "lowered_calls": {"N": str(progress.lowered_calls)},
            "lowered_usd": {"S": f"{progress.lowered_usd:f}"},
            "too_old_calls": {"N": str(progress.too_old_calls)},
            "unpriced_calls": {"N": str(progress.unpriced_calls)},
        }
        if progress.cursor is not None:
            item[_CURSOR] = {"S": progress.cursor}
        is_saved = self._items.put_if(
            f"attribute_not_exists({_REVISION}) OR {_REVISION} = :before",
            item,
            values={":before": {"N": str(progress.revision - 1)}},
        )
        if not is_saved:
            raise ProgressChangedError(progress.edition)
