"""The state of credits by scope: balance, burn rate, days left, and the alerts that are due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.counters import CellSpan
from lambdas.domain.credits.balances import NO_BURN, Balances, sum_recent
from lambdas.domain.credits.entries import Account, AccountKind, CreditEntry
from lambdas.domain.credits.grants import CreditBook, GrantBalance
from lambdas.domain.credits.scopes import describe_scope, read_scope_key, scope_key

RATE_TIME = timedelta(days=7)
"""The time before now whose entries `measure_rates` needs."""
MAX_DAYS_LEFT = 3650
"""A longer time is shown as this one: rates are not that steady."""
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_PERCENT = 100


class CreditLevel(IntEnum):
    """The level of a scope's credits; a higher number is worse."""

    SUFFICIENT = 0
    LOW = 1
    EXHAUSTED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeCredits:
    """The credits of one scope at a time.

    Attributes:
        key: The key of the scope.
        grants: Its grants that are not voided and have begun, in the order in which they pay.
        effective: Those among them that are open and effective in the current hour.
        at: The time.
    """

    key: str
    grants: tuple[GrantBalance, ...]
    effective: tuple[GrantBalance, ...]
    at: datetime

    @property
    def scope(self) -> BudgetScope:
        """The scope."""
        return read_scope_key(self.key)

    @property
    def name(self) -> str:
        """The scope in words."""
        return describe_scope(self.scope)

    @property
    def granted_picodollars(self) -> int:
        """The amounts of all its grants."""
        return sum(balance.grant.picodollars for balance in self.grants)

    @property
    def balance_picodollars(self) -> int:
        """The sum of what is left of effective grants."""
        return sum(balance.picodollars for balance in self.effective)

    @property
    def since(self) -> datetime:
        """The hour from which it has been under credits."""
        return min(balance.grant.effective_from for balance in self.grants)

    def find_level(self, low_percent: int) -> CreditLevel:
        """Find the level.

        Grants that are used up are left out of the amounts: a new grant beside an old one that is
        used up is not low.

        Args:
            low_percent: The credits are low if at most this part of the amounts is left.
        """
        rest = self.balance_picodollars
        if not rest:
            return CreditLevel.EXHAUSTED
        used = (balance for balance in self.effective if balance.picodollars)
        amounts = sum(balance.grant.picodollars for balance in used)
        is_low = rest * _PERCENT <= amounts * low_percent
        return CreditLevel.LOW if is_low else CreditLevel.SUFFICIENT

    def has_risen(self, since: datetime, picodollars: int) -> bool:
        """Say if credits were added since a time: by a grant that is newer, or to the balance.

        Args:
            since: The time.
            picodollars: The balance at that time.
        """
        is_new = any(
            balance.picodollars
            and (balance.grant.created_at > since or balance.grant.effective_from > since)
            for balance in self.effective
        )
        return is_new or self.balance_picodollars > picodollars


class BurnRates(NamedTuple):
    """Usage a day, in pico-dollars.

    Attributes:
        day: Over the last 24 hours.
        week: Over the last 7 days.
    """

    day: int = 0
    week: int = 0


class CreditAlert(NamedTuple):
    """The level of a scope at which people are notified, once until its credits are sufficient.

    Attributes:
        key: The key of the scope.
        level: The worst level since its credits were sufficient.
        since: The time at which it was noticed.
        picodollars: The balance at that time.
        is_sent: True once people are notified; at once if the credits are sufficient.
    """

    key: str
    level: CreditLevel
    since: datetime
    picodollars: int
    is_sent: bool = False


def list_scopes(book: CreditBook, at: datetime) -> tuple[ScopeCredits, ...]:
    """List the scopes that are under credits in the hour of a time, by their keys."""
    hour = CellSpan.HOUR.get_start(at)
    begun = (
        balance
        for balance in book.grants.values()
        if not balance.is_voided and balance.grant.effective_from <= hour
    )
    grants = defaultdict[str, list[GrantBalance]](list)
    for balance in sorted(begun, key=lambda balance: balance.grant.burn_order):
        grants[scope_key(balance.grant.scope)].append(balance)
    return tuple(
        ScopeCredits(
            key=key,
            grants=tuple(grants[key]),
            effective=tuple(
                balance
                for balance in grants[key]
                if balance.is_open and balance.grant.is_effective(hour)
            ),
            at=at,
        )
        for key in sorted(grants)
    )


def get_overage(balances: Balances, key: str) -> int:
    """Get the overage of a scope so far, as a number above 0."""
    return -balances.get(Account(AccountKind.OVERAGE, key), 0)


def measure_rates(
    entries: Iterable[CreditEntry], scopes: Iterable[ScopeCredits]
) -> dict[str, BurnRates]:
    """Measure how fast usage was booked in each scope, by its key.

    A scope that is younger than a week has the rate of the time since it began, of a day at least.

    Args:
        entries: Entries, at least those of the `RATE_TIME` before the time of the scopes.
        scopes: The scopes, all at the same time.
    """
    scopes, rates = list(scopes), dict[str, BurnRates]()
    if not scopes:
        return rates
    at, booked = scopes[0].at, list(entries)
    burned_day, burned_week = (sum_recent(booked, time, at) for time in (_DAY, RATE_TIME))
    for scope in scopes:
        day = burned_day.get(scope.key, NO_BURN)
        week = burned_week.get(scope.key, NO_BURN)
        time = min(max(scope.at - scope.since, _DAY), RATE_TIME)
        rates[scope.key] = BurnRates(
            max(day.picodollars, 0),
            max(week.picodollars * (_DAY // _SECOND) // (time // _SECOND), 0),
        )
    return rates


def count_days_left(scope: ScopeCredits, rate: int) -> float | None:
    """Estimate the days until no effective grant has a rest; `None` if there is no usage.

    What is left of a grant at its end is lost. Grants that begin later are left out.

    Args:
        scope: The scope.
        rate: Usage a day, in pico-dollars, such as `BurnRates.week`.
    """
    if rate <= 0:
        return None
    days = Fraction(0)
    for balance in scope.effective:
        end, expires = days + Fraction(balance.picodollars, rate), balance.grant.expires_at
        if expires is not None:
            end = min(end, Fraction((expires - scope.at) // _SECOND, _DAY // _SECOND))
        days = max(days, end)
    return float(min(days, Fraction(MAX_DAYS_LEFT)))


def find_credit_alerts(
    scopes: Sequence[ScopeCredits],
    alerts: Mapping[str, CreditAlert],
    low_percent: int,
) -> Iterator[CreditAlert]:
    """Find the alerts that change: a level that is worse than before is due.

    Credits that are sufficient again, by a new grant or a correction, end an alert, so that the
    next one is sent. A balance that only falls ends none, although credits may look sufficient once
    a grant is used up or closed. Small corrections between low and exhausted send nothing twice.

    Args:
        scopes: All scopes under credits.
        alerts: The alerts as they are stored, by the key of the scope.
        low_percent: See `ScopeCredits.find_level`.
    """
    for scope in scopes:
        level, alert = scope.find_level(low_percent), alerts.get(scope.key)
        found = CreditAlert(scope.key, level, scope.at, scope.balance_picodollars)
        noted = CreditLevel.SUFFICIENT if alert is None else alert.level
        if level > noted:
            yield found
        elif (
            alert is not None
            and level is CreditLevel.SUFFICIENT
            and noted is not level
            and scope.has_risen(alert.since, alert.picodollars)
        ):
            yield found._replace(is_sent=True)
    for key in sorted(alerts.keys() - {scope.key for scope in scopes}):
        if alerts[key].level is not CreditLevel.SUFFICIENT:
            yield alerts[key]._replace(level=CreditLevel.SUFFICIENT, is_sent=True)
