"""Clocks of gateways that differ by some seconds shorten the interval of a limit by that time.

Limits of the calendar change by the clock of the first gateway that is in the next period.
"""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.limits import (
    SECOND,
    CalendarUnit,
    LimitUnit,
    RollingWindow,
    SubjectState,
    make_calendar_window,
    to_moment,
)
from lambdas.domain.limits.decision import reserve
from tests.benchmarks.windows import Arrival, find_highest_use
from tests.builders import NOON
from tests.limits import limit, subject, tokens

SKEW = 5
"""Seconds by which a clock is before or behind the time."""
WINDOW = 60
ANA = subject(limit(100, RollingWindow(WINDOW)))
CALLS = st.lists(
    st.tuples(st.integers(0, 20), st.floats(-SKEW, SKEW), st.integers(1, 100)), max_size=60
)


def admit(calls: list[tuple[float, float, int]]) -> list[Arrival]:
    """Admit calls: the seconds since the one before, the skew of their gateway, their need."""
    state, now, admitted = SubjectState(), to_moment(NOON), list[Arrival]()
    for number, (pause, skew, need) in enumerate(calls):
        now += round(pause * SECOND)
        at = now + round(skew * SECOND)
        state, decision = reserve(state, ANA, str(number), tokens(need), at)
        if decision.entry is not None:
            admitted.append(Arrival(now, need))
    return admitted


@given(CALLS)
def test_an_interval_shorter_by_the_difference_of_clocks_never_has_more(
    calls: list[tuple[float, float, int]],
) -> None:
    assert find_highest_use(admit(calls), (WINDOW - 2 * SKEW) * SECOND) <= 100


@given(CALLS)
def test_with_equal_clocks_the_whole_interval_never_has_more(
    calls: list[tuple[float, float, int]],
) -> None:
    equal = [(pause, 3.0, need) for pause, _, need in calls]
    assert find_highest_use(admit(equal), WINDOW * SECOND) <= 100


def test_the_difference_of_clocks_is_what_an_interval_loses_and_no_more() -> None:
    behind, ahead = (0.0, -5.0, 100), (55.0, 5.0, 100)
    assert len(admit([behind, ahead])) == 2  # 55 seconds apart
    assert len(admit([behind, (54.9, 5.0, 100)])) == 1
    assert len(admit([(0.0, 0.0, 100), (64.9, 0.0, 100)])) == 1


def test_a_gateway_behind_cannot_spend_a_period_that_has_ended() -> None:
    who = subject(limit(100, make_calendar_window(CalendarUnit.HOUR), LimitUnit.TOTAL))
    before, after = (to_moment(NOON + timedelta(seconds=seconds)) for seconds in (-SKEW, SKEW))
    state, ended = reserve(SubjectState(), who, "a", tokens(100), before)
    state, begun = reserve(state, who, "b", tokens(60), after)
    state, behind = reserve(state, who, "c", tokens(60), before)
    assert ended.entry is not None
    assert begun.entry is not None
    assert behind.entry is None
