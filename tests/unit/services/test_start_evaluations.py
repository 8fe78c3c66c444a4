"""Budgets are evaluated right after usage is counted, and not after every batch."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.runs import RunNotStartedError
from lambdas.services.start_evaluations import STEP, EvaluationStarter
from tests.builders import NOON

WINDOW = 5


class Runs:
    """Notes the times of starts, and refuses them while it is closed."""

    def __init__(self) -> None:
        self.now = NOON
        self.started: list[datetime] = []
        self.attempts = 0
        self.is_closed = False

    def start(self) -> None:
        self.attempts += 1
        if self.is_closed:
            message = "throttled"
            raise RunNotStartedError(message)
        self.started.append(self.now)


class Counting:
    """A process that counts batches, in windows that each have a state."""

    def __init__(self, runs: Runs, *, has_budgets: bool = True) -> None:
        self.runs = runs
        self.starter = EvaluationStarter(runs=[runs], has_budgets=lambda: has_budgets)
        self.state: dict[str, Any] = {}

    def count(self, seconds: float, counted: int = 1, *, is_last: bool = False) -> None:
        self.runs.now = NOON + timedelta(seconds=seconds)
        self.state = self.starter.follow(counted, self.state, self.runs.now, is_last=is_last)

    def end_window(self, seconds: float) -> None:
        self.count(seconds, 0, is_last=True)
        self.state = {}


def list_starts(runs: Runs) -> list[float]:
    return [(moment - NOON).total_seconds() for moment in runs.started]


def test_the_first_batch_starts_an_evaluation_at_once() -> None:
    counting = Counting(runs := Runs())
    counting.count(1)
    assert list_starts(runs) == [1.0]
    counting.end_window(5)
    assert list_starts(runs) == [1.0]


def test_a_batch_soon_after_it_is_evaluated_when_its_window_ends() -> None:
    counting = Counting(runs := Runs())
    for seconds in (1, 2, 3):
        counting.count(seconds)
    counting.end_window(5)
    assert list_starts(runs) == [1.0, 5.0]


def test_another_process_that_ends_the_window_starts_what_is_due() -> None:
    counting = Counting(runs := Runs())
    counting.count(1)
    counting.count(2)
    other = Counting(runs, has_budgets=False)  # it has read no budgets
    other.state = counting.state
    other.end_window(5)
    assert list_starts(runs) == [1.0, 5.0]


def test_a_batch_soon_after_the_end_of_a_window_waits_for_the_end_of_its_own() -> None:
    counting = Counting(runs := Runs())
    for seconds in (8, 9):
        counting.count(seconds)
    counting.end_window(10)
    counting.count(12)
    assert list_starts(runs) == [8.0, 10.0]
    counting.end_window(15)
    assert list_starts(runs) == [8.0, 10.0, 15.0]


@pytest.mark.parametrize(("counted", "has_budgets"), [(0, True), (3, False)])
def test_nothing_is_started_where_nothing_is_counted_or_no_budget_is_active(
    counted: int, has_budgets: bool
) -> None:
    counting = Counting(runs := Runs(), has_budgets=has_budgets)
    counting.count(1, counted)
    counting.end_window(5)
    assert runs.attempts == 0


def test_a_start_that_fails_is_logged_and_tried_again_when_the_window_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counting = Counting(runs := Runs())
    runs.is_closed = True
    with caplog.at_level(logging.WARNING):
        counting.count(1)
        counting.count(2)
    assert runs.attempts == 1  # a refusal is not asked for with each batch
    assert [vars(line)["reason"] for line in caplog.records] == ["throttled"]
    runs.is_closed = False
    counting.end_window(5)
    assert list_starts(runs) == [5.0]


@given(moments=st.lists(st.integers(0, 300), min_size=1, max_size=200).map(sorted))
def test_each_batch_is_evaluated_by_the_end_of_its_window(moments: list[int]) -> None:
    counting = Counting(runs := Runs())
    window = moments[0] // WINDOW
    for moment in moments:
        if moment // WINDOW > window:
            counting.end_window((window + 1) * WINDOW)
            window = moment // WINDOW
        counting.count(moment)
    counting.end_window((window + 1) * WINDOW)
    starts = list_starts(runs)
    for moment in moments:
        assert any(moment <= start <= (moment // WINDOW + 1) * WINDOW for start in starts)
    windows = {moment // WINDOW for moment in moments}
    steps = {moment // STEP.total_seconds() for moment in moments}
    assert len(starts) <= len(windows) + len(steps)
