"""Metrics in the embedded metric format, which functions write to their logs, become metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs


def install() -> None:
    """Add it."""
    append = cloudwatch_logs._append_log_events

    def append_and_extract(stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
        append(stream, events)
        for event in events or ():
            _extract(event.get("message", ""))

    cloudwatch_logs._append_log_events = append_and_extract


def _extract(message: str) -> None:
    if '"CloudWatchMetrics"' not in message:
        return
    try:
        line = json.loads(message[message.index("{") :])
    except ValueError:
        return
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive.get("Dimensions", [[]]):
            dimensions = {name: str(line[name]) for name in names}
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    cloudwatch._store_datum(
                        directive["Namespace"],
                        metric["Name"],
                        dimensions,
                        line["_aws"]["Timestamp"] / 1000,
                        metric.get("Unit", "None"),
                        value,
                        None,
                        None,
                        None,
                    )
