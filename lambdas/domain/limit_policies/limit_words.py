"""Writes amounts and windows of limits for people."""

from __future__ import annotations

from decimal import Decimal

from lambdas.domain.limits import (
    AnyWindow,
    CalendarWindow,
    FixedWindow,
    Limit,
    LimitUnit,
    RollingWindow,
)
from lambdas.domain.money import PICODOLLARS
from lambdas.domain.words import exact_text, plural

_CENTS = 2
_NOUNS = {
    LimitUnit.QUOTA_TOKENS: "quota token",
    LimitUnit.TOTAL: "token",
    LimitUnit.INPUT: "input token",
    LimitUnit.OUTPUT: "output token",
    LimitUnit.REQUESTS: "request",
    LimitUnit.CONCURRENT: "call",
}


def write_limit(limit: Limit) -> str:
    """Write a limit: its amount in its window.

    >>> write_limit(Limit(LimitUnit.TOTAL, 20_000, RollingWindow(60)))
    '20,000 tokens per 60s'
    """
    return write_amount(limit.unit, limit.amount) + write_window(limit.window)


def write_amount(unit: LimitUnit, amount: int) -> str:
    """Write an amount of a unit; US dollars are exact.

    >>> write_amount(LimitUnit.USD, 500_000_000_000), write_amount(LimitUnit.REQUESTS, 1)
    ('$0.50', '1 request')
    """
    if unit is not LimitUnit.USD:
        return plural(amount, _NOUNS[unit])
    whole, _, part = exact_text(Decimal(amount) / PICODOLLARS).partition(".")
    return f"${int(whole):,}.{part:0<{_CENTS}}"


def write_window(window: AnyWindow | None) -> str:
    """Write a window as it stands behind an amount, with a space before it."""
    match window:
        case RollingWindow(seconds):
            return f" per {seconds}s"
        case FixedWindow():
            return " per minute"
        case CalendarWindow(every, zone):
            return f" per {every} {zone}"
    return " at a time"
