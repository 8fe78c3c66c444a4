"""The week of a summary, and the days that it is compared with."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.reports.weekly import LOOK_BACK, SETTLING, ReportedWeek

START = datetime(2000, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=36_500)).map(START.__add__)


@pytest.mark.parametrize(
    ("now", "monday"),
    [
        ("2026-11-30T05:00+00:00", "2026-11-23"),
        ("2026-11-30T03:59+00:00", "2026-11-16"),  # calls of Sunday may still come
        ("2026-12-01T05:00+00:00", "2026-11-23"),
        ("2026-12-06T23:59+00:00", "2026-11-23"),
        ("2026-12-07T02:00-05:00", "2026-11-30"),
    ],
)
def test_the_last_week_whose_calls_have_settled_is_summarized(now: str, monday: str) -> None:
    week = ReportedWeek.last_closed(datetime.fromisoformat(now))
    assert week.first_day == date.fromisoformat(monday)


@given(MOMENTS)
def test_a_week_is_summarized_from_its_end_until_the_next_one_has_settled(now: datetime) -> None:
    week = ReportedWeek.last_closed(now)
    assert week.first_day.weekday() == 0
    assert week.end + SETTLING <= now < week.end + timedelta(weeks=1) + SETTLING


@given(MOMENTS)
def test_the_days_that_are_read_hold_the_week_before_and_the_month_so_far(now: datetime) -> None:
    week = ReportedWeek.last_closed(now)
    assert week.start.date() - week.look_back_from == LOOK_BACK
    assert week.read_from.date() == min(week.look_back_from, week.last_month[0])
    assert week.read_from.date() <= min(week.before.first_day, week.month)
    assert week.start - week.read_from <= timedelta(days=62)
    assert week.month.day == 1
    assert week.month <= week.last_day


@pytest.mark.parametrize(
    ("monday", "name", "month"),
    [
        ("2026-11-23", "2026-W48", "2026-11-01"),
        ("2026-11-30", "2026-W49", "2026-12-01"),  # the month of its Sunday
        ("2026-12-28", "2026-W53", "2027-01-01"),
        ("2028-02-28", "2028-W09", "2028-03-01"),  # a leap day is in it
        ("2027-02-22", "2027-W08", "2027-02-01"),  # its Sunday ends the month
    ],
)
def test_weeks_have_iso_names_and_the_month_of_their_last_day(
    monday: str, name: str, month: str
) -> None:
    week = ReportedWeek(date.fromisoformat(monday))
    assert (week.name, week.month) == (name, date.fromisoformat(month))


@pytest.mark.parametrize(
    ("monday", "first", "last"),
    [
        ("2026-11-23", "2026-10-01", "2026-10-29"),
        ("2026-10-26", "2026-10-01", "2026-10-01"),  # its Sunday is the first of November
        ("2026-12-28", "2026-12-01", "2026-12-03"),  # the year changes
        ("2029-03-26", "2029-03-01", "2029-03-01"),  # of April; March is not over in the week
        ("2024-03-25", "2024-02-01", "2024-02-29"),  # 31 March: all of a February with a leap day
        ("2030-03-25", "2030-02-01", "2030-02-28"),  # 31 March: all of February
        ("2027-02-22", "2027-01-01", "2027-01-28"),  # all of February
        ("2032-02-23", "2032-01-01", "2032-01-29"),  # the leap day is the Sunday
    ],
)
def test_the_month_so_far_is_compared_with_the_same_days_of_the_month_before(
    monday: str, first: str, last: str
) -> None:
    week = ReportedWeek(date.fromisoformat(monday))
    assert week.last_month == (date.fromisoformat(first), date.fromisoformat(last))


@given(MOMENTS)
def test_the_days_of_the_month_before_are_as_many_unless_it_is_shorter(now: datetime) -> None:
    week = ReportedWeek.last_closed(now)
    first, last = week.last_month
    assert first.day == 1
    assert first.month == last.month != week.month.month
    assert last.day == week.last_day.day or (last + timedelta(days=1)) == week.month


def test_a_week_has_its_seven_days_and_no_other() -> None:
    week = ReportedWeek(date(2026, 11, 23))
    assert [day.day for day in week.days] == [23, 24, 25, 26, 27, 28, 29]
    assert all(map(week.includes, week.days))
    assert not week.includes(week.first_day - timedelta(days=1))
    assert not week.includes(week.last_day + timedelta(days=1))
