"""Forecasts of the past use only errors that were known then."""

from datetime import UTC, datetime, timedelta

from dashboards.reports.past_errors import PastErrors
from lambdas.domain.forecasting import HourlyUsage, UsageHistory, read_shipped_ratios

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make_history(hours: int, amount_later: int = 100) -> UsageHistory:
    """100 tokens an hour for ten days, then another amount."""
    amounts = {START + hour * HOUR: 100 if hour < 240 else amount_later for hour in range(hours)}
    return UsageHistory("source", HourlyUsage(amounts))


def test_the_first_days_have_the_shipped_errors() -> None:
    errors = PastErrors([make_history(480)], START + 20 * DAY)
    assert errors.get(START + 5 * HOUR) is read_shipped_ratios()
    assert errors.get(START + 9 * DAY) != read_shipped_ratios()


def test_later_usage_changes_no_earlier_errors() -> None:
    end = START + 20 * DAY
    steady, rising = (PastErrors([make_history(480, later)], end) for later in (100, 900))
    for day in range(11):
        assert steady.get(START + day * DAY) == rising.get(START + day * DAY)
    assert steady.get(end) != rising.get(end)


def test_errors_are_calibrated_once_a_day() -> None:
    errors = PastErrors([make_history(480)], START + 20 * DAY)
    morning, evening = START + 9 * DAY + HOUR, START + 9 * DAY + 20 * HOUR
    assert errors.get(morning) is errors.get(evening)
    assert errors.get(morning + DAY) is not errors.get(morning)


def test_long_logs_take_no_more_calibrations() -> None:
    hours = 24 * 112
    errors = PastErrors([make_history(hours)], START + hours * HOUR)
    assert len({id(errors.get(START + hour * HOUR)) for hour in range(hours)}) <= 28


def test_without_usage_the_errors_are_the_shipped_ones() -> None:
    assert PastErrors([], START).get(START) is read_shipped_ratios()
