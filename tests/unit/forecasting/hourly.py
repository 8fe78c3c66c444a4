"""Builders and strategies of hourly usage."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from lambdas.domain.forecasting import HourlyUsage

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PICODOLLARS = st.integers(min_value=0, max_value=10**15)
AMOUNTS = st.lists(PICODOLLARS | st.just(0), min_size=24 * 3, max_size=24 * 9)
"""Amounts of hours one after the other, for some days."""
CORRECTED_AMOUNTS = st.lists(st.integers(-(10**15), 10**15) | st.just(0), max_size=24 * 9)
"""The same with corrections that take back more than was used."""


def make_usage(amounts: Iterable[int]) -> HourlyUsage:
    """Make usage of hours one after the other since the start; a 0 gets no entry."""
    hours = {START + n * HOUR: amount for n, amount in enumerate(amounts) if amount}
    return HourlyUsage(hours, START)
