"""Settings and grants that functions need to count usage exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3

from cdk.components.call_enrichment import call_settings, grant_enrich_calls
from cdk.components.meter_function import MeterFunction
from cdk.config import Config
from lambdas.domain.budgets.governance_table import BUDGETS
from lambdas.domain.counters.table import (
    CELL_PREFIX,
    CHANGED_HOURS,
    CHECKPOINT_PREFIX,
    MARK_PREFIX,
    MISSED_PREFIX,
    STATE_KEY,
    SUM_PREFIX,
)


class CountingStores(NamedTuple):
    """The stores that usage is counted from and into.

    Attributes:
        ledger: The table of calls, with a stream.
        state: The table of the meter's state, with tags.
        counters: The table of counters.
        governance: The table of budgets and alerts.
        prices: The bucket of price editions.
    """

    ledger: dynamodb.ITable
    state: dynamodb.ITable
    counters: dynamodb.ITable
    governance: dynamodb.ITable
    prices: s3.IBucket


def counting_settings(config: Config, stack_id: str, stores: CountingStores) -> dict[str, Any]:
    """The fields of `CountingSettings`.

    Args:
        config: Prices, how calls are attributed, and the length of cells.
        stack_id: The stack of the function.
        stores: The tables and the bucket.
    """
    return {
        **call_settings(config, state=stores.state, prices=stores.prices),
        "stack_id": stack_id,
        "counter_table": stores.counters.table_name,
        "ledger_table": stores.ledger.table_name,
        "governance_table": stores.governance.table_name,
        "cell_minutes": config.cell_minutes,
        "credits": config.credits,
    }


def grant_count_usage(
    function: MeterFunction,
    stores: CountingStores,
    *,
    has_checkpoints: bool = False,
    has_credits: bool = False,
) -> None:
    """Grant the reads and the transactions that counting takes, on the keys that each is for.

    A transaction needs the permissions of its actions:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html

    Args:
        function: The function.
        stores: The tables and the bucket.
        has_checkpoints: True if the function counts a stream, which has checkpoints and notes of
            changes that were missed.
        has_credits: True if credits are on: changed hours are noted.
    """
    counters = stores.counters.table_arn
    written_whole = [f"{MARK_PREFIX}*", STATE_KEY]
    if has_checkpoints:
        written_whole += [f"{CHECKPOINT_PREFIX}*", f"{MISSED_PREFIX}*"]
    function.grant_items(
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"),
        on=counters,
        keys=written_whole,
    )
    if has_credits:
        function.grant_items("dynamodb:PutItem", on=counters, keys=[CHANGED_HOURS])
    function.grant_items(
        "dynamodb:UpdateItem", on=counters, keys=[f"{CELL_PREFIX}*", f"{SUM_PREFIX}*"]
    )
    grant_read_budgets(function, stores.governance)
    grant_enrich_calls(function, state=stores.state, prices=stores.prices)
    function.grant_read_write_data()


def grant_read_budgets(
    function: MeterFunction, governance: dynamodb.ITable, others: Sequence[str] = ()
) -> None:
    """Grant reading of budgets, but not of their alerts.

    Args:
        function: The function.
        governance: The table of budgets.
        others: The keys of other items that it reads in the same way.
    """
    function.grant_items(
        *("dynamodb:GetItem", "dynamodb:Query"), on=governance.table_arn, keys=[BUDGETS, *others]
    )
