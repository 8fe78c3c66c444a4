"""The function that books usage against credits and sends their alerts, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables, governing_settings
from cdk.components.metric_grants import grant_put_metrics
from cdk.components.notice_events import grant_publish_events
from cdk.components.notification_topic import NotificationTopic
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.budgets.governance_table import (
    CREDIT_ALERTS,
    CREDIT_CELLS_PREFIX,
    CREDIT_ENTRIES,
    CREDIT_EXHAUSTED,
    CREDIT_GRANTS,
    CREDIT_SNAPSHOTS,
)
from lambdas.domain.counters.table import CELL_PREFIX, CHANGED_HOURS, STATE_KEY
from lambdas.functions.credit_booker.settings import Settings

_INTERVAL = Duration.minutes(1)


class CreditBooker(ScheduledFunction):
    """The function `credit_booker` and its schedule.

    Runs at the same time are safe: each write has a condition on what the run has read.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        tables: GoverningTables,
        topic: NotificationTopic,
        dashboard_url: str,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            tables: The tables of counters and of the books.
            topic: The topic of its messages.
            dashboard_url: The address of the dashboard that they link.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **governing_settings(config, tables),
                ledger_retention_days=config.ledger_retention_days,
                topic_arn=topic.topic_arn,
                dashboard_url=dashboard_url,
                low_percent=config.credits_low_percent,
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),  # less than the claim of an alert
            memory_size=1024,  # the cells of an hour are read at once
            is_optional=True,
        )
        counters, governance = tables.counters.table_arn, tables.governance.table_arn
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:Query"),
            on=counters,
            keys=[f"{CELL_PREFIX}*", STATE_KEY],
        )
        self.grant_items(
            *("dynamodb:DeleteItem", "dynamodb:Query"), on=counters, keys=[CHANGED_HOURS]
        )
        # What is booked is changed and never deleted, except by Time to Live.
        self.grant_items(
            *("dynamodb:PutItem", "dynamodb:Query"),
            on=governance,
            keys=[CREDIT_GRANTS, CREDIT_ENTRIES, f"{CREDIT_CELLS_PREFIX}*", CREDIT_SNAPSHOTS],
        )
        self.grant_items("dynamodb:ConditionCheckItem", on=governance, keys=[CREDIT_SNAPSHOTS])
        self.grant_items(
            *("dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
            on=governance,
            keys=[CREDIT_ALERTS],
        )
        self.grant_items(
            *("dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query"),
            on=governance,
            keys=[CREDIT_EXHAUSTED],
        )
        grant_put_metrics(self)
        self.grant_read_write_data()
        grant_publish_events(self)
        topic.grant_publish(self)
        self.run_every(
            _INTERVAL,
            purpose="books usage against credits or sends their alerts",
            max_event_age=_INTERVAL,  # the next run makes up for an event that waited longer
        )
