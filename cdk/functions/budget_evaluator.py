"""The function that evaluates budgets and sends their alerts, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import governing_settings, grant_read_sums
from cdk.components.meter_function import MeterFunction
from cdk.components.metric_grants import grant_put_metrics
from cdk.components.notice_events import grant_publish_events
from cdk.components.notification_topic import NotificationTopic
from lambdas.domain.budgets.governance_table import ALERTS_PREFIX, DUE_ALERTS, FORECAST_ERRORS
from lambdas.functions.budget_evaluator.settings import Settings

_INTERVAL = Duration.minutes(1)  # beside the runs that usage_counter starts


class BudgetEvaluator(MeterFunction):
    """The function `budget_evaluator` and its schedule.

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
        topic: NotificationTopic,
        dashboard_url: str,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            counters: The table of counters.
            governance: The table of budgets and alerts.
            topic: The topic of its messages.
            dashboard_url: The address of the dashboard that they link.
        """
        super().__init__(
            scope,
            construct_id,
            job="budget_evaluator",
            settings=Settings(
                **governing_settings(defaults.config, counters=counters, governance=governance),
                topic_arn=topic.topic_arn,
                dashboard_url=dashboard_url,
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),  # less than the claim of an alert
            memory_size=1024,  # a new process reads a week of cells
            is_optional=True,
        )
        grant_read_sums(self, counters=counters, governance=governance)
        self.grant_items(
            *("dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
            on=governance.table_arn,
            keys=[f"{ALERTS_PREFIX}*", DUE_ALERTS],
        )
        # Notes of alerts that were sent stay, so nothing is sent again.
        self.grant_items("dynamodb:DeleteItem", on=governance.table_arn, keys=[DUE_ALERTS])
        self.grant_items("dynamodb:GetItem", on=governance.table_arn, keys=[FORECAST_ERRORS])
        grant_put_metrics(self)
        self.grant_read_write_data()
        grant_publish_events(self)
        topic.grant_publish(self)
        # The next run does the rest. An event that waits longer than until then is dropped.
        self.configure_async_invoke(retry_attempts=0, max_event_age=_INTERVAL)
        self.scheduled = self.run_every(
            _INTERVAL, purpose="evaluates budgets or sends their alerts"
        )
