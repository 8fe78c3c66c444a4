"""Reads changes of budgets, credits and decisions, and events, from the stream of `Governance`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from lambdas.adapters.dynamodb.audit_events import read_audit_event
from lambdas.domain.audit import (
    AuditedChange,
    describe_budget_change,
    describe_credit_entry,
    describe_credit_switch,
)
from lambdas.domain.brake import describe_release_by_hand, describe_switch
from lambdas.domain.budgets.governance_table import (
    AUDIT_EVENTS,
    BRAKE,
    BUDGET_PREFIX,
    BUDGETS,
    CHANGED_BY,
    CREDIT_ENTRIES,
    CREDITS,
    DELETED_BUDGETS,
    DELETED_NAMES,
    GENERATION,
    PARTITION_KEY,
    RELEASES,
    SORT_KEY,
    SWITCH_KEY,
    write_revision,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REVISION = re.compile(r"\d{1,12}", re.ASCII)


class GovernanceStream:
    """Reads records of the stream."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read records of a table's stream.

        Args:
            client: A DynamoDB client, which reads who deleted a budget.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def read(self, records: Sequence[Mapping[str, Any]]) -> Iterator[AuditedChange]:
        """Read the changes that the audit trail records, in the order of the stream."""
        for record in records:
            change = self._read(record)
            if change is not None:
                yield change

    def _read(self, record: Mapping[str, Any]) -> AuditedChange | None:
        images = record["dynamodb"]
        partition, sort_key = (images["Keys"][name]["S"] for name in (PARTITION_KEY, SORT_KEY))
        before, after = (_read_image(images.get(name)) for name in ("OldImage", "NewImage"))
        source = f"stream/{record['eventID']}"
        changed_at = datetime.fromtimestamp(images["ApproximateCreationDateTime"], UTC)
        if partition == BUDGETS and sort_key.startswith(BUDGET_PREFIX):
            is_deleted = after is None and before is not None
            name = sort_key.removeprefix(BUDGET_PREFIX)
            return describe_budget_change(
                before,
                after,
                source=source,
                changed_at=changed_at,
                deleted_by=self._find_deleter(name, before) if is_deleted else None,
            )
        describers = _SWITCHES if sort_key == SWITCH_KEY else _ITEMS
        if partition in describers:
            return describers[partition](before, after, source=source, changed_at=changed_at)
        if partition == AUDIT_EVENTS and record["eventName"] == "INSERT" and after is not None:
            return read_audit_event(after, source=source, changed_at=changed_at)
        return None

    def _find_deleter(self, name: str, deleted: Mapping[str, Any] | None) -> str | None:
        """Find the actor of the first transaction after a budget's generation that deleted it."""
        generation = str((deleted or {}).get(GENERATION))
        if not _REVISION.fullmatch(generation):
            return None
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=f"{PARTITION_KEY} = :deleted AND {SORT_KEY} > :generation",
            ExpressionAttributeValues={
                ":deleted": {"S": DELETED_BUDGETS},
                ":generation": {"S": write_revision(int(generation))},
            },
            ConsistentRead=True,
        )
        for item in (item for page in pages for item in page["Items"]):
            if name in item.get(DELETED_NAMES, {}).get("SS", ()):
                return item.get(CHANGED_BY, {}).get("S")
        return None


class _Describer(Protocol):
    """Describes a change of an item; `None` if nothing that matters has changed."""

    def __call__(
        self,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        /,
        *,
        source: str,
        changed_at: datetime,
    ) -> AuditedChange | None:
        """Describe a change."""


_SWITCHES: Mapping[str, _Describer] = {BRAKE: describe_switch, CREDITS: describe_credit_switch}
_ITEMS: Mapping[str, _Describer] = {
    RELEASES: describe_release_by_hand,
    CREDIT_ENTRIES: describe_credit_entry,
}


def _read_image(image: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Read an item as JSON: numbers are text, and bytes are their hash."""
    return None if image is None else {name: _read_value(image[name]) for name in image}


def _read_value(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401  # JSON
    ((kind, value),) = attribute.items()
    read = _READ.get(kind)
    return value if read is None else read(value)


def _hash_bytes(value: object) -> str:
    return f"sha256:{sha256(str(value).encode()).hexdigest()}"


_READ: Mapping[str, Callable[[Any], Any]] = {
    "M": _read_image,
    "L": lambda values: [_read_value(value) for value in values],
    "SS": sorted,
    "NS": sorted,
    "B": _hash_bytes,
    "BS": lambda values: sorted(map(_hash_bytes, values)),
    "NULL": lambda _: None,
}
