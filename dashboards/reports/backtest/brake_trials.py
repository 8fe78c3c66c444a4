"""Tries the brake on many periods of many callers: days, and the busiest hour of each day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from fractions import Fraction
from itertools import groupby
from operator import attrgetter

from dashboards.reports.backtest.brake_replay import BrakeCase, BrakeTrial, replay_case
from dashboards.reports.backtest.call_traces import CallTrace, Usage
from dashboards.reports.backtest.delays import Delays
from dashboards.reports.backtest.traces import START
from dashboards.reports.backtest.trials import WEEK
from lambdas.domain.brake import MAX_REACTIONS, estimate_reaction
from lambdas.domain.budgets import DayPeriods, HourPeriods

DAY, HOUR = DayPeriods("UTC"), HourPeriods("UTC")
SHARE = Fraction(1, 2)
"""The limits: half of what the caller used in the period, so that each is exceeded."""
MARGIN = Fraction(21, 20)
"""Limits that are not exceeded, as a share of what the caller used."""
MIN_CALLS = 100
"""Periods with fewer calls are left out: a single call would be much of their limit."""


def list_days(traces: Iterable[CallTrace]) -> Iterator[BrakeCase]:
    """List the days of the second week of all callers."""
    for trace in traces:
        for hours in _group_by_day(trace):
            is_listed = hours[0].start >= START + WEEK
            if is_listed and sum(hour.calls for hour in hours) >= MIN_CALLS:
                yield BrakeCase(trace, DAY, DAY.period_at(hours[0].start))


def list_busiest_hours(traces: Iterable[CallTrace]) -> Iterator[BrakeCase]:
    """List the hour with the most tokens of each day of all callers."""
    for trace in traces:
        for hours in _group_by_day(trace):
            busiest = max(hours, key=attrgetter("tokens"))
            if busiest.calls >= MIN_CALLS:
                yield BrakeCase(trace, HOUR, HOUR.period_at(busiest.start))


def _group_by_day(trace: CallTrace) -> Iterator[list[Usage]]:
    for _, hours in groupby(trace.hours, lambda hour: hour.start.date()):
        yield list(hours)


def run_brake_trials(
    cases: Iterable[BrakeCase], share: Fraction, delays: Delays
) -> Iterator[BrakeTrial]:
    """Replay cases in the order of their periods, each with the reaction times measured before it.

    Args:
        cases: The cases.
        share: The limit as a share of what the caller used in the period.
        delays: The time that each stage takes.
    """
    measured: list[timedelta] = []
    ordered = sorted(cases, key=lambda case: (case.period.start, case.trace.name))
    for _, found in groupby(ordered, lambda case: case.period.start):
        assumed = estimate_reaction(measured[-MAX_REACTIONS:])
        trials = [replay_case(case, share, delays, assumed) for case in found]
        yield from trials
        reactions = [trial.reaction for trial in trials if trial.reaction is not None]
        reactions.sort(key=attrgetter("attached_at"))
        measured += (each.measured for each in reactions if each.measured is not None)
