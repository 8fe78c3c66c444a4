"""Changes for the audit trail that their items do not show, such as denies and their ends.

Put the action into the transaction that stores what was done. `audit_writer` reads the stream of
the table `Governance`, and appends each event once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas.domain.audit import (
    AuditAction,
    AuditedChange,
    limit_state,
    read_actor,
    read_plain_json,
    write_canonical,
)
from lambdas.domain.budgets.governance_table import (
    AUDIT_EVENTS,
    CHANGED_BY,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.domain.ledger.table import EXPIRES_AT
from lambdas.domain.times import read_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

_RETENTION = timedelta(days=7)  # events may name people; the stream has them for a day
_AT, _ACTION, _SUBJECT, _BEFORE, _AFTER = "changed_at", "action", "subject", "before", "after"


def make_audit_event(table_name: str, event: AuditedChange) -> TransactWriteItemTypeDef:
    """Make the action of a transaction that records an event.

    The same source a second time cancels the transaction: it was recorded before.

    Args:
        table_name: The table `Governance`.
        event: The change. Its source is an id that is the same when the change is tried again.
    """
    item: dict[str, AttributeValueTypeDef] = {
        PARTITION_KEY: {"S": AUDIT_EVENTS},
        SORT_KEY: {"S": event.source},
        _AT: {"S": event.changed_at.astimezone(UTC).isoformat()},
        _ACTION: {"S": event.action},
        _SUBJECT: {"S": event.subject},
        _BEFORE: {"S": write_canonical(limit_state(event.before))},
        _AFTER: {"S": write_canonical(limit_state(event.after))},
        EXPIRES_AT: {"N": str(int((event.changed_at + _RETENTION).timestamp()))},
    }
    if event.changed_by is not None:
        item[CHANGED_BY] = {"S": event.changed_by}
    return {
        "Put": {
            "TableName": table_name,
            "Item": item,
            "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
        }
    }


class DynamoDbAuditEvents:
    """Stores changes for which nothing else is stored, such as what the watchdog took off."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store changes in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def add(self, change: AuditedChange) -> None:
        """Store a change, unless one with its source is stored."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(**make_audit_event(self._table_name, change)["Put"])


def read_audit_event(
    item: Mapping[str, Any], *, source: str, changed_at: datetime
) -> AuditedChange:
    """Read an event from its item, with plain values.

    What the meter did not write is recorded as it is, without an actor.
    """
    try:
        return AuditedChange(
            source=source,
            changed_at=read_time(item[_AT]),
            changed_by=read_actor(item.get(CHANGED_BY)),
            action=AuditAction(item[_ACTION]),
            subject=str(item[_SUBJECT]),
            before=read_plain_json(item[_BEFORE]),
            after=read_plain_json(item[_AFTER]),
        )
    except (KeyError, TypeError, ValueError):
        return AuditedChange(
            source=source,
            changed_at=changed_at,
            changed_by=None,
            action=AuditAction.UNREADABLE_EVENT,
            subject=f"event:{item.get(SORT_KEY)}",
            after=dict(item),
        )
