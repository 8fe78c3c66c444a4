"""Periods follow one another without gap or overlap, in every time zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
    make_weeks,
)
from lambdas.domain.budgets.documents import WEEKDAYS
from tests.unit.budgets.zones import ZONES, find_clock_changes

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
CHANGING = tuple(name for name in ZONES if find_clock_changes(name))

anchors = st.dates(date(2023, 1, 1), date(2029, 12, 31))


def rules(zone: str) -> st.SearchStrategy[PeriodRule]:
    return st.one_of(
        st.just(HourPeriods(zone)),
        st.builds(make_weeks, st.just(zone), st.sampled_from(WEEKDAYS)),
        st.builds(DayPeriods, st.just(zone), st.integers(1, 400), anchors),
        st.builds(MonthPeriods, st.just(zone), st.integers(1, 24), anchors),
        st.builds(RollingHours, st.integers(2, 168)),
    )


@st.composite
def rules_and_moments(draw: st.DrawFn) -> tuple[PeriodRule, datetime]:
    """Draw a rule, and a moment that is often near a change of clocks."""
    zone = draw(st.sampled_from(ZONES))
    changes = find_clock_changes(zone) or (datetime(2026, 5, 31, 23, tzinfo=UTC),)
    distance = draw(st.timedeltas(-2 * DAY, 2 * DAY) | st.timedeltas(-800 * DAY, 800 * DAY))
    return draw(rules(zone)), draw(st.sampled_from(changes)) + distance


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def show(rule: PeriodRule, moment: str) -> tuple[str, str, str]:
    slot = rule.slot_at(utc(moment))
    return slot.id, *(f"{end:%m-%dT%H:%M}" for end in (slot.start, slot.end))  # type: ignore[return-value]


@given(rules_and_moments())
def test_slots_follow_one_another_without_gap_or_overlap(
    case: tuple[PeriodRule, datetime],
) -> None:
    rule, moment = case
    slot = rule.slot_at(moment)
    assert slot.start <= moment < slot.end
    following, preceding = rule.slot_at(slot.end), rule.slot_at(slot.start - SECOND)
    assert following.start == slot.end
    assert preceding.end == slot.start
    assert preceding.id < slot.id < following.id
    assert rule.slot_at(slot.start) == rule.slot_at(slot.end - SECOND) == slot


@given(rules_and_moments())
def test_slots_begin_and_end_with_cells(case: tuple[PeriodRule, datetime]) -> None:
    rule, moment = case
    cell = timedelta(minutes=rule.cell_minutes)
    slot = rule.slot_at(moment)
    for end in (slot.start, slot.end):
        assert (end - datetime(2020, 1, 1, tzinfo=UTC)) % cell == timedelta(0)


@given(rules_and_moments())
def test_a_period_is_the_sum_of_its_slots(case: tuple[PeriodRule, datetime]) -> None:
    rule, moment = case
    period = rule.period_at(moment)
    slots = rule.list_slots(period)
    assert rule.slot_at(moment) in slots
    assert (slots[0].start, slots[-1].end) == (period.start, period.end)
    assert all(first.end == second.start for first, second in pairwise(slots))


@pytest.mark.parametrize(
    ("make", "reach"), [(DayPeriods, DAY), (HourPeriods, 3 * HOUR), (MonthPeriods, DAY)]
)
def test_periods_tile_both_clock_changes_of_every_zone(
    make: type[DayPeriods | HourPeriods | MonthPeriods], reach: timedelta
) -> None:
    assert len(CHANGING) > 100
    for name in CHANGING:
        rule = make(name)
        cell = timedelta(minutes=rule.cell_minutes)
        for change in find_clock_changes(name):
            moment = change - reach
            while moment < change + reach:
                slot = rule.slot_at(moment)
                assert slot.includes(moment), (name, moment)
                assert rule.slot_at(slot.end).start == slot.end, (name, slot)
                assert (slot.end - change.replace(minute=0)) % cell == timedelta(0), (name, slot)
                moment = slot.end


def test_a_call_at_any_quarter_of_an_hour_is_in_the_day_that_clocks_show() -> None:
    for name in CHANGING:
        rule, zone = DayPeriods(name), ZoneInfo(name)
        for change in find_clock_changes(name):
            for quarter in range(-13, 13):
                moment = change + quarter * timedelta(minutes=15)
                assert rule.slot_at(moment).id == f"{moment.astimezone(zone):%F}", name


def test_hours_last_an_hour_but_where_clocks_change_by_a_part_of_one() -> None:
    for name in CHANGING:
        rule = HourPeriods(name)
        for change in find_clock_changes(name):
            slots = [rule.slot_at(change + number * HOUR / 2) for number in range(-6, 7)]
            lengths = {slot.end - slot.start for slot in slots}
            assert lengths == ({HOUR, HOUR / 2} if name.endswith(("Lord_Howe", "LHI")) else {HOUR})


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("UTC", "2026-03-29T12:00", ("2026-03-29", "03-29T00:00", "03-30T00:00")),
        # 23 and 25 hours
        ("Europe/Berlin", "2026-03-29T12:00", ("2026-03-29", "03-28T23:00", "03-29T22:00")),
        ("Europe/Berlin", "2026-10-25T12:00", ("2026-10-25", "10-24T22:00", "10-25T23:00")),
        # half and quarter hours
        ("Asia/Kolkata", "2026-03-29T18:29", ("2026-03-29", "03-28T18:30", "03-29T18:30")),
        ("Asia/Kathmandu", "2026-03-29T18:15", ("2026-03-30", "03-29T18:15", "03-30T18:15")),
        # clocks go from 00:00 to 01:00, so the day begins at 01:00 and has 23 hours
        ("Africa/Cairo", "2026-04-24T12:00", ("2026-04-24", "04-23T22:00", "04-24T21:00")),
        # clocks go back from 00:00 to 23:00, and later show midnight for the only time
        ("Africa/Cairo", "2026-10-29T20:59", ("2026-10-29", "10-28T21:00", "10-29T22:00")),
        # 24.5 hours
        ("Australia/Lord_Howe", "2026-04-05T00:00", ("2026-04-05", "04-04T13:00", "04-05T13:30")),
    ],
)
def test_days_begin_at_midnight_of_their_zone(
    zone: str, moment: str, expected: tuple[str, str, str]
) -> None:
    assert show(DayPeriods(zone), moment) == expected


def test_a_day_that_a_zone_skips_has_no_period() -> None:
    rule = DayPeriods("Pacific/Apia")
    before = rule.slot_at(utc("2011-12-30T09:59"))
    assert before.id == "2011-12-29"
    assert rule.slot_at(before.end).id == "2011-12-31"


def test_a_midnight_that_clocks_show_twice_counts_once() -> None:
    rule = DayPeriods("America/St_Johns")  # until 2011 clocks went back at 00:01
    first_midnight = utc("2010-11-07T02:30")
    assert rule.slot_at(first_midnight).id == "2010-11-07"
    assert rule.slot_at(first_midnight + timedelta(minutes=30)).id == "2010-11-07"
    assert rule.slot_at(first_midnight - SECOND).id == "2010-11-06"


@pytest.mark.parametrize(
    ("rule", "moment", "expected"),
    [
        (make_weeks("UTC", "monday"), "2026-11-29T23:59", ("2026-11-23", "11-23T00:00")),
        (make_weeks("UTC", "sunday"), "2026-11-29T00:00", ("2026-11-29", "11-29T00:00")),
        (make_weeks("Asia/Tokyo", "monday"), "2026-11-29T15:00", ("2026-11-30", "11-29T15:00")),
        (MonthPeriods("America/New_York"), "2026-11-01T03:59", ("2026-10-01", "10-01T04:00")),
        (MonthPeriods("America/New_York"), "2026-12-01T04:59", ("2026-11-01", "11-01T04:00")),
        # from the 31st, or else from the last day of a month
        (MonthPeriods("UTC", 1, date(2026, 1, 31)), "2026-03-30T00:00", ("2026-02-28", None)),
        (MonthPeriods("UTC", 1, date(2026, 1, 31)), "2026-03-31T00:00", ("2026-03-31", None)),
        (MonthPeriods("UTC", 3, date(2026, 2, 15)), "2026-02-14T00:00", ("2025-11-15", None)),
        (DayPeriods("UTC", 14, date(2026, 1, 5)), "2026-01-19T00:00", ("2026-01-19", None)),
        (DayPeriods("UTC", 14, date(2026, 1, 5)), "2026-01-04T23:59", ("2025-12-22", None)),
    ],
)
def test_weeks_months_and_anchored_periods(
    rule: PeriodRule, moment: str, expected: tuple[str, str | None]
) -> None:
    slot = show(rule, moment)
    assert slot[: 1 + (expected[1] is not None)] == tuple(filter(None, expected))


def test_both_passes_of_a_repeated_hour_are_periods() -> None:
    rule = HourPeriods("Europe/Berlin")
    assert show(rule, "2026-10-25T00:30") == ("2026-10-25T00:00Z", "10-25T00:00", "10-25T01:00")
    assert show(rule, "2026-10-25T01:30") == ("2026-10-25T01:00Z", "10-25T01:00", "10-25T02:00")


def test_hours_of_half_hour_zones_begin_at_half_past() -> None:
    rule = HourPeriods("Asia/Kolkata")
    assert show(rule, "2026-10-25T00:29") == ("2026-10-24T23:30Z", "10-24T23:30", "10-25T00:30")


def test_rolling_windows_move_by_the_hour() -> None:
    rule = RollingHours(24)
    window = rule.period_at(utc("2026-11-29T13:59"))
    assert window == ("2026-11-29T13:00Z", utc("2026-11-28T14:00"), utc("2026-11-29T14:00"))
    assert rule.period_at(utc("2026-11-29T14:00")).start == utc("2026-11-28T15:00")


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("UTC", 60),
        ("Europe/Berlin", 60),
        ("Africa/Casablanca", 60),
        ("Asia/Kolkata", 15),
        ("Asia/Kathmandu", 15),
        ("Australia/Lord_Howe", 15),
        ("America/St_Johns", 15),
    ],
)
def test_zones_with_parts_of_an_hour_need_cells_of_a_quarter(zone: str, minutes: int) -> None:
    assert DayPeriods(zone).cell_minutes == HourPeriods(zone).cell_minutes == minutes
    assert RollingHours(24).cell_minutes == 60
