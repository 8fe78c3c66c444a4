"""Patterns of the events that several rules look for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events


def alarm_changes(
    detail: Mapping[str, Any], *, resources: Sequence[str] | None = None
) -> events.EventPattern:
    """Changes of the state of alarms.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html

    Args:
        detail: The content of an event.
        resources: The ARNs of the alarms, or a matcher of them.
    """
    return events.EventPattern(
        source=["aws.cloudwatch"],
        detail_type=["CloudWatch Alarm State Change"],
        resources=resources,
        detail=dict(detail),
    )


def watch_alarms(resources: Sequence[str]) -> events.EventPattern:
    """Changes of alarms, and of the single series of those that watch several.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html

    Args:
        resources: The ARNs of the alarms, or a matcher of them.
    """
    return events.EventPattern(
        source=["aws.cloudwatch"],
        detail_type=[
            "CloudWatch Alarm State Change",
            "CloudWatch Alarm Contributor State Change",
        ],
        resources=resources,
        detail={"state": {"value": ["ALARM", "OK"]}},
    )


def trail_calls(
    service: str,
    actions: Sequence[str],
    detail: Mapping[str, Any] | None = None,
    *,
    source: str | None = None,
) -> events.EventPattern:
    """Successful API calls that a trail reports. Failed attempts are ignored: they change nothing.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html

    Args:
        service: The service that was called, as its endpoint is named.
        actions: The actions of its API.
        detail: More of the content of an event.
        source: The source of the event; `None` for any.
    """
    return events.EventPattern(
        source=None if source is None else [source],
        detail_type=["AWS API Call via CloudTrail"],
        detail={
            "eventSource": [f"{service}.amazonaws.com"],
            "eventName": list(actions),
            "errorCode": [{"exists": False}],
            **(detail or {}),
        },
    )
