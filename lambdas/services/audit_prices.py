"""Finds changes of held prices and editions for the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from lambdas.domain.audit import (
    PRICE_SOURCE,
    AuditedChange,
    AuditStore,
    PointerHistory,
    PointerVersion,
    describe_price_change,
)

_MAX_VERSIONS = 200  # of the pointer in one run; the next run does the rest


@dataclass(frozen=True, slots=True)
class PriceAuditor:
    """Compares prices with the chain.

    Attributes:
        store: The chain.
        history: The versions of the pointer of price updates.
        append: Appends changes to the chain.
    """

    store: AuditStore
    history: PointerHistory
    append: Callable[[Iterable[AuditedChange], datetime], int]

    def audit(self, now: datetime, has_time: Callable[[], bool]) -> int:
        """Append a change for each version of the pointer that follows the last audited one.

        Args:
            now: The time.
            has_time: Says if there is time for another version.

        Returns:
            The number of new entries.
        """
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
