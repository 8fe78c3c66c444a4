"""Shows the use of budgets in log files as a table, for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable_name
from dashboards.reports.brake_report import print_brake
from dashboards.reports.budget_usage import BudgetUsage
from lambdas.domain.budgets import (
    Budget,
    BudgetPeriod,
    PeriodUse,
    RollingHours,
    UnpricedCeiling,
    describe_periods,
    describe_scope,
    describe_time,
    replay_usage,
)
from lambdas.domain.forecasting import (
    Forecast,
    HourlyUsage,
    forecast_usage,
    read_shipped_ratios,
)
from lambdas.domain.invocations.short_names import shorten_identities
from lambdas.domain.words import exact_text, plural

_ONE_DECIMAL = 10
_MINUTE = timedelta(minutes=1)


class _Row(NamedTuple):
    value: str
    use: PeriodUse
    unpriced: int  # of it, in pico-dollars


def print_budgets(
    usage: BudgetUsage, budgets: Sequence[Budget], console: Console, top: int
) -> None:
    """Print for each budget its periods with the most usage, and when thresholds were reached.

    Args:
        usage: The usage.
        budgets: The budgets.
        console: Prints.
        top: The number of rows of a budget.
    """
    for budget in budgets:
        rows = sorted(_list_rows(usage, budget), key=lambda row: (-row.use.used, row.use.period))
        _print_budget(budget, rows, console, top)
        _print_unpriced(usage, budget, console)
        _print_forecasts(usage, budget, rows, console, top)
        print_brake(usage, budget, console, top)
        console.print()


def _list_rows(usage: BudgetUsage, budget: Budget) -> Iterator[_Row]:
    """List periods; of windows that move, those with a crossing and the one with the most usage."""
    unpriced = usage.unpriced_by_value(budget)
    for value, used_by_minute in usage.by_value(budget).items():
        uses = replay_usage(budget, used_by_minute)
        if isinstance(budget.periods, RollingHours):
            most = max(uses, key=lambda use: use.used)
            uses = [use for use in uses if use.crossings or use is most]
        for use in uses:
            of_it = unpriced[value].sum_in(use.period) if value in unpriced else 0
            yield _Row(value, use, of_it)


def _print_budget(budget: Budget, rows: Sequence[_Row], console: Console, top: int) -> None:
    amount = budget.amount.describe()
    title = f"Budget {budget.name}: {amount} for {describe_scope(budget)}, "
    console.print(Text(title + describe_periods(budget.periods)), soft_wrap=True)
    if not rows:
        console.print("No usage.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    if budget.per is not None:
        table.add_column(budget.per.value.capitalize(), overflow="fold")
    table.add_column("Period", no_wrap=True)
    has_unpriced = any(row.unpriced for row in rows)
    for name in ("Used", *(["Of it unpriced"] if has_unpriced else []), "%"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Thresholds reached")
    short = shorten_identities(row.value for row in rows)
    for row in rows[:top]:
        names = [] if budget.per is None else [Text(printable_name(short[row.value]))]
        largest = rows[0].use.used
        period, used, *others = _write_use(budget, row.use, largest)
        unpriced = budget.amount.describe(row.unpriced, largest=largest)
        table.add_row(*names, period, used, *([unpriced] if has_unpriced else []), *others)
    console.print(table)
    if (more := len(rows) - top) > 0:
        console.print(f"and {plural(more, 'period')} with less usage", style="dim")


def _print_unpriced(usage: BudgetUsage, budget: Budget, console: Console) -> None:
    """Print how many calls have no price, the prices that they count at, and what that makes up."""
    parts = usage.unpriced_by_value(budget).values()
    calls = sum(part.calls for part in parts)
    if not calls:
        return
    ceiling = budget.unpriced_ceiling
    is_default = ceiling == UnpricedCeiling()
    text = (
        f"Of this usage, {budget.amount.describe(sum(part.picodollars for part in parts))} is an"
        f" assumption: {plural(calls, 'call')} without a known price count at"
        f" ${exact_text(ceiling.input_usd)} for a million input tokens and"
        f" ${exact_text(ceiling.output_usd)} for output"
        f" ({'the default of ' if is_default else ''}unpriced_usd_per_million, docs/budgets.md)."
    )
    console.print(Text(text, style="dim"), soft_wrap=True)


def _print_forecasts(
    usage: BudgetUsage, budget: Budget, rows: Sequence[_Row], console: Console, top: int
) -> None:
    """Print what will be used by the end of the period that the last call is in."""
    if usage.last_minute is None or isinstance(budget.periods, RollingHours):
        return
    now = usage.last_minute + _MINUTE
    uses = [(row.value, row.use) for row in rows if row.use.period.includes(usage.last_minute)]
    by_value = usage.by_value(budget)
    short = shorten_identities(row.value for row in rows)
    for value, use in uses[:top]:
        hours: defaultdict[datetime, int] = defaultdict(int)
        for minute, used in by_value[value].items():
            hours[minute.replace(minute=0)] += used
        history = HourlyUsage(hours)
        forecast = forecast_usage(history, now, use.period.end, read_shipped_ratios())
        if forecast is not None:
            name = f"{printable_name(short[value])}: " if value else ""
            text = _describe_forecast(budget, name, use, forecast)
            console.print(Text(text, style="dim"), soft_wrap=True)


def _describe_forecast(budget: Budget, name: str, use: PeriodUse, forecast: Forecast) -> str:
    """Describe a forecast with its interval, and if the amount will be enough."""
    amount = budget.amount
    left = amount.limit - use.used
    low, high = forecast.get_interval(80)
    end = describe_time(budget.periods, use.period.end)
    chance = round(100 * forecast.probability_of_exceeding(left))
    used_up = forecast.exhausted_at(left)
    if left <= 0:
        rest = "the amount is used up"
    else:
        rest = f"exceeds the amount with a probability of {chance} %"
        if used_up is not None and forecast.amount >= left:
            rest += f", used up about {describe_time(budget.periods, used_up)}"
    return (
        f"Forecast for {end}: {name}{amount.describe(use.used + forecast.amount)}"
        f" (80 %: {amount.describe(use.used + low)} to {amount.describe(use.used + high)}); {rest}"
    )


def _write_use(budget: Budget, use: PeriodUse, largest: int) -> tuple[str, str, str, str]:
    percent = use.used * 100 * _ONE_DECIMAL // budget.amount.limit / _ONE_DECIMAL
    crossings = ", ".join(
        f"{exact_text(crossing.percent)} % at {describe_time(budget.periods, crossing.minute)}"
        for crossing in use.crossings
    )
    return (
        _write_period(budget, use.period),
        budget.amount.describe(use.used, largest=largest),
        f"{percent:,.1f}",
        crossings or "-",
    )


def _write_period(budget: Budget, period: BudgetPeriod) -> str:
    start, end = (describe_time(budget.periods, moment) for moment in (period.start, period.end))
    return f"{start} to {end}"
