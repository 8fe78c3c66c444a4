"""Writes the use of budgets in log files as JSON, for programs: see `docs/reports.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from dashboards.reports.budget_outcomes import BudgetOutcome, BudgetRow, LastForecast
from lambdas.domain.brake import NotEnforceable, PastDeny, PrincipalTarget, SessionTarget
from lambdas.domain.budgets import Budget, BudgetPeriod, BudgetUnit, to_usd
from lambdas.domain.budgets.budget_alerts import ThresholdKind
from lambdas.domain.words import exact_text


def budgets_json(outcomes: Sequence[BudgetOutcome]) -> Iterator[dict[str, Any]]:
    """Write budgets, one after the other; money as text."""
    for outcome in outcomes:
        budget = outcome.budget
        yield {
            "name": budget.name,
            "unit": budget.amount.unit.value,
            "amount": _write_amount(budget, budget.amount.limit),
            "per": None if budget.per is None else budget.per.value,
            "uses": [_use_json(budget, row) for row in outcome.rows],
            "forecasts": [_forecast_json(budget, last) for last in outcome.forecasts],
            "brake": budget.brake.value,
            "gateway": None if budget.gateway is None else budget.gateway.value,
            "denies": (
                None
                if outcome.denies is None
                else [_deny_json(budget, deny) for deny in outcome.denies]
            ),
        }


def _use_json(budget: Budget, row: BudgetRow) -> dict[str, Any]:
    use, is_money = row.use, budget.amount.unit is BudgetUnit.USD
    crossings = [
        _crossing_json(ThresholdKind.ACTUAL, crossing.percent, crossing.minute)
        for crossing in use.crossings
    ]
    crossings += [
        _crossing_json(ThresholdKind.FORECAST, crossing.percent, crossing.at)
        | {"probability": round(crossing.probability, 4)}
        for crossing in row.forecasts or ()
    ]
    return {
        "value": _write_value(budget, row.value),
        **_period_json(use.period),
        "used": _write_amount(budget, use.used),
        "used_percent": exact_text(budget.amount.get_percentage(use.used)),
        "unpriced_usd": _write_amount(budget, row.unpriced) if is_money else None,
        "crossings": sorted(crossings, key=lambda crossing: str(crossing["at"])),
        "has_forecasts": row.forecasts is not None,
    }


def _crossing_json(kind: ThresholdKind, percent: Decimal, at: datetime) -> dict[str, Any]:
    return {"kind": kind.value, "percent": exact_text(percent), "at": at.isoformat()}


def _forecast_json(budget: Budget, last: LastForecast) -> dict[str, Any]:
    use, forecast = last.use, last.forecast
    left = budget.amount.limit - use.used
    low, high = forecast.get_interval(80)
    exhausted_at = forecast.exhausted_at(left)
    return {
        "value": _write_value(budget, last.value),
        **_period_json(use.period),
        "at": forecast.now.isoformat(),
        "used": _write_amount(budget, use.used),
        "expected": _write_amount(budget, use.used + forecast.amount),
        "low_80": _write_amount(budget, use.used + low),
        "high_80": _write_amount(budget, use.used + high),
        "probability_of_exceeding": round(forecast.probability_of_exceeding(left), 4),
        "exhausted_at": None if exhausted_at is None else exhausted_at.isoformat(),
        "calibrated_at": (
            None if forecast.calibrated_at is None else forecast.calibrated_at.isoformat()
        ),
    }


def _deny_json(budget: Budget, deny: PastDeny) -> dict[str, Any]:
    caller, cause = deny.caller, deny.cause
    match caller:
        case NotEnforceable():
            denied = None
        case SessionTarget():
            denied = "session"
        case PrincipalTarget(kind=kind):
            denied = kind.value
    return {
        "caller": caller.arn,
        "denied": denied,
        "obstacle": caller.exemption.value if isinstance(caller, NotEnforceable) else None,
        "at": deny.minute.isoformat(),
        "until": cause.until.isoformat(),
        "used": _write_amount(budget, cause.used),
        "used_percent": exact_text(budget.amount.get_percentage(cause.used)),
        "reserve": _write_amount(budget, cause.reserve),
        "used_later": _write_amount(budget, deny.later),
    }


def _period_json(period: BudgetPeriod) -> dict[str, str]:
    return {"start": period.start.isoformat(), "end": period.end.isoformat()}


def _write_value(budget: Budget, value: str) -> str | None:
    return None if budget.per is None else value


def _write_amount(budget: Budget, number: int) -> str | int:
    return exact_text(to_usd(number)) if budget.amount.unit is BudgetUnit.USD else number
