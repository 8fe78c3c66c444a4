"""Replaces the name of an identity in counters, sums of budgets, alerts and the audit trail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.counter_items import VALUE, move_cell, move_sum, read_value
from lambdas.adapters.dynamodb.transactions import read_cancellation_codes
from lambdas.domain.budgets import digest_value, read_principal
from lambdas.domain.budgets.budget_alerts import AlertState
from lambdas.domain.budgets.governance_table import (
    ALERTS_PREFIX,
    AUDIT_EVENTS,
    BUDGET_PREFIX,
    BUDGETS,
    PEOPLE,
)
from lambdas.domain.counters.table import CELL_PREFIX, MARK_PREFIX, SORT_KEY, SUM_PREFIX
from lambdas.domain.ledger.table import PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.items import Item

CELLS, SUMS, MARKS, ALERTS = "cells of counters", "sums of budgets", "marks of recounts", "alerts"
NAMES = "names and events of the audit trail"
_LOST_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_STATE = "state"
_NAME_GOES_ON = r"(?![\w+=,.@/-])"  # another name that begins with this one


class DynamoDbCountedIdentity:
    """The items that name an identity.

    Usage that is counted meanwhile is never lost: an item that changes while it is moved stays, for
    the next run.
    """

    def __init__(
        self, client: DynamoDBClient, counters: str, governance: str, identity_arn: str
    ) -> None:
        """Find an identity in two tables.

        Args:
            client: A DynamoDB client.
            counters: The table of counters.
            governance: The table of budgets and alerts.
            identity_arn: The identity.
        """
        self._client = client
        self._counters = counters
        self._governance = governance
        self._identity = identity_arn
        self._pattern = re.compile(re.escape(identity_arn) + _NAME_GOES_ON)

    def count(self) -> Mapping[str, int]:
        """Count the items of each kind that name the identity."""
        counted = self._scan_counters()
        alerts = [item for item in self._scan_governance() if _is_alert(item)]
        return {kind: len(items) for kind, items in counted.items()} | {
            ALERTS: len(alerts),
            NAMES: len(self._list_audited()),
        }

    def list_budgets(self) -> Sequence[str]:
        """List the budgets whose definition names the identity; their manager changes them."""
        return sorted(
            item[SORT_KEY]["S"].removeprefix(BUDGET_PREFIX)
            for item in self._scan_governance()
            if item[PARTITION_KEY]["S"] == BUDGETS
        )

    def erase(self, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields each kind of items, and the number that was changed."""
        found = self._scan_counters()
        principal = read_principal(pseudonym)

        def rename(value: str) -> str:
            return pseudonym if value == self._identity else principal

        yield CELLS, self._count_done(found[CELLS], lambda item: self._move_cell(item, pseudonym))
        yield SUMS, self._count_done(found[SUMS], lambda item: self._move_sum(item, rename))
        yield MARKS, self._count_done(found[MARKS], lambda item: self._rename_mark(item, pseudonym))
        alerts = filter(_is_alert, self._scan_governance())
        yield ALERTS, self._count_done(alerts, lambda item: self._move_alert(item, pseudonym))
        yield NAMES, self._count_done(self._list_audited(), self._delete_audited)

    def _count_done(
        self, items: Iterator[Item] | Sequence[Item], change: Callable[[Item], bool]
    ) -> int:
        return sum(map(change, items))

    def _move_cell(self, item: Item, pseudonym: str) -> bool:
        return self._write(move_cell(self._counters, item, pseudonym))

    def _move_sum(self, item: Item, rename: Callable[[str], str]) -> bool:
        return self._write(move_sum(self._counters, item, rename(read_value(item))))

    def _rename_mark(self, item: Item, pseudonym: str) -> bool:
        call: Mapping[str, Any] = item["call"]["M"]
        updates = []
        values: dict[str, Any] = {":old": {"S": self._identity}}
        if call["identity_arn"]["S"] == self._identity:
            updates.append("SET #call.identity_arn = :new")
            values[":new"] = {"S": pseudonym}
            condition = "#call.identity_arn = :old"
        else:
            updates.append("REMOVE #call.conflicts.identity_arns")
            condition = "contains(#call.conflicts.identity_arns, :old)"
        try:
            self._client.update_item(
                TableName=self._counters,
                Key=_read_key(item),
                UpdateExpression=" ".join(updates),
                ConditionExpression=condition,
                ExpressionAttributeNames={"#call": "call"},
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _move_alert(self, item: Item, pseudonym: str) -> bool:
        """Rename a sent alert, or the note of the last one. One that is being sent stays."""
        if item.get(_STATE, {}).get("S") == AlertState.DUE:
            return False
        renamed = {
            name: {"S": self._rename_text(value["S"], pseudonym)} if "S" in value else value
            for name, value in item.items()
        }
        put: TransactWriteItemTypeDef = {"Put": {"TableName": self._governance, "Item": renamed}}
        if renamed[SORT_KEY] == item[SORT_KEY]:
            return self._write([put])
        delete: TransactWriteItemTypeDef = {
            "Delete": {"TableName": self._governance, "Key": _read_key(item)}
        }
        return self._write([delete, put])

    def _rename_text(self, text: str, pseudonym: str) -> str:
        if text.startswith("{"):
            return json.dumps(self._rename(json.loads(text), pseudonym), separators=(",", ":"))
        return self._rename_word(text, pseudonym)

    def _rename_word(self, text: str, pseudonym: str) -> str:
        """Replace the identity, and its digest in keys of alerts."""
        named = self._pattern.sub(lambda _: pseudonym, text)
        return named.replace(digest_value(self._identity), digest_value(pseudonym))

    def _rename(self, document: Any, pseudonym: str) -> Any:  # noqa: ANN401  # JSON
        match document:
            case str():
                return self._rename_word(document, pseudonym)
            case list():
                return [self._rename(part, pseudonym) for part in document]
            case dict():
                return {key: self._rename(value, pseudonym) for key, value in document.items()}
            case _:
                return document

    def _list_audited(self) -> list[Item]:
        """List the person's name, which entries refer to by an id, and events that name them.

        Events are in the table's stream, so the audit trail has them without these items.
        """
        pages = self._client.get_paginator("query")
        found = [
            item
            for partition in (PEOPLE, AUDIT_EVENTS)
            for page in pages.paginate(
                TableName=self._governance,
                KeyConditionExpression=f"{PARTITION_KEY} = :partition",
                ExpressionAttributeValues={":partition": {"S": partition}},
                ConsistentRead=True,
            )
            for item in page["Items"]
        ]
        return [
            item
            for item in found
            if any(self._pattern.search(value["S"]) for value in item.values() if "S" in value)
            or fnmatchcase(self._identity, item[SORT_KEY]["S"])  # a pattern that a budget has
        ]

    def _delete_audited(self, item: Item) -> bool:
        self._client.delete_item(TableName=self._governance, Key=_read_key(item))
        return True

    def _write(self, actions: Sequence[TransactWriteItemTypeDef]) -> bool:
        """Write all or nothing; false if an item has changed since it was read."""
        try:
            self._client.transact_write_items(TransactItems=actions)
        except self._client.exceptions.TransactionCanceledException as error:
            codes = read_cancellation_codes(error)
            if codes and codes <= _LOST_RACES:
                return False
            raise
        return True

    def _scan_counters(self) -> dict[str, list[Item]]:
        """Scan cells, sums and marks that name the identity, or a principal that is the person."""
        values = {":old": {"S": self._identity}, ":principal": {"S": self._get_own_principal()}}
        names = {"#call": "call", "#value": VALUE}
        conditions = [
            *("identity_arn = :old", "#value = :old", "#value = :principal"),
            *("#call.identity_arn = :old", "contains(#call.conflicts.identity_arns, :old)"),
        ]
        found: dict[str, list[Item]] = {CELLS: [], SUMS: [], MARKS: []}
        kinds = {CELL_PREFIX: CELLS, SUM_PREFIX: SUMS, MARK_PREFIX: MARKS}
        for item in self._scan(self._counters, " OR ".join(conditions), values, names):
            for prefix, kind in kinds.items():
                if item[PARTITION_KEY]["S"].startswith(prefix):
                    found[kind].append(item)
        return found

    def _get_own_principal(self) -> str:
        """Get the principal if it is the person: that of a session is a role."""
        principal = read_principal(self._identity)
        is_role = ":role/" in principal
        return self._identity if is_role else principal

    def _scan_governance(self) -> Iterator[Item]:
        digest = digest_value(self._identity)
        condition = f"contains({SORT_KEY}, :digest) OR contains(content, :old)"
        condition += " OR contains(#definition, :old)"
        values = {":old": {"S": self._identity}, ":digest": {"S": digest}}
        found = self._scan(self._governance, condition, values, {"#definition": "definition"})
        texts = ("content", "definition")
        return (
            item
            for item in found
            if digest in item[SORT_KEY]["S"]
            or any(self._pattern.search(item[name]["S"]) for name in texts if name in item)
        )

    def _scan(
        self, table: str, condition: str, values: Mapping[str, Any], names: Mapping[str, str]
    ) -> Iterator[Item]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        return chain.from_iterable(page["Items"] for page in pages)


def _is_alert(item: Item) -> bool:
    return item[PARTITION_KEY]["S"].startswith(ALERTS_PREFIX)


def _read_key(item: Item) -> Item:
    return {name: item[name] for name in (PARTITION_KEY, SORT_KEY)}
