"""Evaluates the deployed alarms, in the emulator's place, over its public API alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dashboards.preview.local_cloud.cloud import REGION, LocalCloud
from dashboards.preview.metric_queries import (
    Alarm,
    AlarmState,
    Contributor,
    Metric,
    Periods,
    Series,
    Statistic,
    UnknownExpressionError,
)

_MINUTE = 60
_MOST_QUERIES = 500  # of one GetMetricData
_ACTIONS = {
    AlarmState.ALARM: "AlarmActions",
    AlarmState.OK: "OKActions",
    AlarmState.INSUFFICIENT_DATA: "InsufficientDataActions",
}
_COMBINED: Mapping[Statistic, Callable[[Iterable[float]], float]] = {
    Statistic.SUM: sum,
    Statistic.MAXIMUM: max,
    Statistic.MINIMUM: min,
}


class CloudWatchMetrics:
    """Metrics as CloudWatch's API tells them."""

    def __init__(self, client: Any) -> None:
        """Ask with a CloudWatch client."""
        self._client = client

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        """Every metric of a name, of whatever dimensions."""
        pages = self._client.get_paginator("list_metrics").paginate(
            Namespace=namespace, MetricName=name
        )
        return [
            Metric(
                namespace, name, tuple(sorted((d["Name"], d["Value"]) for d in it["Dimensions"]))
            )
            for page in pages
            for it in page["Metrics"]
        ]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[float | None, ...]]:
        """The values of metrics: minutes are asked for, since the windows of alarms slide."""
        if statistic not in _COMBINED:
            raise UnknownExpressionError(statistic)
        values = {}
        for first in range(0, len(metrics), _MOST_QUERIES):
            asked = metrics[first : first + _MOST_QUERIES]
            for metric, minutes in zip(asked, self._ask(asked, statistic, periods), strict=True):
                values[metric] = _combine(minutes, statistic, periods)
        return values

    def _ask(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> list[dict[datetime, float]]:
        start = next(iter(periods))[0]
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[
                {
                    "Id": f"m{number}",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": metric.namespace,
                            "MetricName": metric.name,
                            "Dimensions": [
                                {"Name": name, "Value": value} for name, value in metric.dimensions
                            ],
                        },
                        "Period": _MINUTE,
                        "Stat": statistic.value,
                    },
                }
                for number, metric in enumerate(metrics)
            ],
            StartTime=start,
            EndTime=periods.end,
        )
        found: defaultdict[str, dict[datetime, float]] = defaultdict(dict)
        for page in pages:
            for it in page["MetricDataResults"]:
                found[it["Id"]].update(zip(it["Timestamps"], it["Values"], strict=True))
        return [found[f"m{number}"] for number in range(len(metrics))]


@dataclass
class AlarmEvaluation:
    """Looks at all alarms again and again, and sets their states.

    Attributes:
        cloud: Where they are deployed.
        left_out: Alarms of a kind that is not evaluated here, by name, with the reason.
        notified: How many notifications were sent to topics so far.
    """

    cloud: LocalCloud
    left_out: dict[str, str] = field(default_factory=dict)
    notified: int = 0
    _told: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, now: datetime | None = None) -> dict[str, list[Contributor]]:
        """Evaluate every alarm, and tell who is to be notified.

        Args:
            now: The time to evaluate for; a later one lets windows end that would be waited for.

        Returns:
            The contributors of each alarm, by its name.
        """
        cloudwatch = self.cloud.client("cloudwatch")
        source = CloudWatchMetrics(cloudwatch)
        pages = cloudwatch.get_paginator("describe_alarms").paginate()
        result = {}
        for told in [alarm for page in pages for alarm in page["MetricAlarms"]]:
            try:
                alarm = Alarm.from_definition(told)
                contributors = alarm.evaluate(source, now or datetime.now(UTC))
            except UnknownExpressionError as error:
                self.left_out[told["AlarmName"]] = str(error)
                continue
            result[alarm.name] = contributors
            self._set_state(cloudwatch, told, alarm, contributors)
        return result

    def _set_state(
        self, cloudwatch: Any, told: Mapping[str, Any], alarm: Alarm, all_of_it: list[Contributor]
    ) -> None:
        """Every contributor that begins to breach is told of; the alarm itself changes once."""
        breaching = [it.series for it in all_of_it if it.state is AlarmState.ALARM]
        new = [it for it in breaching if (alarm.name, it.label) not in self._told]
        self._told = {it for it in self._told if it[0] != alarm.name}
        self._told |= {(alarm.name, it.label) for it in breaching}
        state = alarm.state_of(all_of_it)
        is_changed = state != told["StateValue"]
        if is_changed:
            reason = _reason(alarm, new[0]) if new else f"No longer so: {state}."
            cloudwatch.set_alarm_state(AlarmName=alarm.name, StateValue=state, StateReason=reason)
            self.notified += len(told.get(_ACTIONS[state], []))
            new = new[1:]
        for series in new:  # of an alarm that is in ALARM already
            self._notify(told, _reason(alarm, series))

    def _notify(self, told: Mapping[str, Any], reason: str) -> None:
        message = {
            "AlarmName": told["AlarmName"],
            "AlarmDescription": told.get("AlarmDescription"),
            "NewStateValue": AlarmState.ALARM,
            "OldStateValue": AlarmState.OK,
            "NewStateReason": reason,
        }
        for topic in told.get("AlarmActions", []):
            self.cloud.client("sns").publish(
                TopicArn=topic,
                Subject=f'ALARM: "{told["AlarmName"]}" in {REGION}'[:100],
                Message=json.dumps(message),
            )
            self.notified += 1


def _reason(alarm: Alarm, series: Series) -> str:
    value = max(series.present, default=0.0)
    return f"{series.label}: {value:,.0f}, and the threshold is {alarm.threshold:,.0f}."


def _combine(
    minutes: Mapping[datetime, float], statistic: Statistic, periods: Periods
) -> tuple[float | None, ...]:
    values = []
    for start, end in periods:
        within = [value for minute, value in minutes.items() if start <= minute < end]
        values.append(_COMBINED[statistic](within) if within else None)
    return tuple(values)
