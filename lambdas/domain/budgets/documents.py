"""Budgets as JSON documents: how they are stored, compared and shown.

Documents have the form of `budgets.json`, with every field, and with decimals as text. `gateway`
alone is left out if it is not set, as earlier versions did not write it: a document of them stays
the same when it is read and written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from lambdas.domain.budgets.amount import BudgetAmount, BudgetUnit, UnpricedCeiling, to_usd
from lambdas.domain.budgets.budget import BrakeMode, Budget, BudgetSubject, BudgetThresholds
from lambdas.domain.budgets.scope import BudgetScope
from lambdas.domain.limits import LimitMode
from lambdas.domain.periods import (
    MONDAY,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
)
from lambdas.domain.words import exact_text

Document: TypeAlias = dict[str, Any]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS_OF_WEEK = 7


def write_budget(budget: Budget) -> Document:
    """Write a budget as a document."""
    thresholds, ceiling = budget.thresholds, budget.unpriced_ceiling
    gateway = {} if budget.gateway is None else {"gateway": budget.gateway.value}
    return {
        "name": budget.name,
        "managed_by": budget.managed_by,
        "scope": {field.value: list(names) for field, names in budget.scope.conditions.items()},
        "per": None if budget.per is None else budget.per.value,
        "amount": _write_amount(budget.amount),
        "period": _write_periods(budget.periods),
        "alerts": {
            "actual": [*map(exact_text, thresholds.actual)],
            "forecast": [*map(exact_text, thresholds.forecast)],
            "forecast_probability": exact_text(thresholds.forecast_probability),
        },
        "unpriced_usd_per_million": {
            "input": exact_text(ceiling.input_usd),
            "output": exact_text(ceiling.output_usd),
        },
        "unpriced_usd_per_unit": {
            "image": exact_text(ceiling.image_usd),
            "video_second": exact_text(ceiling.video_second_usd),
            "other": exact_text(ceiling.other_unit_usd),
        },
        "brake": budget.brake.value,
        **gateway,
    }


def read_budget(document: Mapping[str, Any]) -> Budget:
    """Read a document that `write_budget` wrote.

    Raises:
        KeyError, TypeError, ValueError, ArithmeticError: It is another one.
    """
    alerts, gateway = document["alerts"], document.get("gateway")
    return Budget(
        name=document["name"],
        managed_by=document["managed_by"],
        scope=BudgetScope(**{name: tuple(names) for name, names in document["scope"].items()}),
        per=None if document["per"] is None else BudgetSubject(document["per"]),
        amount=_read_amount(document["amount"]),
        periods=_read_periods(document["period"]),
        thresholds=BudgetThresholds(
            tuple(map(Decimal, alerts["actual"])),
            tuple(map(Decimal, alerts["forecast"])),
            Decimal(alerts["forecast_probability"]),
        ),
        unpriced_ceiling=_read_ceiling(document),
        brake=BrakeMode(document.get("brake", BrakeMode.NOTIFY)),  # stored before there was one
        gateway=None if gateway is None else LimitMode(gateway),
    )


def _read_ceiling(document: Mapping[str, Any]) -> UnpricedCeiling:
    """Read the prices of usage without a price; an earlier version has none of units."""
    of_tokens, of_units = (
        document["unpriced_usd_per_million"],
        document.get("unpriced_usd_per_unit"),
    )
    ceiling = UnpricedCeiling(Decimal(of_tokens["input"]), Decimal(of_tokens["output"]))
    if of_units is None:
        return ceiling
    return replace(
        ceiling,
        image_usd=Decimal(of_units["image"]),
        video_second_usd=Decimal(of_units["video_second"]),
        other_unit_usd=Decimal(of_units["other"]),
    )


def _write_amount(amount: BudgetAmount) -> Document:
    is_usd = amount.unit is BudgetUnit.USD
    return {amount.unit.value: exact_text(to_usd(amount.limit)) if is_usd else amount.limit}


def _read_amount(document: Document) -> BudgetAmount:
    ((name, number),) = document.items()
    return BudgetAmount.from_text(str(number), BudgetUnit(name))


def _write_periods(periods: PeriodRule) -> Document:
    match periods:
        case RollingHours(hours):
            return {"last_hours": hours}
        case HourPeriods(time_zone):
            return {"every": "hour", "time_zone": time_zone}
        case DayPeriods(time_zone, 1, anchor) if anchor == MONDAY:
            return {"every": "day", "time_zone": time_zone}
        case DayPeriods(time_zone, days, anchor) if _is_week(days, anchor):
            return {
                "every": "week",
                "week_starts": WEEKDAYS[(anchor - MONDAY).days],
                "time_zone": time_zone,
            }
        case DayPeriods(time_zone, days, anchor):
            return _write_anchored("day", days, anchor, time_zone)
        case MonthPeriods(time_zone, months, anchor):
            return _write_anchored("month", months, anchor, time_zone)
    raise TypeError(type(periods))


def _write_anchored(every: str, count: int, anchor: date, time_zone: str) -> Document:
    return {"every": every, "count": count, "anchor": anchor.isoformat(), "time_zone": time_zone}


def _is_week(days: int, anchor: date) -> bool:
    return days == DAYS_OF_WEEK and 0 <= (anchor - MONDAY).days < DAYS_OF_WEEK


def _read_periods(document: Document) -> PeriodRule:
    match document:
        case {"last_hours": hours}:
            return RollingHours(int(hours))
        case {"every": "hour", "time_zone": time_zone}:
            return HourPeriods(time_zone)
        case {"every": "week", "week_starts": day, "time_zone": time_zone}:
            return make_weeks(time_zone, day)
        case {"every": "day", "count": count, "anchor": anchor, "time_zone": time_zone}:
            return DayPeriods(time_zone, int(count), date.fromisoformat(anchor))
        case {"every": "day", "time_zone": time_zone}:
            return DayPeriods(time_zone)
        case {"every": "month", "count": count, "anchor": anchor, "time_zone": time_zone}:
            return MonthPeriods(time_zone, int(count), date.fromisoformat(anchor))
    message = f"an unknown period: {sorted(document)}"
    raise ValueError(message)


def make_weeks(time_zone: str, first_day: str) -> DayPeriods:
    """Make weeks that begin on a day, which has its English name in lower case."""
    anchor = date.fromordinal(MONDAY.toordinal() + WEEKDAYS.index(first_day))
    return DayPeriods(time_zone, DAYS_OF_WEEK, anchor)
