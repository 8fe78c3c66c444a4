"""The point before the limit at which the brake acts, from the rate at which sums grow."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.budgets import BudgetStatus

MAX_RESERVE_PERCENT = Decimal(20)
"""The largest reserve, in percent of the amount: no caller is denied before 80% of it."""
_BURN_WINDOW = timedelta(minutes=5)
_MIN_SPAN = timedelta(minutes=1)
_NEAR_PERCENT = Decimal(50)
_MAX_SUMS = 1_000
_UNSPACED = 2
_SPACING = timedelta(seconds=30)
"""The time between kept readings: runs are seconds apart while calls are counted."""


class SumKey(NamedTuple):
    """A sum of a budget, whatever its period.

    Attributes:
        budget: The name of the budget.
        generation: Its generation.
        value: The value that a default budget is for; else empty.
    """

    budget: str
    generation: int
    value: str


class _Reading(NamedTuple):
    at: datetime
    used: int
    calls: int


@dataclass(slots=True)
class _Readings:
    period_start: datetime
    readings: list[_Reading] = field(default_factory=list)


@dataclass(slots=True)
class BurnRates:
    """The growth of sums that are near their limit, from the last readings of each.

    A process that has just started has no readings: it brakes later, never earlier.
    """

    _sums: dict[SumKey, _Readings] = field(default_factory=dict, init=False)

    def note(self, statuses: Collection[BudgetStatus], now: datetime) -> None:
        """Note the usage of sums. Of many, those with the highest percentage are noted.

        Args:
            statuses: The sums in their current periods.
            now: The time of the reading.
        """
        near = [status for status in statuses if _is_near(status)]
        near.sort(key=lambda status: status.percent_used, reverse=True)
        kept: dict[SumKey, _Readings] = {}
        for status in near[:_MAX_SUMS]:
            key = make_sum_key(status)
            found = self._sums.get(key)
            start = status.period.start
            if found is None or _is_reset(found, status):
                found = _Readings(start)
            found.period_start = start
            _add(found.readings, _Reading(now, status.used, status.totals.calls))
            kept[key] = found
        self._sums = kept

    def get_last_reading(self, status: BudgetStatus, now: datetime) -> datetime | None:
        """The time of the last reading of a sum before now; `None` if there was none."""
        found = self._sums.get(make_sum_key(status))
        times = [reading.at for reading in found.readings if reading.at < now] if found else []
        return max(times, default=None)

    def get_reserve(self, status: BudgetStatus, reaction: timedelta) -> int:
        """The usage to expect before a deny takes effect, in the unit of the budget.

        It is the growth of the last five minutes for the reaction time, and one call more: the
        last one that is accepted ends whatever happens.

        Args:
            status: The sum, which was noted.
            reaction: The reaction time.
        """
        found = self._sums.get(make_sum_key(status))
        if found is None:
            return 0
        first, last = found.readings[0], found.readings[-1]
        burnt, calls = max(0, last.used - first.used), last.calls - first.calls
        span = max(last.at - first.at, _MIN_SPAN)
        growth = _divide_up(burnt * _to_microseconds(reaction), _to_microseconds(span))
        if burnt and calls > 0:
            one_call = _divide_up(burnt, calls)
        else:
            one_call = _divide_up(max(0, last.used), max(1, last.calls))
        most = status.stored.budget.amount.take_percentage(MAX_RESERVE_PERCENT)
        return min(growth + one_call, most)


def make_sum_key(status: BudgetStatus) -> SumKey:
    """Make the key of a sum."""
    return SumKey(status.stored.budget.name, status.stored.generation, status.value)


def _is_near(status: BudgetStatus) -> bool:
    return status.stored.budget.amount.is_reached(status.used, _NEAR_PERCENT)


def _is_reset(found: _Readings, status: BudgetStatus) -> bool:
    """Say if the period has changed; a window that moves by the hour goes on."""
    is_window = found.period_start < status.period.start < found.readings[-1].at
    return found.period_start != status.period.start and not is_window


def _add(readings: list[_Reading], reading: _Reading) -> None:
    """Add a reading, and drop those that are no longer needed.

    The last two are kept whatever the time between them, and so is the last one before the window.
    """
    readings.append(reading)
    if len(readings) > _UNSPACED + 1:
        earlier, later = readings[-_UNSPACED - 2 : -_UNSPACED]
        if later.at - earlier.at < _SPACING:
            del readings[-_UNSPACED - 1]
    begin = reading.at - _BURN_WINDOW
    while len(readings) > 1 and readings[1].at <= begin:
        del readings[0]


def _divide_up(number: int, by: int) -> int:
    return -(-number // by)


def _to_microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
