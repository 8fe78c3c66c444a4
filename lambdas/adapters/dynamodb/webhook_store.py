"""Stores the receivers of webhooks in the table `Governance`, with their secrets encrypted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    make_item_key,
    query_partition,
    write_json,
    write_time,
)
from lambdas.adapters.dynamodb.claims import DueItems
from lambdas.domain.governance_keys import PARTITION_KEY, SORT_KEY, WEBHOOK_PREFIX, WEBHOOKS
from lambdas.domain.times import read_time
from lambdas.domain.webhooks import (
    EventFilter,
    SealedSecret,
    UnreadableWebhookError,
    WebhookFormat,
    WebhookSubscription,
)
from lambdas.logs import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from lambdas.adapters.dynamodb.brake_items import Item

_CIPHERTEXT, _CREATED_AT, _EXPIRES_AT = "ciphertext", "created_at", "expires_at"
PAUSED_UNTIL, DISABLED_AT, DISABLED_BECAUSE = "paused_until", "disabled_at", "disabled_because"
LAST_DISABLED_AT = "last_disabled_at"


class DynamoDbWebhookStore:
    """Stores each subscription in an item. All have one partition, which one query reads."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store subscriptions in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name
        self._stored = DueItems(client, table_name)

    def list_all(self) -> Sequence[WebhookSubscription]:
        """List all subscriptions by id. One that cannot be read is left out and logged."""
        items = query_partition(self._client, self._table_name, WEBHOOKS)
        found = [each for item in items if (each := _try_to_read(item)) is not None]
        return sorted(found, key=lambda subscription: subscription.id)

    def get(self, webhook_id: str) -> WebhookSubscription | None:
        """Get a subscription; `None` if it does not exist.

        Raises:
            UnreadableWebhookError: It cannot be read. It is logged.
        """
        answer = self._client.get_item(
            TableName=self._table_name, Key=make_webhook_key(webhook_id), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        found = _try_to_read(answer["Item"])
        if found is None:
            message = f"the webhook {webhook_id} cannot be read: remove it, then add it again"
            raise UnreadableWebhookError(message)
        return found

    def add(self, subscription: WebhookSubscription) -> bool:
        """Add a subscription; `False` if one has its id."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=write_webhook(subscription),
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY})",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def remove(self, webhook_id: str) -> bool:
        """Remove a subscription, with its secrets; `False` if it does not exist."""
        try:
            self._client.delete_item(
                TableName=self._table_name,
                Key=make_webhook_key(webhook_id),
                ConditionExpression=f"attribute_exists({PARTITION_KEY})",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def write_secrets(
        self,
        webhook_id: str,
        secrets: Sequence[SealedSecret],
        replaced: Sequence[SealedSecret],
    ) -> bool:
        """Replace the secrets of a subscription; `False` if it has others by now."""
        values = {
            ":secrets": write_secrets_value(secrets),
            ":replaced": write_secrets_value(replaced),
        }
        return self._stored.update(
            make_webhook_key(webhook_id), "SET secrets = :secrets", values, "secrets = :replaced"
        )

    def pause(self, webhook_id: str, until: datetime, added_at: datetime | None = None) -> None:
        """Send nothing before a time, unless a later one is stored."""
        self._update(
            webhook_id,
            added_at,
            f"SET {PAUSED_UNTIL} = :until",
            {":until": {"S": write_time(until)}},
            f"(attribute_not_exists({PAUSED_UNTIL}) OR {PAUSED_UNTIL} < :until)",
        )

    def disable(
        self, webhook_id: str, at: datetime, because: str, added_at: datetime | None = None
    ) -> None:
        """Switch a subscription off. The first time and reason stay."""
        self._update(
            webhook_id,
            added_at,
            f"SET {DISABLED_AT} = :at, {LAST_DISABLED_AT} = :at, {DISABLED_BECAUSE} = :because",
            {":at": {"S": write_time(at)}, ":because": {"S": because}},
            f"attribute_not_exists({DISABLED_AT})",
        )

    def _update(
        self, webhook_id: str, added_at: datetime | None, update: str, values: Item, only_if: str
    ) -> None:
        """Update a subscription, unless it is another one with its id that was added later."""
        if added_at is not None:
            values = {**values, ":added": {"S": write_time(added_at)}}
            only_if = f"{only_if} AND {_CREATED_AT} = :added"
        self._stored.update(make_webhook_key(webhook_id), update, values, only_if)

    def enable(self, webhook_id: str) -> bool:
        """Switch a subscription on again; `False` if it does not exist."""
        return self._stored.update(
            make_webhook_key(webhook_id),
            f"REMOVE {DISABLED_AT}, {DISABLED_BECAUSE}, {PAUSED_UNTIL}",
        )


def make_webhook_key(webhook_id: str) -> Item:
    """Make the key of the item of a subscription."""
    return make_item_key(WEBHOOKS, f"{WEBHOOK_PREFIX}{webhook_id}")


def write_webhook(subscription: WebhookSubscription) -> Item:
    """Write the item of a subscription."""
    wanted = subscription.filter
    scope = {label: list(names) for label, names in wanted.scope.items()}
    texts = {
        "host": subscription.host,
        "format": subscription.format.value,
        "template": subscription.template,
        DISABLED_BECAUSE: subscription.disabled_because,
    }
    times = {
        _CREATED_AT: subscription.created_at,
        PAUSED_UNTIL: subscription.paused_until,
        DISABLED_AT: subscription.disabled_at,
        LAST_DISABLED_AT: subscription.last_disabled_at,
    }
    texts |= {name: write_time(moment) for name, moment in times.items() if moment is not None}
    return {
        **make_webhook_key(subscription.id),
        "url": {"B": subscription.url},
        "filter": write_json({"types": list(wanted.types), "scope": scope}),
        "secrets": write_secrets_value(subscription.secrets),
        **{name: {"S": text} for name, text in texts.items() if text is not None},
    }


def write_secrets_value(secrets: Sequence[SealedSecret]) -> AttributeValueTypeDef:
    """Write secrets, which are compared before they are replaced."""
    return {"L": [{"M": _write_secret(secret)} for secret in secrets]}


def _write_secret(secret: SealedSecret) -> Item:
    times = {_CREATED_AT: secret.created_at, _EXPIRES_AT: secret.expires_at}
    return {
        _CIPHERTEXT: {"B": secret.ciphertext},
        **{name: {"S": write_time(moment)} for name, moment in times.items() if moment},
    }


def _try_to_read(item: Item) -> WebhookSubscription | None:
    try:
        return _read(item)
    except UNREADABLE as error:
        logger.error(  # its traceback could show what the item has
            "A webhook cannot be read: remove it, then add it again",
            webhook=item[SORT_KEY].get("S"),
            reason=type(error).__name__,
        )
        return None


def _read(item: Item) -> WebhookSubscription:
    wanted = json.loads(item["filter"]["S"])
    scope = {str(label): tuple(map(str, names)) for label, names in wanted["scope"].items()}
    times = {
        name: read_time(item[name]["S"])
        for name in (_CREATED_AT, PAUSED_UNTIL, DISABLED_AT, LAST_DISABLED_AT)
        if name in item
    }
    return WebhookSubscription(
        id=item[SORT_KEY]["S"].removeprefix(WEBHOOK_PREFIX),
        url=item["url"]["B"],
        host=item["host"]["S"],
        format=WebhookFormat(item["format"]["S"]),
        filter=EventFilter(types=tuple(map(str, wanted["types"])), scope=scope),
        secrets=tuple(_read_secret(each["M"]) for each in item["secrets"]["L"]),
        template=item["template"]["S"] if "template" in item else None,
        created_at=times[_CREATED_AT],
        paused_until=times.get(PAUSED_UNTIL),
        disabled_at=times.get(DISABLED_AT),
        last_disabled_at=times.get(LAST_DISABLED_AT),
        disabled_because=item[DISABLED_BECAUSE]["S"] if DISABLED_BECAUSE in item else None,
    )


def _read_secret(values: Mapping[str, AttributeValueTypeDef]) -> SealedSecret:
    return SealedSecret(
        values[_CIPHERTEXT]["B"],
        read_time(values[_CREATED_AT]["S"]),
        read_time(values[_EXPIRES_AT]["S"]) if _EXPIRES_AT in values else None,
    )
