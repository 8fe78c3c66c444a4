"""The function that evaluates budgets and sends their alerts, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables, governing_settings, grant_read_sums
from cdk.components.metric_grants import grant_put_metrics
from cdk.components.notice_events import grant_publish_events
from cdk.components.notification_topic import NotificationTopic
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.budgets.governance_table import (
    ALERTS_PREFIX,
    BRAKE_EVENTS,
    DUE_ALERTS,
    DUE_BRAKE_EVENTS,
    FORECAST_ERRORS,
)
from lambdas.domain.limit_policies import DUE_MARKS
from lambdas.functions.budget_evaluator.settings import Settings

_INTERVAL = Duration.minutes(1)  # beside the runs that usage_counter starts


class BudgetEvaluator(ScheduledFunction):
    """The function `budget_evaluator` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        tables: GoverningTables,
        topic: NotificationTopic,
        dashboard_url: str,
        limits: dynamodb.ITable | None,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            tables: The tables of counters and budgets.
            topic: The topic of its messages.
            dashboard_url: The address of the dashboard that they link.
            limits: The table of limits; `None` where the gateway is off.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **governing_settings(defaults.config, tables),
                topic_arn=topic.topic_arn,
                dashboard_url=dashboard_url,
                limits_table=None if limits is None else limits.table_name,
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),  # less than the claim of an alert
            memory_size=1024,  # a new process reads a week of cells
            is_optional=True,
        )
        grant_read_sums(self, tables)
        governance = tables.governance.table_arn
        self.grant_items(
            *("dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
            on=governance,
            keys=[f"{ALERTS_PREFIX}*", DUE_ALERTS],
        )
        # Notes of alerts that were sent stay, so nothing is sent again.
        self.grant_items("dynamodb:DeleteItem", on=governance, keys=[DUE_ALERTS, DUE_BRAKE_EVENTS])
        self.grant_items("dynamodb:GetItem", on=governance, keys=[FORECAST_ERRORS])
        # Those of the brake: some may be due after it was removed.
        self.grant_items("dynamodb:Query", on=governance, keys=[DUE_BRAKE_EVENTS])
        self.grant_items(
            "dynamodb:UpdateItem", on=governance, keys=[BRAKE_EVENTS, DUE_BRAKE_EVENTS]
        )
        if limits is not None:
            self.grant_items(
                *("dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:UpdateItem"),
                on=limits.table_arn,
                keys=[DUE_MARKS],
            )
        grant_put_metrics(self)
        self.grant_read_write_data()
        grant_publish_events(self)
        topic.grant_publish(self)
        self.run_every(
            _INTERVAL,
            purpose="evaluates budgets or sends their alerts",
            max_event_age=_INTERVAL,  # the next run makes up for an event that waited longer
        )
