"""Runs the backtest of the brake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dashboards.reports.backtest.brake_tables import (
    TrialGroup,
    write_brake_tables,
    write_caller_table,
)
from dashboards.reports.backtest.brake_trials import (
    MARGIN,
    SHARE,
    list_busiest_hours,
    list_days,
    run_brake_trials,
)
from dashboards.reports.backtest.call_traces import read_call_traces
from dashboards.reports.backtest.delays import FAST, SLOW


class BrakeBacktest(NamedTuple):
    """The results.

    Attributes:
        groups: The trials, by kind of period and delays.
        tables: The results as Markdown.
        callers: The results of each caller as Markdown.
    """

    groups: Sequence[TrialGroup]
    tables: str
    callers: str


def run_brake_backtest() -> BrakeBacktest:
    """Replay the public traces with limits that are exceeded, and some that are not."""
    traces = read_call_traces()
    days, hours = list(list_days(traces)), list(list_busiest_hours(traces))
    groups = [
        TrialGroup(period, delays.name, list(run_brake_trials(cases, SHARE, delays)))
        for period, cases in (("day", days), ("hour", hours))
        for delays in (FAST, SLOW)
    ]
    margins = [TrialGroup("hour", FAST.name, list(run_brake_trials(hours, MARGIN, FAST)))]
    return BrakeBacktest(groups, write_brake_tables(groups, margins), write_caller_table(groups))
