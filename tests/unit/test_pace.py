"""Something is allowed once in each step of time."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pace import Pace
from tests.builders import NOON


def test_nothing_is_due_again_before_the_next_step() -> None:
    pace = Pace(timedelta(seconds=10))
    assert pace.is_due(NOON + timedelta(seconds=3))
    pace.note(NOON + timedelta(seconds=3))
    assert not pace.is_due(NOON + timedelta(seconds=9.9))
    assert pace.is_due(NOON + timedelta(seconds=10))


def test_a_clock_that_is_set_back_does_not_stop_it() -> None:
    pace = Pace(timedelta(minutes=5))
    pace.note(NOON)
    assert pace.is_due(NOON - timedelta(hours=1))


@pytest.mark.parametrize("seconds", [10, 60, 300])
@given(moments=st.lists(st.integers(0, 3600), max_size=50).map(sorted))
def test_it_is_done_at_most_once_a_step(seconds: int, moments: list[int]) -> None:
    pace, done = Pace(timedelta(seconds=seconds)), list[int]()
    for moment in moments:
        now = NOON + timedelta(seconds=moment)
        if pace.is_due(now):
            pace.note(now)
            done.append(moment)
    steps = [moment // seconds for moment in done]
    assert steps == sorted(set(steps))
    assert set(steps) == {moment // seconds for moment in moments}
