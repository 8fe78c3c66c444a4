"""Balances of accounts as of any time of booking, from entries and from snapshots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from lambdas.domain.credits.entries import Account, AccountKind, CreditEntry

Balances: TypeAlias = Mapping[Account, int]
"""Balances in pico-dollars by account. An account that is not listed has 0."""


@dataclass(frozen=True, slots=True)
class CreditSnapshot:
    """The balances of all accounts before a time: a cache, whose absence changes no result.

    Attributes:
        at: The time. The entries that were booked before it are in the balances.
        balances: The balances.
    """

    at: datetime
    balances: Balances


_MOMENT = timedelta(microseconds=1)


class Burn(NamedTuple):
    """The usage of a scope that was booked in a time.

    Attributes:
        paid_picodollars: The part that grants have paid.
        overage_picodollars: The part that no grant has paid.
    """

    paid_picodollars: int = 0
    overage_picodollars: int = 0

    @property
    def picodollars(self) -> int:
        """Both together."""
        return self.paid_picodollars + self.overage_picodollars


NO_BURN = Burn()


def sum_balances(entries: Iterable[CreditEntry], start: Balances | None = None) -> Balances:
    """Add the postings of entries to balances."""
    sums = defaultdict(int, start or {})
    for entry in entries:
        for posting in entry.postings:
            sums[posting.account] += posting.picodollars
    return MappingProxyType({account: sums[account] for account in sorted(sums) if sums[account]})


def balance_at(
    entries: Iterable[CreditEntry], at: datetime, snapshot: CreditSnapshot | None = None
) -> Balances:
    """Calculate the balances as of a time: the entries that were booked until then, or at it.

    Args:
        entries: Entries, at least those from the snapshot on.
        at: The time.
        snapshot: A snapshot that is not later than the time; any other is left aside.
    """
    if snapshot is None or snapshot.at > at:
        return sum_balances(entry for entry in entries if entry.booked_at <= at)
    later = (entry for entry in entries if snapshot.at <= entry.booked_at <= at)
    return sum_balances(later, snapshot.balances)


def take_snapshot(
    entries: Iterable[CreditEntry], at: datetime, before: CreditSnapshot | None = None
) -> CreditSnapshot:
    """Take a snapshot of the balances before a time.

    Args:
        entries: Entries, at least those from the earlier snapshot on.
        at: The time. The books are closed until then: no entry of an earlier one follows.
        before: An earlier snapshot; any other is left aside.
    """
    if before is None or before.at > at:
        return CreditSnapshot(at, sum_balances(entry for entry in entries if entry.booked_at < at))
    later = (entry for entry in entries if before.at <= entry.booked_at < at)
    return CreditSnapshot(at, sum_balances(later, before.balances))


def sum_burned(
    entries: Iterable[CreditEntry], start: datetime, end: datetime
) -> Mapping[str, Burn]:
    """Sum the usage that was booked from a time until before another, by the key of its scope.

    Corrections count when they are booked, so that the sum over two times in a row is that of
    both, and a sum over the past never changes.
    """
    sums = sum_balances(entry for entry in entries if start <= entry.booked_at < end)
    burned = dict[str, Burn]()
    for account, picodollars in sums.items():
        before = burned.get(account.name, NO_BURN)
        if account.kind is AccountKind.USAGE:
            burned[account.name] = before._replace(
                paid_picodollars=before.paid_picodollars + picodollars
            )
        elif account.kind is AccountKind.OVERAGE:
            burned[account.name] = Burn(
                before.paid_picodollars + picodollars, before.overage_picodollars - picodollars
            )
    return burned


def sum_recent(entries: Iterable[CreditEntry], time: timedelta, at: datetime) -> Mapping[str, Burn]:
    """Sum the usage that was booked in the time before a moment, and at that moment.

    A run that books usage, then looks at it, has one time for both.
    """
    return sum_burned(entries, at - time + _MOMENT, at + _MOMENT)
