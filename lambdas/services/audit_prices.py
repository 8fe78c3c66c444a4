"""Finds changes of prices for the audit trail: of held prices, editions and contracted prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from lambdas.domain.audit import (
    CONTRACTED_PRICES,
    PRICE_SOURCE,
    AuditedChange,
    AuditStore,
    InvalidEntryError,
    Json,
    PointerHistory,
    PointerVersion,
    describe_contracted_prices,
    describe_price_change,
    read_entry,
)

_MAX_VERSIONS = 200  # of the pointer in one run; the next run does the rest


@dataclass(frozen=True, slots=True)
class PriceAuditor:
    """Compares prices with the chain.

    Attributes:
        store: The chain.
        history: The versions of the pointer of price updates.
        contracted_prices: The contracted prices as they are configured.
        append: Appends changes to the chain.
    """

    store: AuditStore
    history: PointerHistory
    contracted_prices: Json
    append: Callable[[Iterable[AuditedChange], datetime], int]

    def audit(self, now: datetime, has_time: Callable[[], bool]) -> int:
        """Append what is not in the chain yet; returns the number of new entries.

        Args:
            now: The time.
            has_time: Says if there is time for another version.
        """
        return self._audit_contracted(now) + self._audit_versions(now, has_time)

    def _audit_contracted(self, now: datetime) -> int:
        """Compare the contracted prices with the last entry about them."""
        last = self.store.read_last(CONTRACTED_PRICES)
        known = None
        if last is not None:
            try:
                known = read_entry(last.text).change
            except InvalidEntryError:  # it was tampered with: the verification reports it
                known = None
        place = last.place if last else 0
        change = describe_contracted_prices(self.contracted_prices, known, place, now)
        return 0 if change is None else self.append([change], now)

    def _audit_versions(self, now: datetime, has_time: Callable[[], bool]) -> int:
        """Append a change for each version of the pointer that follows the last audited one."""
        known = None
        unaudited: list[PointerVersion] = []
        for version in self.history.list_versions():
            if self.store.has_source(_name_source(version)):
                known = version
                break
            unaudited.append(version)
        appended = 0
        before = None if known is None else self.history.read_version(known)
        oldest_first = unaudited[::-1][:_MAX_VERSIONS]
        for version in takewhile(lambda _: has_time(), oldest_first):
            after = self.history.read_version(version)
            source = _name_source(version)
            change = describe_price_change(
                before, after, source=source, changed_at=version.written_at
            )
            if change is None:
                self.store.mark_source(source)
            else:
                appended += self.append([change], now)
            before = after
        return appended


def _name_source(version: PointerVersion) -> str:
    return f"{PRICE_SOURCE}{version.id}"
