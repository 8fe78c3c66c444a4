"""The contract of the stores, the queue and the key of webhooks, run on each of them."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.delivery_store import DELIVERY_RETENTION, DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_changes import AuditedWebhookStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.kms_secret_box import KmsSecretBox
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue, read_delivery_message
from lambdas.domain.audit import AuditAction
from lambdas.domain.events import MeterEvent
from lambdas.domain.webhooks import (
    DeliveryAttempt,
    DeliveryMessage,
    DeliveryQueue,
    DeliveryState,
    DeliveryStore,
    EventFilter,
    SealedSecret,
    SecretBox,
    UnreadableWebhookError,
    WebhookFormat,
    WebhookStore,
    restart_delivery,
)
from tests.adapters.dynamodb.test_api_key_store import ACTOR, read_events
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.webhooks import (
    NOON,
    InMemoryDeliveries,
    InMemoryDeliveryQueue,
    InMemorySecretBox,
    InMemoryWebhooks,
    NotSealedHereError,
    make_delivery,
    make_event,
    make_subscription,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OLD = SealedSecret(b"\x00old", NOON - 30 * HOUR, NOON + HOUR)
CURRENT = SealedSecret(b"\xffcurrent", NOON)
FULL = make_subscription(
    id="chat-1",
    url=b"\x01\xfe",
    format=WebhookFormat.TEMPLATE,
    filter=EventFilter(
        types=("budget.*", "credits.low"), scope={"project": ("chat", "x*"), "model": ("m",)}
    ),
    secrets=(OLD, CURRENT),
    template='{"text": "{title} é"}',
    paused_until=NOON + MINUTE,
    disabled_at=NOON + HOUR,
    disabled_because="the receiver is gone (410)",
    last_disabled_at=NOON + HOUR,
)
BARE = make_subscription()
ATTEMPTED = make_delivery(
    event=make_event(
        id="evt_2", scope={}, detail={"amount": "1.50", "names": ["é", None], "n": 3}, link=None
    ),
    attempts=2,
    due_at=NOON + 5 * MINUTE,
    last=DeliveryAttempt(NOON + MINUTE, 500, "it answered 500"),
    created_at=NOON + MINUTE,
    started_at=NOON + 2 * MINUTE,
    subscribed_at=NOON - HOUR,
    message_number=3,
)
MESSAGE = DeliveryMessage("pager", "evt_1", 2)


class Stores(NamedTuple):
    """All that webhooks are stored in."""

    webhooks: WebhookStore
    deliveries: DeliveryStore
    box: SecretBox


@pytest.fixture(params=["in memory", "aws", "audited"])
def webhooks(request: pytest.FixtureRequest) -> WebhookStore:
    if request.param == "in memory":
        return InMemoryWebhooks()
    request.getfixturevalue("aws")
    return create_audited() if request.param == "audited" else create_stores().webhooks


@pytest.fixture(params=["in memory", "aws"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "in memory":
        return Stores(InMemoryWebhooks(), InMemoryDeliveries(), InMemorySecretBox())
    request.getfixturevalue("aws")
    return create_stores()


def create_audited() -> AuditedWebhookStore:
    """Create a store for a person, with a clock that never shows the same time again."""
    create_governance_table()
    times = (NOON + seconds * timedelta(seconds=1) for seconds in count())
    client = boto3.client("dynamodb")
    return AuditedWebhookStore(client, GOVERNANCE, ACTOR, times.__next__)


def create_stores() -> Stores:
    create_governance_table()
    dynamodb, kms = boto3.client("dynamodb"), boto3.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    return Stores(
        DynamoDbWebhookStore(dynamodb, GOVERNANCE),
        DynamoDbDeliveryStore(dynamodb, GOVERNANCE),
        KmsSecretBox(kms, key),
    )


def read_items() -> list[dict[str, Any]]:
    items: list[Any] = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    return items


def test_subscriptions_are_added_once_and_listed_by_id(webhooks: WebhookStore) -> None:
    assert webhooks.get(BARE.id) is None
    assert list(webhooks.list_all()) == []
    assert webhooks.add(BARE)
    assert webhooks.add(FULL)
    assert not webhooks.add(replace(FULL, id=BARE.id))
    assert (webhooks.get(BARE.id), webhooks.get(FULL.id)) == (BARE, FULL)
    assert list(webhooks.list_all()) == [FULL, BARE]


def test_a_removed_subscription_is_gone(webhooks: WebhookStore) -> None:
    webhooks.add(BARE)
    assert webhooks.remove(BARE.id)
    assert not webhooks.remove(BARE.id)
    assert webhooks.get(BARE.id) is None
    assert webhooks.add(FULL)


def test_secrets_are_replaced_unless_they_have_changed(webhooks: WebhookStore) -> None:
    webhooks.add(BARE)
    assert webhooks.write_secrets(BARE.id, (CURRENT,), ())
    assert not webhooks.write_secrets(BARE.id, (OLD,), ())
    assert not webhooks.write_secrets(BARE.id, (OLD,), (CURRENT, OLD))
    assert webhooks.write_secrets(BARE.id, (OLD, CURRENT), (CURRENT,))
    assert webhooks.get(BARE.id) == replace(BARE, secrets=(OLD, CURRENT))
    assert not webhooks.write_secrets("absent", (CURRENT,), ())
    assert webhooks.get("absent") is None


def test_a_pause_only_becomes_longer(webhooks: WebhookStore) -> None:
    webhooks.add(BARE)
    for minutes in (2, 5, 3):
        webhooks.pause(BARE.id, NOON + minutes * MINUTE)
    assert webhooks.get(BARE.id) == replace(BARE, paused_until=NOON + 5 * MINUTE)
    webhooks.pause("absent", NOON)
    assert list(webhooks.list_all()) == [replace(BARE, paused_until=NOON + 5 * MINUTE)]


def test_an_answer_of_an_earlier_receiver_changes_no_other_of_its_name(
    webhooks: WebhookStore,
) -> None:
    webhooks.add(BARE)
    webhooks.disable(BARE.id, NOON, "gone", NOON - HOUR)
    webhooks.pause(BARE.id, NOON + HOUR, NOON - HOUR)
    assert webhooks.get(BARE.id) == BARE
    webhooks.pause(BARE.id, NOON + HOUR, NOON)
    webhooks.disable(BARE.id, NOON, "gone", NOON)
    assert webhooks.get(BARE.id) == replace(
        BARE,
        paused_until=NOON + HOUR,
        disabled_at=NOON,
        disabled_because="gone",
        last_disabled_at=NOON,
    )


def test_a_subscription_is_switched_off_once_and_on_again(webhooks: WebhookStore) -> None:
    webhooks.add(BARE)
    webhooks.disable(BARE.id, NOON, "gone")
    webhooks.disable(BARE.id, NOON + HOUR, "again")
    enabled = replace(BARE, last_disabled_at=NOON)
    assert webhooks.get(BARE.id) == replace(enabled, disabled_at=NOON, disabled_because="gone")
    webhooks.pause(BARE.id, NOON + HOUR)
    assert webhooks.enable(BARE.id)
    assert webhooks.enable(BARE.id)
    assert webhooks.get(BARE.id) == enabled
    webhooks.disable("absent", NOON, "gone")
    assert not webhooks.enable("absent")
    assert list(webhooks.list_all()) == [enabled]


def test_deliveries_are_added_once_and_listed_from_the_newest(stores: Stores) -> None:
    deliveries, first = stores.deliveries, make_delivery()
    other = replace(first, webhook_id="chat-1")
    for each in (first, ATTEMPTED, other):
        assert deliveries.add(each)
        assert not deliveries.add(replace(each, attempts=5))
        assert deliveries.get(each.webhook_id, each.event.id) == each
    assert list(deliveries.list_for("pager")) == [ATTEMPTED, first]
    assert list(deliveries.list_for("chat-1")) == [other]
    assert list(deliveries.list_for("absent")) == []
    assert deliveries.get("pager", "absent") is None


def test_of_several_senders_one_claims_an_attempt(stores: Stores) -> None:
    deliveries, first = stores.deliveries, make_delivery()
    assert not deliveries.claim(first, NOON, NOON + MINUTE)
    assert deliveries.get("pager", first.event.id) is None
    deliveries.add(first)
    assert deliveries.claim(first, NOON, NOON + MINUTE)
    assert not deliveries.claim(first, NOON + MINUTE / 2, NOON + HOUR)
    assert deliveries.get("pager", first.event.id) == first
    # A claim that has ended is that of a sender that was killed.
    assert deliveries.claim(first, NOON + MINUTE, NOON + 2 * MINUTE)


def test_a_written_attempt_ends_the_claim_and_keeps_out_those_that_were_slower(
    stores: Stores,
) -> None:
    deliveries, first = stores.deliveries, make_delivery()
    deliveries.add(first)
    deliveries.claim(first, NOON, NOON + MINUTE)
    failed = replace(first, attempts=1, last=DeliveryAttempt(NOON, None, "no answer"))
    assert deliveries.write(failed, 0)
    assert not deliveries.write(replace(first, attempts=1), 0)
    assert deliveries.get("pager", first.event.id) == failed
    assert not deliveries.claim(first, NOON, NOON + MINUTE)
    assert deliveries.claim(failed, NOON, NOON + MINUTE)


@pytest.mark.parametrize(
    "state", [DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DISABLED]
)
def test_a_delivery_that_has_ended_is_not_claimed(stores: Stores, state: DeliveryState) -> None:
    deliveries, ended = stores.deliveries, make_delivery(state=state)
    deliveries.add(ended)
    assert not deliveries.claim(ended, NOON, NOON + MINUTE)
    assert deliveries.get("pager", ended.event.id) == ended


def test_a_delivery_that_was_started_again_is_not_overwritten(stores: Stores) -> None:
    deliveries, first = stores.deliveries, make_delivery()
    deliveries.add(first)
    restarted = restart_delivery(first, NOON + HOUR)
    assert not deliveries.write(restarted, 0)
    assert deliveries.write(restarted, 0, first.started_at)
    assert not deliveries.write(replace(first, state=DeliveryState.DISABLED), 0)
    assert deliveries.get("pager", first.event.id) == restarted


def test_the_highest_number_of_a_message_is_stored(stores: Stores) -> None:
    deliveries = stores.deliveries
    deliveries.add(ATTEMPTED)
    for number, expected in ((2, 3), (3, 3), (5, 5), (4, 5)):
        deliveries.note_message(DeliveryMessage("pager", ATTEMPTED.event.id, number))
        stored = deliveries.get("pager", ATTEMPTED.event.id)
        assert stored == replace(ATTEMPTED, message_number=expected)
    deliveries.note_message(DeliveryMessage("pager", "absent", 1))
    assert deliveries.get("pager", "absent") is None


def test_a_delivery_that_does_not_exist_is_not_written(stores: Stores) -> None:
    assert not stores.deliveries.write(make_delivery(), 0)
    assert list(stores.deliveries.list_for("pager")) == []


def test_a_sealed_text_is_opened_for_its_subscription_alone(stores: Stores) -> None:
    box = stores.box
    sealed = box.seal("pager", "https://receiver.example/é")
    assert b"receiver" not in sealed
    assert box.open("pager", sealed) == "https://receiver.example/é"
    for webhook_id, ciphertext in (("other", sealed), ("pager", b"unknown")):
        with pytest.raises((NotSealedHereError, ClientError)):
            box.open(webhook_id, ciphertext)


@pytest.mark.parametrize("is_real", [False, True])
def test_a_message_names_a_delivery_and_nothing_else(
    request: pytest.FixtureRequest, is_real: bool
) -> None:
    if not is_real:
        in_memory = InMemoryDeliveryQueue()
        send(in_memory)
        assert in_memory.messages == [MESSAGE]
        return
    request.getfixturevalue("aws")
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
    send(SqsDeliveryQueue(sqs, url))
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert read_delivery_message(message["Body"]) == MESSAGE
    assert set(json.loads(message["Body"])) == {"webhook", "event", "number"}


def send(queue: DeliveryQueue) -> None:
    queue.send(MESSAGE)


def test_deliveries_expire_30_days_after_they_were_due(aws: None) -> None:
    stores = create_stores()
    stores.deliveries.add(ATTEMPTED)
    (item,) = read_items()
    assert int(item["expires_at"]["N"]) == (ATTEMPTED.due_at + DELIVERY_RETENTION).timestamp()
    assert item["pk"] == {"S": "webhook-deliveries#pager"}


@pytest.mark.parametrize(
    "change",
    [
        {"url": None},
        {"url": {"S": "https://receiver.example/url-token"}, "host": None},
        {"format": {"S": "carrier pigeon"}},
        {"filter": {"S": "{"}},
        {"filter": {"S": '{"types": 5, "scope": {}}'}},
        {"filter": {"S": "[]"}},
        {"secrets": {"L": [{"S": "url-token"}]}},
        {"secrets": {"L": [{"M": {"ciphertext": {"S": "x"}}}]}},
        {"created_at": {"S": "2026-09-08T12:00:00"}},
        {"created_at": {"S": "url-token"}},
    ],
)
def test_a_subscription_that_cannot_be_read_is_left_out_and_logged(
    aws: None, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    webhooks = create_stores().webhooks
    webhooks.add(BARE)
    webhooks.add(FULL)
    damage("webhooks", f"webhook#{FULL.id}", change)
    assert list(webhooks.list_all()) == [BARE]
    with pytest.raises(UnreadableWebhookError, match=f"{FULL.id} cannot be read: remove it"):
        webhooks.get(FULL.id)
    logged = read_log(caplog)
    assert caplog.messages == ["A webhook cannot be read: remove it, then add it again"] * 2
    assert FULL.id in logged
    assert "url-token" not in logged
    assert webhooks.remove(FULL.id)


@pytest.mark.parametrize(
    "change",
    [
        {"event": None},
        {"event": {"S": "url-token"}},
        {"event": {"S": "{}"}},
        {"delivery_state": {"S": "lost"}},
        {"attempts": {"S": "two"}},
        {"due_at": {"S": "soon"}},
        {"subscribed_at": None},
        {"message_number": {"S": "1"}},
        {"last_attempt": {"S": "[]"}},
    ],
)
def test_a_delivery_that_cannot_be_read_is_left_out_and_logged(
    aws: None, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    deliveries, kept = create_stores().deliveries, make_delivery()
    deliveries.add(ATTEMPTED)
    deliveries.add(kept)
    damage("webhook-deliveries#pager", ATTEMPTED.event.id, change)
    assert list(deliveries.list_for("pager")) == [kept]
    with pytest.raises(UnreadableWebhookError, match=ATTEMPTED.event.id):
        deliveries.get("pager", ATTEMPTED.event.id)
    logged = read_log(caplog)
    assert caplog.messages == ["A delivery of a webhook cannot be read"] * 2
    assert ATTEMPTED.event.id in logged
    assert "url-token" not in logged


def read_log(caplog: pytest.LogCaptureFixture) -> str:
    """Read all that was logged, with every field."""
    return str([vars(record) for record in caplog.records])


def test_changes_of_operators_are_recorded_without_secrets_and_names(aws: None) -> None:
    webhooks = create_audited()
    webhooks.add(FULL)
    webhooks.add(FULL)
    webhooks.write_secrets(FULL.id, (CURRENT,), FULL.secrets)
    webhooks.write_secrets(FULL.id, (CURRENT,), FULL.secrets)
    webhooks.enable(FULL.id)
    webhooks.remove(FULL.id)
    webhooks.remove(FULL.id)
    events = sorted(read_events(), key=lambda event: event.changed_at)
    described = {
        "host": "receiver.example",
        "format": "template",
        "types": ["budget.*", "credits.low"],
        "labels": ["model", "project"],
        "is_disabled": True,
        "disabled_at": "2026-09-08T13:00:00.000000+00:00",
        "disabled_because": "the receiver is gone (410)",
    }
    enabled = described | {"is_disabled": False, "disabled_at": None, "disabled_because": None}
    assert [(event.action, event.before, event.after) for event in events] == [
        (AuditAction.ADD_WEBHOOK, None, described),
        (AuditAction.ROTATE_WEBHOOK, described, described),
        (AuditAction.ENABLE_WEBHOOK, described, enabled),
        (AuditAction.REMOVE_WEBHOOK, enabled, None),
    ]
    assert {(event.changed_by, event.subject) for event in events} == {(ACTOR, "webhook:chat-1")}


def test_a_subscription_that_cannot_be_read_is_removed_and_recorded(aws: None) -> None:
    webhooks = create_audited()
    webhooks.add(BARE)
    damage("webhooks", f"webhook#{BARE.id}", {"url": None})
    assert webhooks.remove(BARE.id)
    assert webhooks.add(BARE)
    (removed,) = [each for each in read_events() if each.action is AuditAction.REMOVE_WEBHOOK]
    assert (removed.before, removed.after) == (None, None)


class ConflictingDynamoDb:
    """A DynamoDB client whose first writes meet another write of their item."""

    def __init__(self, conflicts: int) -> None:
        self._client = boto3.client("dynamodb")
        self._conflicts = conflicts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
        self._meet("TransactionCanceledException", CancellationReasons=reasons)
        return self._client.transact_write_items(**request)

    def update_item(self, **request: Any) -> Any:
        self._meet("TransactionConflictException")
        return self._client.update_item(**request)

    def _meet(self, code: str, **details: Any) -> None:
        if self._conflicts:
            self._conflicts -= 1
            answer: Any = {"Error": {"Code": code, "Message": "busy"}, **details}
            errors: Any = self._client.exceptions
            raise errors.from_code(code)(answer, "Write")


def open_conflicting(conflicts: int) -> AuditedWebhookStore:
    client: Any = ConflictingDynamoDb(conflicts)
    return AuditedWebhookStore(client, GOVERNANCE, ACTOR, lambda: NOON)


@pytest.mark.parametrize("conflicts", [1, 4])
def test_a_change_waits_for_another_write_of_its_item(aws: None, conflicts: int) -> None:
    create_governance_table()
    assert open_conflicting(conflicts).add(FULL)
    assert open_conflicting(conflicts).enable(FULL.id)
    assert open_conflicting(conflicts).write_secrets(FULL.id, (CURRENT,), FULL.secrets)
    assert not open_conflicting(conflicts).write_secrets(FULL.id, (CURRENT,), FULL.secrets)
    open_conflicting(conflicts).disable(FULL.id, NOON, "gone")
    found = open_conflicting(0).get(FULL.id)
    assert found is not None
    assert (found.secrets, found.disabled_because) == ((CURRENT,), "gone")
    assert open_conflicting(conflicts).remove(FULL.id)
    assert not open_conflicting(conflicts).remove(FULL.id)


def test_a_change_that_meets_others_each_time_is_an_error(aws: None) -> None:
    create_governance_table()
    open_conflicting(0).add(BARE)
    with pytest.raises(ClientError, match="busy"):
        open_conflicting(5).remove(BARE.id)
    with pytest.raises(ClientError, match="busy"):
        open_conflicting(5).disable(BARE.id, NOON, "gone")
    assert open_conflicting(0).get(BARE.id) == BARE


def damage(partition: str, sort_key: str, change: dict[str, Any]) -> None:
    (item,) = [
        each for each in read_items() if (each["pk"]["S"], each["sk"]["S"]) == (partition, sort_key)
    ]
    changed = {name: value for name, value in (item | change).items() if value is not None}
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=changed)


def test_events_keep_all_their_parts(stores: Stores) -> None:
    event: MeterEvent = make_event(at=NOON + timedelta(microseconds=1), text="a\nb\U0001f600")
    stores.deliveries.add(make_delivery(event=event))
    found = stores.deliveries.get("pager", event.id)
    assert found is not None
    assert found.event == event
