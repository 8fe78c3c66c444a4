"""Grants and exhausted scopes for tests of what stops usage without credits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    CreditBook,
    CreditGrant,
    CreditState,
    CreditSwitch,
    ExhaustedScope,
    GrantBalance,
    find_unpaid,
)
from tests.builders import ANA, BEN, NOON

CALLERS = BudgetScope(identity=(ANA, BEN))
CHAT_PROJECT = BudgetScope(project=("chat",))
USD = 10**12


def make_balance(
    name: str, scope: BudgetScope, rest: int = 0, *, is_voided: bool = False, **changes: Any
) -> GrantBalance:
    """A grant of $10 with a rest."""
    defaults: dict[str, Any] = {
        "picodollars": 10 * USD,
        "effective_from": NOON - timedelta(days=1),
        "created_at": NOON - timedelta(days=1),
    }
    grant = CreditGrant(id=name, scope=scope, **defaults | changes)
    voided_at = NOON if is_voided else None
    return GrantBalance(
        grant=grant, picodollars=rest, version=1, closed_at=voided_at, voided_at=voided_at
    )


def make_book(*balances: GrantBalance, unreadable: Iterable[str] = ()) -> CreditBook:
    return CreditBook({balance.grant.id: balance for balance in balances}, tuple(unreadable))


def exhaust(scope: BudgetScope, hours: int = 0) -> ExhaustedScope:
    """A scope that was noticed as exhausted some hours ago."""
    since = NOON - timedelta(hours=hours)
    return ExhaustedScope(scope=scope, since=since, because="grant june is used up")


def make_state(*balances: GrantBalance, is_on: bool = True) -> CreditState:
    """The state of credits if all scopes of the grants were noticed as exhausted."""
    scopes = {exhaust(balance.grant.scope).key: balance.grant.scope for balance in balances}
    exhausted = [exhaust(scope) for scope in scopes.values()]
    return CreditState(find_unpaid(exhausted, make_book(*balances), NOON), is_on)


class FixedSwitch:
    """The switch of credits in a variable."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.switch = CreditSwitch(is_on, "ops", NOON)

    def read(self) -> CreditSwitch:
        return self.switch

    def write(self, switch: CreditSwitch) -> None:
        self.switch = switch
