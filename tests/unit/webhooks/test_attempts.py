"""A delivery ends with a success, after ten attempts, or when its receiver is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.webhooks import (
    DEFAULT_PAUSE,
    GONE,
    MAX_ATTEMPTS,
    MAX_PAUSE,
    RETRY_WAITS,
    Conclusion,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    ReceiverAnswer,
    ReceiverError,
    SlowReceiverError,
    conclude,
    disable_delivery,
    find_due_time,
    restart_delivery,
)
from tests.webhooks import NOON, make_delivery, make_event, make_subscription

HOUR = timedelta(hours=1)
OVERLOADED = (429, 502, 503, 504)
FAILURES = [
    ReceiverAnswer(500),
    ReceiverAnswer(400),
    ReceiverAnswer(404, body="no such page"),
    ReceiverAnswer(100),
    *(ReceiverAnswer(status) for status in (300, 301, 302, 307, 308)),
    *(ReceiverAnswer(status) for status in OVERLOADED),
    ReceiverError("it did not answer within 15 s"),
]
any_wait = st.one_of(
    st.none(),
    st.timedeltas(min_value=timedelta(days=-10_000), max_value=timedelta(days=10_000)),
    st.just(timedelta.max),
    st.just(timedelta.min),
)
any_answer = st.builds(ReceiverAnswer, st.integers(100, 599), any_wait, st.text(max_size=2000))
any_result = st.one_of(any_answer, st.builds(ReceiverError, st.text()))
any_failure = any_result.filter(
    lambda result: (
        isinstance(result, ReceiverError)
        or not (200 <= result.status < 300 or result.status == 410)
    )
)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_alone_is_a_success(status: int) -> None:
    concluded = conclude(make_delivery(), ReceiverAnswer(status), NOON)
    assert concluded.delivery.state is DeliveryState.DELIVERED
    assert concluded.delivery.last == DeliveryAttempt(NOON, status)
    assert concluded[1:] == (None, None)


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_any_other_answer_is_a_failure_that_is_tried_again(
    failure: ReceiverAnswer | ReceiverError,
) -> None:
    delivery = conclude(make_delivery(), failure, NOON).delivery
    assert (delivery.state, delivery.attempts) == (DeliveryState.PENDING, 1)
    assert delivery.due_at > NOON
    assert delivery.last is not None
    assert delivery.last.error


def test_the_error_shows_the_beginning_of_the_answer_without_control_letters() -> None:
    answer = ReceiverAnswer(400, body="invalid_payload\x1b[2J" + "x" * 1000)
    last = conclude(make_delivery(), answer, NOON).delivery.last
    assert last is not None
    assert last.error is not None
    assert last.error.startswith("it answered 400: invalid_payload\ufffd[2Jxx")
    assert len(last.error) < 250


def test_410_ends_the_delivery_and_disables_the_subscription() -> None:
    concluded = conclude(make_delivery(attempts=3), ReceiverAnswer(410), NOON)
    assert concluded.delivery.state is DeliveryState.DISABLED
    assert concluded.disable_because == GONE


@pytest.mark.parametrize("status", OVERLOADED)
def test_an_overloaded_receiver_gets_the_pause_that_it_asks_for(status: int) -> None:
    concluded = conclude(make_delivery(), ReceiverAnswer(status, 3 * HOUR), NOON)
    assert concluded.pause_until == NOON + 3 * HOUR
    assert concluded.delivery.due_at == NOON + 3 * HOUR


@pytest.mark.parametrize("status", OVERLOADED)
def test_an_overloaded_receiver_that_says_no_time_gets_a_minute(status: int) -> None:
    assert conclude(make_delivery(), ReceiverAnswer(status), NOON).pause_until == (
        NOON + DEFAULT_PAUSE
    )


def test_a_receiver_that_does_not_answer_in_time_gets_a_pause() -> None:
    concluded = conclude(make_delivery(), SlowReceiverError("no answer"), NOON)
    assert concluded.pause_until == concluded.delivery.due_at == NOON + DEFAULT_PAUSE
    assert conclude(make_delivery(), ReceiverError("reset"), NOON).pause_until is None


def test_a_pause_never_shortens_the_schedule() -> None:
    concluded = conclude(make_delivery(attempts=4), ReceiverAnswer(429, HOUR), NOON)
    assert concluded.pause_until == NOON + HOUR
    assert concluded.delivery.due_at >= NOON + RETRY_WAITS[4]


@pytest.mark.parametrize("status", [301, 400, 500])
def test_no_other_answer_can_ask_for_a_pause(status: int) -> None:
    assert conclude(make_delivery(), ReceiverAnswer(status, HOUR), NOON).pause_until is None


@pytest.mark.parametrize(
    ("wanted", "pause"),
    [
        (timedelta.max, MAX_PAUSE),
        (timedelta(days=365), MAX_PAUSE),
        (timedelta(seconds=-1), timedelta(0)),
        (timedelta.min, timedelta(0)),
    ],
)
def test_hostile_pauses_are_bounded(wanted: timedelta, pause: timedelta) -> None:
    concluded = conclude(make_delivery(), ReceiverAnswer(503, wanted), NOON)
    assert concluded.pause_until == NOON + pause


def test_the_last_attempt_still_pauses_the_receiver() -> None:
    concluded = conclude(make_delivery(attempts=9), ReceiverAnswer(503, HOUR), NOON)
    assert concluded.delivery.state is DeliveryState.FAILED
    assert concluded.pause_until == NOON + HOUR


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    waits = ["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"]
    seconds = {"s": 1, "m": 60, "h": 3600}
    expected = [timedelta(seconds=int(wait[:-1]) * seconds[wait[-1]]) for wait in waits]
    delivery, now = make_delivery(), NOON
    for attempts, wait in enumerate(expected, start=1):
        delivery = conclude(delivery, ReceiverAnswer(500), now).delivery
        assert delivery.attempts == attempts
        assert wait <= delivery.due_at - now <= wait * 1.1
        now = delivery.due_at
    assert conclude(delivery, ReceiverAnswer(500), now).delivery.state is DeliveryState.FAILED


def test_deliveries_that_fail_together_are_spread() -> None:
    deliveries = [make_delivery(event=make_event(id=f"evt_{number}")) for number in range(50)]
    due = {conclude(each, ReceiverAnswer(500), NOON).delivery.due_at for each in deliveries}
    assert len(due) > 45


@given(st.lists(any_result, min_size=12, max_size=20))
def test_a_delivery_ends_within_ten_attempts(
    results: list[ReceiverAnswer | ReceiverError],
) -> None:
    delivery, now, attempts = make_delivery(), NOON, 0
    for result in results:
        if delivery.state is not DeliveryState.PENDING:
            break
        before = delivery
        concluded = conclude(delivery, result, now)
        delivery, attempts = concluded.delivery, attempts + 1
        assert delivery.attempts == attempts
        check_due_time(before, concluded, now)
        now = delivery.due_at
    assert delivery.state is not DeliveryState.PENDING
    assert attempts <= MAX_ATTEMPTS


def check_due_time(before: Delivery, concluded: Conclusion, now: datetime) -> None:
    after = concluded.delivery
    if concluded.pause_until is not None:
        assert now <= concluded.pause_until <= now + MAX_PAUSE
    if after.state is DeliveryState.PENDING:
        assert after.due_at >= now + RETRY_WAITS[before.attempts]
        assert after.due_at >= (concluded.pause_until or now)


@given(st.lists(any_failure, min_size=MAX_ATTEMPTS, max_size=MAX_ATTEMPTS))
def test_failures_alone_take_all_ten_attempts(
    failures: list[ReceiverAnswer | ReceiverError],
) -> None:
    delivery = make_delivery()
    states = []
    for failure in failures:
        delivery = conclude(delivery, failure, delivery.due_at).delivery
        states.append(delivery.state)
    assert states == [*[DeliveryState.PENDING] * 9, DeliveryState.FAILED]


@given(any_result, st.sampled_from([s for s in DeliveryState if s is not DeliveryState.PENDING]))
def test_a_delivery_that_has_ended_stays_as_it_is(
    result: ReceiverAnswer | ReceiverError, state: DeliveryState
) -> None:
    ended = make_delivery(state=state, attempts=10)
    assert conclude(ended, result, NOON + HOUR) == Conclusion(ended)


@given(any_result)
def test_a_repeat_of_the_rules_has_the_same_result(
    result: ReceiverAnswer | ReceiverError,
) -> None:
    assert conclude(make_delivery(), result, NOON) == conclude(make_delivery(), result, NOON)


def test_the_next_attempt_waits_for_the_end_of_a_pause() -> None:
    delivery = make_delivery(due_at=NOON)
    assert find_due_time(delivery, make_subscription()) == NOON
    assert find_due_time(delivery, make_subscription(paused_until=NOON + HOUR)) == NOON + HOUR
    assert find_due_time(delivery, make_subscription(paused_until=NOON - HOUR)) == NOON


def test_a_delivery_that_is_sent_again_has_all_its_attempts_and_its_event() -> None:
    failed = make_delivery(state=DeliveryState.FAILED, attempts=10)
    again = restart_delivery(failed, NOON + HOUR)
    assert (again.state, again.attempts, again.due_at) == (DeliveryState.PENDING, 0, NOON + HOUR)
    assert again.event == failed.event


def test_a_disabled_delivery_keeps_its_attempts() -> None:
    disabled = disable_delivery(make_delivery(attempts=4))
    assert (disabled.state, disabled.attempts) == (DeliveryState.DISABLED, 4)
