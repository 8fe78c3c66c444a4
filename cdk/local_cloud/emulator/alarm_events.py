"""Changes of alarms are events on the default bus, as CloudWatch publishes them.

MiniStack runs the actions of alarms alone.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, eventbridge

_TYPE = "CloudWatch Alarm State Change"


def install() -> None:
    """Add it."""
    act = cloudwatch._dispatch_alarm_actions

    def act_and_publish(alarm: dict[str, Any], before: str, now: str, reason: str) -> None:
        act(alarm, before, now, reason)
        eventbridge._dispatch_event(_describe(alarm, before, now, reason))

    cloudwatch._dispatch_alarm_actions = act_and_publish


def _describe(alarm: dict[str, Any], before: str, now: str, reason: str) -> dict[str, Any]:
    changed_at = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime())
    detail = {
        "alarmName": alarm["AlarmName"],
        "configuration": {"description": alarm.get("AlarmDescription", "")},
        "previousState": {"value": before},
        "state": {"value": now, "reason": reason, "timestamp": changed_at},
    }
    if name := alarm.get("MetricName"):
        metric = {
            "namespace": alarm["Namespace"],
            "name": name,
            "dimensions": {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])},
        }
        detail["configuration"]["metrics"] = [
            {"id": "m1", "metricStat": {"metric": metric}, "returnData": True}
        ]
    return {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.cloudwatch",
        "DetailType": _TYPE,
        "Detail": json.dumps(detail),
        "EventBusName": "default",
        "Time": int(time.time()),
        "Resources": [alarm["AlarmArn"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }
