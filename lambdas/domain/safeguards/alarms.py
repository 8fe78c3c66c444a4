"""Compares alarms with the deployed ones, and finds rules that mute them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.deployed import DeployedResource, list_resources, matches
from lambdas.domain.words import list_names, show

_KIND = "AWS::CloudWatch::Alarm"
_DEFAULTS: Mapping[str, Any] = {
    "AlarmActions": [],
    "ComparisonOperator": None,
    "DatapointsToAlarm": None,
    "Dimensions": [],
    "EvaluateLowSampleCountPercentile": None,
    "EvaluationPeriods": None,
    "ExtendedStatistic": None,
    "InsufficientDataActions": [],
    "MetricName": None,
    "Metrics": [],
    "Namespace": None,
    "OKActions": [],
    "Period": None,
    "Statistic": None,
    "Threshold": None,
    "ThresholdMetricId": None,
    "TreatMissingData": "missing",
    "Unit": None,
    "WarmUpConfiguration": None,
}
"""The settings that decide when an alarm notifies, with CloudWatch's default values.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""


@dataclass(frozen=True, slots=True)
class MuteRule:
    """A rule that keeps alarms from notifying.

    Attributes:
        name: Its name.
        alarm_names: The alarms that it mutes; `None` for a rule that is listed and not found.
    """

    name: str
    alarm_names: frozenset[str] | None


def compare_alarms(
    resources: Iterable[DeployedResource], live: Mapping[str, Mapping[str, Any]]
) -> Iterator[Drift]:
    """Find alarms that are gone, changed, or do not notify.

    Args:
        resources: The deployed resources.
        live: Alarms by name, as CloudWatch describes them.
    """
    deployed = {alarm.physical_id: alarm for alarm in list_resources(resources, _KIND)}
    if gone := deployed.keys() - live.keys():
        yield Drift(Subject.ALARM, f"alarms are gone: {list_names(gone)}")
    present = sorted(deployed.keys() & live.keys())
    silent = [
        name
        for name in present
        if live[name].get("ActionsEnabled", True)
        != deployed[name].properties.get("ActionsEnabled", True)
    ]
    if silent:
        text = f"actions were turned off or on for alarms: {list_names(silent)}"
        yield Drift(Subject.ALARM, text)
    for name in present:
        for text in _changes(deployed[name].properties, live[name]):
            yield Drift(Subject.ALARM, f"alarm {name}: {text}")


def find_muted_alarms(
    resources: Iterable[DeployedResource], rules: Iterable[MuteRule]
) -> Iterator[Drift]:
    """Find rules that mute the meter's alarms, now or later."""
    names = {alarm.physical_id for alarm in list_resources(resources, _KIND)}
    for rule in rules:
        if rule.alarm_names is None:
            yield Drift(Subject.ALARM, f"mute rule {show(rule.name)} is listed but cannot be found")
        elif muted := names & rule.alarm_names:
            text = f"mute rule {show(rule.name)} silences alarms: {list_names(muted)}"
            yield Drift(Subject.ALARM, text)


def _changes(deployed: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[str]:
    before, now = _settings(deployed), _settings(live)
    for name in _DEFAULTS:
        if not matches(before[name], now[name]):
            yield f"{name} is {show(now[name])}, was {show(before[name])}"


def _settings(alarm: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: alarm.get(name, default) for name, default in _DEFAULTS.items()}
    settings["Metrics"] = [_query(query) for query in settings["Metrics"]]
    if settings["DatapointsToAlarm"] is None:
        settings["DatapointsToAlarm"] = settings["EvaluationPeriods"]
    if settings["WarmUpConfiguration"] is not None:
        settings["WarmUpConfiguration"] = {
            name: value for name, value in settings["WarmUpConfiguration"].items() if value
        }
    if settings["ThresholdMetricId"] is not None:
        settings["Threshold"] = None  # the band of an anomaly alarm is its threshold
    return settings


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    """A query without its label, and without what has its default value."""
    kept = {"ReturnData": True, **query}
    kept.pop("Label", None)
    return {name: _without_empty(value) for name, value in kept.items() if value is not None}


def _without_empty(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            name: _without_empty(part) for name, part in value.items() if part not in (None, [], {})
        }
    return value
