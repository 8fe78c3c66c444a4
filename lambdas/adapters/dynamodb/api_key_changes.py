"""Changes API keys in the table `Governance`, with an event for the audit trail each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.api_key_store import write_key
from lambdas.adapters.dynamodb.audit_events import make_audit_event
from lambdas.adapters.dynamodb.brake_items import make_item_key, write_time
from lambdas.adapters.dynamodb.transactions import write_unless_changed
from lambdas.domain.api_keys import ApiKey, KeyExistsError
from lambdas.domain.audit import AuditAction, AuditedChange
from lambdas.domain.governance_keys import API_KEYS, PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class DynamoDbApiKeyChanges:
    """Changes a key and records it in one transaction."""

    def __init__(self, client: DynamoDBClient, table_name: str, changed_by: str | None) -> None:
        """Change keys of a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
            changed_by: The id of the person that changes have in the audit trail.
        """
        self._client = client
        self._table_name = table_name
        self._changed_by = changed_by

    def create(self, key: ApiKey) -> None:
        """Store a new key.

        Raises:
            KeyExistsError: It is stored already.
        """
        event = self._make_event(AuditAction.CREATE_KEY, key.created_at, None, key)
        if not write_unless_changed(self._client, [self._put(key), event]):
            raise KeyExistsError(key.prefix)

    def rotate(self, successor: ApiKey, ending: ApiKey) -> bool:
        """Store the successor of a key, and the end of the key."""
        at = successor.created_at
        event = self._make_event(AuditAction.ROTATE_KEY, at, ending, successor)
        end = ending.expires_at or at
        is_later = "(attribute_not_exists(expires_at) OR expires_at >= :at)"
        ended = self._set(
            "expires_at", ending, end, f"attribute_not_exists(revoked_at) AND {is_later}"
        )
        return write_unless_changed(self._client, [self._put(successor), ended, event])

    def revoke(self, key: ApiKey, at: datetime) -> bool:
        """Revoke a key, once and for good."""
        after = replace(key, revoked_at=at)
        event = self._make_event(AuditAction.REVOKE_KEY, at, key, after)
        revoked = self._set("revoked_at", key, at, "attribute_not_exists(revoked_at)")
        return write_unless_changed(self._client, [revoked, event])

    def _put(self, key: ApiKey) -> TransactWriteItemTypeDef:
        return {
            "Put": {
                "TableName": self._table_name,
                "Item": write_key(key),
                "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
            }
        }

    def _set(
        self, name: str, key: ApiKey, at: datetime, condition: str
    ) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._table_name,
                "Key": make_item_key(API_KEYS, key.digest),
                "UpdateExpression": f"SET {name} = :at",
                "ConditionExpression": f"attribute_exists({PARTITION_KEY}) AND {condition}",
                "ExpressionAttributeValues": {":at": {"S": write_time(at)}},
            }
        }

    def _make_event(
        self, action: AuditAction, at: datetime, before: ApiKey | None, after: ApiKey
    ) -> TransactWriteItemTypeDef:
        return make_audit_event(
            self._table_name,
            AuditedChange(
                source=f"{action}/{after.digest}",
                changed_at=at,
                changed_by=self._changed_by,
                action=action,
                subject=f"key:{after.prefix}",
                before=None if before is None else _describe(before),
                after=_describe(after),
            ),
        )


def _describe(key: ApiKey) -> dict[str, object]:
    """Describe a key without its owner, whose name could not be erased from the audit trail."""
    texts = {
        "prefix": key.prefix,
        "tenant": key.tenant,
        "tier": key.tier,
        "project": key.project,
        "replaces": key.replaces,
    }
    times = {"expires_at": key.expires_at, "revoked_at": key.revoked_at}
    return {
        **{name: text for name, text in texts.items() if text is not None},
        **{name: write_time(moment) for name, moment in times.items() if moment is not None},
        "scopes": sorted(key.scopes),
    }
