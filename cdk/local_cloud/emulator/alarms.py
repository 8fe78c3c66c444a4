"""Alarms keep their queries and warm-ups, and change state only by SetAlarmState.

MiniStack's CloudFormation refuses alarms with `Metrics`, and drops warm-ups; its evaluation ignores
dimensions and missing data, and would overwrite the states that the meter's own evaluator sets.
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

_WARM_UP = "WarmUpConfiguration"


def install() -> None:
    """Add it."""
    of_one_metric = provisioners._cw_metric_alarm_record

    def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        queries = properties.get("Metrics")
        if not queries:
            alarm: dict[str, Any] = of_one_metric(name, properties)
            return alarm
        # An anomaly alarm has no threshold of its own.
        stand_in = {"MetricName": "-", "Namespace": "-", "Threshold": 0}
        rest = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = of_one_metric(name, {**stand_in, **rest})
        for key in ("MetricName", "Namespace", "Period", "Statistic", "Dimensions"):
            alarm.pop(key, None)
        if "ThresholdMetricId" in properties:
            alarm["ThresholdMetricId"] = properties["ThresholdMetricId"]
            del alarm["Threshold"]
        return alarm | {"Metrics": queries}

    def record_with_warm_up(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        alarm = record(name, properties)
        if warm_up := properties.get(_WARM_UP):
            alarm[_WARM_UP] = warm_up
        return alarm

    provisioners._cw_metric_alarm_record = record_with_warm_up
    cloudwatch._evaluate_alarm = lambda _alarm: None
