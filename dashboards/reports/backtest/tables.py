"""The results of the backtest as Markdown tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from dashboards.reports.backtest.budgets import (
    BudgetTrial,
    ExhaustionErrors,
    score_probabilities,
)
from dashboards.reports.backtest.scores import score_coverage, score_errors
from dashboards.reports.backtest.trials import (
    ALL_DAYS,
    HORIZONS,
    METHODS,
    STRICT,
    WITH_OWN,
    Trial,
)
from lambdas.domain.forecasting import COVERAGES, Activity

_ALL = "all"
_BINS = 5
_CALIBRATIONS = {
    STRICT: "other clients, earlier days",
    WITH_OWN: "all clients, earlier days",
    ALL_DAYS: "other clients, all days",
}


def write_tables(
    trials: Sequence[Trial], budgets: Sequence[BudgetTrial], exhaustion: ExhaustionErrors
) -> str:
    """Write all tables, each below a line that says what it shows."""
    parts = (
        "Errors in percent: median absolute error / sum of absolute errors. The lowest are bold.",
        write_table(("horizon", "usage", "forecasts", "clients", *METHODS), _list_errors(trials)),
        "Actual amounts inside the interval, in percent, by usage.",
        write_table(("horizon", "usage", "forecasts", *_name_coverages()), _list_classes(trials)),
        "The same for all usage, by whose errors made the intervals. The first is used above.",
        write_table(("horizon", "errors of", *_name_coverages()), _list_calibrations(trials)),
        f"Will a weekly budget be exceeded? {len(budgets):,} questions; Brier score, 0 is perfect.",
        write_table(("forecast", "straight line", "base rate"), _list_briers(budgets)),
        "Forecast probabilities, and how often those budgets were exceeded.",
        write_table(("probability", "questions", "mean", "exceeded"), _list_bins(budgets)),
        f"When is a budget used up? Median error in hours, for {exhaustion.budgets:,} that were.",
        write_table(
            ("forecast", "forecast without day profile", "straight line"),
            [tuple(f"{hours:.1f}" for hours in exhaustion[1:])],
        ),
    )
    return "\n\n".join(parts) + "\n"


def _list_errors(trials: Sequence[Trial]) -> Iterator[tuple[str, ...]]:
    for horizon, usage, found in _group(trials):
        errors = [score_errors(found, method) for method in METHODS]
        best = [min(column) for column in zip(*errors, strict=True)]
        clients = len({trial.client for trial in found})
        cells = (
            " / ".join(
                f"**{value:.0f}**" if round(value) <= round(lowest) else f"{value:.0f}"
                for value, lowest in zip(error, best, strict=True)
            )
            for error in errors
        )
        yield horizon, usage, f"{len(found):,}", str(clients), *cells


def _list_classes(trials: Sequence[Trial]) -> Iterator[tuple[str, ...]]:
    for horizon, usage, found in _group(trials):
        yield horizon, usage, f"{len(found):,}", *_cover(found, STRICT)


def _list_calibrations(trials: Sequence[Trial]) -> Iterator[tuple[str, ...]]:
    for horizon, usage, found in _group(trials):
        if usage == _ALL:
            for errors, text in _CALIBRATIONS.items():
                yield horizon, text, *_cover(found, errors)


def _list_briers(budgets: Sequence[BudgetTrial]) -> Iterator[tuple[str, ...]]:
    yield tuple(f"{score:.3f}" for score in score_probabilities(budgets))


def _list_bins(budgets: Sequence[BudgetTrial]) -> Iterator[tuple[str, ...]]:
    bins: dict[int, list[BudgetTrial]] = defaultdict(list)
    for budget in budgets:
        bins[min(int(budget.probability * _BINS), _BINS - 1)].append(budget)
    for number, found in sorted(bins.items()):
        mean = sum(budget.probability for budget in found) / len(found)
        share = sum(budget.exceeded for budget in found) / len(found)
        name = f"{number / _BINS:.1f} to {(number + 1) / _BINS:.1f}"
        yield name, f"{len(found):,}", f"{mean:.2f}", f"{share:.2f}"


def _group(trials: Sequence[Trial]) -> Iterator[tuple[str, str, list[Trial]]]:
    for horizon in HORIZONS:
        found = [trial for trial in trials if trial.horizon == horizon]
        yield horizon, _ALL, found
        for activity in reversed(Activity):
            own = [trial for trial in found if trial.forecast.activity is activity]
            if own:
                yield horizon, str(activity), own


def _cover(trials: Sequence[Trial], errors: str) -> Iterator[str]:
    for coverage in COVERAGES:
        yield f"{score_coverage(trials, coverage, errors):.1f}"


def _name_coverages() -> list[str]:
    return [f"{coverage}%" for coverage in COVERAGES]


def write_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
