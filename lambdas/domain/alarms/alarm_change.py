"""A change of an alarm's state, as CloudWatch reports it to EventBridge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from lambdas.domain.times import read_time
from lambdas.domain.words import exact_text

ALARM_SOURCE: Final = "aws.cloudwatch"
"""The source of these events. AWS lets no one else put events with it."""
ALARM_CHANGE: Final = "CloudWatch Alarm State Change"
CONTRIBUTOR_CHANGE: Final = "CloudWatch Alarm Contributor State Change"
"""The detail types: an alarm, and one series of an alarm that watches several.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""
_THRESHOLD = re.compile(r"threshold \(([0-9.]{1,40}(?:E[0-9]{1,3})?)\)")
_QUERY = re.compile(r"SELECT [A-Z]{1,20}\(\"?([A-Za-z0-9_]{1,255})\"?\)")
_CONSOLE = re.compile(
    r"https://(?:[a-z0-9-]{1,63}\.)?console\."
    r"(?:aws\.amazon\.com|amazonaws-us-gov\.com|amazonaws\.cn)/[!-~]{0,2000}"
)
"""An address of AWS's console. Whoever may put alarms chooses their descriptions."""


class AlarmState(StrEnum):
    """The state of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class InvalidAlarmError(ValueError):
    """An event of CloudWatch has another form than its documentation says. The text says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmChange:
    """A change.

    Attributes:
        name: The name of the alarm.
        arn: Its ARN.
        at: The time of the change.
        state: The new state.
        previous: The state before; `None` for a series, which is either in `OK` or in `ALARM`.
        reason: Why, in CloudWatch's words.
        description: The description of the alarm.
        metric: The metric that it watches; `None` if it is not named.
        threshold: Its threshold, digit by digit; `None` if it has none or it is not named.
        dimensions: The dimensions of the metric or of the series.
        series: The id of the series; `None` for an alarm as a whole.
        is_grouped: True if the alarm watches several series.
        is_muted: True if a mute rule keeps the alarm from notifying people.
    """

    name: str
    arn: str
    at: datetime
    state: AlarmState
    previous: AlarmState | None
    reason: str
    description: str
    metric: str | None
    threshold: str | None
    dimensions: Mapping[str, str]
    series: str | None
    is_grouped: bool
    is_muted: bool

    @property
    def link(self) -> str | None:
        """The first address of the console in its description, which is that of a dashboard."""
        return next(filter(is_console_link, self.description.split()), None)


def is_console_link(text: str) -> bool:
    """Say if a text is an address of AWS's console."""
    return _CONSOLE.fullmatch(text) is not None


def read_alarm_change(event: Mapping[str, Any]) -> AlarmChange:
    """Read an event of EventBridge.

    Args:
        event: The event, whose detail type is `ALARM_CHANGE` or `CONTRIBUTOR_CHANGE`.

    Raises:
        InvalidAlarmError: It has another form.
    """
    detail = _read_object(event, "detail")
    state, configuration = _read_object(detail, "state"), _get_object(detail, "configuration")
    contributor = _get_object(detail, "alarmContributor")
    name, reason = _read_text(detail, "alarmName"), _get_text(state, "reason")
    is_series = event.get("detail-type") == CONTRIBUTOR_CHANGE
    return AlarmChange(
        name=name,
        arn=_read_arn(event, name),
        at=_read_moment(state, event),
        state=_read_state(state),
        previous=None if is_series else _read_state(_read_object(detail, "previousState")),
        reason=reason,
        description=_get_text(configuration, "description"),
        metric=next(_list_metrics(configuration), None),
        threshold=_read_threshold(reason),
        dimensions=_read_dimensions(contributor, configuration, is_series=is_series),
        series=_read_text(contributor, "id") if is_series else None,
        is_grouped=_is_grouped(configuration),
        is_muted=bool(_get_object(detail, "muteDetail")),
    )


def _read_arn(event: Mapping[str, Any], name: str) -> str:
    resources = event.get("resources")
    arn = resources[0] if isinstance(resources, list) and resources else None
    if not isinstance(arn, str) or not arn.endswith(f":alarm:{name}"):
        message = "resources: expected the ARN of the alarm"
        raise InvalidAlarmError(message)
    return arn


def _read_state(state: Mapping[str, Any]) -> AlarmState:
    try:
        return AlarmState(_read_text(state, "value"))
    except ValueError:
        message = "value: expected OK, ALARM or INSUFFICIENT_DATA"
        raise InvalidAlarmError(message) from None


def _read_moment(state: Mapping[str, Any], event: Mapping[str, Any]) -> datetime:
    """Read the time of the change, or else that of the event."""
    for text in (state.get("timestamp"), event.get("time")):
        try:
            return read_time(str(text))
        except ValueError:
            continue
    message = "timestamp: expected a time in ISO 8601 with its offset from UTC"
    raise InvalidAlarmError(message)


def _read_threshold(reason: str) -> str | None:
    """Read the threshold, which CloudWatch writes as Java does, such as `1000.0` or `1.0E7`."""
    found = _THRESHOLD.search(reason)
    if found is None:
        return None
    try:
        return exact_text(Decimal(found[1]))
    except ArithmeticError:
        return None


def _list_metrics(configuration: Mapping[str, Any]) -> Iterator[str]:
    for watched in _list_watched(configuration):
        name = _get_text(_get_object(_get_object(watched, "metricStat"), "metric"), "name")
        query = _QUERY.search(_get_text(watched, "expression"))
        if name:
            yield name
        elif query is not None:
            yield query[1]


def _is_grouped(configuration: Mapping[str, Any]) -> bool:
    return any(
        " GROUP BY " in _get_text(watched, "expression") for watched in _list_watched(configuration)
    )


def _read_dimensions(
    contributor: Mapping[str, Any], configuration: Mapping[str, Any], *, is_series: bool
) -> Mapping[str, str]:
    if is_series:
        return _read_texts(_get_object(contributor, "attributes"))
    found = (
        _get_object(_get_object(_get_object(watched, "metricStat"), "metric"), "dimensions")
        for watched in _list_watched(configuration)
    )
    return next((_read_texts(dimensions) for dimensions in found if dimensions), {})


def _list_watched(configuration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = configuration.get("metrics")
    if not isinstance(found, list):
        return []
    return [watched for watched in found if isinstance(watched, Mapping)]


def _read_texts(values: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _read_object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if not isinstance(value, Mapping):
        message = f"{name}: expected an object"
        raise InvalidAlarmError(message)
    return value


def _get_object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _read_text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        message = f"{name}: expected text"
        raise InvalidAlarmError(message)
    return value


def _get_text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""
