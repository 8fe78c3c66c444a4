"""The outcome of budgets over log files: use, thresholds that were reached, and forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from dashboards.reports.budget_usage import BudgetUsage
from lambdas.domain.brake import (
    PastDeny,
    TargetRules,
    list_callers,
    replay_brake,
)
from lambdas.domain.budgets import (
    Budget,
    PeriodUse,
    RollingHours,
    find_brake_obstacle,
    replay_usage,
)
from lambdas.domain.forecasting import (
    Forecast,
    ForecastCrossing,
    forecast_usage,
    replay_forecasts,
    sum_by_hour,
)
from lambdas.domain.invocations.identity import CallerIdentity

_MINUTE = timedelta(minutes=1)
MAX_REPLAYED_VALUES = 20
"""The values of a default budget whose forecasts are replayed: those with the most usage."""
_MAX_FORECASTS = 5_000
"""Past forecasts of a budget: a few seconds."""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """The use of a budget in a period.

    Attributes:
        value: The value that a default budget is for; else empty.
        use: The usage, and the thresholds that it reached.
        unpriced: The part of the usage without a price, in pico-dollars.
        forecasts: The thresholds that forecasts reached; `None` if they were not replayed.
    """

    value: str
    use: PeriodUse
    unpriced: int = 0
    forecasts: tuple[ForecastCrossing, ...] | None = ()

    @property
    def crossings(self) -> int:
        """The number of thresholds that were reached, also by a forecast."""
        return len(self.use.crossings) + len(self.forecasts or ())


class LastForecast(NamedTuple):
    """A forecast at the end of the logs.

    Attributes:
        value: The value that a default budget is for; else empty.
        use: The use of the period that it is for.
        forecast: The forecast of what is still used in it.
    """

    value: str
    use: PeriodUse
    forecast: Forecast


@dataclass(frozen=True, slots=True)
class BudgetOutcome:
    """The use of a budget over log files.

    Attributes:
        budget: The budget.
        rows: Its periods, those with the most usage first; of windows that move, those with a
            crossing and the one with the most usage, in order of time.
        forecasts: Forecasts at the end of the logs, of the values with the most usage first.
        too_new: The number of values that are used too shortly for a forecast.
        denies: The denies that a brake would have made, in order of time; `None` if no brake can
            enforce the budget.
    """

    budget: Budget
    rows: Sequence[BudgetRow]
    forecasts: Sequence[LastForecast] = field(default=())
    too_new: int = 0
    denies: Sequence[PastDeny] | None = None


def find_outcomes(usage: BudgetUsage, budgets: Sequence[Budget]) -> list[BudgetOutcome]:
    """Find the use, the crossings and the forecasts of each budget, after the last call."""
    return [_find_outcome(usage, budget) for budget in budgets]


def _find_outcome(usage: BudgetUsage, budget: Budget) -> BudgetOutcome:
    rows, denies = list(_list_rows(usage, budget)), _replay_brake(usage, budget)
    if isinstance(budget.periods, RollingHours):
        rows.sort(key=lambda row: (row.use.period, row.value))
        return BudgetOutcome(budget, rows, denies=denies)
    rows.sort(key=lambda row: (-row.use.used, row.use.period, row.value))
    current = [
        row
        for row in rows
        if usage.last_minute is not None and row.use.period.includes(usage.last_minute)
    ]
    forecasts = list(_forecast(usage, budget, current))
    return BudgetOutcome(budget, rows, forecasts, len(current) - len(forecasts), denies)


def _replay_brake(usage: BudgetUsage, budget: Budget) -> list[PastDeny] | None:
    """Replay the brake, also that of a budget that only alerts, and with single sessions denied."""
    if find_brake_obstacle(budget.scope, budget.per) is not None:
        return None
    found = list[PastDeny]()
    for value, minutes in usage.minutes_by_value(budget).items():
        callers = (CallerIdentity.from_arn(arn) for arn in list_callers(budget, value))
        known = next((caller for caller in callers if caller.account_id), None)
        rules = TargetRules(
            account_id=(known and known.account_id) or "",
            partition=(known and known.partition) or "aws",
            has_sessions=True,
        )
        found += replay_brake(budget, value, minutes, rules)
    return sorted(found, key=lambda deny: (deny.minute, deny.caller.arn))


def _list_rows(usage: BudgetUsage, budget: Budget) -> Iterator[BudgetRow]:
    unpriced = usage.unpriced_by_value(budget)
    by_value = usage.by_value(budget)
    reached = _replay_forecasts(usage, budget, by_value)
    for value, used_by_minute in by_value.items():
        uses = {use.period.id: use for use in replay_usage(budget, used_by_minute)}
        if isinstance(budget.periods, RollingHours):
            most = max(uses.values(), key=lambda use: use.used)
            uses = {id_: use for id_, use in uses.items() if use.crossings or use is most}
        for crossing in reached.get(value, ()):
            uses.setdefault(crossing.period.id, PeriodUse(crossing.period))
        for id_, use in uses.items():
            crossings = tuple(each for each in reached.get(value, ()) if each.period.id == id_)
            yield BudgetRow(
                value,
                use,
                unpriced[value].sum_in(use.period) if value in unpriced else 0,
                crossings if value in reached else None,
            )


def _replay_forecasts(
    usage: BudgetUsage, budget: Budget, by_value: Mapping[str, Mapping[datetime, int]]
) -> dict[str, list[ForecastCrossing]]:
    """Find when thresholds of forecasts would have alerted, for the values with the most usage."""
    if usage.last_minute is None:
        return {}
    most = sorted(by_value, key=lambda value: (-sum(by_value[value].values()), value))
    replayed = most[:MAX_REPLAYED_VALUES]
    max_forecasts = _MAX_FORECASTS // max(len(replayed), 1)
    until = usage.last_minute + _MINUTE
    return {
        value: list(
            replay_forecasts(budget, by_value[value], until, usage.past_errors, max_forecasts)
        )
        for value in replayed
    }


def _forecast(
    usage: BudgetUsage, budget: Budget, rows: Sequence[BudgetRow]
) -> Iterator[LastForecast]:
    """Forecast what will be used by the end of the period that the last call is in."""
    if usage.last_minute is None:
        return
    by_value = usage.by_value(budget)
    for row in rows:
        history = sum_by_hour(by_value[row.value])
        now = usage.last_minute + _MINUTE
        forecast = forecast_usage(history, now, row.use.period.end, usage.errors)
        if forecast is not None:
            yield LastForecast(row.value, row.use, forecast)
