"""Sends a test along the whole way, from an alarm to you: `make test-notification`."""

from __future__ import annotations

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import printable

_UNCONFIRMED = "PendingConfirmation"
_REASON = "This is a test: someone ran make test-notification."


def force_alarm(session: boto3.Session, alarm: str) -> str:
    """Put an alarm into ALARM, and return the state that it had before."""
    cloudwatch = session.client("cloudwatch")
    # An alarm notifies only when its state changes.
    (metric_alarm,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    state = metric_alarm["StateValue"]
    for value in ("OK", "ALARM") if state == "ALARM" else ("ALARM",):
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=value, StateReason=_REASON)
    return state


def send_test_notification(session: boto3.Session) -> None:
    """Put an alarm into ALARM for a moment; CloudWatch itself notifies, and corrects the state."""
    deployment = Deployment(session.client("cloudformation"))
    alarm = deployment.output(stack_names.MONITORING, "TestAlarmName")
    topic = deployment.output(stack_names.MONITORING, "TopicArn")
    subscriptions = [
        subscription
        for page in session.client("sns")
        .get_paginator("list_subscriptions_by_topic")
        .paginate(TopicArn=topic)
        for subscription in page["Subscriptions"]
    ]
    state = force_alarm(session, alarm)
    print(f"{alarm} is in ALARM for a moment. These subscribers receive the message:")
    for subscription in subscriptions:
        is_confirmed = subscription["SubscriptionArn"] != _UNCONFIRMED
        note = "" if is_confirmed else "  (NOT confirmed: receives nothing until confirmed)"
        endpoint = printable(subscription["Endpoint"])
        print(f"  {subscription['Protocol']:<6} {endpoint}{note}")
    if not subscriptions:
        print("  none: set notify_emails or notify_https in cdk.json, and run make deploy.")
    if state == "ALARM":
        print(
            "The alarm was already in ALARM, so it was set to OK first. A second message follows:"
            " LoggingWatcher reports that the state was set by hand."
        )
