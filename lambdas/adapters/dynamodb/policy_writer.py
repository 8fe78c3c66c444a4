"""Replaces the policies of the gateway, and records that in the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.audit_events import make_audit_event
from lambdas.adapters.dynamodb.policy_store import CONTENT, POLICIES_KEY, REVISION
from lambdas.adapters.dynamodb.transactions import write_unless_changed
from lambdas.domain.audit import AuditAction, AuditedChange
from lambdas.domain.governance_keys import PARTITION_KEY
from lambdas.domain.limit_policies import PoliciesChangedError, PolicyChange

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class DynamoDbPolicyWriter:
    """Writes all policies with an event for the audit trail, in one transaction."""

    def __init__(self, client: DynamoDBClient, table_name: str, changed_by: str | None) -> None:
        """Write policies to a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
            changed_by: The id of the person that changes have in the audit trail.
        """
        self._client = client
        self._table_name = table_name
        self._changed_by = changed_by

    def write(self, change: PolicyChange, at: datetime) -> int:
        """Replace the stored policies, and return the new revision.

        Raises:
            PoliciesChangedError: Someone else has written since they were read.
        """
        revision = change.revision + 1
        event = AuditedChange(
            source=f"limits/{revision}",
            changed_at=at,
            changed_by=self._changed_by,
            action=AuditAction.CHANGE_LIMITS,
            subject="limits",
            before=None if change.before is None else dict(change.before),
            after=dict(change.after),
        )
        event_action = make_audit_event(self._table_name, event)
        if not write_unless_changed(self._client, [self._make_put(change), event_action]):
            message = f"policies have changed since revision {change.revision}"
            raise PoliciesChangedError(message)
        return revision

    def _make_put(self, change: PolicyChange) -> TransactWriteItemTypeDef:
        number, content = {"N": str(change.revision + 1)}, {"S": change.text}
        action: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._table_name,
                "Item": {**POLICIES_KEY, CONTENT: content, REVISION: number},
                "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
            }
        }
        if change.revision:
            action["Put"]["ConditionExpression"] = f"{REVISION} = :read"
            action["Put"]["ExpressionAttributeValues"] = {":read": {"N": str(change.revision)}}
        return action
