"""Notifies when a health alarm returns to OK, but not when a new alarm starts in OK."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from cdk.components.event_patterns import alarm_changes
from cdk.components.notification_topic import NotificationTopic, TopicTarget
from lambdas.domain.alarms.names import HEALTH_ALARM_PREFIX


class RecoveryNotices(Construct):
    """The rule that notifies when a health alarm returns to OK.

    An action of an alarm on OK also runs when it leaves INSUFFICIENT_DATA: with one, each alarm of
    a new deployment would notify.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: NotificationTopic,
        without: Iterable[str],
    ) -> None:
        """Make the rule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            topic: The topic to which it publishes.
            without: The names of health alarms that end after a fixed time, which is no recovery.
        """
        super().__init__(scope, construct_id)
        alarms = Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=HEALTH_ALARM_PREFIX,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        rule = events.Rule(
            self,
            "Rule",
            description="Bedrock Meter: a health alarm returned to OK",
            event_pattern=alarm_changes(
                {
                    "alarmName": events.Match.anything_but(*sorted(without)),
                    "previousState": {"value": ["ALARM"]},
                    "state": {"value": ["OK"]},
                },
                resources=events.Match.prefix(alarms),
            ),
        )
        name = events.EventField.from_path("$.detail.alarmName")
        time = events.EventField.from_path("$.time")
        text = f"Bedrock Meter: alarm {name} ended at {time}."
        rule.add_target(TopicTarget(topic, message=events.RuleTargetInput.from_text(text)))
