"""The detail of a budget's alert: the JSON of its event, and what its message is written from.

It holds no prompt and no secret. `docs/budget-alert.schema.json` is its JSON Schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from lambdas.domain.budgets.alerts import AlertKey, BudgetAlert
from lambdas.domain.budgets.amount import BudgetAmount, BudgetUnit, to_usd
from lambdas.domain.budgets.budget import NO_VALUE
from lambdas.domain.budgets.descriptions import describe_period, describe_scope, read_time_zone
from lambdas.domain.budgets.status import BudgetStatus
from lambdas.domain.times import write_seconds
from lambdas.domain.words import exact_text

AlertDetail: TypeAlias = dict[str, Any]
BUDGET_ALERT_EVENT = "Bedrock Meter Budget Alert"
"""The detail type of the event."""
DETAIL_VERSION = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""


def write_detail(status: BudgetStatus, keys: Sequence[AlertKey], now: datetime) -> AlertDetail:
    """Write the detail of the thresholds that a budget has newly reached."""
    stored, amount = status.stored, status.stored.budget.amount
    budget = stored.budget
    used = status.used
    return {
        "version": DETAIL_VERSION,
        "alert_ids": [key.id for key in keys],
        "crossings": [_write_crossing(key, amount) for key in keys],
        "budget": {
            "name": budget.name,
            "managed_by": budget.managed_by,
            "generation": stored.generation,
            "covers": describe_scope(budget),
            "scope": {field.value: list(names) for field, names in budget.scope.conditions.items()},
            "per": None if budget.per is None else budget.per.value,
            "value": None if status.value == NO_VALUE else status.value,
            "brake": budget.brake.value,
            "gateway": None if budget.gateway is None else budget.gateway.value,
        },
        "period": {
            "id": status.period.id,
            "start": write_seconds(status.period.start),
            "end": write_seconds(status.period.end),
            "description": describe_period(budget.periods, status.period),
            "time_zone": read_time_zone(budget.periods),
        },
        "amount": {
            "unit": amount.unit.value,
            "limit": amount.write(amount.limit),
            "used": amount.write(used),
            "remaining": amount.write(amount.limit - used),
            "percent_used": exact_text(status.percent_used),
        },
        "unpriced_calls": status.totals.unpriced_calls,
        "assumed_usd": exact_text(to_usd(status.totals.assumed_cost_picodollars)),
        "drivers": _write_drivers(status),
        "forecast": _write_forecast(status),
        "incomplete_since": _write_optional_time(status.incomplete_since),
        "next_thresholds": [
            exact_text(percent)
            for percent in budget.thresholds.actual
            if not amount.is_reached(used, percent)
        ],
        "evaluated_at": write_seconds(now),
    }


def make_alerts(status: BudgetStatus, keys: Sequence[AlertKey], now: datetime) -> list[BudgetAlert]:
    """Make an alert of each reached threshold."""
    return [BudgetAlert(key, write_detail(status, [key], now)) for key in keys]


def join_details(details: Sequence[AlertDetail]) -> AlertDetail:
    """Join the details of one budget and period to one, with the figures of the latest.

    Of those at the same time, it is one with drivers.
    """
    latest = max(details, key=lambda detail: (detail["evaluated_at"], bool(detail["drivers"])))
    ids, crossings = (
        [entry for detail in details for entry in detail[name]]
        for name in ("alert_ids", "crossings")
    )
    return latest | {"alert_ids": ids, "crossings": crossings}


def read_amount(detail: AlertDetail) -> BudgetAmount:
    """Read the amount of the budget."""
    unit = BudgetUnit(detail["amount"]["unit"])
    return BudgetAmount(unit, read_number(detail["amount"]["limit"], unit))


def read_number(text: str, unit: BudgetUnit) -> int:
    """Read a number of tokens, or of US dollars as pico-dollars."""
    return BudgetAmount.from_text(text, unit).limit


def _write_crossing(key: AlertKey, amount: BudgetAmount) -> AlertDetail:
    return {
        "kind": key.kind.value,
        "percent": exact_text(key.percent),
        "amount": amount.write(amount.take_percentage(key.percent)),
    }


def _write_drivers(status: BudgetStatus) -> list[AlertDetail] | None:
    if status.drivers is None:
        return None
    return [
        {
            "label": driver.label.value,
            "name": driver.name,
            "used": status.stored.budget.amount.write(driver.used),
        }
        for driver in status.drivers
    ]


def _write_forecast(status: BudgetStatus) -> AlertDetail | None:
    forecast, amount = status.forecast, status.stored.budget.amount
    if forecast is None:
        return None
    left = amount.limit - status.used
    return {
        "expected": amount.write(status.used + forecast.amount),
        "probability": f"{forecast.probability_of_exceeding(left):.4f}",
        "exhausted_at": _write_optional_time(forecast.exhausted_at(left)),
        "calibrated_at": _write_optional_time(forecast.calibrated_at),
    }


def _write_optional_time(moment: datetime | None) -> str | None:
    return None if moment is None else write_seconds(moment)
