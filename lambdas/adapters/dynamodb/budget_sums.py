"""Sums of budgets in the table of counters, which are completed once while a budget builds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.budget_store import check_building
from lambdas.adapters.dynamodb.counter_items import base_update
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.items import batches
from lambdas.domain.budgets import AccumulatorKey, StoredBudget
from lambdas.domain.counters import UsageTotals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_MAX_SUMS = 20
"""Sums of a transaction: few, since usage is added to the same sums all the time."""


class DynamoDbBudgetSums(DynamoDbCounters):
    """Counters, whose sums of budgets can be completed."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        governance_table: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Complete sums in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table of counters.
            governance_table: The table of budgets.
            pause: Waits some seconds before a transaction is tried again.
        """
        super().__init__(client, table_name, pause)
        self._governance_table = governance_table

    def write_base(
        self, generation: int, stored: StoredBudget, base: Mapping[AccumulatorKey, UsageTotals]
    ) -> bool:
        """Add to sums what came in before the budget was known, to each of them once.

        Returns:
            False if the budget is not building any more.

        Raises:
            CountersUnavailableError: Others were in the way every time.
        """
        check = check_building(self._governance_table, stored)
        for batch in batches(base, _MAX_SUMS):
            left = batch
            while left:
                updates: list[TransactWriteItemTypeDef] = [
                    {
                        "Update": base_update(
                            self._table_name, generation, key.counter_key, base[key]
                        )
                    }
                    for key in left
                ]
                refused = self._write([check, *updates])
                if not refused:
                    break
                if refused[0]:
                    return False
                left = [
                    key for key, was_there in zip(left, refused[1:], strict=True) if not was_there
                ]
        return True
