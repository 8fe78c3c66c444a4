"""A sender makes an attempt when it is due, alone, and writes what follows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from lambdas.domain.webhooks import (
    GONE,
    MAX_DELIVERY_AGE,
    MAX_SPREAD,
    RETRY_WAITS,
    Delivery,
    DeliveryAttempt,
    DeliveryMessage,
    DeliveryState,
    Origin,
    ReceiverAnswer,
    ReceiverError,
    SealedSecret,
    WebhookFormat,
    WebhookSubscription,
    compute_spread,
    make_secret,
    restart_delivery,
)
from lambdas.services.deliver_webhook import CLAIM_TIME, SendOutcome, SendResult, WebhookSender
from tests.brake import Crash, Effects
from tests.webhooks import (
    NOON,
    URL,
    InMemoryDeliveries,
    InMemoryDeliveryQueue,
    InMemorySecretBox,
    InMemoryWebhooks,
    NotSealedHereError,
    ScriptedReceiver,
    make_delivery,
    make_event,
    make_subscription,
)

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
EVENT = make_event()
SECRETS = [make_secret(bytes([number]) * 32) for number in range(3)]


class Sending:
    """A sender with what it works on; its clock stands still until it is set."""

    def __init__(self, *answers: ReceiverAnswer | ReceiverError, now: datetime = NOON) -> None:
        self.now = now
        self.effects = Effects()
        self.box = InMemorySecretBox()
        self.webhooks = InMemoryWebhooks(self.make_receiver(), effects=self.effects)
        self.deliveries = InMemoryDeliveries(make_delivery(started_at=now), effects=self.effects)
        self.queue = InMemoryDeliveryQueue(effects=self.effects)
        self.receiver = ScriptedReceiver(list(answers), self.effects)
        self.sender = self.make_sender(self.receiver)

    def make_sender(self, receiver: ScriptedReceiver) -> WebhookSender:
        return WebhookSender(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            queue=self.queue,
            box=self.box,
            receiver=receiver,
            origin=Origin("111122223333", "us-east-1"),
            clock=lambda: self.now,
        )

    def make_receiver(self, **changes: Any) -> WebhookSubscription:
        secret = SealedSecret(self.box.seal("pager", SECRETS[0]), NOON)
        url = self.box.seal("pager", URL)
        return make_subscription(**{"url": url, "secrets": (secret,), **changes})

    def subscribe(self, **changes: Any) -> None:
        self.webhooks.stored["pager"] = self.make_receiver(**changes)

    def store(self, **changes: Any) -> None:
        delivery = make_delivery(**changes)
        self.deliveries.stored["pager", EVENT.id] = delivery

    @property
    def delivery(self) -> Delivery:
        return self.deliveries.stored["pager", EVENT.id]

    @property
    def subscription(self) -> WebhookSubscription:
        return self.webhooks.stored["pager"]

    def send(self, number: int = 0) -> SendOutcome:
        return self.sender.send(DeliveryMessage("pager", EVENT.id, number), self.now)

    def send_next(self) -> SendOutcome:
        """Send the last message of the queue, after its wait."""
        self.now += self.queue.waits[-1]
        return self.send(self.queue.messages[-1].number)


def test_an_event_is_sent_and_delivered() -> None:
    sending = Sending()
    outcome = sending.send()
    (request,) = sending.receiver.requests
    assert request.url == URL
    assert json.loads(request.body)["type"] == "budget.threshold_reached"
    assert request.headers["webhook-id"] == EVENT.id
    assert (outcome.result, outcome.wait) == (SendResult.DELIVERED, None)
    assert sending.delivery.state is DeliveryState.DELIVERED
    assert sending.delivery.last == DeliveryAttempt(NOON, 200)
    assert outcome.delivery == sending.delivery


def test_the_receiver_can_verify_what_is_sent() -> None:
    sending = Sending(now=datetime.now(UTC))
    sending.send()
    (request,) = sending.receiver.requests
    payload = Webhook(SECRETS[0]).verify(request.body, dict(request.headers))
    assert payload["data"]["account"] == "111122223333"


def test_valid_secrets_sign_and_expired_ones_do_not() -> None:
    now = datetime.now(UTC)
    sending = Sending(now=now)
    sealed = [
        SealedSecret(sending.box.seal("pager", secret), now, expires_at)
        for secret, expires_at in zip(SECRETS, (now, now + HOUR, None), strict=True)
    ]
    sending.subscribe(secrets=tuple(sealed))
    sending.send()
    (request,) = sending.receiver.requests
    assert len(request.headers["webhook-signature"].split()) == 2
    for secret in SECRETS[1:]:
        Webhook(secret).verify(request.body, dict(request.headers))


def test_chat_systems_get_their_form_without_signature() -> None:
    sending = Sending()
    sending.subscribe(format=WebhookFormat.SLACK, secrets=())
    sending.send()
    (request,) = sending.receiver.requests
    assert json.loads(request.body).keys() == {"text", "blocks"}
    assert not request.headers


def test_a_template_is_filled_in() -> None:
    sending = Sending()
    sending.subscribe(
        format=WebhookFormat.TEMPLATE, secrets=(), template='{"content": "{title} in {account}"}'
    )
    sending.send()
    (request,) = sending.receiver.requests
    assert json.loads(request.body) == {"content": f"{EVENT.title} in 111122223333"}


def test_a_failed_attempt_is_made_again_after_its_wait() -> None:
    sending = Sending(ReceiverAnswer(500), ReceiverError("reset"))
    outcome = sending.send()
    assert outcome.result is SendResult.RETRIED_LATER
    assert outcome.wait is not None
    assert 5 * SECOND <= outcome.wait <= 5.5 * SECOND
    assert sending.queue.messages == [DeliveryMessage("pager", EVENT.id, 1)]
    assert sending.queue.waits == [outcome.wait]
    outcome = sending.send_next()
    assert outcome.wait is not None
    assert outcome.wait >= 300 * SECOND
    assert sending.send_next().result is SendResult.DELIVERED
    assert len(sending.queue.messages) == 2
    assert {request.headers["webhook-id"] for request in sending.receiver.requests} == {EVENT.id}
    timestamps = [request.headers["webhook-timestamp"] for request in sending.receiver.requests]
    assert timestamps == sorted(set(timestamps))


def test_the_wait_begins_at_the_end_of_the_attempt() -> None:
    sending = Sending(ReceiverAnswer(429, HOUR))
    sending.effects.left, sending.effects.interrupt = 3, lambda: advance(sending, 15 * SECOND)
    outcome = sending.send()
    assert sending.subscription.paused_until == NOON + 15 * SECOND + HOUR
    assert outcome.wait == HOUR


def advance(sending: Sending, time: timedelta) -> None:
    sending.now += time


def test_an_early_message_makes_no_attempt() -> None:
    sending = Sending()
    sending.store(due_at=NOON + HOUR, attempts=4)
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.NOT_DUE, HOUR)
    assert not sending.receiver.requests


def test_a_paused_receiver_gets_nothing() -> None:
    sending = Sending()
    sending.subscribe(paused_until=NOON + HOUR)
    outcome = sending.send()
    assert outcome.result is SendResult.NOT_DUE
    assert outcome.wait is not None
    assert HOUR <= outcome.wait <= HOUR + SECOND
    assert not sending.receiver.requests
    assert sending.send_next().result is SendResult.DELIVERED


def test_an_overloaded_receiver_is_paused_for_all_deliveries() -> None:
    sending = Sending(ReceiverAnswer(429, 2 * HOUR))
    other = make_delivery(event=replace(EVENT, id="evt_other"))
    sending.deliveries.stored["pager", "evt_other"] = other
    assert sending.send().wait == 2 * HOUR
    later = sending.sender.send(DeliveryMessage("pager", "evt_other"), NOON).wait
    assert later is not None
    assert 2 * HOUR <= later <= 2 * HOUR + SECOND
    assert len(sending.receiver.requests) == 1


def test_410_switches_the_subscription_off() -> None:
    sending = Sending(ReceiverAnswer(410))
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.DISABLED, None)
    assert sending.subscription.disabled_at == NOON
    assert sending.subscription.disabled_because == GONE
    assert sending.delivery.state is DeliveryState.DISABLED


@pytest.mark.parametrize("gone", [True, False])
def test_deliveries_end_with_their_subscription(*, gone: bool) -> None:
    sending = Sending()
    if gone:
        sending.webhooks.remove("pager")
    else:
        sending.webhooks.disable("pager", NOON, GONE)
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.ENDED, None)
    assert sending.delivery.state is DeliveryState.DISABLED
    assert not sending.receiver.requests


def test_deliveries_from_before_it_was_switched_off_end_after_it_is_on_again() -> None:
    sending = Sending()
    sending.webhooks.disable("pager", NOON + HOUR, GONE)
    sending.webhooks.enable("pager")
    sending.now += 2 * HOUR
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.ENDED, None)
    assert sending.delivery.state is DeliveryState.DISABLED
    assert not sending.receiver.requests
    restarted = restart_delivery(sending.delivery, sending.now)
    sending.deliveries.stored["pager", EVENT.id] = restarted
    assert sending.send().result is SendResult.DELIVERED


def test_a_delivery_that_changes_while_it_ends_is_looked_at_again() -> None:
    sending = Sending()
    sending.webhooks.disable("pager", NOON, GONE)
    sending.effects.left = 0
    sending.effects.interrupt = lambda: sending.store(attempts=1)
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.NOT_DUE, CLAIM_TIME)
    assert sending.send_next().result is SendResult.ENDED


def test_a_delivery_ends_if_its_receiver_is_another_one_by_now() -> None:
    sending = Sending()
    sending.subscribe(created_at=NOON + SECOND)
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.ENDED, None)
    assert sending.delivery.state is DeliveryState.DISABLED
    assert not sending.receiver.requests


def test_a_delivery_that_is_too_old_fails_whatever_it_waits_for() -> None:
    sending = Sending()
    sending.subscribe(paused_until=NOON + 2 * MAX_DELIVERY_AGE)
    sending.now = NOON + MAX_DELIVERY_AGE - SECOND
    assert sending.send().result is SendResult.NOT_DUE
    outcome = sending.send_next()
    assert (outcome.result, outcome.wait) == (SendResult.FAILED, None)
    assert sending.delivery.state is DeliveryState.FAILED
    assert not sending.receiver.requests
    # By hand it is sent again, for as long.
    sending.deliveries.stored["pager", EVENT.id] = restart_delivery(sending.delivery, sending.now)
    sending.subscribe()
    assert sending.send(sending.delivery.message_number).result is SendResult.DELIVERED


def test_all_attempts_fit_into_the_age_of_a_delivery() -> None:
    waits = sum(RETRY_WAITS, timedelta(0)) * 1.1
    assert 2 * waits <= MAX_DELIVERY_AGE


def test_a_message_that_was_followed_makes_no_other_one() -> None:
    sending = Sending()
    sending.store(due_at=NOON + HOUR)
    for number in (0, 0, 1, 0, 1):
        sending.send(number)
    followed = [message.number for message in sending.queue.messages]
    # The second message is a copy of the first one, and the last two are copies as well.
    assert followed == [1, 2]
    assert sending.send(1).result is SendResult.FOLLOWED


def test_a_run_that_stops_before_the_next_message_leaves_its_own_in_the_queue() -> None:
    sending = Sending()
    sending.store(due_at=NOON + HOUR)
    for moment in range(4):
        sending.effects.left = moment
        with pytest.raises(Crash):
            sending.send(sending.delivery.message_number)
        assert sending.send(sending.delivery.message_number).result is SendResult.NOT_DUE


def test_deliveries_of_a_backlog_are_spread_after_a_pause() -> None:
    def spread(number: int) -> list[timedelta]:
        deliveries = [make_delivery(event=replace(EVENT, id=f"evt_{n}")) for n in range(200)]
        return [compute_spread(each, number) for each in deliveries]

    for number, longest in ((0, SECOND), (3, 8 * SECOND), (10, MAX_SPREAD), (500, MAX_SPREAD)):
        found = sorted(spread(number))
        assert timedelta(0) <= found[0] < longest * 0.1
        assert longest * 0.9 < found[-1] <= longest
        assert found == sorted(spread(number))


def test_the_tenth_failure_is_the_last() -> None:
    sending = Sending(ReceiverAnswer(500))
    sending.store(attempts=9)
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.FAILED, None)
    assert (sending.delivery.state, sending.delivery.attempts) == (DeliveryState.FAILED, 10)


@pytest.mark.parametrize("state", [s for s in DeliveryState if s is not DeliveryState.PENDING])
def test_a_message_of_a_delivery_that_has_ended_is_done(state: DeliveryState) -> None:
    sending = Sending()
    sending.store(state=state)
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.ENDED, None)
    assert not sending.receiver.requests


def test_a_message_without_delivery_is_done() -> None:
    outcome = Sending().sender.send(DeliveryMessage("pager", "evt_unknown"), NOON)
    assert outcome == SendOutcome(SendResult.ENDED)


def test_of_two_senders_at_once_one_makes_the_attempt() -> None:
    sending = Sending()
    others: list[SendOutcome] = []
    # The moment after the claim, and before the request.
    sending.effects.left = 1
    sending.effects.interrupt = lambda: others.append(sending.send())
    assert sending.send().result is SendResult.DELIVERED
    assert [(other.result, other.wait) for other in others] == [(SendResult.NOT_DUE, CLAIM_TIME)]
    assert len(sending.receiver.requests) == 1


def test_a_sender_that_stops_after_its_claim_is_followed_when_the_claim_ends() -> None:
    sending = Sending()
    sending.effects.left = 1
    with pytest.raises(Crash):
        sending.send()
    assert sending.send().result is SendResult.NOT_DUE
    assert sending.queue.waits == [CLAIM_TIME]
    assert sending.send_next().result is SendResult.DELIVERED


def test_a_slow_sender_does_not_overwrite_a_faster_one() -> None:
    sending = Sending(ReceiverAnswer(200), ReceiverAnswer(500))

    def send_as_another_does() -> None:
        sending.now += CLAIM_TIME
        sending.send()

    # The claim of the slow one ends during its request.
    sending.effects.left, sending.effects.interrupt = 3, send_as_another_does
    outcome = sending.send()
    assert (outcome.result, outcome.wait) == (SendResult.NOT_DUE, CLAIM_TIME)
    assert sending.delivery.state is DeliveryState.DELIVERED


def test_a_key_that_cannot_be_used_leaves_the_delivery_unclaimed() -> None:
    sending = Sending()
    sending.subscribe(url=b"sealed elsewhere")
    with pytest.raises(NotSealedHereError):
        sending.send()
    sending.subscribe()
    assert sending.send().result is SendResult.DELIVERED


def test_what_the_receiver_repeats_of_its_address_is_not_stored() -> None:
    body = f"no route {URL} for {SECRETS[0]}"
    sending = Sending(ReceiverAnswer(404, body=body))
    sending.send()
    assert "url-token" not in repr(sending.delivery)
    assert SECRETS[0] not in repr(sending.delivery)
    assert "no route ***" in repr(sending.delivery)
