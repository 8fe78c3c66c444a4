"""The function that calibrates forecasts on the deployment's own usage, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables, governing_settings
from cdk.components.scheduled_function import ScheduledFunction
from cdk.components.usage_counting import grant_read_budgets
from lambdas.domain.budgets.governance_table import FORECAST_ERRORS
from lambdas.domain.counters.table import CELL_PREFIX, STATE_KEY
from lambdas.functions.forecast_calibrator.settings import Settings


class ForecastCalibrator(ScheduledFunction):
    """The function `forecast_calibrator` and its schedule."""

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
            timeout=Duration.minutes(10),
            memory_size=1024,  # four weeks by the hour, of 200 histories at most
            is_optional=True,
        )
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:Query"),
            on=tables.counters.table_arn,
            keys=[f"{CELL_PREFIX}*", STATE_KEY],
        )
        grant_read_budgets(self, tables.governance)
        self.grant_items(
            *("dynamodb:PutItem", "dynamodb:UpdateItem"),
            on=tables.governance.table_arn,
            keys=[FORECAST_ERRORS],
        )
        self.grant_read_write_data()
        self.run_every(
            Duration.days(1),
            purpose="calibrates forecasts on the deployment's own usage",
            at=events.Schedule.cron(hour="2", minute="40"),
            retries=1,  # another run stores the same
        )
