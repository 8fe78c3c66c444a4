"""Parts shared by functions of counters: their store, and books at every edition."""

from __future__ import annotations

from datetime import timedelta

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.budgets import CurrentSums
from lambdas.domain.counters import EditionBooks, SumUp, get_spans
from tests.builders import PRICING
from tests.enriching import call_books
from tests.simulation.account import COUNTERS, GOVERNANCE, LEDGER, Account
from tests.simulation.drivers.books import editions
from tests.simulation.drivers.driver import Driver

DEPLOYMENT, _DEPLOYED = "stack-1", "settings-1"
SPANS = get_spans(60)
RECOUNTS = timedelta(minutes=20)


def counters(driver: Driver) -> DynamoDbUsageCounters:
    """The store of counters of a function."""
    return DynamoDbUsageCounters(driver.dynamodb, COUNTERS, LEDGER, driver.account.pause)


def current_sums(driver: Driver) -> CurrentSums:
    """The sums of the budgets in force."""
    return CurrentSums(
        store=DynamoDbBudgetStore(driver.dynamodb, GOVERNANCE),
        cell_minutes=60,
        clock=lambda: driver.account.now,
    )


def sum_up(sums: CurrentSums) -> SumUp:
    """The sums by cell, and by the budgets in force. Hours whose cost has changed are noted."""
    return SumUp(SPANS, sums.accumulate, notes_hours=True)


def edition_books(account: Account) -> EditionBooks:
    """The books at any edition of prices; no resource has tags."""
    rules = AttributionRules()
    tags = call_books(rules=rules).tags
    return EditionBooks(tags, rules, PRICING, _DEPLOYED, editions(account))
