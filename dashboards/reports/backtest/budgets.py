"""Weekly budgets in the backtest: would they be exceeded, and when would they be used up?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import NamedTuple

from dashboards.reports.backtest.traces import Traces
from dashboards.reports.backtest.trials import END_OF_WEEK, HOUR, STRAIGHT_LINE, Trial

BUDGET_SHARES = (Fraction(4, 5), Fraction(6, 5), Fraction(8, 5))
"""Budgets as shares of what was used in the week before."""


class BudgetTrial(NamedTuple):
    """A weekly budget that was not exceeded when the forecast was made.

    Attributes:
        trial: The forecast.
        left: What was left of the budget.
        probability: Our probability that it would be exceeded.
        straight_line: The straight line's answer: 0 or 1.
        exceeded: 1 if it was exceeded, or else 0.
    """

    trial: Trial
    left: int
    probability: float
    straight_line: int
    exceeded: int


class BrierScores(NamedTuple):
    """Mean squared errors of probabilities: 0 is perfect."""

    forecast: float
    straight_line: float
    base_rate: float


class ExhaustionErrors(NamedTuple):
    """Median errors, in hours, of the time at which a budget was used up.

    Only budgets for which each method gave a time count.
    """

    budgets: int
    forecast: float
    without_profile: float
    straight_line: float


def ask_budgets(trials: Iterable[Trial]) -> Iterator[BudgetTrial]:
    """Ask for three budgets at each forecast to the end of the week.

    Clients without usage in the week before are left out.
    """
    for trial in trials:
        if trial.horizon != END_OF_WEEK or not trial.week_before:
            continue
        for share in BUDGET_SHARES:
            left = int(share * trial.week_before) - trial.used
            if left >= 0:
                yield BudgetTrial(
                    trial,
                    left,
                    trial.forecast.probability_of_exceeding(left),
                    int(trial.amounts[STRAIGHT_LINE] > left),
                    int(trial.actual > left),
                )


def score_probabilities(budgets: Sequence[BudgetTrial]) -> BrierScores:
    """Score our probabilities, the straight line's answers, and the share of exceeded budgets."""
    rate = sum(budget.exceeded for budget in budgets) / len(budgets)
    return BrierScores(
        _score((budget.probability, budget.exceeded) for budget in budgets),
        _score((budget.straight_line, budget.exceeded) for budget in budgets),
        _score((rate, budget.exceeded) for budget in budgets),
    )


def score_exhaustion(budgets: Iterable[BudgetTrial], traces: Traces) -> ExhaustionErrors:
    """Score the times at which budgets were expected to be used up, where they were."""
    errors = []
    for budget in budgets:
        forecast = budget.trial.forecast
        span = forecast.period_end - forecast.now
        expected = forecast.exhausted_at(budget.left)
        if not (budget.exceeded and budget.straight_line and expected):
            continue
        actual = _find_exhaustion(budget, traces)
        flat = float(budget.left / forecast.expected)
        straight = float(budget.left / budget.trial.amounts[STRAIGHT_LINE])
        times = (expected, forecast.now + span * flat, forecast.now + span * straight)
        errors.append([abs(time - actual) / HOUR for time in times])
    return ExhaustionErrors(len(errors), *(median(column) for column in zip(*errors, strict=True)))


def _find_exhaustion(budget: BudgetTrial, traces: Traces) -> datetime:
    """Find the end of the hour in which the budget was used up."""
    usage, start = traces.clients[budget.trial.client], budget.trial.forecast.now
    end = start + HOUR
    while usage.sum_hours(start, end) < budget.left:
        end += timedelta(hours=1)
    return end


def _score(answers: Iterable[tuple[float, int]]) -> float:
    squares = [(probability - exceeded) ** 2 for probability, exceeded in answers]
    return sum(squares) / len(squares)
