"""Calls are admitted by all limits of all their subjects, or refused without a trace."""

import logging
from datetime import datetime, timedelta

import pytest

from lambdas.domain.limits import (
    MAX_CALLS_A_SECOND,
    Admission,
    Amounts,
    CallReservation,
    FailMode,
    LimitMode,
    LimitSubject,
    LimitUnit,
    RefusalReason,
    RollingWindow,
    UnreadableSubjectError,
)
from lambdas.services.admit_call import CallAdmitter
from tests.builders import NOON
from tests.limits import FailingLimits, InMemoryLimits, limit, make_admitter, subject, tokens

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
ANA = subject(limit(1000))
PROJECT = subject(limit(500), name="project")


def used_by(store: InMemoryLimits, who: LimitSubject) -> int:
    """The counter of a subject's first limit."""
    state, key = store.states.get(who.id), who.limits[0].key
    return 0 if state is None or key is None else state.get_total(key)


def get_reservation(admission: Admission) -> CallReservation:
    assert admission.reservation is not None, admission.refusal
    return admission.reservation


def get_reason(admission: Admission) -> RefusalReason | None:
    assert (admission.reservation is None) is not (admission.refusal is None)
    return None if admission.refusal is None else admission.refusal.reason


def test_a_call_reserves_with_each_subject_and_settles_with_each() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    reservation = get_reservation(admitter.admit([ANA, PROJECT], tokens(400), NOON))
    assert [used_by(store, who) for who in (ANA, PROJECT)] == [400, 400]
    assert admitter.settle(reservation, tokens(90), NOON).settled == 2
    assert [used_by(store, who) for who in (ANA, PROJECT)] == [90, 90]
    assert admitter.settle(reservation, tokens(90), NOON).settled == 0


def test_a_call_that_one_subject_refuses_leaves_nothing_with_the_others() -> None:
    store = InMemoryLimits()
    admission = make_admitter(store).admit([ANA, PROJECT], tokens(600), NOON)
    assert get_reason(admission) is RefusalReason.NEED_ABOVE_LIMIT
    assert admission.refusal is not None
    assert admission.refusal.subject == "project"
    assert used_by(store, ANA) == 0
    assert not store.states["ana"].open


class ExpectingLimits(InMemoryLimits):
    """A store that expects each subject to refuse that has a name in `expected`."""

    expected: tuple[str, ...] = ()

    def expects_refusal(self, subject: LimitSubject, _need: Amounts, _at: datetime) -> bool:
        return subject.id in self.expected


def test_a_call_that_one_subject_is_expected_to_refuse_does_not_ask_the_others() -> None:
    store = ExpectingLimits()
    store.expected = ("project",)
    admission = make_admitter(store).admit([ANA, PROJECT], tokens(600), NOON)
    assert admission.refusal is not None
    assert admission.refusal.subject == "project"
    assert store.counts == {"reserve": 1}


def test_a_call_is_admitted_where_the_expected_refusal_does_not_come() -> None:
    store = ExpectingLimits()
    store.expected = ("project",)
    get_reservation(make_admitter(store).admit([ANA, PROJECT], tokens(400), NOON))
    assert [used_by(store, who) for who in (ANA, PROJECT)] == [400, 400]
    assert store.counts == {"reserve": 2}


def test_the_refusal_that_lasts_longest_is_reported() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    for who, amount, at in ((PROJECT, 500, NOON), (ANA, 1000, NOON + 20 * SECOND)):
        reservation = get_reservation(admitter.admit([who], tokens(amount), at))
        admitter.settle(reservation, tokens(amount), at)
    refusal = admitter.admit([PROJECT, ANA], tokens(10), NOON + 21 * SECOND).refusal
    assert refusal is not None
    assert refusal.subject == "ana"
    assert refusal.retry_at is not None
    assert refusal.retry_at > NOON + 80 * SECOND


def test_a_call_without_limits_is_admitted() -> None:
    admission = make_admitter(InMemoryLimits()).admit([], tokens(10**9), NOON)
    assert get_reservation(admission).parts == ()


def test_a_call_that_bedrock_refused_is_given_back() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    reservation = get_reservation(admitter.admit([ANA], tokens(400), NOON))
    assert admitter.give_back(reservation, NOON).settled == 1
    assert used_by(store, ANA) == 0


def test_shadow_limits_are_reported_and_never_refuse() -> None:
    shadow = subject(limit(100, mode=LimitMode.SHADOW), name="shadow")
    admission = make_admitter(InMemoryLimits()).admit([ANA, shadow], tokens(150), NOON)
    assert get_reason(admission) is None
    (status,) = admission.shadow_refusals
    assert status.limit is shadow.limits[0]


def test_calls_that_need_no_less_are_refused_from_memory_for_a_second() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    admitter.admit([ANA], tokens(900), NOON)
    first = admitter.admit([ANA], tokens(200), NOON)
    asked = store.counts["reserve"]
    again = admitter.admit([ANA], tokens(300), NOON + 999 * MILLISECOND)
    assert store.counts["reserve"] == asked
    assert first.refusal is not None
    assert again.refusal is not None
    assert again.refusal.retry_at == first.refusal.retry_at
    assert get_reason(admitter.admit([ANA], tokens(100), NOON + SECOND / 2)) is None
    admitter.admit([ANA], tokens(200), NOON + SECOND)
    assert store.counts["reserve"] == asked + 2


def test_a_refusal_from_memory_ends_when_the_limit_admits_the_call() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    admitter.admit([ANA], tokens(900), NOON)
    refusal = admitter.admit([ANA], tokens(200), NOON + 64.8 * SECOND).refusal
    assert refusal is not None
    assert refusal.retry_at is not None
    assert refusal.retry_at < NOON + 65.1 * SECOND
    assert get_reason(admitter.admit([ANA], tokens(200), refusal.retry_at)) is None


def test_a_settlement_in_the_same_process_ends_refusals_from_memory() -> None:
    admitter = make_admitter(InMemoryLimits())
    reservation = get_reservation(admitter.admit([ANA], tokens(900), NOON))
    admitter.admit([ANA], tokens(200), NOON)
    admitter.settle(reservation, tokens(1), NOON)
    assert get_reason(admitter.admit([ANA], tokens(200), NOON)) is None


def test_calls_at_the_same_time_are_never_refused_from_memory() -> None:
    who = subject(limit(1, unit=LimitUnit.CONCURRENT))
    store = InMemoryLimits()
    here, elsewhere = (
        make_admitter(store),
        CallAdmitter(store, lambda: "elsewhere", make_admitter(store).executor),
    )
    reservation = get_reservation(elsewhere.admit([who], tokens(1), NOON))
    assert get_reason(here.admit([who], tokens(1), NOON)) is RefusalReason.LIMIT_REACHED
    elsewhere.settle(reservation, tokens(1), NOON)
    assert get_reason(here.admit([who], tokens(1), NOON)) is None


def test_a_subject_with_too_many_calls_is_refused_from_memory_whatever_it_needs() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    for _ in range(5 * MAX_CALLS_A_SECOND):
        reservation = get_reservation(admitter.admit([ANA], tokens(0), NOON))
        admitter.settle(reservation, tokens(0), NOON)
    asked = store.counts["reserve"]
    for _ in range(2):
        refused = admitter.admit([ANA], tokens(0), NOON)
        assert get_reason(refused) is RefusalReason.TOO_MANY_CALLS_A_SECOND
    assert store.counts["reserve"] == asked + 1


def test_a_refusal_from_memory_holds_for_the_same_limit_alone() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    admitter.admit([ANA], tokens(950), NOON)
    assert get_reason(admitter.admit([ANA], tokens(100), NOON)) is RefusalReason.LIMIT_REACHED
    for other in (limit(2000), limit(1000, RollingWindow(120)), limit(1000, unit=LimitUnit.TOTAL)):
        get_reservation(admitter.admit([subject(other)], tokens(100), NOON))
    shadow = subject(limit(1000, mode=LimitMode.SHADOW))
    get_reservation(admitter.admit([shadow], tokens(100), NOON))
    asked = store.counts["reserve"]
    assert get_reason(admitter.admit([ANA], tokens(100), NOON)) is RefusalReason.LIMIT_REACHED
    assert store.counts["reserve"] == asked


SHADOW = subject(limit(100, mode=LimitMode.SHADOW))


def test_where_nothing_is_enforced_calls_beyond_the_open_ones_pass_unchecked() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    admissions = [admitter.admit([SHADOW], tokens(1), NOON) for _ in range(102)]
    assert [each.unchecked for each in admissions[99:]] == [(), ("ana",), ("ana",)]
    assert used_by(store, SHADOW) == 100
    last = get_reservation(admissions[-1])
    assert admitter.settle(last, tokens(1), NOON).settled == 0
    assert get_reason(admitter.admit([ANA], tokens(1), NOON)) is RefusalReason.TOO_MANY_OPEN


def test_where_nothing_is_enforced_calls_beyond_those_of_a_second_pass_unchecked() -> None:
    store = InMemoryLimits()
    admitter = make_admitter(store)
    for _ in range(5 * MAX_CALLS_A_SECOND):
        admission = admitter.admit([SHADOW], tokens(1), NOON)
        assert admission.unchecked == ()
        admitter.settle(get_reservation(admission), tokens(1), NOON)
    for who, unchecked in ((SHADOW, ("ana",)), (ANA, ()), (SHADOW, ("ana",))):
        admission = admitter.admit([who], tokens(1), NOON)
        assert admission.unchecked == unchecked
        assert (admission.refusal is None) is (who is SHADOW)


def test_a_call_that_is_set_aside_runs_no_more_and_still_counts() -> None:
    store = FailingLimits(methods=["set_aside"])
    admitter = make_admitter(store)
    who = subject(limit(1000), limit(1, unit=LimitUnit.CONCURRENT))
    reservation = get_reservation(admitter.admit([who], tokens(400), NOON))
    store.failing.add("ana")
    assert admitter.set_aside(reservation).left_open == reservation.parts
    store.failing.clear()
    assert admitter.set_aside(reservation).settled == 1
    assert admitter.set_aside(reservation).settled == 0
    get_reservation(admitter.admit([who], tokens(1), NOON))
    assert used_by(store, who) == 401
    assert admitter.settle(reservation, tokens(30), NOON).settled == 1
    assert used_by(store, who) == 31


def test_a_thousand_calls_with_one_sdk_id_are_limited_like_a_thousand_calls() -> None:
    store, who = InMemoryLimits(), subject(limit(100, unit=LimitUnit.REQUESTS))
    admitter = make_admitter(store)
    admitted, repeats = 0, 0
    for number in range(1000):
        at = NOON + number * MILLISECOND
        admission = admitter.admit([who], Amounts(), at, ("ana", "one-sdk-id"))
        if admission.refusal is not None:
            repeats += admission.refusal.is_repeat
        else:
            admitter.settle(get_reservation(admission), Amounts(), at)
            admitted += 1
    assert admitted == 100
    assert repeats == 899


def test_a_repeat_is_recognized_for_five_minutes_and_for_its_caller_alone() -> None:
    admitter = make_admitter(InMemoryLimits())

    def is_repeat(caller: str, sdk_id: str, minutes: float) -> bool:
        at = NOON + timedelta(minutes=minutes)
        refusal = admitter.admit([PROJECT], tokens(501), at, (caller, sdk_id)).refusal
        assert refusal is not None
        return refusal.is_repeat

    assert not is_repeat("ana", "x", 0)
    assert is_repeat("ana", "x", 1)
    assert not is_repeat("ben", "x", 1)
    assert not is_repeat("ana", "y", 1)
    assert not is_repeat("ana", "x", 6)


@pytest.mark.parametrize(
    ("fail", "reason"), [(FailMode.OPEN, None), (FailMode.CLOSED, RefusalReason.STORE_FAILED)]
)
def test_a_subject_that_cannot_be_read_is_logged_and_its_policy_decides(
    fail: FailMode, reason: RefusalReason | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        admission = make_admitter(FailingLimits("ana", error=UnreadableSubjectError)).admit(
            [subject(limit(10), fail=fail)], tokens(1), NOON
        )
    assert get_reason(admission) is reason
    assert admission.unchecked == ("ana",)
    (logged,) = caplog.records
    assert vars(logged)["subject"] == "ana"


def test_a_store_that_fails_refuses_or_admits_as_the_subject_says() -> None:
    store = FailingLimits("open", "closed", "shadow")
    admitter = make_admitter(store)
    fail_open = subject(limit(100), name="open", fail=FailMode.OPEN)
    closed = subject(limit(100), name="closed", fail=FailMode.CLOSED)
    shadow = subject(limit(100, mode=LimitMode.SHADOW), name="shadow")
    admission = admitter.admit([ANA, fail_open, shadow], tokens(5), NOON)
    assert admission.unchecked == ("open", "shadow")
    assert [part.subject for part in get_reservation(admission).parts] == ["ana"]
    refused = admitter.admit([ANA, fail_open, closed], tokens(5), NOON)
    assert get_reason(refused) is RefusalReason.STORE_FAILED
    assert refused.unchecked == ("open", "closed")
    assert used_by(store, ANA) == 5


def test_what_cannot_be_taken_back_or_settled_is_reported() -> None:
    store = FailingLimits()
    admitter = make_admitter(store)
    reservation = get_reservation(admitter.admit([ANA], tokens(5), NOON))
    store.failing.add("ana")
    settlement = admitter.settle(reservation, tokens(1), NOON)
    assert (settlement.settled, settlement.left_open) == (0, reservation.parts)


def test_a_part_that_was_not_taken_back_is_reported_with_the_refusal() -> None:
    store = FailingLimits("ana", methods=["settle"])
    admission = make_admitter(store).admit([ANA, PROJECT], tokens(600), NOON)
    assert [part.subject for part in admission.left_open] == ["ana"]
    assert used_by(store, ANA) == 600
