"""Changes receivers of webhooks in the table `Governance`, with an event for the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.audit_events import make_audit_event
from lambdas.adapters.dynamodb.brake_items import write_time
from lambdas.adapters.dynamodb.transactions import write_if_allowed
from lambdas.adapters.dynamodb.webhook_store import (
    DISABLED_AT,
    DISABLED_BECAUSE,
    PAUSED_UNTIL,
    DynamoDbWebhookStore,
    make_webhook_key,
    write_secrets_value,
    write_webhook,
)
from lambdas.domain.audit import AuditAction, AuditedChange
from lambdas.domain.governance_keys import PARTITION_KEY
from lambdas.domain.webhooks import SealedSecret, UnreadableWebhookError, WebhookSubscription

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

_IS_STORED = f"attribute_exists({PARTITION_KEY})"


class AuditedWebhookStore(DynamoDbWebhookStore):
    """Makes each change of an operator and records it in one transaction."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        changed_by: str,
        clock: Callable[[], datetime],
    ) -> None:
        """Change subscriptions of a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
            changed_by: The id of the person that changes have in the audit trail.
            clock: The time in UTC.
        """
        super().__init__(client, table_name)
        self._changed_by = changed_by
        self._clock = clock

    def add(self, subscription: WebhookSubscription) -> bool:
        """Add a subscription; `False` if one has its id."""
        put: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._table_name,
                "Item": write_webhook(subscription),
                "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
            }
        }
        return self._write(put, AuditAction.ADD_WEBHOOK, subscription.id, None, subscription)

    def remove(self, webhook_id: str) -> bool:
        """Remove a subscription, with its secrets; `False` if it does not exist."""
        delete: TransactWriteItemTypeDef = {
            "Delete": {
                "TableName": self._table_name,
                "Key": make_webhook_key(webhook_id),
                "ConditionExpression": _IS_STORED,
            }
        }
        found: WebhookSubscription | None = None
        with suppress(UnreadableWebhookError):
            found = self.get(webhook_id)
        return self._write(delete, AuditAction.REMOVE_WEBHOOK, webhook_id, found, None)

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
        update = self._make_update(
            webhook_id, "SET secrets = :secrets", f"{_IS_STORED} AND secrets = :replaced", values
        )
        found = self.get(webhook_id)
        return self._write(update, AuditAction.ROTATE_WEBHOOK, webhook_id, found, found)

    def enable(self, webhook_id: str) -> bool:
        """Switch a subscription on again; `False` if it does not exist."""
        remove = f"REMOVE {DISABLED_AT}, {DISABLED_BECAUSE}, {PAUSED_UNTIL}"
        found = self.get(webhook_id)
        update = self._make_update(webhook_id, remove, _IS_STORED)
        enabled = None if found is None else replace(found, disabled_at=None, disabled_because=None)
        return self._write(update, AuditAction.ENABLE_WEBHOOK, webhook_id, found, enabled)

    def _make_update(
        self,
        webhook_id: str,
        update: str,
        condition: str,
        values: Mapping[str, AttributeValueTypeDef] | None = None,
    ) -> TransactWriteItemTypeDef:
        action: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self._table_name,
                "Key": make_webhook_key(webhook_id),
                "UpdateExpression": update,
                "ConditionExpression": condition,
            }
        }
        if values:
            action["Update"]["ExpressionAttributeValues"] = values
        return action

    def _write(
        self,
        change: TransactWriteItemTypeDef,
        action: AuditAction,
        webhook_id: str,
        before: WebhookSubscription | None,
        after: WebhookSubscription | None,
    ) -> bool:
        """Make a change and record it, if its condition holds."""
        now = self._clock()
        event = AuditedChange(
            source=f"{action}/{webhook_id}/{write_time(now)}",
            changed_at=now,
            changed_by=self._changed_by,
            action=action,
            subject=f"webhook:{webhook_id}",
            before=None if before is None else _describe(before),
            after=None if after is None else _describe(after),
        )
        return write_if_allowed(self._client, [change, make_audit_event(self._table_name, event)])


def _describe(subscription: WebhookSubscription) -> dict[str, object]:
    """Describe a subscription without names, which could not be erased from the audit trail."""
    disabled_at = subscription.disabled_at
    return {
        "host": subscription.host,
        "format": subscription.format.value,
        "types": sorted(subscription.filter.types),
        "labels": sorted(subscription.filter.scope),
        "is_disabled": subscription.is_disabled,
        # The sender switches receivers off. It writes no events, so the next one shows when.
        "disabled_at": None if disabled_at is None else write_time(disabled_at),
        "disabled_because": subscription.disabled_because,
    }
