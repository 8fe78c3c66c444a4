"""The table of budgets in moto, and the in-memory twin of its store."""

from __future__ import annotations

from dataclasses import replace

import boto3

from lambdas.domain.budgets import (
    MAX_CHANGES,
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

    def __init__(self) -> None:
        self._book = BudgetBook(0, {})

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
