"""The function that calibrates forecasts on the deployment's own usage, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import governing_settings
from cdk.components.meter_function import MeterFunction
from cdk.components.usage_counting import grant_read_budgets
from lambdas.domain.budgets.governance_table import FORECAST_ERRORS
from lambdas.domain.counters.table import CELL_PREFIX, STATE_KEY
from lambdas.functions.forecast_calibrator.settings import Settings


class ForecastCalibrator(MeterFunction):
    """The function `forecast_calibrator` and its schedule.

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
            governance: The table of budgets, and of the errors that it writes.
        """
        super().__init__(
            scope,
            construct_id,
            job="forecast_calibrator",
            settings=Settings(
                **governing_settings(defaults.config, counters=counters, governance=governance)
            ),
            defaults=defaults,
            timeout=Duration.minutes(10),
            memory_size=1024,  # four weeks by the hour, of 200 histories at most
            is_optional=True,
        )
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:Query"),
            on=counters.table_arn,
            keys=[f"{CELL_PREFIX}*", STATE_KEY],
        )
        grant_read_budgets(self, governance)
        self.grant_items(
            *("dynamodb:PutItem", "dynamodb:UpdateItem"),
            on=governance.table_arn,
            keys=[FORECAST_ERRORS],
        )
        self.grant_read_write_data()
        self.configure_async_invoke(retry_attempts=1)  # another run stores the same
        self.scheduled = self.run_every(
            Duration.days(1),
            purpose="calibrates forecasts on the deployment's own usage",
            at=events.Schedule.cron(hour="2", minute="40"),
        )
