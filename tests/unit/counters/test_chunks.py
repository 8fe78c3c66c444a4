"""Sums of changes, and the hours that they note for credits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.domain.counters import (
    MAX_ACTIONS,
    CellMinutes,
    Part,
    Sums,
    SumUp,
    UsageChange,
    UsageTotals,
    get_spans,
    take_while_fitting,
)
from tests.builders import NOON
from tests.unit.budgets.builders import LABELS

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PAID = UsageTotals(calls=1, cost_picodollars=1)


def change(after_noon: timedelta, totals: UsageTotals = PAID) -> UsageChange:
    return UsageChange(LABELS, NOON + after_noon, totals)


@pytest.mark.parametrize("minutes", [15, 60])
def test_each_hour_whose_cost_changes_is_noted_once(minutes: CellMinutes) -> None:
    sums = SumUp(get_spans(minutes), notes_hours=True)
    changes = [change(MINUTE), change(59 * MINUTE), change(2 * HOUR)]
    assert sums.sum_up(changes, NOON).hours == {NOON, NOON + 2 * HOUR}


def test_hours_are_noted_for_credits_alone() -> None:
    assert SumUp(get_spans(60)).sum_up([change(MINUTE)], NOON).hours == set()


def test_usage_without_a_cost_notes_no_hour() -> None:
    sums = SumUp(get_spans(60), notes_hours=True)
    assert sums.sum_up([change(MINUTE, UsageTotals(failed_calls=1))], NOON).hours == set()


def test_an_hour_whose_cells_are_deleted_is_not_noted() -> None:
    sums = SumUp(get_spans(60), notes_hours=True)
    assert sums.sum_up([change(MINUTE)], NOON + timedelta(days=40)).hours == set()


def test_usage_that_moves_to_other_labels_notes_its_hour() -> None:
    sums = SumUp(get_spans(60), notes_hours=True)
    moved = change(MINUTE)._replace(labels=LABELS._replace(project="other"))
    assert sums.sum_up([change(MINUTE, -PAID), moved], NOON).hours == {NOON}


def test_notes_count_to_the_actions_of_a_transaction() -> None:
    hours = [NOON + number * HOUR for number in range(MAX_ACTIONS)]
    fitting = take_while_fitting([Part(Sums(hours={hour})) for hour in hours], 1)
    assert fitting.number == MAX_ACTIONS - 1
    assert fitting.sums.hours == {*hours[:-1]}
