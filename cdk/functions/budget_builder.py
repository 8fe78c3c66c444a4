"""The function that completes sums of budgets and checks them, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables, governing_settings, grant_read_sums
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.budgets.governance_table import BUDGETS, BUILT_ATTRIBUTES
from lambdas.domain.counters.table import SUM_PREFIX
from lambdas.functions.budget_builder.settings import Settings


class BudgetBuilder(ScheduledFunction):
    """The function `budget_builder` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        tables: GoverningTables,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            tables: The tables of counters and budgets.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(**governing_settings(defaults.config, tables)),
            defaults=defaults,
            timeout=Duration.minutes(5),
            is_optional=True,
        )
        grant_read_sums(self, tables)
        self.grant_items(
            "dynamodb:UpdateItem", on=tables.counters.table_arn, keys=[f"{SUM_PREFIX}*"]
        )
        self.grant_items(
            *("dynamodb:ConditionCheckItem", "dynamodb:UpdateItem"),
            on=tables.governance.table_arn,
            keys=[BUDGETS],
            attributes=BUILT_ATTRIBUTES,
        )
        self.grant_read_write_data()
        self.run_every(
            Duration.minutes(1),
            purpose="completes sums of new budgets or compares sums with cells",
        )
