"""Compares credits with the marks at which people are notified, and the grants with the entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    NO_BURN,
    RATE_TIME,
    AccountKind,
    Balances,
    CreditAlert,
    CreditBook,
    CreditEntry,
    CreditLevel,
    CreditStore,
    ExhaustedScope,
    ExhaustedScopes,
    ScopeCredits,
    count_days_left,
    find_credit_alerts,
    get_overage,
    list_scopes,
    measure_rates,
    sum_balances,
    sum_recent,
)
from lambdas.domain.credits.alerts import (
    CreditAlertStore,
    CreditFigures,
    StoredCreditAlert,
    write_credit_detail,
)
from lambdas.domain.metrics import MetricsUnavailableError
from lambdas.domain.metrics.credit_metrics import CreditPublishing
from lambdas.domain.words import list_first

_DAY = timedelta(days=1)
_COMMIT_TIME = timedelta(minutes=30)
"""The time between the time in an entry and its commit, taken high."""
_MAX_NAMES = 3


class CreditWatchReport(NamedTuple):
    """The outcome of a run.

    Attributes:
        alerts: The number of alerts that are newly due.
        exhausted: The number of scopes whose credits are exhausted.
        removed: Alerts that could not be read and were removed, so that they are made again.
        differing: The ids of grants whose balance is not the sum of their entries.
        unreadable: The reason why entries could not be read; `None` if they could.
        unpublished: The reason why metrics were not published; `None` if they were.
    """

    alerts: int = 0
    exhausted: int = 0
    removed: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    unreadable: str | None = None
    unpublished: str | None = None


@dataclass(slots=True)
class _RecentEntries:
    """The entries of the last days, which a process reads once: they never change.

    Attributes:
        entries: The entries by their ids.
        read_at: The time of the last reading; `None` before the first.
    """

    entries: dict[str, CreditEntry] = field(default_factory=dict)
    read_at: datetime | None = None

    def read(self, store: CreditStore, now: datetime) -> Sequence[CreditEntry]:
        """Read the entries that are new, and return all of the `RATE_TIME` before now."""
        oldest = now - RATE_TIME
        start = oldest if self.read_at is None else max(self.read_at - _COMMIT_TIME, oldest)
        self.entries |= {entry.id: entry for entry in store.list_entries(start)}
        self.entries = {
            name: entry for name, entry in self.entries.items() if entry.booked_at >= oldest
        }
        self.read_at = now
        return list(self.entries.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditWatcher:
    """Stores what follows from the books: alerts that are due, and exhausted scopes.

    All of it is made from the books again in each run, so a run may end at any moment.

    Attributes:
        store: The books.
        alerts: The alerts.
        exhausted: The exhausted scopes, which the brake and the gateway read.
        metrics: Publishes metrics.
        low_percent: See `ScopeCredits.find_level`.
    """

    store: CreditStore
    alerts: CreditAlertStore
    exhausted: ExhaustedScopes
    metrics: CreditPublishing
    low_percent: int
    _recent: _RecentEntries = field(default_factory=_RecentEntries, init=False)

    def watch(self, now: datetime) -> CreditWatchReport:
        """Store new alerts and the exhausted scopes, and publish metrics when they are due.

        While a grant cannot be read, everything stays as it is: without it, a scope may look
        exhausted.
        """
        book = self.store.read_book()
        if book.unreadable:
            return CreditWatchReport()
        scopes = list_scopes(book, now)
        removed = tuple(self.alerts.remove_unreadable())
        stored = {each.alert.key: each for each in self.alerts.list_alerts()}
        changes = [
            *find_credit_alerts(
                scopes, {key: each.alert for key, each in stored.items()}, self.low_percent
            )
        ]
        exhausted = self._store_exhausted(scopes, now)
        report = CreditWatchReport(exhausted=exhausted, removed=removed)
        if not changes and not self.metrics.is_due(now):
            return report
        try:
            balances = self._sum_all(now)
            measured = self._measure(scopes, balances, now)
            differing = self._find_differing(book, balances)
        except ValueError as error:  # an entry cannot be read
            return report._replace(unreadable=str(error))
        due = sum(self._store_alert(change, stored.get(change.key), measured) for change in changes)
        return report._replace(
            alerts=due, differing=differing, unpublished=self._publish(measured, now)
        )

    def _store_exhausted(self, scopes: Sequence[ScopeCredits], now: datetime) -> int:
        """Store the exhausted scopes for which no wider grant can pay."""
        exhausted = [
            ExhaustedScope(scope=scope.scope, since=now, because=describe_cause(scope))
            for scope in scopes
            if scope.find_level(self.low_percent) is CreditLevel.EXHAUSTED
            and not any(
                other.balance_picodollars and covers(other.scope, scope.scope) for other in scopes
            )
        ]
        self.exhausted.replace(exhausted)
        return len(exhausted)

    def _store_alert(
        self,
        change: CreditAlert,
        before: StoredCreditAlert | None,
        measured: Mapping[str, CreditFigures],
    ) -> bool:
        """Store an alert that changes; `True` if it is due."""
        if change.level is CreditLevel.SUFFICIENT:
            if before is not None:
                self.alerts.remove(before)
            return False
        alert = StoredCreditAlert(
            alert=change,
            detail=write_credit_detail(change, measured[change.key], self.low_percent),
            version=0 if before is None else before.version,
        )
        return self.alerts.write(alert) and not change.is_sent

    def _measure(
        self, scopes: Sequence[ScopeCredits], balances: Balances, now: datetime
    ) -> Mapping[str, CreditFigures]:
        entries = self._recent.read(self.store, now)
        rates = measure_rates(entries, scopes)
        burned = sum_recent(entries, _DAY, now)
        return {
            scope.key: CreditFigures(
                scope=scope,
                rates=rates[scope.key],
                burned=burned.get(scope.key, NO_BURN),
                days_left=count_days_left(scope, rates[scope.key].week),
                overage_picodollars=get_overage(balances, scope.key),
            )
            for scope in scopes
        }

    def _sum_all(self, now: datetime) -> Balances:
        """Sum all entries, from the last snapshot on."""
        snapshot = self.store.read_snapshot(now)
        if snapshot is None:
            return sum_balances(self.store.list_entries())
        return sum_balances(self.store.list_entries(snapshot.at), snapshot.balances)

    def _find_differing(self, book: CreditBook, balances: Balances) -> tuple[str, ...]:
        """Find the grants whose balance is not the sum of their entries, without any snapshot.

        A grant that has changed since the book was read is left to the next run.
        """
        if not _compare(book, balances):
            return ()
        found = _compare(book, sum_balances(self.store.list_entries()))
        after = self.store.read_book().grants
        return tuple(name for name in found if after.get(name) == book.grants.get(name))

    def _publish(self, measured: Mapping[str, CreditFigures], now: datetime) -> str | None:
        """Publish metrics if they are due; returns the reason why they were not taken."""
        if not self.metrics.is_due(now):
            return None
        try:
            self.metrics.publish(measured.values(), now)
        except MetricsUnavailableError as error:
            return str(error)
        return None


def covers(wide: BudgetScope, narrow: BudgetScope) -> bool:
    """Say if each usage in a scope is in another one, as far as the conditions show it."""
    others = narrow.conditions
    return all(
        field in others and {*others[field]} <= {*names} for field, names in wide.conditions.items()
    )


def describe_cause(scope: ScopeCredits) -> str:
    """Describe why a scope has no credit, such as `grants june and july have nothing left`."""
    names = [balance.grant.id for balance in scope.grants]
    if len(names) == 1:
        return f"grant {names[0]} has nothing left"
    return f"grants {list_first(names, _MAX_NAMES)} have nothing left"


def _compare(book: CreditBook, balances: Balances) -> list[str]:
    """List the grants whose balance differs, and those that are missing."""
    summed = {
        account.name: picodollars
        for account, picodollars in balances.items()
        if account.kind is AccountKind.GRANT
    }
    stored = {name: balance.picodollars for name, balance in book.grants.items()}
    return sorted(name for name in {*summed, *stored} if summed.get(name, 0) != stored.get(name, 0))
