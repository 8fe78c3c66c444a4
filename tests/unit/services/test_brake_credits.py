"""The brake denies callers whose credits are exhausted, and lets them go when there are some."""

from dataclasses import replace

import pytest

from lambdas.domain.audit import AuditAction
from lambdas.domain.brake import BrakeSwitch
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import CreditSwitch, StoredCreditState
from lambdas.services.brake_principals import PrincipalBrake
from tests.builders import BEN, NOON
from tests.credits import InMemoryCreditStore
from tests.exhausted_credits import CHAT_PROJECT, FixedSwitch, exhaust, make_balance
from tests.exhausted_scopes import MemoryExhaustedScopes
from tests.unit.brake.builders import BEN_USER
from tests.unit.services.braking import BrakedMeter

BEN_ALONE = BudgetScope(identity=(BEN,))


class CreditMeter(BrakedMeter):
    """A meter whose brake denies for credits, which are exhausted for Ben."""

    def __init__(self, scope: BudgetScope = BEN_ALONE) -> None:
        self.store = InMemoryCreditStore([make_balance("june", scope)])
        self.exhausted, self.switch = MemoryExhaustedScopes(exhaust(scope)), FixedSwitch()
        self.is_set = True
        super().__init__()
        self.iam.add(BEN_USER)

    def make_brake(self) -> PrincipalBrake:
        state = StoredCreditState(self.exhausted, self.store, self.switch)
        return replace(super().make_brake(), credits=state if self.is_set else None)

    def grant(self, rest: int) -> None:
        self.store.grants["july"] = make_balance("july", BEN_ALONE, rest)


def test_a_caller_without_credits_is_denied_until_there_are_some() -> None:
    meter = CreditMeter()
    assert meter.reconcile().attached == [BEN]
    assert meter.reconcile().events == 0
    meter.grant(1)
    assert meter.reconcile().released == [BEN]
    assert (meter.list_events("denied"), meter.list_events("released")) == ([BEN], [BEN])
    assert [change.action for change in meter.trail.changes.values()] == [
        AuditAction.DENY,
        AuditAction.RELEASE,
    ]
    meter.check_reports()


def test_a_released_caller_is_denied_again_once_new_credits_are_used_up() -> None:
    meter = CreditMeter()
    meter.reconcile()
    meter.grant(1)
    meter.reconcile()
    meter.grant(0)
    assert meter.reconcile().attached == [BEN]
    meter.check_reports()


@pytest.mark.parametrize("end", ["switch", "brake", "setting", "void"])
def test_each_switch_and_a_void_release_a_caller(end: str) -> None:
    meter = CreditMeter()
    meter.reconcile()
    match end:
        case "switch":
            meter.switch.write(CreditSwitch(is_on=False, by="ops", at=NOON))
        case "brake":
            meter.state.switch = BrakeSwitch(is_on=False, by="ops", at=NOON)
        case "setting":
            meter.is_set = False
            meter.restart()
        case _:
            meter.store.grants["june"] = make_balance("june", BEN_ALONE, is_voided=True)
    assert meter.reconcile().released == [BEN]
    assert meter.list_denied() == set()
    meter.check_reports()


def test_nothing_is_denied_while_the_switch_of_credits_is_off() -> None:
    meter = CreditMeter()
    meter.switch.write(CreditSwitch())
    assert meter.reconcile().attached == []
    assert meter.reconcile().events == 0
    assert meter.list_events("would_deny") == [BEN]


def test_a_caller_stays_denied_while_credits_cannot_be_read() -> None:
    meter = CreditMeter()
    meter.reconcile()
    meter.exhausted.list_exhausted = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    report = meter.reconcile()
    assert [failure.name for failure in report.failures] == ["credits"]
    assert (report.released, meter.list_denied()) == ([], {BEN_USER.arn})


def test_the_switch_releases_callers_while_a_grant_cannot_be_read() -> None:
    meter = CreditMeter()
    meter.reconcile()
    meter.store.unreadable = ("july",)
    assert meter.reconcile().released == []
    meter.switch.write(CreditSwitch(is_on=False, by="ops", at=NOON))
    assert meter.reconcile().released == [BEN]
    meter.check_reports()


def test_a_scope_that_names_no_caller_is_reported_once() -> None:
    meter = CreditMeter(CHAT_PROJECT)
    assert [meter.reconcile().events for _ in range(3)] == [1, 0, 0]
    assert meter.list_events("not_enforceable") == ["credits of project chat"]
    meter.restart()
    assert meter.reconcile().events == 0


def test_a_process_that_ends_at_any_moment_leaves_nothing_half_done() -> None:
    for moments in range(20):
        meter = CreditMeter()
        if not meter.run_until(moments):
            break
        meter.reconcile()
        assert meter.list_denied() == {BEN_USER.arn}
        meter.grant(1)
        meter.run_until(moments)
        meter.reconcile()
        assert meter.list_denied() == set()
        meter.check_reports()
    assert moments > 2
