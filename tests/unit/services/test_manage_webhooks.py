"""Operators add, rotate, test and remove subscriptions. A secret is returned once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.events import EventType
from lambdas.domain.webhooks import (
    MAX_WEBHOOKS,
    SECRET_OVERLAP,
    DeliveryMessage,
    DeliveryState,
    EventFilter,
    InvalidWebhookError,
    NewWebhook,
    SealedSecret,
    WebhookFormat,
    make_secret,
)
from lambdas.services.manage_webhooks import (
    UnknownWebhookError,
    WebhookChangedError,
    WebhookManager,
)
from tests.brake import Effects
from tests.webhooks import (
    NOON,
    URL,
    InMemoryDeliveries,
    InMemoryDeliveryQueue,
    InMemorySecretBox,
    InMemoryWebhooks,
    make_delivery,
    make_event,
    make_subscription,
)

HOUR = timedelta(hours=1)
EVENT = make_event()


class Managing:
    """A manager with what it works on; its random bytes are 0, 0, ..., then 1, 1, ..."""

    def __init__(self) -> None:
        self.effects = Effects()
        self.webhooks = InMemoryWebhooks(effects=self.effects)
        self.deliveries = InMemoryDeliveries(effects=self.effects)
        self.queue = InMemoryDeliveryQueue(effects=self.effects)
        self.box = InMemorySecretBox()
        self.made = 0
        self.manager = WebhookManager(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            queue=self.queue,
            box=self.box,
            make_random=self.make_random,
        )

    def make_random(self, count: int) -> bytes:
        self.made += 1
        return bytes([self.made - 1]) * count

    def add(self, **changes: Any) -> str | None:
        new = NewWebhook(**{"id": "pager", "url": URL, **changes})
        return self.manager.add(new, NOON).secret

    def open_secrets(self) -> list[str]:
        secrets = self.webhooks.stored["pager"].secrets
        return [self.box.open("pager", secret.ciphertext) for secret in secrets]


def test_a_subscription_is_added_with_sealed_address_and_secret() -> None:
    managing = Managing()
    wanted = EventFilter(types=("budget.*",))
    secret = managing.add(filter=wanted)
    stored = managing.webhooks.stored["pager"]
    assert secret == make_secret(bytes(32))
    assert managing.open_secrets() == [secret]
    assert managing.box.open("pager", stored.url) == URL
    assert (stored.host, stored.filter, stored.created_at) == ("receiver.example", wanted, NOON)
    assert not stored.is_disabled


@pytest.mark.parametrize(
    "changes",
    [
        {"format": WebhookFormat.SLACK},
        {"format": WebhookFormat.TEMPLATE, "template": '{"text": "{title}"}'},
    ],
    ids=str,
)
def test_chat_systems_have_no_secret(changes: dict[str, Any]) -> None:
    managing = Managing()
    assert managing.add(**changes) is None
    assert not managing.webhooks.stored["pager"].secrets
    with pytest.raises(InvalidWebhookError, match="no secret to rotate"):
        managing.manager.rotate("pager", NOON)


def test_what_is_added_shows_no_secret_in_its_repr() -> None:
    managing = Managing()
    added = managing.manager.add(NewWebhook(id="pager", url=URL), NOON)
    assert added.secret
    assert added.secret not in repr(added)
    assert "url-token" not in repr(added)


def test_a_subscription_that_breaks_a_rule_is_not_added() -> None:
    managing = Managing()
    with pytest.raises(InvalidWebhookError, match="https://"):
        managing.add(url="http://receiver.example")
    assert not managing.webhooks.stored


def test_an_id_is_taken_once() -> None:
    managing = Managing()
    first = managing.add()
    with pytest.raises(InvalidWebhookError, match="already"):
        managing.add()
    assert managing.open_secrets() == [first]


def test_the_number_of_subscriptions_is_bounded() -> None:
    managing = Managing()
    for number in range(MAX_WEBHOOKS):
        managing.webhooks.add(make_subscription(id=f"w{number}"))
    with pytest.raises(InvalidWebhookError, match="remove one first"):
        managing.add()


def test_a_rotation_returns_the_new_secret_and_keeps_the_old_one_for_a_day() -> None:
    managing = Managing()
    old = managing.add()
    rotated = managing.manager.rotate("pager", NOON + HOUR)
    assert managing.open_secrets() == [old, rotated.secret]
    assert rotated.secret != old
    assert [each.expires_at for each in rotated.subscription.secrets] == [
        NOON + HOUR + SECRET_OVERLAP,
        None,
    ]


def test_a_leaked_secret_is_replaced_at_once() -> None:
    managing = Managing()
    managing.add()
    rotated = managing.manager.rotate("pager", NOON, overlap=timedelta(0))
    assert managing.open_secrets() == [rotated.secret]


def test_of_two_rotations_at_once_one_is_refused() -> None:
    managing = Managing()
    managing.add()
    winners: list[str | None] = []
    managing.effects.left = 0
    managing.effects.interrupt = lambda: winners.append(
        managing.manager.rotate("pager", NOON).secret
    )
    with pytest.raises(WebhookChangedError):
        managing.manager.rotate("pager", NOON)
    assert managing.open_secrets()[-1:] == winners


def test_a_test_event_goes_to_one_subscription_whatever_its_filter() -> None:
    managing = Managing()
    managing.add(filter=EventFilter(types=("brake.*",)))
    delivery = managing.manager.test("pager", NOON)
    assert delivery.event.type is EventType.WEBHOOK_TEST
    assert list(managing.deliveries.stored.values()) == [delivery]
    assert managing.queue.messages == [DeliveryMessage("pager", delivery.event.id)]


def test_each_test_is_an_event_of_its_own() -> None:
    managing = Managing()
    managing.add()
    ids = {managing.manager.test("pager", NOON + HOUR * n).event.id for n in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("state", DeliveryState)
def test_a_delivery_is_sent_again_with_all_its_attempts(state: DeliveryState) -> None:
    managing = Managing()
    managing.add()
    managing.deliveries.add(make_delivery(state=state, attempts=7, message_number=4))
    restarted = managing.manager.resend("pager", EVENT.id, NOON + HOUR)
    assert (restarted.state, restarted.attempts) == (DeliveryState.PENDING, 0)
    assert (restarted.created_at, restarted.started_at) == (NOON, NOON + HOUR)
    assert managing.deliveries.get("pager", EVENT.id) == restarted
    assert managing.queue.messages == [DeliveryMessage("pager", EVENT.id, 4)]


def test_a_delivery_of_a_removed_subscription_is_not_sent_to_another_of_its_name() -> None:
    managing = Managing()
    managing.add()
    managing.deliveries.add(make_delivery())
    managing.manager.remove("pager")
    managing.manager.add(NewWebhook(id="pager", url=URL), NOON + HOUR)
    with pytest.raises(InvalidWebhookError, match="an earlier receiver pager"):
        managing.manager.resend("pager", EVENT.id, NOON + HOUR)
    assert not managing.queue.messages


def test_an_attempt_that_ends_at_the_same_time_is_not_overwritten() -> None:
    managing = Managing()
    managing.add()
    managing.deliveries.add(make_delivery())
    done = make_delivery(state=DeliveryState.DELIVERED, attempts=1)
    managing.effects.left = 0
    managing.effects.interrupt = lambda: managing.deliveries.stored.update(
        {("pager", EVENT.id): done}
    )
    with pytest.raises(WebhookChangedError):
        managing.manager.resend("pager", EVENT.id, NOON)
    assert managing.deliveries.get("pager", EVENT.id) == done
    assert not managing.queue.messages


def test_a_subscription_that_is_off_sends_nothing_until_it_is_switched_on() -> None:
    managing = Managing()
    managing.add()
    managing.deliveries.add(make_delivery())
    managing.webhooks.disable("pager", NOON, "the receiver answered 410")
    with pytest.raises(InvalidWebhookError, match=r"answered 410.*webhooks enable"):
        managing.manager.test("pager", NOON)
    with pytest.raises(InvalidWebhookError, match="webhooks enable"):
        managing.manager.resend("pager", EVENT.id, NOON)
    managing.manager.enable("pager")
    managing.manager.resend("pager", EVENT.id, NOON)
    assert len(managing.queue.messages) == 1


def test_a_removed_subscription_is_unknown() -> None:
    managing = Managing()
    managing.add()
    managing.manager.remove("pager")
    manager = managing.manager
    for use in (
        lambda: manager.remove("pager"),
        lambda: manager.enable("pager"),
        lambda: manager.rotate("pager", NOON),
        lambda: manager.test("pager", NOON),
        lambda: manager.resend("pager", EVENT.id, NOON),
    ):
        with pytest.raises(UnknownWebhookError, match="webhooks list"):
            use()


def test_an_unknown_delivery_is_refused() -> None:
    managing = Managing()
    managing.add()
    with pytest.raises(UnknownWebhookError, match="webhooks deliveries"):
        managing.manager.resend("pager", "evt_unknown", NOON)


def test_deliveries_are_listed_from_the_newest() -> None:
    managing = Managing()
    deliveries = [
        make_delivery(event=make_event(id=f"evt_{n}"), created_at=NOON + HOUR * n) for n in range(3)
    ]
    for delivery in deliveries:
        managing.deliveries.add(delivery)
    managing.deliveries.add(make_delivery(webhook_id="other"))
    assert list(managing.manager.list_deliveries("pager")) == deliveries[::-1]


def test_no_address_and_no_secret_is_stored_in_the_clear() -> None:
    managing = Managing()
    secret = managing.add()
    stored = repr(managing.webhooks.stored)
    assert isinstance(managing.webhooks.stored["pager"].secrets[0], SealedSecret)
    assert "url-token" not in stored
    assert str(secret) not in stored
