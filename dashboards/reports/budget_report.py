"""Shows the use of budgets in log files as a table, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable_name
from dashboards.reports.brake_report import print_brake
from dashboards.reports.budget_outcomes import (
    MAX_REPLAYED_VALUES,
    BudgetOutcome,
    BudgetRow,
    LastForecast,
)
from dashboards.reports.budget_usage import BudgetUsage
from lambdas.domain.budgets import (
    Budget,
    BudgetPeriod,
    RollingHours,
    UnpricedCeiling,
    describe_periods,
    describe_scope,
    describe_time,
)
from lambdas.domain.forecasting import MIN_OBSERVED, describe_errors
from lambdas.domain.invocations.short_names import shorten_identities
from lambdas.domain.words import exact_text, plural

_GATEWAY = (
    "The gateway limits by this budget. Logs do not say which calls it would have refused: no row"
    " shows it."
)
_ONE_DECIMAL = 10
_CENTS = -2
_MIN_HOURS = MIN_OBSERVED.total_seconds() / 3600


def print_budgets(
    usage: BudgetUsage, outcomes: Sequence[BudgetOutcome], console: Console, top: int
) -> None:
    """Print for each budget its periods with the most usage, and when thresholds were reached.

    Args:
        usage: The usage.
        outcomes: The use of each budget.
        console: Prints.
        top: The number of rows of a budget.
    """
    for outcome in outcomes:
        _print_budget(outcome, console, top)
        _print_unpriced(usage, outcome.budget, console)
        for line in _list_forecasts(outcome, top):
            _print_note(line, console)
        print_brake(outcome, console, top)
        if outcome.budget.gateway is not None:
            _print_note(_GATEWAY, console)
        console.print()
    if any(outcome.forecasts for outcome in outcomes):
        _print_note(
            f"Forecasts use {describe_errors(usage.errors.own)} (docs/forecasts.md).", console
        )
    if any(row.forecasts for outcome in outcomes for row in outcome.rows):
        _print_note(
            "Forecasts that reached a threshold were made at whole hours, with what was known then."
            " A deployment makes them every minute.",
            console,
        )


def _print_note(text: str, console: Console) -> None:
    console.print(Text(text, style="dim"), soft_wrap=True)


def _print_budget(outcome: BudgetOutcome, console: Console, top: int) -> None:
    budget, rows = outcome.budget, outcome.rows
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
    largest = max(row.use.used for row in rows)
    shown = set(sorted(range(len(rows)), key=lambda place: -rows[place].use.used)[:top])
    for place in sorted(shown):
        row = rows[place]
        names = [] if budget.per is None else [Text(printable_name(short[row.value]))]
        period, used, *others = _write_use(budget, row, largest)
        unpriced = budget.amount.describe(row.unpriced, largest=largest)
        table.add_row(*names, period, used, *([unpriced] if has_unpriced else []), *others)
    console.print(table)
    left_out = [row for place, row in enumerate(rows) if place not in shown]
    _print_left_out(left_out, console)
    _print_explanations(outcome, console)


def _print_left_out(rows: Sequence[BudgetRow], console: Console) -> None:
    if not rows:
        return
    text = f"and {plural(len(rows), 'period')} with less usage"
    if crossings := sum(row.crossings for row in rows):
        text += f", in which {plural(crossings, 'threshold')} {_were(crossings)} reached"
    _print_note(text, console)


def _print_explanations(outcome: BudgetOutcome, console: Console) -> None:
    """Explain rows without a threshold that their usage has reached."""
    budget, rows = outcome.budget, outcome.rows
    is_silent = any(
        not row.crossings and budget.amount.is_reached(row.use.used, percent)
        for row in rows
        for percent in budget.thresholds.actual
    )
    if isinstance(budget.periods, RollingHours) and is_silent:
        _print_note(
            f"A threshold alerts once in {budget.periods.hours} hours: a window with - had reached"
            " it before.",
            console,
        )
    if unknown := len({row.value for row in rows if row.forecasts is None}):
        _print_note(
            f"Thresholds of forecasts are shown for the {MAX_REPLAYED_VALUES} with the most usage,"
            f" not for {unknown:,} others.",
            console,
        )


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
        f" {_write_price(ceiling.input_usd)} for a million input tokens,"
        f" {_write_price(ceiling.output_usd)} for output, {_write_price(ceiling.image_usd)} for an"
        f" image, {_write_price(ceiling.video_second_usd)} for a second of video and"
        f" {_write_price(ceiling.other_unit_usd)} for another unit"
        f" ({'the default of ' if is_default else ''}unpriced_usd_per_million and"
        " unpriced_usd_per_unit, docs/budgets.md)."
    )
    _print_note(text, console)


def _write_price(usd: Decimal) -> str:
    """Write a price with cents, if it has some, and with further decimal places as they are."""
    has_few_places = usd != usd.to_integral_value() and usd == round(usd, -_CENTS)
    return f"${usd:,.2f}" if has_few_places else f"${exact_text(usd)}"


def _list_forecasts(outcome: BudgetOutcome, top: int) -> Iterator[str]:
    """Describe what will be used by the end of the current period, or why that is not known."""
    budget = outcome.budget
    if isinstance(budget.periods, RollingHours):
        yield "No forecast: windows that move have none."
        return
    short = shorten_identities(last.value for last in outcome.forecasts)
    for last in outcome.forecasts[:top]:
        name = f"{printable_name(short[last.value])}: " if last.value else ""
        yield _describe_forecast(budget, name, last)
    if (more := len(outcome.forecasts) - top) > 0:
        yield f"and {plural(more, 'forecast')} for less usage"
    if outcome.too_new:
        kind = "sum" if budget.per is None else budget.per.value
        of_what = "" if budget.per is None else f" for {_count(outcome.too_new, kind)}"
        yield f"No forecast{of_what}: it needs {_MIN_HOURS:.0f} hours of usage."


def _count(number: int, kind: str) -> str:
    return f"{number:,} identities" if kind == "identity" and number != 1 else plural(number, kind)


def _describe_forecast(budget: Budget, name: str, last: LastForecast) -> str:
    """Describe a forecast with its interval, and if the amount will be enough."""
    amount, use, forecast = budget.amount, last.use, last.forecast
    left = amount.limit - use.used
    low, high = forecast.get_interval(80)
    end = describe_time(budget.periods, use.period.end)
    chance = round(100 * forecast.probability_of_exceeding(left))
    used_up = forecast.exhausted_at(left)
    if left <= 0:
        rest = "the amount is used up"
    else:
        rest = f"{chance}% probability of exceeding the amount"
        if used_up is not None and forecast.amount >= left:
            rest += f", used up about {describe_time(budget.periods, used_up)}"
    return (
        f"Forecast for {end}: {name}{amount.describe(use.used + forecast.amount)}"
        f" (80%: {amount.describe(use.used + low)} to {amount.describe(use.used + high)}); {rest}"
    )


def _write_use(budget: Budget, row: BudgetRow, largest: int) -> tuple[str, str, str, str]:
    use = row.use
    percent = use.used * 100 * _ONE_DECIMAL // budget.amount.limit / _ONE_DECIMAL
    crossings: list[tuple[datetime, str]] = [
        (each.minute, f"{exact_text(each.percent)}%") for each in use.crossings
    ]
    crossings += (
        (each.at, f"forecast of {exact_text(each.percent)}%") for each in row.forecasts or ()
    )
    crossings.sort(key=lambda crossing: crossing[0])
    texts = (f"{text} at {describe_time(budget.periods, at)}" for at, text in crossings)
    return (
        _write_period(budget, use.period),
        budget.amount.describe(use.used, largest=largest),
        f"{percent:,.1f}",
        ", ".join(texts) or "-",
    )


def _write_period(budget: Budget, period: BudgetPeriod) -> str:
    start, end = (describe_time(budget.periods, moment) for moment in (period.start, period.end))
    return f"{start} to {end}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
