"""The overview's amounts of months and weeks, in known logs, at every turn of the calendar."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.config import Config
from dashboards.cloudwatch import Metric, Periods, Statistic
from dashboards.viewer.bodies import read_bodies
from dashboards.viewer.drawings import Source, draw
from dashboards.viewer.time_ranges import until

COST = Metric("BedrockMeter", "EstimatedCostUSD")
CALLS = Metric("BedrockMeter", "Invocations")
CHANGE = "Change from last month to this hour, %"
TITLE = "Cost by month and week, US dollars"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class HourlyCosts:
    """The cost of each hour, by its start, and hours of calls without a price."""

    def __init__(
        self, costs: Mapping[datetime, float], unpriced: Mapping[datetime, float] | None = None
    ) -> None:
        self.costs = costs
        self.calls = {**(unpriced or {}), **costs}

    def metrics(self, _namespace: str, _name: str) -> list[Metric]:
        return [COST, CALLS]

    def values(
        self, metrics: Sequence[Metric], _statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[float | None, ...]]:
        assert metrics == [COST, CALLS]
        return {
            COST: tuple(self.costs.get(start) for start, _ in periods),
            CALLS: tuple(self.calls.get(start) for start, _ in periods),
        }


def show(
    costs: Mapping[datetime, float],
    now: datetime,
    unpriced: Mapping[datetime, float] | None = None,
) -> dict[str, Any]:
    """The numbers that the overview shows at a time."""
    (widget,) = (
        widget
        for widget in read_bodies(Config())["usage_overview"].widgets()
        if widget["properties"].get("title") == TITLE
    )
    source = Source("an account", HourlyCosts(costs, unpriced), lambda: now)
    (drawing,) = draw([widget], source, until(now, DAY))
    return {series["name"]: series["value"] for series in drawing["series"]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += HOUR


def spend(start: str, end: str, usd: float = 1.0) -> dict[datetime, float]:
    """The same cost in each hour of a time."""
    return dict.fromkeys(hours(at(start), at(end)), usd)


def sum_costs(costs: Mapping[datetime, float], start: datetime, end: datetime) -> float:
    return sum(cost for hour, cost in costs.items() if start <= hour < end)


def first_of_month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0)


# The end of each time is that of its open hour, which is not compared.
@pytest.mark.parametrize(
    ("now", "so_far", "to_this_hour", "last", "whole_month"),
    [
        pytest.param("2026-04-01T00:30", 1, None, 31 * 24, 30 * 24, id="first hour of a month"),
        pytest.param("2026-04-01T01:30", 2, 1, 31 * 24, 30 * 24, id="second hour of a month"),
        pytest.param("2026-03-31T23:30", 31 * 24, 28 * 24, 28 * 24, 31 * 24, id="month end"),
        pytest.param("2026-03-29T12:30", 28 * 24 + 13, 28 * 24, 28 * 24, 31 * 24, id="29 March"),
        pytest.param("2026-05-31T10:30", 30 * 24 + 11, 30 * 24, 30 * 24, 31 * 24, id="31 May"),
        pytest.param("2026-08-31T23:30", 31 * 24, 31 * 24 - 1, 31 * 24, 31 * 24, id="62 days"),
        pytest.param("2025-12-31T23:30", 31 * 24, 30 * 24, 30 * 24, 31 * 24, id="end of a year"),
        pytest.param("2026-01-01T00:30", 1, None, 31 * 24, 31 * 24, id="first hour of a year"),
        pytest.param("2026-01-15T06:30", 14 * 24 + 7, 14 * 24 + 6, 31 * 24, 31 * 24, id="January"),
        pytest.param("2028-02-29T12:30", 28 * 24 + 13, 28 * 24 + 12, 31 * 24, 29 * 24, id="leap"),
        pytest.param("2027-02-28T23:30", 28 * 24, 28 * 24 - 1, 31 * 24, 28 * 24, id="no leap day"),
        pytest.param("2028-03-01T00:30", 1, None, 29 * 24, 31 * 24, id="after a leap day"),
        pytest.param("2028-03-01T01:30", 2, 1, 29 * 24, 31 * 24, id="hour after a leap day"),
    ],
)
def test_a_steady_dollar_per_hour_is_the_number_of_hours(
    now: str, so_far: float, to_this_hour: float | None, last: float, whole_month: float
) -> None:
    costs = spend("2025-09-01T00:00", "2028-12-31T00:00")
    moment = at(now)
    known = {hour: cost for hour, cost in costs.items() if hour <= moment}
    shown = show(known, moment)
    assert shown["Month so far"] == so_far
    assert shown["Last month to this hour"] == to_this_hour
    assert shown["Last month"] == last
    assert shown["Month at 7-day run rate"] == pytest.approx(whole_month)
    whole_hours = so_far - 1
    change = to_this_hour and 100 * (whole_hours - to_this_hour) / to_this_hour
    assert shown[CHANGE] == pytest.approx(change)
    assert (shown["Last 7 days"], shown["7 days before"]) == (168, 168)
    assert shown["Change from 7 days before, %"] == 0


@pytest.mark.parametrize("now", ["2026-03-30T09:10", "2026-07-04T23:59", "2028-02-29T00:00"])
def test_amounts_equal_sums_over_uneven_hours(now: str) -> None:
    moment = at(now)
    span = list(hours(moment.replace(minute=0) - 70 * DAY, moment + HOUR))
    costs = {hour: (number * 37 % 101) / 4 for number, hour in enumerate(span) if number % 3}
    costs = {hour: cost for hour, cost in costs.items() if hour < moment}
    this = first_of_month(moment)
    last = first_of_month(this - HOUR)
    same_hour = min(last + (moment.replace(minute=0) - this), this)
    shown = show(costs, moment)
    assert shown["Month so far"] == pytest.approx(sum_costs(costs, this, moment))
    assert shown["Last month"] == pytest.approx(sum_costs(costs, last, this))
    to_this_hour = sum_costs(costs, last, same_hour)
    assert shown["Last month to this hour"] == pytest.approx(to_this_hour)
    whole_hours = sum_costs(costs, this, moment.replace(minute=0))
    assert shown[CHANGE] == pytest.approx(100 * (whole_hours - to_this_hour) / to_this_hour)


@pytest.mark.parametrize("now", ["2026-04-01T00:30", "2026-04-01T01:01", "2026-04-20T12:01"])
def test_a_part_of_an_hour_does_not_look_like_a_fall(now: str) -> None:
    """A dollar in each hour; so far, a cent in the open one."""
    moment = at(now)
    this_hour = moment.replace(minute=0)
    costs = dict.fromkeys(hours(this_hour - 62 * DAY, this_hour), 1.0) | {this_hour: 0.01}
    assert show(costs, moment)[CHANGE] in {None, 0}


def test_a_month_that_is_over_is_compared_with_all_its_hours() -> None:
    costs = spend("2026-03-01T00:00", "2026-05-01T00:00")
    shown = show(costs, at("2026-05-01T00:00"))
    assert shown["Month so far"] == 30 * 24
    assert shown["Last month to this hour"] == 30 * 24
    assert shown[CHANGE] == 0


def test_an_empty_last_month_is_absent_and_not_zero() -> None:
    shown = show(spend("2026-09-01T00:00", "2026-09-08T12:00", 2), at("2026-09-08T11:30"))
    assert shown["Month so far"] == 2 * (7 * 24 + 12)
    assert shown["Last month"] is None
    assert shown["Last month to this hour"] is None
    assert shown[CHANGE] is None


def test_an_empty_month_after_a_used_one_is_zero() -> None:
    shown = show(spend("2026-08-10T00:00", "2026-08-11T00:00"), at("2026-09-20T11:30"))
    assert shown["Month so far"] == 0
    assert (shown["Last month"], shown["Last month to this hour"]) == (24, 24)
    assert shown["Month at 7-day run rate"] == 0
    assert shown[CHANGE] == -100


def test_the_run_rate_follows_the_last_seven_days_and_not_the_month() -> None:
    """Ten quiet days, then ten dollars in each hour."""
    costs = spend("2026-09-11T00:00", "2026-09-21T00:00", 10)
    shown = show(costs, at("2026-09-20T23:30"))
    assert shown["Month so far"] == 10 * 10 * 24
    assert shown["Month at 7-day run rate"] == pytest.approx(20 * 10 * 24)


def test_a_cost_that_is_not_known_is_absent_and_not_zero() -> None:
    """All calls are unpriced: there is no cost in two months."""
    assert set(show({}, at("2026-09-20T11:30")).values()) == {None}


def test_a_month_of_unpriced_calls_after_a_priced_one_is_absent_and_not_zero() -> None:
    priced = spend("2026-08-10T00:00", "2026-08-11T00:00")
    unpriced = spend("2026-09-03T00:00", "2026-09-04T00:00")
    shown = show(priced, at("2026-09-20T11:30"), unpriced)
    assert (shown["Month so far"], shown["Month at 7-day run rate"], shown[CHANGE]) == (None,) * 3
    assert shown["Last month"] == 24
