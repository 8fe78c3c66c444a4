"""Budgets, callers and denies for tests of the brake, from defaults that each test overrides."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lambdas.domain.brake import (
    BrakeInputs,
    BrakeSwitch,
    CauseKey,
    Deny,
    DenyCause,
    PrincipalKind,
    PrincipalTarget,
    SessionTarget,
    TargetRules,
)
from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetBook,
    BudgetPeriod,
    BudgetStatus,
    BudgetSubject,
    DayPeriods,
    StoredBudget,
)
from lambdas.domain.counters import UsageTotals
from tests.brake import ACCOUNT
from tests.builders import BEN, NOON
from tests.unit.budgets.builders import DOLLAR, budget, stored, usage

DAILY = DayPeriods("UTC")
TODAY = DAILY.period_at(NOON)
MIDNIGHT = TODAY.end
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ON = BrakeSwitch(is_on=True)
RULES = TargetRules(account_id=ACCOUNT, has_sessions=True)
CHAT = PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, "chat")
BEN_USER = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "ben")
ANA_SESSION = SessionTarget(CHAT, "ana@example.com")


def dollars(amount: float) -> BudgetAmount:
    return BudgetAmount.from_usd(Decimal(str(amount)))


def daily(name: str = "daily", limit: float = 10, **changes: Any) -> Budget:
    """A budget of $10 a day for each identity, which denies, but for the changes."""
    defaults: dict[str, Any] = {
        "amount": dollars(limit),
        "periods": DAILY,
        "per": BudgetSubject.IDENTITY,
        "brake": BrakeMode.DENY,
    }
    return budget(name, **defaults | changes)


def status(
    entry: StoredBudget,
    spent: float | UsageTotals,
    value: str = BEN,
    period: BudgetPeriod | None = None,
    now: datetime = NOON,
) -> BudgetStatus:
    """The usage of a value of a budget, in its current period unless given."""
    return BudgetStatus(
        stored=entry,
        period=period or entry.budget.periods.period_at(now),
        totals=spent if isinstance(spent, UsageTotals) else usage(spent),
        value=value,
    )


def book(*entries: StoredBudget) -> BudgetBook:
    return BudgetBook(
        max((each.generation for each in entries), default=0),
        {each.budget.name: each for each in entries},
    )


def inputs(*statuses: BudgetStatus, **changes: Any) -> BrakeInputs:
    """Inputs with the budgets of the statuses, switched on, but for the changes."""
    defaults: dict[str, Any] = {
        "book": book(*(each.stored for each in statuses)),
        "statuses": statuses,
        "switch": ON,
        "rules": RULES,
        "now": NOON,
    }
    return BrakeInputs(**defaults | changes)


def cause(name: str = "daily", **changes: Any) -> DenyCause:
    """A budget of $10 a day that is used up by Ben, but for the changes."""
    defaults: dict[str, Any] = {
        "key": CauseKey(name, 1, BEN, TODAY),
        "until": MIDNIGHT,
        "amount": dollars(10),
        "used": 10 * DOLLAR,
        "reserve": 0,
    }
    return DenyCause(**defaults | changes)


def deny(**changes: Any) -> Deny:
    """A deny of Ben that is not attached yet, but for the changes."""
    defaults: dict[str, Any] = {"target": BEN_USER, "causes": (cause(),), "decided_at": NOON}
    return Deny(**defaults | changes)


def active(made: Budget | None = None, generation: int = 1) -> StoredBudget:
    return stored(made or daily(), generation)
