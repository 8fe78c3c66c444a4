"""Stores deliveries of webhooks in the table `Governance`, for 30 days."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    make_item_key,
    query_partition,
    write_json,
    write_time,
)
from lambdas.adapters.dynamodb.claims import CLAIMED_UNTIL, DueItems
from lambdas.domain.events import read_event, write_event
from lambdas.domain.governance_keys import (
    EXPIRES_AT,
    PARTITION_KEY,
    SORT_KEY,
    WEBHOOK_DELIVERIES_PREFIX,
)
from lambdas.domain.times import read_time
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryAttempt,
    DeliveryMessage,
    DeliveryState,
    UnreadableWebhookError,
)
from lambdas.logs import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef

    from lambdas.adapters.dynamodb.brake_items import Item

DELIVERY_RETENTION = timedelta(days=30)
"""The time for which a delivery is stored after it was added or due last."""
_STATE, _ATTEMPTS, _DUE_AT, _CREATED_AT = "delivery_state", "attempts", "due_at", "created_at"
_EVENT, _LAST, _SUBSCRIBED_AT = "event", "last_attempt", "subscribed_at"
_STARTED_AT, _MESSAGE_NUMBER = "started_at", "message_number"


class DynamoDbDeliveryStore:
    """Stores each delivery in an item, in a partition of its subscription."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store deliveries in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name
        self._stored = DueItems(client, table_name)

    def add(self, delivery: Delivery) -> bool:
        """Add a delivery; `False` if the subscription has one of the same event already."""
        return self._put(delivery, f"attribute_not_exists({PARTITION_KEY})")

    def get(self, webhook_id: str, event_id: str) -> Delivery | None:
        """Get a delivery; `None` if it does not exist.

        Raises:
            UnreadableWebhookError: It cannot be read. It is logged.
        """
        answer = self._client.get_item(
            TableName=self._table_name, Key=_make_key(webhook_id, event_id), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        found = _try_to_read(answer["Item"])
        if found is None:
            message = f"the delivery of {event_id} to {webhook_id} cannot be read: see the log"
            raise UnreadableWebhookError(message)
        return found

    def list_for(self, webhook_id: str) -> Iterator[Delivery]:
        """List the deliveries of a subscription, the newest first."""
        partition = f"{WEBHOOK_DELIVERIES_PREFIX}{webhook_id}"
        items = query_partition(self._client, self._table_name, partition)
        found = [each for item in items if (each := _try_to_read(item)) is not None]
        yield from sorted(found, key=lambda each: (each.created_at, each.event.id), reverse=True)

    def claim(self, delivery: Delivery, now: datetime, until: datetime) -> bool:
        """Claim the next attempt, so that of several senders one makes it.

        Returns:
            `False` if another has claimed or made it, or the delivery is no longer pending.
        """
        return self._stored.update(
            _make_key(delivery.webhook_id, delivery.event.id),
            f"SET {CLAIMED_UNTIL} = :until",
            {
                ":pending": {"S": DeliveryState.PENDING.value},
                ":attempts": {"N": str(delivery.attempts)},
                ":now": {"S": write_time(now)},
                ":until": {"S": write_time(until)},
            },
            only_if=(
                f"{_STATE} = :pending AND {_ATTEMPTS} = :attempts"
                f" AND (attribute_not_exists({CLAIMED_UNTIL}) OR {CLAIMED_UNTIL} <= :now)"
            ),
        )

    def write(
        self, delivery: Delivery, attempts_before: int, started_before: datetime | None = None
    ) -> bool:
        """Write a delivery after an attempt, and end its claim.

        Returns:
            `False` if it has another number of attempts by now, or was started again.
        """
        started_at = started_before or delivery.started_at
        before: Item = {
            ":before": {"N": str(attempts_before)},
            ":started": {"S": write_time(started_at)},
        }
        only_if = f"{_ATTEMPTS} = :before AND {_STARTED_AT} = :started"
        return self._put(delivery, only_if, before)

    def note_message(self, message: DeliveryMessage) -> None:
        """Store the number of a message of a delivery, unless a higher one is stored."""
        self._stored.update(
            _make_key(message.webhook_id, message.event_id),
            f"SET {_MESSAGE_NUMBER} = :number",
            {":number": {"N": str(message.number)}},
            only_if=f"{_MESSAGE_NUMBER} < :number",
        )

    def _put(self, delivery: Delivery, only_if: str, values: Item | None = None) -> bool:
        request: PutItemInputTypeDef = {
            "TableName": self._table_name,
            "Item": _write(delivery),
            "ConditionExpression": only_if,
        }
        if values:
            request["ExpressionAttributeValues"] = values
        try:
            self._client.put_item(**request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _make_key(webhook_id: str, event_id: str) -> Item:
    return make_item_key(f"{WEBHOOK_DELIVERIES_PREFIX}{webhook_id}", event_id)


def _write(delivery: Delivery) -> Item:
    """Write the item of a delivery, without a claim."""
    expires_at = max(delivery.created_at, delivery.due_at) + DELIVERY_RETENTION
    item: Item = {
        **_make_key(delivery.webhook_id, delivery.event.id),
        _EVENT: write_json(write_event(delivery.event)),
        _STATE: {"S": delivery.state.value},
        _ATTEMPTS: {"N": str(delivery.attempts)},
        _DUE_AT: {"S": write_time(delivery.due_at)},
        _CREATED_AT: {"S": write_time(delivery.created_at)},
        _STARTED_AT: {"S": write_time(delivery.started_at)},
        _SUBSCRIBED_AT: {"S": write_time(delivery.subscribed_at)},
        _MESSAGE_NUMBER: {"N": str(delivery.message_number)},
        EXPIRES_AT: {"N": str(round(expires_at.timestamp()))},
    }
    if delivery.last is not None:
        at, status, error = delivery.last
        item[_LAST] = write_json({"at": write_time(at), "status": status, "error": error})
    return item


def _try_to_read(item: Item) -> Delivery | None:
    try:
        return _read(item)
    except UNREADABLE as error:
        logger.error(  # its traceback could show what the item has
            "A delivery of a webhook cannot be read",
            partition=item[PARTITION_KEY].get("S"),
            event=item[SORT_KEY].get("S"),
            reason=type(error).__name__,
        )
        return None


def _read(item: Item) -> Delivery:
    event = read_event(json.loads(item[_EVENT]["S"]))
    return Delivery(
        webhook_id=item[PARTITION_KEY]["S"].removeprefix(WEBHOOK_DELIVERIES_PREFIX),
        event=event,
        state=DeliveryState(item[_STATE]["S"]),
        attempts=int(item[_ATTEMPTS]["N"]),
        due_at=read_time(item[_DUE_AT]["S"]),
        last=_read_attempt(item[_LAST]["S"]) if _LAST in item else None,
        created_at=read_time(item[_CREATED_AT]["S"]),
        started_at=read_time(item[_STARTED_AT]["S"]),
        subscribed_at=read_time(item[_SUBSCRIBED_AT]["S"]),
        message_number=int(item[_MESSAGE_NUMBER]["N"]),
    )


def _read_attempt(text: str) -> DeliveryAttempt:
    content = json.loads(text)
    return DeliveryAttempt(read_time(content["at"]), content["status"], content["error"])
