"""Evaluates the deployed alarms, in the emulator's place, over its public API alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dashboards.cloudwatch.alarms import Alarm, AlarmState, Contributor
from dashboards.cloudwatch.cloudwatch_metrics import CloudWatchMetrics
from dashboards.cloudwatch.series import Series, UnknownExpressionError

_ACTIONS = {
    AlarmState.ALARM: "AlarmActions",
    AlarmState.OK: "OKActions",
    AlarmState.INSUFFICIENT_DATA: "InsufficientDataActions",
}


@dataclass
class AlarmEvaluation:
    """Looks at all alarms again and again, and sets their states.

    Alarms on what does not happen are left out: a local cloud is younger than the time they wait.

    Attributes:
        client: Makes a boto3 client of a service, of where they are deployed.
        skipped: Alarms that are not evaluated, by name, with the reason.
        left_out: Alarms of a kind that is not evaluated here, by name, with the reason.
        notified: The count of notifications sent to topics so far.
    """

    client: Callable[[str], Any]
    skipped: Mapping[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notified: int = 0
    _notified_series: set[tuple[str, str]] = field(default_factory=set)

    def evaluate(self, now: datetime | None = None) -> dict[str, list[Contributor]]:
        """Evaluate every alarm, and notify the topics of those that change.

        Args:
            now: The time to evaluate for; a later one lets windows end that would be waited for.

        Returns:
            The contributors of each alarm, by its name.
        """
        cloudwatch = self.client("cloudwatch")
        source = CloudWatchMetrics(cloudwatch)
        pages = cloudwatch.get_paginator("describe_alarms").paginate()
        result = {}
        for definition in [alarm for page in pages for alarm in page["MetricAlarms"]]:
            if reason := self.skipped.get(definition["AlarmName"]):
                self.left_out[definition["AlarmName"]] = reason
                continue
            try:
                alarm = Alarm.from_definition(definition)
                if alarm.missing == "breaching":
                    self.left_out[alarm.name] = "waits for longer than a local cloud is there"
                    continue
                contributors = alarm.evaluate(source, now or datetime.now(UTC))
            except UnknownExpressionError as error:
                self.left_out[definition["AlarmName"]] = str(error)
                continue
            result[alarm.name] = contributors
            self._set_state(cloudwatch, definition, alarm, contributors)
        return result

    def _set_state(
        self,
        cloudwatch: Any,
        definition: Mapping[str, Any],
        alarm: Alarm,
        contributors: list[Contributor],
    ) -> None:
        """Notify once for each contributor that begins to breach; the alarm itself changes once."""
        breaching = [each.series for each in contributors if each.state is AlarmState.ALARM]
        new = [
            series
            for series in breaching
            if (alarm.name, series.label) not in self._notified_series
        ]
        self._notified_series = {key for key in self._notified_series if key[0] != alarm.name}
        self._notified_series |= {(alarm.name, series.label) for series in breaching}
        state = alarm.get_state(contributors)
        is_changed = state != definition["StateValue"]
        if is_changed:
            reason = _reason(alarm, new[0]) if new else f"No longer so: {state}."
            cloudwatch.set_alarm_state(AlarmName=alarm.name, StateValue=state, StateReason=reason)
            self.notified += len(definition.get(_ACTIONS[state], []))
            new = new[1:]
        for series in new:  # of an alarm that is in ALARM already
            self._notify(definition, _reason(alarm, series))

    def _notify(self, definition: Mapping[str, Any], reason: str) -> None:
        message = {
            "AlarmName": definition["AlarmName"],
            "AlarmDescription": definition.get("AlarmDescription"),
            "NewStateValue": AlarmState.ALARM,
            "OldStateValue": AlarmState.OK,
            "NewStateReason": reason,
        }
        for topic in definition.get("AlarmActions", []):
            region = topic.split(":")[3]
            self.client("sns").publish(
                TopicArn=topic,
                Subject=f'ALARM: "{definition["AlarmName"]}" in {region}'[:100],
                Message=json.dumps(message),
            )
            self.notified += 1


def _reason(alarm: Alarm, series: Series) -> str:
    value = max(series.present, default=0.0)
    return f"{series.label}: {_number(value)}, and the threshold is {_number(alarm.threshold)}."


def _number(value: float) -> str:
    """Write a number with cents, if it has some."""
    return f"{value:,.2f}".removesuffix(".00")
