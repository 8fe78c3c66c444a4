"""Calls without credits are refused, reported in shadow mode, and pass with break-glass."""

from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.call_labels import CallLabels
from lambdas.domain.credits import CreditBook, CreditSwitch, GrantBalance
from lambdas.domain.limit_policies import CREDITS, MissingCredits, SubjectsUnavailableError
from lambdas.services.find_credits import CreditScopes
from lambdas.services.limit_calls import LimitView, PolicyAdmission
from tests.builders import NOON
from tests.exhausted_credits import exhaust, make_balance, make_book
from tests.gateway import KEY, REGION
from tests.limits import InMemoryLimits, make_admitter
from tests.policies import PRICES, RecordedReports, call, make_admission, path, policy, read

ROLE = "arn:aws:iam::111122223333:role/callers"
LABELS = CallLabels(ROLE, REGION)
ALL, HERE = BudgetScope(), BudgetScope(region=(REGION,))
MISSING = MissingCredits(("credits:account",), is_enforced=True)


class FixedCredits:
    """Finds the same for each call."""

    def __init__(self, found: MissingCredits | None) -> None:
        self.found = found

    def find(self, *_: object, **__: object) -> MissingCredits:
        if self.found is None:
            message = "the table does not answer"
            raise SubjectsUnavailableError(message)
        return self.found


def make_gateway(
    found: MissingCredits | None, *policies: dict[str, Any], break_glass: bool = False
) -> PolicyAdmission:
    others = {"break_glass": [KEY.session_name]} if break_glass else {}
    store = InMemoryLimits()
    made = make_admission(read(*policies, **others), make_admitter(store))
    return replace(made, credits=FixedCredits(found))


def read_reports(gateway: PolicyAdmission) -> RecordedReports:
    assert isinstance(gateway.reports, RecordedReports)
    return gateway.reports


def find(book: CreditBook, *scopes: BudgetScope, is_on: bool = True) -> MissingCredits:
    exhausted = [exhaust(scope) for scope in scopes]
    found = CreditScopes(exhausted, book, CreditSwitch(is_on=is_on), LABELS)
    assert found.find(KEY, path(), NOON) == found.find(KEY, path(), NOON)
    return found.find(KEY, path(), NOON)


def balances(*scopes: BudgetScope, rest: int = 0) -> list[GrantBalance]:
    return [make_balance(f"grant-{n}", scope, rest) for n, scope in enumerate(scopes)]


def test_a_call_without_credits_is_refused_and_reserves_nothing() -> None:
    gateway = make_gateway(MISSING, policy())
    admitted = gateway.admit(call(), NOON)
    assert admitted.reservation_id is None
    assert admitted.refusal is not None
    assert admitted.refusal.reason == "credits_exhausted"
    (report,) = read_reports(gateway).admissions
    assert (report.refusal, report.refused_by, report.policies) == (
        "credits_exhausted",
        CREDITS,
        ("credits:account",),
    )


@pytest.mark.parametrize("policies", [(), (policy(),)])
def test_exhausted_credits_that_are_not_enforced_are_reported_alone(
    policies: tuple[dict[str, Any], ...],
) -> None:
    gateway = make_gateway(MISSING._replace(is_enforced=False), *policies)
    assert gateway.admit(call(), NOON).refusal is None
    (report,) = read_reports(gateway).admissions
    assert (report.shadow, report.shadow_policies) == (("credits:account",), (CREDITS,))
    assert (report.refusal, report.is_break_glass) == (None, False)


@pytest.mark.parametrize("policies", [(), (policy(),)])
def test_a_break_glass_caller_passes_without_credits_and_is_reported(
    policies: tuple[dict[str, Any], ...],
) -> None:
    gateway = make_gateway(MISSING, *policies, break_glass=True)
    assert gateway.admit(call(), NOON).refusal is None
    (report,) = read_reports(gateway).admissions
    assert (report.is_break_glass, report.policies) == (True, ("credits:account",))


def test_a_call_with_credits_is_not_reported_for_them() -> None:
    gateway = make_gateway(MissingCredits())
    assert gateway.admit(call(), NOON) == (None, None, ())
    assert read_reports(gateway).admissions == []


def test_credits_that_cannot_be_read_refuse_all_but_break_glass_callers() -> None:
    refusal = make_gateway(None).admit(call(), NOON).refusal
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (503, "limits_unavailable")
    assert make_gateway(None, break_glass=True).admit(call(), NOON).refusal is None


def test_a_check_refuses_as_a_call_does() -> None:
    gateway = make_gateway(MISSING)
    view = LimitView(gateway.policies, InMemoryLimits(), PRICES, credits=gateway.credits)
    refusal = gateway.admit(call(), NOON).refusal
    assert view.check(KEY, path(), call().need, NOON).refusal == refusal


def test_a_call_is_refused_only_if_no_grant_may_pay_for_it() -> None:
    assert find(make_book(*balances(HERE)), HERE) == (("credits:region=us-east-1",), True)
    wider = make_balance("wider", ALL, 1)
    assert find(make_book(*balances(HERE), wider), HERE) == MissingCredits()
    other = make_balance("other", BudgetScope(region=("eu-west-3",)), 1)
    assert find(make_book(*balances(HERE), other), HERE).scopes
    late = make_balance("late", BudgetScope(department=("sales",)), 1)
    assert find(make_book(*balances(HERE), late), HERE) == MissingCredits()


def test_scopes_of_other_calls_refuse_nothing() -> None:
    there = BudgetScope(region=("eu-west-3",))
    assert find(make_book(*balances(there)), there) == MissingCredits()


@pytest.mark.parametrize("name", ["chat", "*", "unattributed"])
def test_a_call_that_may_be_in_a_scope_is_not_refused(name: str) -> None:
    """Neither its project nor its department is known, so it may be in no grant's scope."""
    for scope in (BudgetScope(project=(name,)), BudgetScope(department=(name,))):
        assert find(make_book(*balances(scope)), scope) == MissingCredits()


def test_a_switch_that_is_off_enforces_nothing() -> None:
    found = find(make_book(*balances(ALL)), ALL, is_on=False)
    assert found == (("credits:account",), False)


def test_nothing_is_refused_while_a_grant_cannot_be_read() -> None:
    book = make_book(*balances(ALL), unreadable=["july"])
    assert find(book, ALL) == MissingCredits()
