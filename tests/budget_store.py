"""The table of budgets in moto, and the in-memory twins of its stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import boto3

from lambdas.domain.budgets import (
    MAX_CHANGES,
    AlertKey,
    AlertState,
    BudgetAlert,
    BudgetBook,
    BudgetChanges,
    BudgetsChangedError,
    BudgetState,
    StoredBudget,
)

GOVERNANCE = "governance"


def create_governance_table() -> None:
    boto3.client("dynamodb").create_table(
        TableName=GOVERNANCE,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


class InMemoryBudgetStore:
    """Budgets in a dictionary."""

    def __init__(self, stored: Iterable[StoredBudget] = ()) -> None:
        budgets = {each.budget.name: each for each in stored}
        revision = max((each.generation for each in budgets.values()), default=0)
        self._book = BudgetBook(revision, budgets)

    def read(self) -> BudgetBook:
        return self._book

    def write(self, changes: BudgetChanges, revision: int) -> BudgetBook:
        assert len(changes.written) + len(changes.deleted) <= MAX_CHANGES
        if revision != self._book.revision:
            raise BudgetsChangedError
        written = {budget.name: StoredBudget(budget, revision + 1) for budget in changes.written}
        kept = {
            name: stored
            for name, stored in self._book.budgets.items()
            if name not in changes.deleted
        }
        self._book = BudgetBook(revision + 1, kept | written)
        return self._book

    def mark_active(self, name: str, generation: int) -> bool:
        stored = self._book.budgets.get(name)
        if stored is None or stored.generation != generation:
            return False
        active = {name: replace(stored, state=BudgetState.ACTIVE)}
        self._book = replace(self._book, budgets=self._book.budgets | active)
        return True


class InMemoryAlertStore:
    """Alerts in a dictionary, by their ids."""

    def __init__(self) -> None:
        self.alerts: dict[str, BudgetAlert] = {}

    def add_due(self, alert: BudgetAlert) -> bool:
        key = alert.key
        threshold = (key.budget, key.generation, key.threshold_id)
        ends = [
            other.key.period.end
            for other in self.alerts.values()
            if (other.key.budget, other.key.generation, other.key.threshold_id) == threshold
        ]
        if any(end > key.period.start for end in ends):
            return False
        self.alerts[key.id] = alert
        return True

    def list_due(self) -> Iterator[BudgetAlert]:
        return (alert for alert in self._ordered() if alert.state is AlertState.DUE)

    def mark_sent(self, key: AlertKey, sent_at: datetime) -> None:  # noqa: ARG002  # the port has it
        self.alerts[key.id] = replace(self.alerts[key.id], state=AlertState.SENT)

    def list_alerts(self, budget: str, generation: int) -> Iterator[BudgetAlert]:
        keys = (budget, generation)
        return (
            alert for alert in self._ordered() if (alert.key.budget, alert.key.generation) == keys
        )

    def _ordered(self) -> list[BudgetAlert]:
        return [alert for _, alert in sorted(self.alerts.items())]
