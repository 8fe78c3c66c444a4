"""Runs the backtest: `make backtest`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from cdk.operations.terminal import CommandError
from dashboards.reports.backtest.brake_backtest import run_brake_backtest
from dashboards.reports.backtest.budgets import BudgetTrial, ask_budgets, score_exhaustion
from dashboards.reports.backtest.calibrations import Calibrations
from dashboards.reports.backtest.tables import write_tables
from dashboards.reports.backtest.traces import read_traces
from dashboards.reports.backtest.trials import Trial, run_trials
from lambdas.domain.forecasting import SHIPPED_FILE, ErrorRatios, write_error_ratios

_DOCS = Path(__file__).parents[3] / "docs"
PAGE = _DOCS / "forecasts.md"
"""The page with the results of forecasts."""
BRAKE_PAGE = _DOCS / "brake.md"
"""The page with the results of the brake."""
_BEGIN = "<!-- make backtest WRITE=1 writes from here -->\n"
_END = "<!-- to here -->\n"
_STEP = timedelta(hours=6)


class Backtest(NamedTuple):
    """The results.

    Attributes:
        trials: All forecasts with what followed.
        budgets: All questions on budgets.
        tables: The results as Markdown.
        ratios: The errors of all clients on all days, to be shipped.
    """

    trials: list[Trial]
    budgets: list[BudgetTrial]
    tables: str
    ratios: ErrorRatios


def run_backtest() -> Backtest:
    """Forecast the second week of the public traces, every six hours."""
    traces = read_traces()
    calibrations = Calibrations(traces, _STEP)
    trials = list(run_trials(traces, calibrations, _STEP))
    budgets = list(ask_budgets(trials))
    tables = write_tables(trials, budgets, score_exhaustion(budgets, traces))
    return Backtest(trials, budgets, tables, calibrations.calibrate_all())


def print_backtest(*, writes: bool) -> None:
    """Print the results; write them to their pages, and the errors to the file that is shipped.

    Raises:
        CommandError: A page has no place for results.
    """
    backtest = run_backtest()
    print(backtest.tables)
    brake = run_brake_backtest()
    print(brake.tables)
    print(brake.callers, end="")
    if writes:
        for page, tables in ((PAGE, backtest.tables), (BRAKE_PAGE, brake.tables)):
            text = replace_results(page.read_text(encoding="utf-8"), tables, page.name)
            page.write_text(text, encoding="utf-8")
        SHIPPED_FILE.write_text(write_error_ratios(backtest.ratios), encoding="utf-8")


def replace_results(page: str, tables: str, name: str = PAGE.name) -> str:
    """Replace the results in a page.

    Args:
        page: The text of the page.
        tables: The results.
        name: The file name of the page.

    Raises:
        CommandError: The page does not say where they are.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        message = f"{name} has no place for results: restore its lines with <!-- -->."
        raise CommandError(message)
    return f"{before}{begin}\n{tables}\n{end}{after}"
