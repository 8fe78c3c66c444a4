"""The function that completes sums of budgets and checks them, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import governing_settings, grant_read_sums
from cdk.components.meter_function import MeterFunction
from lambdas.domain.budgets.governance_table import BUDGETS, BUILT_ATTRIBUTES
from lambdas.domain.counters.table import SUM_PREFIX
from lambdas.functions.budget_builder.settings import Settings


class BudgetBuilder(MeterFunction):
    """The function `budget_builder` and its schedule.

    Attributes:
        scheduled: The description of the function for its alarms.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        counters: dynamodb.ITable,
        governance: dynamodb.ITable,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            counters: The table of counters.
            governance: The table of budgets.
        """
        super().__init__(
            scope,
            construct_id,
            job="budget_builder",
            settings=Settings(
                **governing_settings(defaults.config, counters=counters, governance=governance)
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),
            is_optional=True,
        )
        grant_read_sums(self, counters=counters, governance=governance)
        self.grant_items("dynamodb:UpdateItem", on=counters.table_arn, keys=[f"{SUM_PREFIX}*"])
        self.grant_items(
            *("dynamodb:ConditionCheckItem", "dynamodb:UpdateItem"),
            on=governance.table_arn,
            keys=[BUDGETS],
            attributes=BUILT_ATTRIBUTES,
        )
        self.grant_read_write_data()
        self.configure_async_invoke(retry_attempts=0)  # the next run does the rest
        self.scheduled = self.run_every(
            Duration.minutes(1),
            purpose="completes sums of new budgets or compares sums with cells",
        )
