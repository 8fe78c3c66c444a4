"""The function that finds calls outside the logs: hourly, and when Bedrock or a trail reports."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events

from cdk.components.event_patterns import trail_calls
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.notice_events import grant_publish_events
from cdk.components.notification_topic import NotificationTopic
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.ledger.state_table import BATCH_JOB_PREFIX, NOTICE_PREFIX
from lambdas.domain.unlogged import MANIFEST_NAME
from lambdas.domain.unmetered import ASYNC_ACTION, BATCH_EVENT
from lambdas.functions.traffic_auditor.settings import Settings


class TrafficAuditor(ScheduledFunction):
    """The function `traffic_auditor`, its schedule and the rules of events."""

    def __init__(
        self,
        scope: Stack,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        topic: NotificationTopic,
        state: dynamodb.ITable,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            topic: The topic of its notices.
            state: The table that records the notices that were sent.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                topic_arn=topic.topic_arn,
                state_table=state.table_name,
                region=scope.region,
                regions=config.regions,
                denied_regions=config.denied_regions,
                batch_output_buckets=config.batch_output_buckets,
                are_tiers_logged=config.log_content,
            ),
            defaults=defaults,
            # Each of the more than 30 Regions may take some seconds to refuse a request.
            timeout=Duration.minutes(10),
        )
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html
        account = f"arn:{Aws.PARTITION}:account::{Aws.ACCOUNT_ID}:account"
        self.grant("account:ListRegions", on=account)
        self.grant(
            *("bedrock:ListAsyncInvokes", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
            on="*",
            wildcard="Reading metrics and listing invocations support no resource.",
        )
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:PutItem"),
            on=state.table_arn,
            keys=[f"{NOTICE_PREFIX}*"],
        )
        if config.batch_output_buckets:
            self._grant_count_batch_jobs(config.batch_output_buckets, state)
        self.grant_read_write_data()
        topic.grant_publish(self)
        grant_publish_events(self)
        self._start_on_jobs()
        self.run_every(
            Duration.hours(1),
            at=events.Schedule.cron(minute="20"),  # when the metrics of the hour are available
            purpose="looks for calls that the logs do not include",
            retries=None,
        )

    def _grant_count_batch_jobs(self, buckets: Sequence[str], state: dynamodb.ITable) -> None:
        """Grant reading of manifests, which have counts and no prompts, and of no other object."""
        self.grant(
            "bedrock:ListModelInvocationJobs",
            on="*",
            wildcard="Listing jobs supports no resource.",
        )
        for bucket in buckets:
            self.grant(
                "s3:GetObject",
                on=f"arn:{Aws.PARTITION}:s3:::{bucket}/*/{MANIFEST_NAME}",
                wildcard="Each job has a folder of its own.",
            )
        self.grant_items(
            *("dynamodb:BatchGetItem", "dynamodb:PutItem"),
            on=state.table_arn,
            keys=[f"{BATCH_JOB_PREFIX}*"],
        )

    def _start_on_jobs(self) -> None:
        """Start the function on Bedrock's own events, and on a trail's where it has data events.

        Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html,
        https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
        """
        self.start_on_event(
            "BatchJobs",
            events.EventPattern(source=["aws.bedrock"], detail_type=[BATCH_EVENT]),
            description="batch jobs, which Bedrock does not log",
        )
        self.start_on_event(
            "AsyncInvocations",
            trail_calls("bedrock", [ASYNC_ACTION], source="aws.bedrock"),
            description="asynchronous invocations, which Bedrock does not log",
        )
