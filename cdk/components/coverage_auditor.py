"""What compares the meter's count with Bedrock's own: on schedule, and when the alarm tells."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.components.meter_function import FunctionCode, MeterFunction
from cdk.components.notification_topic import NotificationTopic
from lambdas.domain.completeness.audit_window import STEP
from lambdas.functions.coverage_auditor.settings import Settings

AUDITED_EVERY = Duration.seconds(STEP.total_seconds())


class CoverageAuditor(MeterFunction):
    """The function `coverage_auditor`, and what starts it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: FunctionCode,
        topic: NotificationTopic,
        log_key: kms.IKey | None,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            code: What functions share.
            topic: Where it names models of which calls are missing.
            log_key: Encrypts its log group, if not with a key of AWS's.
        """
        super().__init__(
            scope,
            construct_id,
            job="coverage_auditor",
            settings=Settings(topic_arn=topic.topic_arn),
            code=code,
            timeout=Duration.minutes(2),
            log_key=log_key,
        )
        self.allow("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", on="*")
        topic.let_notify(self)
        events.Rule(
            self,
            "Schedule",
            description="Bedrock Meter: compares what is counted with Bedrock's own metrics",
            schedule=events.Schedule.rate(AUDITED_EVERY),
            targets=[targets.LambdaFunction(self)],
        )

    def name_models_of(self, *alarms: cloudwatch.IAlarm) -> None:
        """Start it as well when an alarm on what it measures turns to ALARM.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
        """
        events.Rule(
            self,
            "Alarm",
            description="Bedrock Meter: names the models whose count differs from Bedrock's",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                detail={
                    "alarmName": [alarm.alarm_name for alarm in alarms],
                    "state": {"value": ["ALARM"]},
                },
            ),
            targets=[targets.LambdaFunction(self)],
        )
