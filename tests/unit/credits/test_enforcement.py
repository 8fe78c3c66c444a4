"""Usage that no grant pays for is found by scope, caller and call."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.budgets import BudgetScope, ScopeField
from lambdas.domain.credits import (
    StoredCreditState,
    find_unpaid,
    list_paying_scopes,
    may_be_paid,
    name_for_callers,
)
from tests.builders import ANA, BEN, NOON
from tests.credits import InMemoryCreditStore
from tests.exhausted_credits import (
    CALLERS,
    CHAT_PROJECT,
    USD,
    FixedSwitch,
    exhaust,
    make_balance,
    make_book,
)
from tests.exhausted_scopes import MemoryExhaustedScopes
from tests.unit.budgets.builders import LABELS

HOUR = timedelta(hours=1)
ROLE = "arn:aws:iam::123456789012:role/chat"


def test_the_callers_of_an_exhausted_scope_are_unpaid() -> None:
    book = make_book(make_balance("june", CALLERS), make_balance("july", CALLERS))
    (found,) = find_unpaid([exhaust(CALLERS)], book, NOON)
    assert (found.granted_picodollars, found.used_picodollars) == (20 * USD, 20 * USD)
    assert found.callers == (ANA, BEN)


@pytest.mark.parametrize(
    "balance",
    [
        make_balance("june", CALLERS, rest=1),
        make_balance("june", CALLERS, is_voided=True),
        make_balance("june", CALLERS, effective_from=NOON + HOUR),
        make_balance("june", CHAT_PROJECT),
    ],
)
def test_a_scope_that_has_credit_again_or_is_not_under_credits_is_left_out(
    balance: object,
) -> None:
    assert find_unpaid([exhaust(CALLERS)], make_book(balance), NOON) == ()  # type: ignore[arg-type]


def test_a_rest_that_is_not_effective_any_more_pays_nothing() -> None:
    balance = make_balance("june", CALLERS, rest=3 * USD, expires_at=NOON)
    (found,) = find_unpaid([exhaust(CALLERS)], make_book(balance), NOON)
    assert found.used_picodollars == 7 * USD


@pytest.mark.parametrize(
    "wider",
    [
        BudgetScope(),
        BudgetScope(identity=("arn:aws:iam::*",)),
        BudgetScope(principal=(BEN,)),
        BudgetScope(project=("chat",)),
        BudgetScope(principal=(BEN,), region=("us-east-1",)),
    ],
)
def test_a_caller_for_whom_another_grant_may_pay_is_left_out(wider: BudgetScope) -> None:
    balances = make_balance("june", BudgetScope(identity=(BEN,))), make_balance("w", wider, 1)
    scope = balances[0].grant.scope
    (found,) = find_unpaid([exhaust(scope)], make_book(*balances), NOON)
    assert (found.callers, found.names_callers) == ((), True)


def test_a_grant_for_another_caller_pays_for_no_one_else() -> None:
    balances = make_balance("june", CALLERS), make_balance("w", BudgetScope(identity=(ANA,)), 1)
    (found,) = find_unpaid([exhaust(CALLERS)], make_book(*balances), NOON)
    assert found.callers == (BEN,)


def test_a_grant_for_a_session_may_pay_for_its_role() -> None:
    role = make_balance("role", BudgetScope(principal=(ROLE,)))
    session = make_balance("session", BudgetScope(identity=(ANA,)), 1)
    (found,) = find_unpaid([exhaust(role.grant.scope)], make_book(role, session), NOON)
    assert found.callers == ()


def test_scopes_of_patterns_projects_or_a_part_of_the_usage_name_no_caller() -> None:
    part = BudgetScope(identity=(BEN,), model=("anthropic.*",))
    for scope in (CHAT_PROJECT, BudgetScope(), BudgetScope(identity=("arn:*",)), part):
        (found,) = find_unpaid([exhaust(scope)], make_book(make_balance("j", scope)), NOON)
        assert (found.callers, found.names_callers) == ((), False)


def test_a_label_that_is_not_known_may_be_that_of_a_grant() -> None:
    book, labels = (
        make_book(make_balance("june", CHAT_PROJECT, 1)),
        LABELS._replace(project="other"),
    )
    paying = list_paying_scopes(book, NOON)
    assert not may_be_paid(paying, labels)
    assert may_be_paid(paying, labels, {ScopeField.PROJECT})


def test_names_for_callers_hold_no_arn() -> None:
    scope = BudgetScope(project=("b", "a"), identity=(ANA,))
    assert name_for_callers(scope) == "credits:project=a|b,identity"
    assert name_for_callers(BudgetScope()) == "credits:account"


def test_credits_are_not_known_while_a_grant_cannot_be_read() -> None:
    store, exhausted = InMemoryCreditStore([make_balance("june", CALLERS)]), MemoryExhaustedScopes()
    state = StoredCreditState(exhausted, store, FixedSwitch(is_on=False))
    assert state.read_state(NOON) == ((), False)
    exhausted.replace([exhaust(CALLERS)])
    found = state.read_state(NOON)
    assert found is not None
    assert [unpaid.callers for unpaid in found.unpaid] == [(ANA, BEN)]
    store.read_book = lambda: make_book(unreadable=["june"])  # type: ignore[method-assign]
    assert replace(state, switch=FixedSwitch(is_on=True)).read_state(NOON) is None
    assert state.read_state(NOON) == ((), False)
