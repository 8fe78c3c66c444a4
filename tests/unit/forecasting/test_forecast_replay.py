"""Past forecasts know only what was used before them, and alert as a deployment does."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    Budget,
    BudgetAmount,
    BudgetSubject,
    BudgetThresholds,
    BudgetUnit,
    DayPeriods,
    RollingHours,
)
from lambdas.domain.forecasting import (
    ErrorRatios,
    ForecastCrossing,
    read_shipped_ratios,
    replay_forecasts,
)
from tests.examples import percent_of_examples
from tests.unit.budgets.builders import budget
from tests.unit.forecasting.hourly import DAY, HOUR, START

DAILY = budget(amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 1200), periods=DayPeriods("UTC"))


class ShippedErrors:
    """Counts how often it is asked."""

    asked = 0

    def get(self, _: datetime) -> ErrorRatios:
        self.asked += 1
        return read_shipped_ratios()


def each_hour(amounts: list[int]) -> dict[datetime, int]:
    """Usage in the middle of hours one after the other."""
    return {
        START + number * HOUR + HOUR / 2: amount for number, amount in enumerate(amounts) if amount
    }


def replay(
    used: Mapping[datetime, int], until: datetime, budget: Budget = DAILY, max_forecasts: int = 1000
) -> list[ForecastCrossing]:
    return list(replay_forecasts(budget, used, until, ShippedErrors(), max_forecasts))


def test_a_threshold_alerts_once_a_period() -> None:
    crossings = replay(each_hour([100] * 72), START + 3 * DAY - HOUR)
    assert [crossing.period.start for crossing in crossings] == [
        START,
        START + DAY,
        START + 2 * DAY,
    ]
    assert {crossing.percent for crossing in crossings} == {Decimal(100)}
    assert all(crossing.probability >= 0.8 for crossing in crossings)


def test_a_threshold_that_usage_has_reached_alerts_no_more() -> None:
    """All is used in the first hour, before there can be a forecast."""
    assert replay(each_hour([2000] + [1] * 23), START + DAY) == []


def test_the_least_probability_decides() -> None:
    sure = BudgetThresholds(forecast_probability=Decimal("0.87"))
    careful = budget(amount=DAILY.amount, periods=DAILY.periods, thresholds=sure)
    used, end = each_hour([100] * 24), START + DAY - HOUR
    (first,), (later,) = replay(used, end), replay(used, end, careful)
    assert first.at < later.at


def test_without_usage_in_a_period_only_a_budget_with_one_sum_alerts() -> None:
    each = budget(amount=DAILY.amount, periods=DAILY.periods, per=BudgetSubject.IDENTITY)
    used = each_hour([100] * 24)
    second = START + DAY
    assert [crossing.at for crossing in replay(used, second + HOUR)][1:] == [second]
    assert [crossing.at for crossing in replay(used, second + HOUR, each)][1:] == []


@pytest.mark.parametrize("thresholds", [BudgetThresholds(forecast=()), None])
def test_without_a_threshold_or_in_windows_nothing_is_forecast(
    thresholds: BudgetThresholds | None,
) -> None:
    errors = ShippedErrors()
    none = (
        budget(amount=DAILY.amount, periods=RollingHours(24))
        if thresholds is None
        else budget(amount=DAILY.amount, periods=DAILY.periods, thresholds=thresholds)
    )
    assert list(replay_forecasts(none, each_hour([100] * 24), START + DAY, errors, 100)) == []
    assert errors.asked == 0


@given(st.integers(1, 30))
def test_the_number_of_forecasts_is_bounded(max_forecasts: int) -> None:
    errors = ShippedErrors()
    large = budget(amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 10**9), periods=DAILY.periods)
    used = each_hour([100] * 48)
    assert list(replay_forecasts(large, used, START + 2 * DAY, errors, max_forecasts)) == []
    assert errors.asked <= max_forecasts


@settings(max_examples=percent_of_examples(20))
@given(
    st.lists(st.sampled_from([0, 50, 100, 400]), min_size=24, max_size=96),
    st.integers(1, 96).map(lambda hours: START + hours * HOUR),
)
def test_later_usage_changes_no_earlier_forecast(amounts: list[int], end: datetime) -> None:
    used = each_hour(amounts)
    known = {minute: amount for minute, amount in used.items() if minute < end}
    whole = replay(used, START + timedelta(hours=len(amounts)))
    assert [crossing for crossing in whole if crossing.at <= end] == [
        crossing
        for crossing in replay(known, end)
        if crossing.at <= START + timedelta(hours=len(amounts))
    ]
