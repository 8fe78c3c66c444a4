"""Settings and grants that functions need to count usage exactly."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3

from cdk.components.call_enrichment import call_settings, grant_enrich_calls
from cdk.components.meter_function import MeterFunction
from cdk.config import Config


def counting_settings(
    config: Config,
    *,
    stack_id: str,
    ledger: dynamodb.ITable,
    state: dynamodb.ITable,
    counters: dynamodb.ITable,
    prices: s3.IBucket,
) -> dict[str, Any]:
    """The fields of `CountingSettings`.

    Args:
        config: Prices, how calls are attributed, and the length of cells.
        stack_id: The stack of the function.
        ledger: The table of calls.
        state: The table of the meter's state.
        counters: The table of counters.
        prices: The bucket of price editions.
    """
    return {
        **call_settings(config, state=state, prices=prices),
        "stack_id": stack_id,
        "counter_table": counters.table_name,
        "ledger_table": ledger.table_name,
        "cell_minutes": config.cell_minutes,
    }


def grant_count_usage(
    function: MeterFunction,
    *,
    state: dynamodb.ITable,
    counters: dynamodb.ITable,
    prices: s3.IBucket,
) -> None:
    """Grant the reads and the transactions that counting takes.

    A transaction needs the permissions of its actions:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html

    Args:
        function: The function.
        state: The table of the meter's state.
        counters: The table of counters.
        prices: The bucket of price editions.
    """
    function.grant(
        *("dynamodb:BatchGetItem", "dynamodb:GetItem"),
        *("dynamodb:PutItem", "dynamodb:UpdateItem"),
        on=counters.table_arn,
    )
    grant_enrich_calls(function, state=state, prices=prices)
    function.grant_read_write_data()
