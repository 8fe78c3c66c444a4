"""A sum has drifted if no order of writes and reads explains how it differs from cells."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import AccumulatorKey, StoredBudget, SumReading, find_drift
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.counters import Cell, CellKey, CellSpan, UsageChange, UsageTotals
from tests.builders import NOON
from tests.unit.budgets.builders import LABELS, budget, stored, usage

HOURS = [NOON - timedelta(hours=number) for number in range(3)]
DAILY: StoredBudget = stored(budget("daily"))
(KEY,) = accumulate([UsageChange(LABELS, NOON, usage(1))], [DAILY])


def cells(*calls: int) -> list[Cell]:
    """Cells of three hours with some calls each."""
    return [
        Cell(CellKey(CellSpan.HOUR, hour, LABELS), UsageTotals(calls=number))
        for hour, number in zip(HOURS, calls, strict=True)
    ]


def reading(before: Sequence[int], calls: int, after: Sequence[int]) -> SumReading:
    sums: dict[AccumulatorKey, UsageTotals] = {KEY: UsageTotals(calls=calls)}
    return SumReading(cells(*before), sums, cells(*after))


def test_a_sum_that_is_always_too_high_by_as_much_has_drifted() -> None:
    readings = [reading((1, 2, 3), 8, (1, 2, 3)), reading((1, 2, 5), 11, (1, 2, 6))]
    (difference,) = find_drift(readings, DAILY, 60)
    assert (difference.accumulated.calls, difference.recomputed.calls) == (11, 9)


def test_differences_that_do_not_agree_are_no_drift() -> None:
    assert find_drift([reading((1, 2, 3), 8, (1, 2, 3))], DAILY, 60)
    readings = [reading((1, 2, 3), 8, (1, 2, 3)), reading((1, 2, 3), 7, (1, 2, 3))]
    assert find_drift(readings, DAILY, 60) == []


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), max_size=9),
    st.lists(st.integers(0, 9), min_size=7, max_size=7).map(sorted),
)
def test_calls_that_move_while_cells_are_read_are_no_drift(
    moves: list[tuple[int, int]], times: list[int]
) -> None:
    """Calls of two hours move to the third one before, between or after any of the reads."""
    history = [[20, 20, 20]]
    for number in range(10):
        hours = list(history[-1])
        for source, at in moves:
            if at == number:
                hours[source] -= 1
                hours[2] += 1
        history.append(hours)
    before = [history[time][hour] for hour, time in enumerate(times[:3])]
    after = [history[time][hour] for hour, time in enumerate(times[4:])]
    assert find_drift([reading(before, sum(history[times[3]]), after)], DAILY, 60) == []
