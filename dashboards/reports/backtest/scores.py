"""Scores of forecasts: errors of amounts, and coverage of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from dashboards.reports.backtest.trials import STRICT, Trial
from lambdas.domain.forecasting import Coverage


class Errors(NamedTuple):
    """Errors of a method, in percent.

    Attributes:
        median_ape: The median of absolute errors as shares of the actual usage, where it is not 0.
        wape: The sum of absolute errors as a share of the sum of actual usage.
    """

    median_ape: float
    wape: float


def score_errors(trials: Sequence[Trial], method: str) -> Errors:
    """Score the expected amounts; at the end of a week, of the whole week."""
    errors = [abs(trial.amounts[method] - trial.actual) for trial in trials]
    totals = [trial.used + trial.actual for trial in trials]
    shares = [error / total for error, total in zip(errors, totals, strict=True) if total]
    return Errors(100 * float(median(shares)), 100 * float(sum(errors) / sum(totals)))


def score_coverage(trials: Sequence[Trial], coverage: Coverage, errors: str = STRICT) -> float:
    """Return the percentage of actual amounts that lie in their interval."""
    inside = 0
    for trial in trials:
        forecast = trial.forecast if errors == STRICT else trial.variants[errors]
        interval = forecast.get_interval(coverage)
        inside += interval.low <= trial.actual <= interval.high
    return 100 * inside / len(trials)
