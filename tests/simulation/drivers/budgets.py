"""Parts shared by functions of budgets: the budgets, and their sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.budgets import (
    AccumulatorKey,
    Budget,
    BudgetAmount,
    BudgetChanges,
    BudgetsChangedError,
    BudgetScope,
    BudgetSubject,
    BudgetThresholds,
    BudgetUnit,
    DayPeriods,
    HourPeriods,
    RollingHours,
    StoredBudget,
    list_cell_ranges,
    rebuild,
)
from lambdas.domain.budgets.budget import NO_VALUE
from lambdas.domain.counters import CountingState, UsageChange, UsageTotals
from tests.builders import ANA, BEN
from tests.simulation.account import COUNTERS, GOVERNANCE, Account
from tests.simulation.drivers.driver import Driver
from tests.simulation.world import START

WEEK = DayPeriods("UTC", 7, START.date())
"""The period of budgets, which has all calls of a run."""
_CHANGES = 6
_CHANGED_EVERY = timedelta(minutes=70)
_REFUSALS = (BotoCoreError, ClientError, BudgetsChangedError)
_EVERYTHING = Budget(
    name="account",
    managed_by="platform",
    scope=BudgetScope(),
    amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 1_000),
    periods=WEEK,
    thresholds=BudgetThresholds(forecast=()),
)
_SCOPES = (BudgetScope(identity=(ANA,)), BudgetScope(identity=(BEN,)), BudgetScope())
_FIRST = (
    _EVERYTHING,
    replace(_EVERYTHING, name="each", per=BudgetSubject.IDENTITY),
    replace(_EVERYTHING, name="window", periods=RollingHours(3)),
)
_THRESHOLDS = BudgetThresholds(
    forecast=(Decimal(80), Decimal(120)), forecast_probability=Decimal("0.5")
)
_DAILY = replace(
    _EVERYTHING,
    name="daily",
    amount=BudgetAmount.from_usd(Decimal(2)),
    periods=DayPeriods("Europe/Berlin"),
    thresholds=_THRESHOLDS,
)
_MONEY = (
    _DAILY,
    replace(
        _DAILY, name="hourly", amount=BudgetAmount.from_usd(Decimal(1)), periods=HourPeriods("UTC")
    ),
)
"""Budgets with forecasts. A day ends while calls are made, and so do hours.

The new model has no price at first, so its calls count at high prices. A recount takes most of that
back later.
"""
_RAISED = (
    (
        _CHANGED_EVERY / 2,
        replace(_FIRST[1], amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 2_000)),
    ),
    (timedelta(hours=5), replace(_DAILY, amount=BudgetAmount.from_usd(Decimal("2.4")))),
)
"""Budgets with more than before, and when: before anything is used, and after some has alerted."""


def store_budgets(driver: Driver) -> DynamoDbBudgetStore:
    """The store of budgets of a function."""
    return DynamoDbBudgetStore(driver.dynamodb, GOVERNANCE)


def plan_unchanged_budgets(account: Account) -> None:
    """Plan what an operator does who applies budgets once."""
    account.planned.add(GOVERNANCE)
    account.world.at(START, _apply, account, BudgetChanges((*_FIRST, *_MONEY)))


def plan_budgets(account: Account) -> None:
    """Plan what an operator does: amounts are raised, and scopes change every hour."""
    if GOVERNANCE not in account.planned:
        plan_unchanged_budgets(account)
        for after, raised in _RAISED:
            account.world.at(START + after, _apply, account, BudgetChanges(amended=(raised,)))
        for number, scope in zip(range(1, _CHANGES + 1), cycle(_SCOPES)):  # endless
            amount = BudgetAmount(BudgetUnit.TOTAL_TOKENS, 1_000 + number)
            more = tuple(replace(budget, scope=scope, amount=amount) for budget in _FIRST)
            account.world.at(
                START + number * _CHANGED_EVERY, _apply, account, BudgetChanges(written=more)
            )


def _apply(account: Account, changes: BudgetChanges) -> None:
    """Run the command, and again a minute later if it fails."""
    store = DynamoDbBudgetStore(account.dynamodb, GOVERNANCE)
    try:
        store.write(changes, store.read().revision)
    except _REFUSALS:
        account.world.after(60, _apply, account, changes)


def find_wrong_sums(account: Account) -> Iterator[str]:
    """Find sums of active budgets that differ from cells, which are compared with the truth."""
    book = DynamoDbBudgetStore(account.dynamodb, GOVERNANCE).read()
    sums = DynamoDbCounters(account.dynamodb, COUNTERS, account.pause)
    state = sums.read_state()
    if state is None:
        return
    for stored in book:
        if not stored.is_active:
            yield f"{stored.budget.name}: still building"
            continue
        found = read_sums(sums, state, stored, account.now)
        for key, expected in _add_up_cells(sums, state, stored, account).items():
            total = found.pop(key.value, UsageTotals.ZERO)
            if total != expected:
                yield f"{key.name} {key.value}: {total}, and cells have {expected}"
        for value, totals in found.items():
            if totals:
                yield f"{stored.budget.name} {value}: {totals}, and cells have nothing"


def read_sums(
    sums: DynamoDbCounters, state: CountingState, stored: StoredBudget, now: datetime
) -> dict[str, UsageTotals]:
    """Read the sums of a budget's current period by value."""
    periods, found = stored.budget.periods, dict[str, UsageTotals]()
    for slot in periods.list_slots(periods.period_at(now)):
        key = AccumulatorKey(stored.budget.name, stored.generation, NO_VALUE, slot)
        for value, totals in sums.read_values(state.generation, key.name).items():
            found[value] = found.get(value, UsageTotals.ZERO) + totals
    return found


def _add_up_cells(
    sums: DynamoDbCounters, state: CountingState, stored: StoredBudget, account: Account
) -> dict[AccumulatorKey, UsageTotals]:
    periods = stored.budget.periods
    changes = [
        UsageChange(cell.key.labels, cell.key.start, cell.totals)
        for slot in periods.list_slots(periods.period_at(account.now))
        for cells in list_cell_ranges(slot, 60, account.now)
        for cell in sums.read_cells(state.generation, *cells)
    ]
    return rebuild(changes, stored, 60)


def list_reached(stored: StoredBudget, totals: UsageTotals) -> list[Decimal]:
    """List the thresholds that usage has reached."""
    budget = stored.budget
    used = budget.read_usage(totals)
    return [
        percent for percent in budget.thresholds.actual if budget.amount.is_reached(used, percent)
    ]
