"""Adds up the usage by hour that forecasts are calibrated on: of budgets' scopes and identities."""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from lambdas.domain.budgets import (
    Budget,
    BudgetAmount,
    BudgetScope,
    BudgetSubject,
    BudgetUnit,
    DayPeriods,
    RollingHours,
)
from lambdas.domain.counters import UsageChange, UsageLabels
from lambdas.domain.forecasting.hourly_usage import HourlyUsage, floor_to_hour
from lambdas.domain.forecasting.own_calibration import UsageHistory

MAX_SOURCES = 100
"""The number of histories that are kept of each kind at most."""
_MAX_LABELS = 10_000
_EACH_IDENTITY = Budget(
    name="each-identity",
    managed_by="bedrock-meter",
    scope=BudgetScope(),
    per=BudgetSubject.IDENTITY,
    amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 1),
    periods=DayPeriods("UTC"),
)
"""Adds up the tokens of each identity; its amount and its periods are not read."""


class _SeriesKey(NamedTuple):
    """The usage of a source in a unit.

    Attributes:
        source: A digest of the scope, and of the value of a default budget.
        unit: The unit.
        prices: The prices of usage without a known price; none for tokens.
    """

    source: str
    unit: BudgetUnit
    prices: tuple[Decimal, ...]


class UsageHistories:
    """Adds up usage by hour, of what forecasts are made for and of each identity.

    A history is that of a budget's scope, or of a value of a default budget: their errors are the
    ones that forecasts are to state. Deployments have few budgets, so the tokens of each identity
    count as well, as those of the shipped errors do. Budgets that cover the same usage are one
    source, whatever their amounts, units and periods are, so that it counts once.

    Of more than `MAX_SOURCES` of a kind, those with the lowest digests are kept: a sample that
    depends neither on how much was used nor on the order of changes. The kinds are scopes of
    budgets, values of default budgets, and identities: callers choose names of the last two, so
    these take no place of a scope. Digests are salted, so that no caller can choose names that are
    kept.
    """

    def __init__(
        self, budgets: Iterable[Budget], max_sources: int = MAX_SOURCES, salt: str = ""
    ) -> None:
        """Begin without usage.

        Args:
            budgets: The budgets. Windows that move have no forecast and are left out.
            max_sources: The number of histories of each kind at most.
            salt: A text that callers do not know. The same histories are kept with the same one.
        """
        forecast = [budget for budget in budgets if not isinstance(budget.periods, RollingHours)]
        kinds = (
            [budget for budget in forecast if budget.per is None],
            [budget for budget in forecast if budget.per is not None],
            [_EACH_IDENTITY],
        )
        self._groups = [(kind, _Sample(max_sources)) for kind in kinds]
        self._salt = salt.encode()
        self._list_covering = lru_cache(_MAX_LABELS)(self._find_covering)

    def add(self, change: UsageChange) -> None:
        """Add usage to the hour of its minute."""
        hour = floor_to_hour(change.minute)
        for sample, key, budget in self._list_covering(change.labels):
            sample.add(key, hour, budget.read_usage(change.totals))

    def list_histories(self) -> list[UsageHistory]:
        """List the histories in the order of their digests; the same usage comes once."""
        series = {key: hours for _, sample in self._groups for key, hours in sample.series.items()}
        return [UsageHistory(key.source, HourlyUsage(series[key])) for key in sorted(series)]

    def _find_covering(self, labels: UsageLabels) -> list[tuple[_Sample, _SeriesKey, Budget]]:
        """Find the series that usage with these labels belongs to, each once."""
        return [
            (sample, key, budget)
            for budgets, sample in self._groups
            for key, budget in {
                _make_key(budget, labels, self._salt): budget
                for budget in budgets
                if budget.scope.includes(labels)
            }.items()
        ]


class _Sample:
    """The series with the lowest keys.

    Attributes:
        series: The usage of each by hour.
    """

    def __init__(self, size: int) -> None:
        self.series: dict[_SeriesKey, defaultdict[datetime, int]] = {}
        self._size = size
        self._highest: _SeriesKey | None = None

    def add(self, key: _SeriesKey, hour: datetime, used: int) -> None:
        """Add usage; a series that was left out once is never taken in again."""
        if used and (key in self.series or self._take_in(key)):
            self.series[key][hour] += used

    def _take_in(self, key: _SeriesKey) -> bool:
        if self._highest is not None:
            if key > self._highest:
                return False
            del self.series[self._highest]
        self.series[key] = defaultdict(int)
        if len(self.series) == self._size:
            self._highest = max(self.series)
        return True


def _make_key(budget: Budget, labels: UsageLabels, salt: bytes) -> _SeriesKey:
    conditions = {field.value: sorted(names) for field, names in budget.scope.conditions.items()}
    if budget.per is not None:
        conditions[budget.per.value] = [budget.read_value(labels)]
    text = json.dumps(conditions, sort_keys=True)
    source = hmac.digest(salt, text.encode(), "sha256").hex()
    unit = budget.amount.unit
    prices = astuple(budget.unpriced_ceiling) if unit is BudgetUnit.USD else ()
    return _SeriesKey(source, unit, prices)
