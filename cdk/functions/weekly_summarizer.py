"""The function that sends a summary of each week, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_enrichment import call_settings
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.notification_topic import NotificationTopic
from cdk.components.reporting_function import ReportingFunction
from lambdas.domain.ledger.state_table import SUMMARY_PREFIX
from lambdas.functions.weekly_summarizer.settings import Settings


class WeeklySummarizer(ReportingFunction):
    """The function `weekly_summarizer` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        ledger: dynamodb.ITable,
        state: dynamodb.ITable,
        prices: s3.IBucket,
        topic: NotificationTopic,
        dashboard_url: str,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            ledger: The table of calls.
            state: The table of the meter's state, with tags and the summaries that were sent.
            prices: The bucket of price editions.
            topic: The topic of its messages.
            dashboard_url: The address of the dashboard that they link.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **call_settings(config, state=state, prices=prices),
                ledger_table=ledger.table_name,
                ledger_retention_days=config.ledger_retention_days,
                role_rollup_patterns=config.role_rollup_patterns,
                topic_arn=topic.topic_arn,
                dashboard_url=dashboard_url,
            ),
            defaults=defaults,
            ledger=ledger,
            state=state,
            prices=prices,
            # Every day: a run that finds the week sent ends at once, and a missed Monday is made
            # up for.
            every=Duration.days(1),
            at=events.Schedule.cron(hour="5", minute="0"),  # when Sunday has settled
            purpose="sends a summary of each week",
        )
        self.grant_items(
            *("dynamodb:DeleteItem", "dynamodb:PutItem"),
            on=state.table_arn,
            keys=[f"{SUMMARY_PREFIX}*"],
        )
        self.grant("dynamodb:DescribeTable", on=ledger.table_arn)  # since when there are calls
        topic.grant_publish(self)
