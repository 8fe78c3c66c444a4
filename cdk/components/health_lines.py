"""The lines of health alarms on graphs of the dashboard `pipeline_health`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk.alarms.health_checks import checks
from cdk.alarms.price_checks import price_list_checks
from cdk.alarms.scheduled_functions import STARTS_GRAPH

_ALARM_COLOR = "#d13212"
_LINE = 1  # a count of one, or a yes


def list_health_lines() -> Mapping[str, list[dict[str, Any]]]:
    """List the lines of health alarms on each graph of counts, by its id.

    A higher threshold is no line, which would flatten the curve: its graph is in percent of it.
    """
    alarmed = (*checks(), *price_list_checks())
    labels = {
        check.graph: "Alarm below" if check.is_below else "Alarm"
        for check in alarmed
        if check.graph is not None and check.threshold == _LINE
    } | {STARTS_GRAPH: "Alarm below"}
    return {
        graph: [{"label": label, "value": _LINE, "color": _ALARM_COLOR}]
        for graph, label in labels.items()
    }
