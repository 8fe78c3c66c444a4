"""Compares credits with the marks at which people are notified, and the grants with the entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    MAX_COMMIT_TIME,
    NO_BURN,
    RATE_TIME,
    Account,
    AccountKind,
    Balances,
    CreditAlert,
    CreditBook,
    CreditEntry,
    CreditLevel,
    CreditStore,
    EntryKind,
    ExhaustedScope,
    ExhaustedScopes,
    Posting,
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
from lambdas.domain.times import write_seconds
from lambdas.domain.words import list_first

_DAY = timedelta(days=1)
_PART = timedelta(minutes=5)
"""The time whose entries are kept as one sum: burn rates are exact to it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


class _Figures(NamedTuple):
    """The sums of entries.

    Attributes:
        balances: The balances of all accounts.
        recent: The entries of the `RATE_TIME` before now, those of some minutes added up.
    """

    balances: Balances
    recent: Sequence[CreditEntry]


@dataclass(slots=True)
class _SummedEntries:
    """The sums of entries, which a process reads once: they never change.

    Attributes:
        settled_at: The time before which all entries are summed, and no other follows; `None`
            before the first reading, and after one that has failed.
        balances: The balances before then.
        parts: The sums of recent entries before then, by the start of each `_PART`.
        accounts: Each account once, to save memory.
    """

    settled_at: datetime | None = None
    balances: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))
    parts: dict[datetime, defaultdict[Account, int]] = field(default_factory=dict)
    accounts: dict[Account, Account] = field(default_factory=dict)

    def read(self, store: CreditStore, now: datetime) -> _Figures:
        """Read the entries that are new, and sum all.

        Raises:
            ValueError: An entry cannot be read.
        """
        oldest, until = now - RATE_TIME, now - MAX_COMMIT_TIME
        start, summed_at = self._begin(store, oldest, until)
        self.parts = {start: sums for start, sums in self.parts.items() if start >= oldest}
        unsettled = list[CreditEntry]()
        for entry in store.list_entries(start):
            if entry.booked_at >= until:
                unsettled.append(entry)
                continue
            if summed_at is None or entry.booked_at >= summed_at:
                self._add(entry, self.balances)
            if entry.booked_at >= oldest:
                part = entry.booked_at - (entry.booked_at - _EPOCH) % _PART
                self._add(entry, self.parts.setdefault(part, defaultdict(int)))
        self.settled_at = until
        recent = [_make_entry(start, sums) for start, sums in self.parts.items()]
        return _Figures(sum_balances(unsettled, self.balances), [*recent, *unsettled])

    def clear(self) -> None:
        """Forget all, so that everything is read again."""
        self.settled_at, self.parts, self.accounts = None, {}, {}
        self.balances = defaultdict(int)

    def _begin(
        self, store: CreditStore, oldest: datetime, until: datetime
    ) -> tuple[datetime | None, datetime | None]:
        """Begin a reading; returns the time to read from, and that from which to sum."""
        settled_at, self.settled_at = self.settled_at, None  # until all is read
        if settled_at is not None:
            return settled_at, None
        self.clear()
        snapshot = store.read_snapshot(until)
        if snapshot is None:
            return None, None
        self.balances.update(snapshot.balances)
        return min(snapshot.at, oldest), snapshot.at

    def _add(self, entry: CreditEntry, sums: defaultdict[Account, int]) -> None:
        for account, picodollars in entry.postings:
            sums[self.accounts.setdefault(account, account)] += picodollars


def _make_entry(at: datetime, sums: Balances) -> CreditEntry:
    """Add entries of some minutes up to one."""
    return CreditEntry(
        id=f"sum-{write_seconds(at)}",
        kind=EntryKind.USAGE,
        booked_at=at,
        postings=tuple(Posting(*each) for each in sums.items()),
    )


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
    _entries: _SummedEntries = field(default_factory=_SummedEntries, init=False)

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
            figures = self._entries.read(self.store, now)
            measured = _measure(scopes, figures, now)
            differing = self._find_differing(book, figures.balances)
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

    def _find_differing(self, book: CreditBook, balances: Balances) -> tuple[str, ...]:
        """Find the grants whose balance is not the sum of their entries, without any snapshot.

        A grant that has changed since the book was read is left to the next run.
        """
        if not _compare(book, balances):
            return ()
        self._entries.clear()
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


def _measure(
    scopes: Sequence[ScopeCredits], figures: _Figures, now: datetime
) -> Mapping[str, CreditFigures]:
    rates = measure_rates(figures.recent, scopes)
    burned = sum_recent(figures.recent, _DAY, now)
    return {
        scope.key: CreditFigures(
            scope=scope,
            rates=rates[scope.key],
            burned=burned.get(scope.key, NO_BURN),
            days_left=count_days_left(scope, rates[scope.key].week),
            overage_picodollars=get_overage(figures.balances, scope.key),
        )
        for scope in scopes
    }


def covers(wide: BudgetScope, narrow: BudgetScope) -> bool:
    """Say if each usage in a scope is in another one, as far as the conditions show it."""
    others = narrow.conditions
    return all(
        field in others and {*others[field]} <= {*names} for field, names in wide.conditions.items()
    )


def describe_cause(scope: ScopeCredits) -> str:
    """Describe why a scope has no credit, such as `grants july and june are used up or ended`."""
    names = [balance.grant.id for balance in reversed(scope.grants)]  # the last payers first
    if len(names) == 1:
        return f"grant {names[0]} is used up or ended"
    return f"grants {list_first(names, _MAX_NAMES)} are used up or ended"


def _compare(book: CreditBook, balances: Balances) -> list[str]:
    """List the grants whose balance differs, and those that are missing."""
    summed = {
        account.name: picodollars
        for account, picodollars in balances.items()
        if account.kind is AccountKind.GRANT
    }
    stored = {name: balance.picodollars for name, balance in book.grants.items()}
    return sorted(name for name in {*summed, *stored} if summed.get(name, 0) != stored.get(name, 0))
