"""`bedrock-meter credits enforce` says what exhausted credits stop, and what keeps them from it."""

from dataclasses import replace

import pytest

from cdk.operations.credit_enforcement import Enforcement, set_switch, show_switch
from lambdas.domain.brake import BrakeSwitch
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import ExhaustedAction, GrantBalance
from tests.builders import BEN, NOON
from tests.credits import InMemoryCreditStore
from tests.exhausted_credits import CHAT_PROJECT, FixedSwitch, exhaust, make_balance
from tests.exhausted_scopes import MemoryExhaustedScopes

OF_BEN = BudgetScope(identity=(BEN,))
HERE = BudgetScope(region=("us-east-1",))
BRAKE, GATEWAY = ExhaustedAction.BRAKE, ExhaustedAction.GATEWAY


class FixedBrakeSwitch:
    """The switch of the brake in a variable."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on

    def read_switch(self) -> BrakeSwitch:
        return BrakeSwitch(is_on=self._is_on)


def make(
    *balances: GrantBalance, actions: tuple[ExhaustedAction, ...] = (BRAKE, GATEWAY)
) -> Enforcement:
    """Enforcement that is on, where each scope without any rest was noticed as exhausted."""
    exhausted = MemoryExhaustedScopes()
    exhausted.replace([exhaust(each.grant.scope) for each in balances if not each.picodollars])
    return Enforcement(
        switch=FixedSwitch(is_on=True),
        brake=FixedBrakeSwitch(is_on=True),
        actions=actions,
        exhausted=exhausted,
        store=InMemoryCreditStore(balances),
    )


def show(enforcement: Enforcement, capsys: pytest.CaptureFixture[str]) -> str:
    show_switch(enforcement, NOON)
    return capsys.readouterr().out


def test_callers_that_are_denied_and_calls_that_are_refused_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = show(make(make_balance("june", OF_BEN)), capsys)
    assert f"The brake denies {BEN}." in out
    assert f"The gateway refuses calls of identity {BEN}, if no other grant" in out
    assert "deny switch on" not in out


def test_the_own_switch_of_the_brake_has_to_be_on_too(capsys: pytest.CaptureFixture[str]) -> None:
    made = make(make_balance("june", OF_BEN), actions=(BRAKE,))
    out = show(replace(made, brake=FixedBrakeSwitch(is_on=False)), capsys)
    assert f"The brake would deny {BEN}." in out
    assert "bedrock-meter deny switch on" in out
    assert "gateway" not in out


def test_what_would_be_stopped_is_shown_while_the_switch_is_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = show(replace(make(make_balance("june", OF_BEN)), switch=FixedSwitch(is_on=False)), capsys)
    assert f"The brake would deny {BEN}." in out
    assert "The gateway would refuse calls of" in out


def test_the_reason_why_a_caller_is_not_denied_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    paid = show(make(make_balance("june", OF_BEN), make_balance("all", BudgetScope(), 1)), capsys)
    assert "The brake denies no caller." in paid
    assert "another grant pays for all usage of these callers" in paid
    project = show(make(make_balance("june", CHAT_PROJECT)), capsys)
    assert "project chat names no caller" in project
    assert "it refuses only calls whose label it knows" in project


def test_nothing_is_stopped_without_exhausted_scopes(capsys: pytest.CaptureFixture[str]) -> None:
    out = show(make(), capsys)
    assert "The brake denies no caller." in out
    assert "The gateway refuses no call." in out


def test_a_grant_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    made = make(make_balance("june", HERE))
    assert isinstance(made.store, InMemoryCreditStore)
    made.store.unreadable = ("july",)
    assert "july cannot be read, and may pay" in show(made, capsys)


def test_without_a_part_in_the_setting_nothing_is_stopped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_switch(make(actions=()), is_on=True, by=None, now=NOON)
    out = capsys.readouterr().out
    assert "Enforcement is on already" in out
    assert "names no part, so nothing is stopped" in out
    assert "This was a dry run" in out
    set_switch(make(), is_on=False, by="ops", now=NOON)
    assert "Enforcement is off: exhausted credits are only reported" in capsys.readouterr().out
