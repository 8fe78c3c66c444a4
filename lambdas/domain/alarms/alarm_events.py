"""Changes of the meter's alarms as events for webhooks.

`docs/alarm-event.schema.json` is the JSON Schema of their detail.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

from lambdas.domain.alarms.alarm_change import AlarmChange, AlarmState, is_console_link
from lambdas.domain.alarms.health_checks import HEALTH_CHECKS
from lambdas.domain.alarms.names import (
    ALARM_PREFIX,
    ANOMALY_ALARMS,
    CHECKS_WITHOUT_RECOVERY,
    HEALTH_ALARM_PREFIX,
    PRICE_CHECKS,
    TAMPERING_CHECKS,
    WEBHOOK_CHECKS,
    name_anomaly_alarm,
)
from lambdas.domain.budgets import read_principal
from lambdas.domain.events import EventScope, EventType, MeterEvent, make_event_id
from lambdas.domain.metrics.catalog import ESTIMATED_COST, IDENTITY_ARN, MODEL_ID
from lambdas.domain.scope_field import ScopeField
from lambdas.domain.words import break_links, cut, printable

DETAIL_VERSION: Final = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""
_USAGE_ALARM = re.compile(rf"{re.escape(ALARM_PREFIX)}.+-(Hour|Day|Week)-(Warning|Critical)")
_WINDOWS = {"hour": "an hour", "day": "a day", "week": "a week"}
_ANOMALY_ALARMS = frozenset(map(name_anomaly_alarm, ANOMALY_ALARMS))
_MAX_NAME_LETTERS = 200
_MAX_TEXT_LETTERS = 2_000


class _Kind(NamedTuple):
    """The kind of an alarm.

    Attributes:
        reached: The type of the event when it turns to `ALARM`.
        ended: The type of the event when that ends.
        check: The health check, or `None`.
        severity: The severity, or `None`.
        window: The window of a threshold, or `None`.
    """

    reached: EventType
    ended: EventType
    check: str | None = None
    severity: str | None = None
    window: str | None = None


def write_alarm_event(change: AlarmChange) -> MeterEvent | None:
    """Write the event of a change; `None` if it is not worth one.

    Not worth one are the alarms of others, the end of `INSUFFICIENT_DATA`, which is no recovery,
    and alarms that watch several series as a whole: each series has an event of its own.
    """
    kind = _read_kind(change.name)
    if kind is None or (change.is_grouped and change.series is None):
        return None
    match change.state, change.previous:
        case AlarmState.ALARM, _:
            event_type = kind.reached
        case AlarmState.OK, AlarmState.ALARM | None:
            event_type = kind.ended
        case _:
            return None
    if change.state is AlarmState.OK and kind.check in CHECKS_WITHOUT_RECOVERY:
        return None
    return MeterEvent(
        id=make_event_id(event_type, change.arn, change.series or "", change.at.isoformat()),
        type=event_type,
        at=change.at,
        title=_write_title(change, kind),
        text=_write_text(change),
        scope=_read_scope(change),
        detail=_write_detail(change, kind),
        link=change.link,
    )


def is_about_webhooks(event: MeterEvent) -> bool:
    """Say if an event reports that a receiver of webhooks misses events."""
    return event.type is EventType.HEALTH_ALARM and event.detail.get("check") in WEBHOOK_CHECKS


def _read_kind(name: str) -> _Kind | None:
    """Read the kind of an alarm from its name; `None` for an alarm of someone else."""
    if name.startswith(HEALTH_ALARM_PREFIX):
        check = name.removeprefix(HEALTH_ALARM_PREFIX)
        if check not in HEALTH_CHECKS:
            return None
        reached = EventType.HEALTH_ALARM
        if check in PRICE_CHECKS:
            reached = EventType.PRICES_HELD
        elif check in TAMPERING_CHECKS:
            reached = EventType.TAMPERING_DETECTED
        return _Kind(reached, EventType.HEALTH_RECOVERED, check)
    ended = EventType.USAGE_THRESHOLD_CLEARED
    if name in _ANOMALY_ALARMS:
        return _Kind(EventType.USAGE_ANOMALY, ended)
    found = _USAGE_ALARM.fullmatch(name)
    if found is None:
        return None
    window, severity = found[1].lower(), found[2].lower()
    return _Kind(EventType.USAGE_THRESHOLD_REACHED, ended, severity=severity, window=window)


def _write_title(change: AlarmChange, kind: _Kind) -> str:
    is_alarm = change.state is AlarmState.ALARM
    if kind.window is None:
        name = kind.check or change.name.removeprefix(ALARM_PREFIX)
        return f"Bedrock Meter: {_show(name)} is {'in ALARM' if is_alarm else 'OK again'}"
    subject = ", ".join(map(_show, change.dimensions.values())) or "the account"
    return (
        f"Bedrock usage of {subject}: {_describe_threshold(change, kind)}"
        f" {_WINDOWS[kind.window]} {'reached' if is_alarm else 'no longer reached'}"
    )


def _describe_threshold(change: AlarmChange, kind: _Kind) -> str:
    """Describe a threshold; CloudWatch names none if someone has set the state by hand."""
    if change.threshold is None:
        return f"the {kind.severity} threshold for"
    amount = f"{Decimal(change.threshold):,f}"
    if change.metric == ESTIMATED_COST.name:
        return f"${amount} in"
    return f"{amount} {_show(change.metric or 'units')} in"


def _write_text(change: AlarmChange) -> str:
    lines = (change.description, change.reason)
    return "\n".join(_show_text(line) for line in lines if line)


def _show_text(text: str) -> str:
    """Show a text that whoever may put alarms can choose: only the console stays a link."""
    words = printable(text).split(" ")
    shown = (word if is_console_link(word) else break_links(word) for word in words)
    return cut(" ".join(shown), _MAX_TEXT_LETTERS)


def _write_detail(change: AlarmChange, kind: _Kind) -> dict[str, Any]:
    return {
        "version": DETAIL_VERSION,
        "alarm": change.name,
        "alarm_arn": change.arn,
        "state": change.state.value,
        "check": kind.check,
        "severity": kind.severity,
        "window": kind.window,
        "metric": change.metric,
        "threshold": change.threshold,
        "dimensions": dict(change.dimensions),
        "reason": _show_text(change.reason),
        "is_muted": change.is_muted,
    }


def _read_scope(change: AlarmChange) -> EventScope:
    """Read the identity and the model that a usage alarm is about."""
    identity, model = (change.dimensions.get(name) for name in (IDENTITY_ARN, MODEL_ID))
    scope: dict[str, tuple[str, ...]] = {}
    if identity is not None:
        scope[ScopeField.IDENTITY.value] = (identity,)
        scope[ScopeField.PRINCIPAL.value] = (read_principal(identity),)
    if model is not None:
        scope[ScopeField.MODEL.value] = (model,)
    return scope


def _show(name: str) -> str:
    """Show a name that a caller may have chosen."""
    return cut(break_links(printable(name)), _MAX_NAME_LETTERS)
