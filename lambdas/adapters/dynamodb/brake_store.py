"""Stores denies, decisions of people and reaction times in the table `Governance`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from lambdas.adapters.dynamodb.audit_events import make_audit_event
from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    make_item_key,
    query_partition,
    write_json,
)
from lambdas.adapters.dynamodb.change_marks import make_mark, write_mark
from lambdas.adapters.dynamodb.switch_items import put_switch_item, read_switch_item
from lambdas.adapters.dynamodb.transactions import write_unless_changed
from lambdas.domain.brake import (
    MAX_REACTIONS,
    BrakeSwitch,
    Deny,
    DenyChangedError,
    Release,
    read_deny,
    read_release,
    write_deny,
    write_release,
    write_switch,
)
from lambdas.domain.budgets import digest_value
from lambdas.domain.budgets.governance_table import (
    BRAKE,
    CONTENT,
    DENIES,
    PARTITION_KEY,
    REACTIONS,
    RELEASES,
    SORT_KEY,
)
from lambdas.domain.ledger.table import EXPIRES_AT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.brake_items import Item
    from lambdas.domain.audit import AuditedChange

    class _Condition(TypedDict):
        ConditionExpression: str
        ExpressionAttributeValues: NotRequired[Item]


_REVISION, _TOKEN = "deny_revision", "deny_token"
_TOKEN_BYTES = 4
_MICROSECONDS = "microseconds"
_MICROSECOND = timedelta(microseconds=1)


class DynamoDbDenies:
    """Stores each deny in an item, whose revision decides which of several writers wins."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store denies in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def list_denies(self) -> Sequence[Deny]:
        """List the denies that can be read, with a consistent read."""
        items = query_partition(self._client, self._table_name, DENIES)
        return [deny for item in items if (deny := _try_to_read(item)) is not None]

    def write(self, deny: Deny, change: AuditedChange | None) -> Deny:
        """Write a deny over the revision that it was read with, with what is recorded of it.

        A new one gets a token.
        """
        token = deny.token if deny.revision else secrets.token_hex(_TOKEN_BYTES)
        item = {
            **make_item_key(DENIES, deny.target.arn),
            CONTENT: write_json(write_deny(deny)),
            _REVISION: {"N": str(deny.revision + 1)},
            _TOKEN: {"S": token},
        }
        condition = _expect_revision(deny) if deny.revision else self._expect_none(deny)
        self._write(deny, {"Put": {"Item": item, **condition}}, change)
        return replace(deny, revision=deny.revision + 1, token=token)

    def delete(self, deny: Deny, change: AuditedChange | None) -> None:
        """Delete a deny with the revision that it was read with, and record its release once."""
        key = make_item_key(DENIES, deny.target.arn)
        try:
            self._write(deny, {"Delete": {"Key": key, **_expect_revision(deny)}}, change)
        except DenyChangedError:
            if self._get(deny) is not None:
                raise

    def _write(
        self, deny: Deny, action: Mapping[str, Mapping[str, Any]], change: AuditedChange | None
    ) -> None:
        """Write a deny and what is recorded of it, or neither.

        Raises:
            DenyChangedError: Another run has written the deny, or writes it now.
        """
        table = {"TableName": self._table_name}
        written: Any = {name: {**table, **content} for name, content in action.items()}
        recorded = [] if change is None else [make_audit_event(self._table_name, change)]
        if not write_unless_changed(self._client, [written, *recorded]):
            raise DenyChangedError(deny.target.arn)

    def _get(self, deny: Deny) -> Item | None:
        answer = self._client.get_item(
            TableName=self._table_name,
            Key=make_item_key(DENIES, deny.target.arn),
            ConsistentRead=True,
        )
        return answer.get("Item")

    def _expect_none(self, deny: Deny) -> _Condition:
        """Make the condition of a first write: no deny is stored that can be read."""
        item = self._get(deny)
        if item is None or _try_to_read(item) is not None:
            return {"ConditionExpression": f"attribute_not_exists({PARTITION_KEY})"}
        if CONTENT not in item:
            return {"ConditionExpression": f"attribute_not_exists({CONTENT})"}
        return {
            "ConditionExpression": f"{CONTENT} = :before",
            "ExpressionAttributeValues": {":before": item[CONTENT]},
        }


class DynamoDbBrakeState:
    """Stores the switch, releases by hand and reaction times."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store them in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def read_switch(self) -> BrakeSwitch:
        """Read the switch; off if it was never set, or cannot be read."""
        found = read_switch_item(self._client, self._table_name, BRAKE)
        return BrakeSwitch() if found is None else BrakeSwitch(*found)

    def write_switch(self, switch: BrakeSwitch) -> None:
        """Set the switch, with the mark of the change. Someone set it, at a time.

        Raises:
            ValueError: It was never set.
        """
        put_switch_item(self._client, self._table_name, BRAKE, write_switch(switch))

    def list_releases(self) -> Collection[Release]:
        """List the stored releases that can be read."""
        items = query_partition(self._client, self._table_name, RELEASES)
        return [release for item in items if (release := _try_to_read_release(item)) is not None]

    def add_release(self, release: Release) -> None:
        """Store a release by hand, in place of an earlier one for the same sum, with its mark.

        It expires once no period overlaps the released one, which for windows is twice its length.
        """
        period = release.key.period
        expires_at = period.end + (period.end - period.start) + timedelta(days=1)
        item: Item = {
            **make_item_key(RELEASES, _make_release_id(release)),
            CONTENT: write_json(write_release(release)),
            EXPIRES_AT: {"N": str(round(expires_at.timestamp()))},
        }
        self._put(item, release.by)

    def read_reactions(self) -> Sequence[timedelta]:
        """Read the last reaction times, in the order of their denies."""
        items = [item for _, item in zip(range(MAX_REACTIONS), self._query_last(), strict=False)]
        return [int(item[_MICROSECONDS]["N"]) * _MICROSECOND for item in reversed(items)]

    def add_reaction(self, deny_id: str, reaction: timedelta) -> None:
        """Add the reaction time of a deny, unless it has one, and drop those before the last."""
        arn, _, decided_at = deny_id.rpartition("#")
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    **make_item_key(REACTIONS, f"{decided_at}#{digest_value(arn)}"),
                    _MICROSECONDS: {"N": str(reaction // _MICROSECOND)},
                },
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY})",
            )
        for number, item in enumerate(self._query_last()):
            if number >= MAX_REACTIONS:
                self._client.delete_item(
                    TableName=self._table_name,
                    Key=make_item_key(REACTIONS, item[SORT_KEY]["S"]),
                )

    def _put(self, item: Item, changed_by: str) -> None:
        """Put an item with the mark of the change, by which the audit trail knows its actor."""
        marked = {**item, **write_mark(make_mark(changed_by))}
        self._client.put_item(TableName=self._table_name, Item=marked)

    def _query_last(self) -> Iterator[Item]:
        return query_partition(self._client, self._table_name, REACTIONS, is_reversed=True)


def _expect_revision(deny: Deny) -> _Condition:
    """Make the condition that this deny is stored. One of an earlier version has no token."""
    return {
        "ConditionExpression": (
            f"{_REVISION} = :before AND ({_TOKEN} = :token OR attribute_not_exists({_TOKEN}))"
        ),
        "ExpressionAttributeValues": {
            ":before": {"N": str(deny.revision)},
            ":token": {"S": deny.token},
        },
    }


def _make_release_id(release: Release) -> str:
    """Make an id that is the same for one caller, sum and period."""
    key = release.key
    return "#".join(
        [
            release.target_arn,
            key.budget,
            str(key.generation),
            key.period.id,
            digest_value(key.value) if key.value else "",
        ]
    )


def _try_to_read(item: Item) -> Deny | None:
    try:
        token = item[_TOKEN]["S"] if _TOKEN in item else ""
        return read_deny(json.loads(item[CONTENT]["S"]), int(item[_REVISION]["N"]), token)
    except UNREADABLE:
        return None


def _try_to_read_release(item: Item) -> Release | None:
    try:
        return read_release(json.loads(item[CONTENT]["S"]))
    except UNREADABLE:
        return None
