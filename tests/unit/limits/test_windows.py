"""Windows are cut into slots without gaps, by the calendar where they should be."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.limits import (
    SECOND,
    AnyWindow,
    CalendarUnit,
    CalendarWindow,
    CounterKey,
    Limit,
    LimitUnit,
    RollingWindow,
    make_calendar_window,
    read_counter_key,
    read_window,
    to_moment,
    to_time,
)
from tests.limits import limit, subject

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"]
windows = st.one_of(
    st.builds(RollingWindow, st.integers(1, 3600)),
    st.builds(make_calendar_window, st.sampled_from(CalendarUnit), st.sampled_from(ZONES)),
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001  # UTC below
    lambda time: to_moment(time.replace(tzinfo=UTC))
)


@given(windows, moments)
def test_a_moment_is_in_its_slot_which_leaves_later(window: AnyWindow, moment: int) -> None:
    number = window.number_at(moment)
    assert window.begins_at(number) <= moment < window.leaves_at(number)
    assert window.number_at(window.begins_at(number)) == number
    assert window.number_at(window.begins_at(number) - 1) < number


@given(windows, moments)
def test_a_slot_is_live_until_it_leaves(window: AnyWindow, moment: int) -> None:
    number = window.number_at(moment)
    leaves_at = window.leaves_at(number)
    assert number > window.number_at(leaves_at - 1) - window.live_slots
    assert number <= window.number_at(leaves_at) - window.live_slots


@given(st.integers(1, 3600), moments)
def test_a_slot_of_a_rolling_window_is_live_for_the_window_after_each_of_its_moments(
    seconds: int, moment: int
) -> None:
    window = RollingWindow(seconds)
    leaves_at = window.leaves_at(window.number_at(moment))
    assert seconds * SECOND < leaves_at - moment <= window.slot_length * window.live_slots


@given(windows)
def test_a_window_is_read_from_its_code(window: AnyWindow) -> None:
    assert read_window(window.code) == window
    key = CounterKey(LimitUnit.USD, window)
    assert read_counter_key(key.code) == key


def test_a_day_has_as_many_hours_as_its_clocks_show() -> None:
    window = make_calendar_window(CalendarUnit.DAY, "Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    hours = {}
    for day in (
        datetime(2026, 3, 29, 12, tzinfo=berlin),
        datetime(2026, 10, 25, 12, tzinfo=berlin),
    ):
        number = window.number_at(to_moment(day))
        assert to_time(number) == day.replace(hour=0)
        hours[day.month] = (window.leaves_at(number) - number) // (3600 * SECOND)
    assert hours == {3: 23, 10: 25}


def test_a_week_begins_on_monday() -> None:
    window = make_calendar_window(CalendarUnit.WEEK)
    number = window.number_at(to_moment(datetime(2026, 11, 29, 23, tzinfo=UTC)))
    assert to_time(number) == datetime(2026, 11, 23, tzinfo=UTC)
    assert to_time(window.leaves_at(number)) - to_time(number) == timedelta(weeks=1)


@pytest.mark.parametrize("seconds", [0, -1, 3601])
def test_a_rolling_window_has_a_second_to_an_hour(seconds: int) -> None:
    with pytest.raises(ValueError, match="seconds: "):
        RollingWindow(seconds)


def test_an_unknown_zone_and_a_minute_of_a_zone_are_refused() -> None:
    with pytest.raises(KeyError, match="Mars"):
        CalendarWindow(CalendarUnit.DAY, "Mars/Olympus")
    with pytest.raises(ValueError, match="every: "):
        CalendarWindow(CalendarUnit.MINUTE)


def test_a_limit_names_the_field_that_is_wrong() -> None:
    with pytest.raises(ValueError, match="amount: -1"):
        limit(-1)
    with pytest.raises(ValueError, match="window: concurrent has none"):
        Limit(LimitUnit.CONCURRENT, 1, RollingWindow(60))
    with pytest.raises(ValueError, match="window: usd has one"):
        Limit(LimitUnit.USD, 1)
    with pytest.raises(ValueError, match="limits: ana"):
        subject(*(limit(1, RollingWindow(seconds)) for seconds in range(1, 10)))
