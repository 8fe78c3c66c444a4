"""The types of events, by which webhooks choose them."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """The type of an event: its subject, a dot, and what happened."""

    USAGE_THRESHOLD_REACHED = "usage.threshold_reached"
    """A usage alarm: tokens or cost of an identity, a model or the account."""
    USAGE_THRESHOLD_CLEARED = "usage.threshold_cleared"
    USAGE_ANOMALY = "usage.anomaly"
    """An alarm on usage outside the expected band."""
    BUDGET_THRESHOLD_REACHED = "budget.threshold_reached"
    BUDGET_FORECAST_REACHED = "budget.forecast_reached"
    BRAKE_DENIED = "brake.denied"
    BRAKE_WOULD_DENY = "brake.would_deny"
    BRAKE_RELEASED = "brake.released"
    BRAKE_NOT_ENFORCEABLE = "brake.not_enforceable"
    BRAKE_NOT_ATTACHED = "brake.not_attached"
    BRAKE_CONTESTED = "brake.contested"
    BRAKE_OVERFLOW = "brake.overflow"
    LIMIT_NEAR = "limit.near"
    LIMIT_REACHED = "limit.reached"
    """The gateway has refused a call by a limit, for the first time in its window."""
    CREDITS_LOW = "credits.low"
    CREDITS_EXHAUSTED = "credits.exhausted"
    PRICES_HELD = "prices.held"
    """Prices that changed by so much that they wait for an approval."""
    TAMPERING_DETECTED = "tampering.detected"
    """Calls or audit entries that something other than the meter has changed or forged."""
    HEALTH_ALARM = "health.alarm"
    HEALTH_RECOVERED = "health.recovered"
    SUMMARY_WEEKLY = "summary.weekly"
    METER_NOTICE = "meter.notice"
    """Another message for people, such as a change of Bedrock's logging."""
    WEBHOOK_TEST = "webhook.test"
