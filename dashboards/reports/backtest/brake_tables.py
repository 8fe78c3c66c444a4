"""The results of the brake's backtest as Markdown tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple, TypeVar

from dashboards.reports.backtest.brake_replay import BrakeTrial
from dashboards.reports.backtest.brake_trials import MARGIN
from dashboards.reports.backtest.tables import write_table

_Value = TypeVar("_Value", Fraction, timedelta)


class Overshoot(NamedTuple):
    """The usage up to the last accepted call, in percent of the limit."""

    median: float
    p95: float
    worst: float

    def __str__(self) -> str:
        """Write the figures for a cell."""
        return " / ".join(f"{value:.1f}" for value in self)


class TrialGroup(NamedTuple):
    """Trials of one kind.

    Attributes:
        period: The name of the periods.
        delays: The name of the delays.
        trials: The trials.
    """

    period: str
    delays: str
    trials: Sequence[BrakeTrial]

    @property
    def early(self) -> Overshoot:
        """The usage with a reserve."""
        return _measure([trial.early.spent for trial in self.trials])

    @property
    def late(self) -> Overshoot:
        """The usage without one."""
        return _measure([trial.late.spent for trial in self.trials])


def write_brake_tables(groups: Sequence[TrialGroup], margins: Sequence[TrialGroup]) -> str:
    """Write all tables, each below a line that says what it shows.

    Args:
        groups: Trials with limits that are exceeded.
        margins: Trials with limits that are a little higher than what is used.
    """
    parts = (
        "Used up to the last accepted call, in percent of the limit: median / p95 / worst.",
        write_table(
            ("limit by", "delays", "cases", "without reserve", "with reserve"),
            (
                (
                    group.period,
                    group.delays,
                    f"{len(group.trials):,}",
                    str(group.late),
                    str(group.early),
                )
                for group in groups
            ),
        ),
        "Left of the limit with the reserve, in percent: median / p95 / most.",
        write_table(
            ("limit by", "delays", "left", "cases with something left"),
            (
                (
                    group.period,
                    group.delays,
                    str(_measure(_list_left(group))),
                    f"{_count(group, lambda trial: trial.early.spent < 1)} of {len(group.trials)}",
                )
                for group in groups
            ),
        ),
        (
            "Reaction times in seconds: median / p99. Measured is what the brake measures; actual"
            " is the time from the last call that the decision knew to the last accepted one."
        ),
        write_table(
            ("limit by", "delays", "measured", "actual", "in use at the end"),
            _list_reactions(groups),
        ),
        f"Callers who would have stayed {100 * MARGIN - 100}% below the limit, and were denied.",
        write_table(
            ("limit by", "delays", "cases", "denied"),
            (
                (
                    group.period,
                    group.delays,
                    f"{len(group.trials):,}",
                    f"{_count(group, lambda trial: trial.early.decided_at is not None)}",
                )
                for group in margins
            ),
        ),
    )
    return "\n\n".join(parts) + "\n"


def write_caller_table(groups: Iterable[TrialGroup]) -> str:
    """Write a table with a row for each caller, kind of period and delays."""
    rows = []
    for group in groups:
        by_caller: defaultdict[str, list[BrakeTrial]] = defaultdict(list)
        for trial in group.trials:
            by_caller[trial.case.trace.name].append(trial)
        for caller, trials in sorted(by_caller.items()):
            own = group._replace(trials=trials)
            left = _measure(_list_left(own))
            rows.append(
                (
                    caller,
                    own.period,
                    own.delays,
                    str(len(trials)),
                    str(own.late),
                    str(own.early),
                    str(left),
                )
            )
    header = ("caller", "limit by", "delays", "cases", "without reserve", "with reserve", "left")
    title = "By caller, in percent of the limit: median / p95 / worst."
    return f"{title}\n\n{write_table(header, sorted(rows))}\n"


def _list_left(group: TrialGroup) -> list[Fraction]:
    return [max(Fraction(0), 1 - trial.early.spent) for trial in group.trials]


def _list_reactions(groups: Iterable[TrialGroup]) -> Iterator[tuple[str, ...]]:
    for group in groups:
        found = [trial.reaction for trial in group.trials if trial.reaction is not None]
        measured = [each.measured for each in found if each.measured is not None]
        actual = [each.actual for each in found]
        cells = (
            " / ".join(f"{_rank(times, percent).total_seconds():.0f}" for percent in (50, 99))
            for times in (measured, actual)
        )
        in_use = group.trials[-1].assumed.total_seconds()
        yield group.period, group.delays, *cells, f"{in_use:.0f}"


def _count(group: TrialGroup, is_counted: Callable[[BrakeTrial], bool]) -> int:
    return sum(map(is_counted, group.trials))


def _measure(shares: Sequence[Fraction]) -> Overshoot:
    return Overshoot(*(float(100 * _rank(shares, percent)) for percent in (50, 95, 100)))


def _rank(values: Sequence[_Value], percent: int) -> _Value:
    """Return the value that this share of all values does not exceed: one of them."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]
