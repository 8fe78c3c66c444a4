"""The alerts of credits in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from lambdas.domain.budgets.budget_alerts import CLAIM, DeliveryWay
from lambdas.domain.credits.alerts import StoredCreditAlert


class InMemoryCreditAlerts:
    """Stores alerts by the keys of their scopes.

    Attributes:
        stored: The alerts.
        unreadable: The keys of alerts that cannot be read.
    """

    def __init__(self) -> None:
        self.stored: dict[str, StoredCreditAlert] = {}
        self.unreadable: list[str] = []
        self._claims: dict[str, datetime] = {}

    def list_alerts(self) -> Sequence[StoredCreditAlert]:
        return [self.stored[key] for key in sorted(self.stored)]

    def remove_unreadable(self) -> Sequence[str]:
        removed, self.unreadable = self.unreadable, []
        return removed

    def write(self, stored: StoredCreditAlert) -> bool:
        if not self._is_same(stored):
            return False
        self._claims.pop(stored.alert.key, None)
        self.stored[stored.alert.key] = replace(
            stored, version=stored.version + 1, delivered=frozenset()
        )
        return True

    def remove(self, stored: StoredCreditAlert) -> bool:
        if not self._is_same(stored):
            return False
        self._claims.pop(stored.alert.key, None)
        del self.stored[stored.alert.key]
        return True

    def claim(self, stored: StoredCreditAlert, now: datetime) -> bool:
        key = stored.alert.key
        if not self._is_same(stored) or (key in self._claims and now < self._claims[key]):
            return False
        self._claims[key] = now + CLAIM
        return True

    def postpone(
        self, stored: StoredCreditAlert, until: datetime, delivered: Collection[DeliveryWay]
    ) -> None:
        if self._is_same(stored):
            self._claims[stored.alert.key] = until
            self.stored[stored.alert.key] = replace(stored, delivered=frozenset(delivered))

    def mark_sent(self, stored: StoredCreditAlert) -> None:
        if self._is_same(stored):
            self._claims.pop(stored.alert.key, None)
            self.stored[stored.alert.key] = replace(
                stored,
                alert=stored.alert._replace(is_sent=True),
                version=stored.version + 1,
                delivered=frozenset(),
            )

    def _is_same(self, stored: StoredCreditAlert) -> bool:
        found = self.stored.get(stored.alert.key)
        return stored.version == (0 if found is None else found.version)
