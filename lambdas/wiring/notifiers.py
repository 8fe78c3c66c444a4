"""Notifiers of functions whose notices must reach people even if the topic is gone."""

from __future__ import annotations

import boto3

from lambdas.adapters.notifiers.all_notifiers import AllNotifiers
from lambdas.adapters.notifiers.eventbridge_notifier import EventBridgeNotifier
from lambdas.adapters.notifiers.log_notifier import LogNotifier
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier


def make_notifier(topic_arn: str) -> AllNotifiers:
    """Make a notifier that writes to the log, to EventBridge and to a topic."""
    return AllNotifiers(
        LogNotifier(),
        EventBridgeNotifier(boto3.client("events")),
        SnsNotifier(boto3.client("sns"), topic_arn),
    )
