"""The rule for unusual days: a cost far above what is usual, and more than some dollars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import NamedTuple

MEDIAN_DAYS = 14
"""The days before a day whose median is the usual cost."""
MIN_FACTOR = 3
"""An unusual day costs more than so many times the usual cost."""
MIN_USD = Decimal(10)
"""An unusual day costs more than so many dollars."""

_NOTHING = Decimal(0)


class CostAnomaly(NamedTuple):
    """A day that cost far more than usual.

    Attributes:
        day: The day, UTC.
        usd: Its cost.
        usual_usd: The median of the days before.
    """

    day: date
    usd: Decimal
    usual_usd: Decimal

    @property
    def excess_usd(self) -> Decimal:
        """The part of its cost above the usual one."""
        return self.usd - self.usual_usd


def find_anomalies(
    usd_by_day: Mapping[date, Decimal], days: Iterable[date]
) -> Iterator[CostAnomaly]:
    """Find unusual days.

    Args:
        usd_by_day: The known cost of each day; a day without calls cost nothing.
        days: The days to judge.
    """
    for day in days:
        usd = usd_by_day.get(day, _NOTHING)
        if usd <= MIN_USD:
            continue
        usual = median(
            usd_by_day.get(day - timedelta(days=number), _NOTHING)
            for number in range(1, MEDIAN_DAYS + 1)
        )
        if usd > MIN_FACTOR * usual:
            yield CostAnomaly(day, usd, usual)
