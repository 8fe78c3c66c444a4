"""Settings and grants that functions need to act on budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from aws_cdk import aws_dynamodb as dynamodb

from cdk.components.meter_function import MeterFunction
from cdk.components.usage_counting import grant_read_budgets
from cdk.config import Config
from lambdas.domain.counters.table import CELL_PREFIX, STATE_KEY, SUM_PREFIX

COUNTED = [f"{CELL_PREFIX}*", f"{SUM_PREFIX}*", STATE_KEY]
"""The keys of cells, sums and the counting state."""


class GoverningTables(NamedTuple):
    """The tables of functions that act on budgets.

    Attributes:
        counters: The table of counters.
        governance: The table of budgets, alerts and denies.
    """

    counters: dynamodb.ITable
    governance: dynamodb.ITable


def governing_settings(config: Config, tables: GoverningTables) -> dict[str, Any]:
    """The fields of `GoverningSettings`.

    Args:
        config: The length of cells.
        tables: The tables.
    """
    return {
        "counter_table": tables.counters.table_name,
        "governance_table": tables.governance.table_name,
        "cell_minutes": config.cell_minutes,
    }


def grant_read_sums(
    function: MeterFunction, tables: GoverningTables, others: Sequence[str] = ()
) -> None:
    """Grant reading of budgets, their sums and cells, but not of marks, which hold calls.

    Args:
        function: The function.
        tables: The tables.
        others: The keys of other items beside budgets that it reads.
    """
    function.grant_items(
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"),
        on=tables.counters.table_arn,
        keys=COUNTED,
    )
    grant_read_budgets(function, tables.governance, others)
