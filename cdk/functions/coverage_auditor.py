"""What compares the meter's count with Bedrock's own: on schedule, and when the alarm tells."""

from __future__ import annotations

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.components.event_patterns import alarm_changes
from cdk.components.meter_function import FunctionCode, MeterFunction
from cdk.components.notification_topic import NotificationTopic
from cdk.config import Config
from lambdas.domain.completeness.audit_window import STEP
from lambdas.domain.ledger.table import TAGS_PREFIX
from lambdas.functions.coverage_auditor.settings import Settings

_PROFILES = (
    f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:application-inference-profile/"
)
AUDITED_EVERY = Duration.seconds(STEP.total_seconds())


class CoverageAuditor(MeterFunction):
    """The function `coverage_auditor`, and what starts it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        code: FunctionCode,
        topic: NotificationTopic,
        ledger: dynamodb.ITable,
        stored_with: kms.IKey | None,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            config: How many models have metrics of their own.
            code: What functions share.
            topic: Where it names models of which calls are missing.
            ledger: The table that has the models of application inference profiles.
            stored_with: The key that encrypts table and logs, if not one of AWS's.
        """
        stack_id = Stack.of(scope).stack_id
        super().__init__(
            scope,
            construct_id,
            job="coverage_auditor",
            settings=Settings(
                topic_arn=topic.topic_arn,
                ledger_table=ledger.table_name,
                profiles_arn=_PROFILES,
                max_models=config.max_models,
                alarm_metric=config.alarm_metric,
                stack_id=stack_id,
            ),
            code=code,
            timeout=Duration.minutes(2),
            log_key=stored_with,
        )
        tags_of_profiles = f"{TAGS_PREFIX}{_PROFILES}*"
        self.allow_items("dynamodb:GetItem", on=ledger.table_arn, keys=[tags_of_profiles])
        if stored_with is not None:
            stored_with.grant_decrypt(self)
        self.allow("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", on="*")
        self.allow("cloudformation:DescribeStacks", on=stack_id)
        topic.let_notify(self)
        events.Rule(
            self,
            "Schedule",
            description="Bedrock Meter: compares what is counted with Bedrock's own metrics",
            schedule=events.Schedule.rate(AUDITED_EVERY),
            targets=[targets.LambdaFunction(self)],
        )

    def name_models_of(self, *alarms: cloudwatch.IAlarm) -> None:
        """Start it as well when an alarm on what it measures turns to ALARM."""
        events.Rule(
            self,
            "Alarm",
            description="Bedrock Meter: names the models whose count differs from Bedrock's",
            event_pattern=alarm_changes(
                {
                    "alarmName": [alarm.alarm_name for alarm in alarms],
                    "state": {"value": ["ALARM"]},
                }
            ),
            targets=[targets.LambdaFunction(self)],
        )
