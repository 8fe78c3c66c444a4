"""The next step for a caller follows from what should be, what is stored, and what is attached."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lambdas.domain.brake import (
    Action,
    CauseKey,
    Deny,
    DenyState,
    Step,
    choose_step,
    wait_for_room,
)
from lambdas.domain.budgets import BudgetPeriod
from tests.builders import BEN, NOON
from tests.unit.brake.builders import BEN_USER, DAY, MIDNIGHT, MINUTE, cause, deny, dollars
from tests.unit.budgets.builders import DOLLAR

DENIED = deny(state=DenyState.DENIED, attached_at=NOON - MINUTE)
CAUSES = (cause(),)


def choose(
    stored: Deny | None, *, is_wanted: bool = True, is_attached: bool = False
) -> tuple[Action, Deny | None]:
    causes = CAUSES if is_wanted else ()
    step = choose_step(BEN_USER, causes, stored, is_attached=is_attached, now=NOON)
    return step.action, step.deny


def test_an_intent_is_stored_before_a_new_deny_is_attached() -> None:
    assert choose(None) == (Action.ATTACH, deny())


def test_an_intent_whose_run_died_is_attached_again_whether_or_not_it_was_attached() -> None:
    for is_attached in (True, False):
        assert choose(deny(), is_attached=is_attached) == (Action.ATTACH, deny())


def test_a_deny_that_is_attached_and_wanted_stays() -> None:
    assert choose(DENIED, is_attached=True) == (Action.NONE, DENIED)


def test_more_usage_is_no_change_of_a_deny() -> None:
    more = (cause(used=50 * DOLLAR),)
    step = choose_step(BEN_USER, more, DENIED, is_attached=True, now=NOON)
    assert (step.action, step.deny) == (Action.NONE, DENIED)


def test_another_amount_or_end_is_stored() -> None:
    for changed in (cause(amount=dollars(9)), cause(until=MIDNIGHT + DAY)):
        step = choose_step(BEN_USER, (changed,), DENIED, is_attached=True, now=NOON)
        assert (step.action, step.deny) == (Action.STORE, replace(DENIED, causes=(changed,)))


@pytest.mark.parametrize("is_attached", [True, False])
@pytest.mark.parametrize("state", DenyState)
def test_a_deny_that_is_not_wanted_is_released_whatever_its_state(
    state: DenyState, is_attached: bool
) -> None:
    held = deny(state=state)
    assert choose(held, is_wanted=False, is_attached=is_attached) == (Action.RELEASE, held)


def test_a_release_that_has_begun_is_ended_even_if_the_deny_is_wanted_again() -> None:
    held = deny(state=DenyState.RELEASING)
    assert choose(held, is_attached=True) == (Action.RELEASE, held)


def test_an_attachment_without_a_deny_is_swept() -> None:
    assert choose(None, is_wanted=False, is_attached=True) == (Action.SWEEP, None)
    assert choose(None, is_wanted=False) == (Action.NONE, None)


def test_a_deny_that_others_take_off_is_attached_three_times_and_then_contested() -> None:
    held = DENIED
    for number in range(1, 4):
        action, attaching = choose(held)
        assert action is Action.ATTACH
        assert attaching is not None
        assert (attaching.state, attaching.taken_off) == (DenyState.ATTACHING, number)
        held = replace(attaching, state=DenyState.DENIED)
    action, contested = choose(held)
    assert action is Action.CONTEST
    assert contested is not None
    assert (contested.state, contested.contested_at) == (DenyState.CONTESTED, NOON)
    assert choose(contested) == (Action.NONE, contested)


def test_a_contested_deny_that_is_attached_again_holds() -> None:
    contested = replace(DENIED, state=DenyState.CONTESTED, taken_off=3)
    assert choose(contested, is_attached=True)[1] == replace(contested, state=DenyState.DENIED)


def test_a_contested_deny_is_attached_again_in_a_new_period() -> None:
    contested = replace(DENIED, state=DenyState.CONTESTED, taken_off=3)
    period = cause().key.period._replace(id="next", start=MIDNIGHT, end=MIDNIGHT + DAY)
    new = (cause(key=CauseKey("daily", 1, BEN, period), until=period.end),)
    step = choose_step(BEN_USER, new, contested, is_attached=False, now=NOON)
    assert step.action is Action.ATTACH
    assert step.deny is not None
    assert (step.deny.state, step.deny.taken_off) == (DenyState.ATTACHING, 0)


def contest(period: BudgetPeriod, now: datetime) -> Step:
    """Choose the step for a deny of a period that is contested since noon."""
    causes = (cause(key=CauseKey("daily", 1, BEN, period), until=period.end),)
    contested = replace(
        DENIED, causes=causes, state=DenyState.CONTESTED, taken_off=3, contested_at=NOON
    )
    return choose_step(BEN_USER, causes, contested, is_attached=False, now=now)


@pytest.mark.parametrize("length", [timedelta(hours=5), DAY])
def test_a_contested_deny_is_tried_anew_after_the_length_of_its_period(length: timedelta) -> None:
    """Windows that move overlap without end, so such a deny stayed contested for ever."""
    period = BudgetPeriod("window", NOON, NOON + length)
    assert contest(period, NOON + length - MINUTE).action is Action.NONE
    step = contest(period, NOON + length)
    assert step.action is Action.ATTACH
    assert step.deny is not None
    assert (step.deny.state, step.deny.taken_off) == (DenyState.ATTACHING, 0)
    assert step.deny.contested_at is None


def test_a_deny_of_an_earlier_version_is_contested_since_its_attachment() -> None:
    contested = replace(DENIED, state=DenyState.CONTESTED, taken_off=3)
    for now, action in ((NOON, Action.NONE), (NOON + DAY, Action.ATTACH)):
        step = choose_step(BEN_USER, CAUSES, contested, is_attached=False, now=now)
        assert step.action is action


def test_a_session_without_room_waits_until_there_is_some() -> None:
    step = wait_for_room(BEN_USER, CAUSES, None, NOON)
    waiting = deny(state=DenyState.NO_ROOM)
    assert (step.action, step.deny) == (Action.WAIT, waiting)
    assert wait_for_room(BEN_USER, CAUSES, waiting, NOON).action is Action.NONE
    others = (cause("other"),)
    step = wait_for_room(BEN_USER, others, waiting, NOON)
    assert (step.action, step.deny) == (Action.WAIT, replace(waiting, causes=others))
    for is_attached in (True, False):
        assert choose(waiting, is_attached=is_attached) == (Action.ATTACH, deny())


def test_a_denied_session_without_room_is_released_first() -> None:
    for held in (DENIED, deny(state=DenyState.RELEASING)):
        step = wait_for_room(BEN_USER, CAUSES, held, NOON)
        assert (step.action, step.deny) == (Action.RELEASE, held)


def test_an_attachment_that_iam_does_not_list_yet_is_not_counted_as_taken_off() -> None:
    young = replace(DENIED, attached_at=NOON - timedelta(seconds=29))
    action, attaching = choose(young)
    assert action is Action.ATTACH
    assert attaching is not None
    assert attaching.taken_off == 0


def test_what_the_watchdog_took_off_at_its_end_is_not_counted_as_taken_off_by_others() -> None:
    ended = replace(DENIED, causes=(cause(until=NOON),))
    action, attaching = choose(ended)
    assert action is Action.ATTACH
    assert attaching is not None
    assert attaching.taken_off == 0
