"""The function that compares the meter's count with Bedrock's own, its schedule and its alarm."""

from __future__ import annotations

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.components.event_patterns import alarm_changes
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.notification_topic import NotificationTopic
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.completeness.audit_window import STEP
from lambdas.domain.counters.table import CELL_PREFIX, STATE_KEY
from lambdas.domain.ledger.state_table import TAGS_PREFIX
from lambdas.functions.coverage_auditor.settings import Settings

_PROFILES = (
    f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:application-inference-profile/"
)


class CoverageAuditor(ScheduledFunction):
    """The function `coverage_auditor`, and its triggers."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        topic: NotificationTopic,
        state: dynamodb.ITable,
        counters: dynamodb.ITable | None,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            topic: The topic to which it publishes the models whose counts differ.
            state: The table that has the models of application inference profiles.
            counters: The table of exact counters; `None` where governance is off.
        """
        stack_id = Stack.of(scope).stack_id
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                topic_arn=topic.topic_arn,
                state_table=state.table_name,
                profiles_arn=_PROFILES,
                max_models=defaults.config.max_models,
                alarm_metric=defaults.config.alarm_metric,
                stack_id=stack_id,
                counter_table=counters.table_name if counters else None,
                cell_minutes=defaults.config.cell_minutes if counters else 60,
            ),
            defaults=defaults,
            timeout=Duration.minutes(2),
        )
        tags_of_profiles = f"{TAGS_PREFIX}{_PROFILES}*"
        self.grant_items("dynamodb:GetItem", on=state.table_arn, keys=[tags_of_profiles])
        if counters is not None:
            self.grant_items(
                *("dynamodb:GetItem", "dynamodb:Query"),
                on=counters.table_arn,
                keys=[f"{CELL_PREFIX}*", STATE_KEY],
            )
        self.grant_read_data()
        self.grant(
            *("cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
            on="*",
            wildcard="Reading metrics supports no resource.",
        )
        self.grant("cloudformation:DescribeStacks", on=stack_id)
        topic.grant_publish(self)
        self.run_every(
            Duration.seconds(STEP.total_seconds()),
            purpose="compares the meter's count with Bedrock's own",
            retries=None,
        )

    def start_on_alarms(self, *alarms: cloudwatch.IAlarm) -> None:
        """Also start the function when an alarm on its own measurements changes to ALARM."""
        self.start_on_event(
            "Alarm",
            alarm_changes(
                {
                    "alarmName": [alarm.alarm_name for alarm in alarms],
                    "state": {"value": ["ALARM"]},
                }
            ),
            description="names the models whose count differs from Bedrock's",
        )
