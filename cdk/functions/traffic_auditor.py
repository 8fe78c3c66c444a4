"""The function that finds calls outside the logs: hourly, and when Bedrock or a trail reports."""

from __future__ import annotations

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms

from cdk.components.event_patterns import trail_calls
from cdk.components.meter_function import FunctionCode, MeterFunction
from cdk.components.notice_events import let_publish_events
from cdk.components.notification_topic import NotificationTopic
from cdk.config import Config
from lambdas.domain.ledger.table import NOTICE_PREFIX
from lambdas.domain.unmetered import ASYNC_ACTION, BATCH_EVENT
from lambdas.functions.traffic_auditor.settings import Settings

TRAFFIC_AUDITED_EVERY = Duration.hours(1)
# Always as long after an hour of the clock, by when its metrics are there.
_MINUTE = "20"


class TrafficAuditor(MeterFunction):
    """The function `traffic_auditor`, its schedule and the rules of events."""

    def __init__(
        self,
        scope: Stack,
        construct_id: str,
        *,
        config: Config,
        code: FunctionCode,
        topic: NotificationTopic,
        ledger: dynamodb.ITable,
        stored_with: kms.IKey | None,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            config: The Regions with a deployment, and whether logs have content.
            code: The code that functions share.
            topic: The topic of its notices.
            ledger: The table that keeps which notices were sent.
            stored_with: The key that encrypts table and logs, if not one of AWS's.
        """
        super().__init__(
            scope,
            construct_id,
            job="traffic_auditor",
            settings=Settings(
                topic_arn=topic.topic_arn,
                ledger_table=ledger.table_name,
                region=scope.region,
                regions=config.regions,
                denied_regions=config.denied_regions,
                are_tiers_logged=config.log_content,
            ),
            code=code,
            # More than 30 Regions, each of which may take some seconds to refuse.
            timeout=Duration.minutes(10),
            log_key=stored_with,
        )
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html
        account = f"arn:{Aws.PARTITION}:account::{Aws.ACCOUNT_ID}:account"
        self.allow("account:ListRegions", on=account)
        self.allow(
            *("bedrock:ListAsyncInvokes", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
            on="*",
        )
        self.allow_items(
            *("dynamodb:GetItem", "dynamodb:PutItem"),
            on=ledger.table_arn,
            keys=[f"{NOTICE_PREFIX}*"],
        )
        if stored_with is not None:
            stored_with.grant_encrypt_decrypt(self)
        topic.let_notify(self)
        let_publish_events(self)
        events.Rule(
            self,
            "Schedule",
            description="Bedrock Meter: looks for calls outside the logs",
            schedule=events.Schedule.cron(minute=_MINUTE),
            targets=[targets.LambdaFunction(self)],
        )
        self._start_on_jobs()

    def _start_on_jobs(self) -> None:
        """Start the function on Bedrock's own events, and on a trail's where it has data events.

        Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html,
        https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
        """
        events.Rule(
            self,
            "BatchJobs",
            description="Bedrock Meter: batch jobs, which Bedrock does not log",
            event_pattern=events.EventPattern(source=["aws.bedrock"], detail_type=[BATCH_EVENT]),
            targets=[targets.LambdaFunction(self)],
        )
        events.Rule(
            self,
            "AsyncInvocations",
            description="Bedrock Meter: asynchronous invocations, which Bedrock does not log",
            event_pattern=trail_calls("bedrock", [ASYNC_ACTION], source="aws.bedrock"),
            targets=[targets.LambdaFunction(self)],
        )
