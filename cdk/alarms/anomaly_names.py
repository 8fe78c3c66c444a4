"""The names of the alarms on unusual tokens and unusual cost."""

from __future__ import annotations

from cdk.config.resource_names import NAME_PREFIX

ANOMALY_ALARMS = ("Anomaly", "CostAnomaly")
"""Their construct ids: the alarm on tokens, and the one on cost."""


def name_anomaly_alarm(construct_id: str) -> str:
    """The name of an anomaly alarm."""
    return f"{NAME_PREFIX}Account-{construct_id}"
