"""Replaces the name of an identity in counters, sums of budgets, alerts and the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.booked_identity import (
    Move,
    find_booked,
    group_cells,
    list_grants,
    move_cells,
)
from lambdas.adapters.dynamodb.braked_identity import BRAKE_ITEMS, DynamoDbBrakedIdentity
from lambdas.adapters.dynamodb.counter_items import VALUE, move_sum, read_value
from lambdas.adapters.dynamodb.item_names import ItemNames
from lambdas.adapters.dynamodb.transactions import write_unless_changed
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
from lambdas.domain.governance_keys import WEBHOOK_DELIVERIES_PREFIX
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.webhooks import DeliveryState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.items import Item

CELLS, SUMS, MARKS, ALERTS = "cells of counters", "sums of budgets", "marks of recounts", "alerts"
BOOKED = "booked cells of credits"
NAMES = "names and events of the audit trail"
DELIVERIES = "deliveries of webhooks"
_STATE = "state"
_DELIVERY_STATE = "delivery_state"


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
        self._arns = tuple(dict.fromkeys((identity_arn, self._get_own_principal())))
        self._names = ItemNames(*self._arns)
        self._braked = DynamoDbBrakedIdentity(client, governance, self._arns, self._names)

    def count(self) -> Mapping[str, int]:
        """Count the items of each kind that name the identity."""
        counted = self._scan_counters()
        governance = list(self._scan_governance())
        return {kind: len(items) for kind, items in counted.items()} | {
            BOOKED: len(find_booked(governance, self._identity)),
            ALERTS: sum(map(_is_alert, governance)),
            DELIVERIES: sum(map(_is_delivery, governance)),
            BRAKE_ITEMS: len(self._braked.list_items()),
            NAMES: len(self._list_audited()),
        }

    def is_denied(self) -> bool:
        """Say if the identity is denied now. The brake has to release it before it is erased."""
        return self._braked.is_denied()

    def list_budgets(self) -> Sequence[str]:
        """List the budgets whose definition names the identity; their manager changes them."""
        return sorted(
            item[SORT_KEY]["S"].removeprefix(BUDGET_PREFIX)
            for item in self._scan_governance()
            if item[PARTITION_KEY]["S"] == BUDGETS
        )

    def list_grants(self) -> Sequence[str]:
        """List the grants of credits whose scope names the identity; they never change."""
        return list_grants(self._scan_governance())

    def erase(self, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields each kind of items, and the number that was changed."""
        found = self._scan_counters()
        principal = read_principal(pseudonym)

        def rename(value: str) -> str:
            return pseudonym if value == self._identity else principal

        booked = find_booked(self._scan_governance(), self._identity)
        done = [
            move for move in group_cells(found[CELLS], booked) if self._move_cells(move, pseudonym)
        ]
        yield CELLS, sum(len(move.counted) for move in done)
        yield BOOKED, sum(move.booked is not None for move in done)
        yield SUMS, self._count_done(found[SUMS], lambda item: self._move_sum(item, rename))
        yield MARKS, self._count_done(found[MARKS], lambda item: self._rename_mark(item, pseudonym))
        alerts = filter(_is_alert, self._scan_governance())
        yield ALERTS, self._count_done(alerts, lambda item: self._move_alert(item, pseudonym))
        deliveries = filter(_is_delivery, self._scan_governance())
        yield (
            DELIVERIES,
            self._count_done(deliveries, lambda item: self._rename_delivery(item, pseudonym)),
        )
        yield BRAKE_ITEMS, self._braked.erase(self._make_pseudonyms(pseudonym))
        yield NAMES, self._count_done(self._list_audited(), self._delete_audited)

    def _count_done(
        self, items: Iterator[Item] | Sequence[Item], change: Callable[[Item], bool]
    ) -> int:
        return sum(map(change, items))

    def _move_cells(self, move: Move, pseudonym: str) -> bool:
        return self._write(move_cells(self._counters, self._governance, move, pseudonym))

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
        renamed = self._names.replace(item, self._make_pseudonyms(pseudonym))
        put: TransactWriteItemTypeDef = {"Put": {"TableName": self._governance, "Item": renamed}}
        if renamed[SORT_KEY] == item[SORT_KEY]:
            return self._write([put])
        delete: TransactWriteItemTypeDef = {
            "Delete": {"TableName": self._governance, "Key": _read_key(item)}
        }
        return self._write([delete, put])

    def _rename_delivery(self, item: Item, pseudonym: str) -> bool:
        """Rename a delivery that is done. One that waits for an attempt stays."""
        if item[_DELIVERY_STATE]["S"] == DeliveryState.PENDING:
            return False
        renamed = self._names.replace(item, self._make_pseudonyms(pseudonym))
        put: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._governance,
                "Item": renamed,
                "ConditionExpression": f"{_DELIVERY_STATE} = :state",  # it may be sent again
                "ExpressionAttributeValues": {":state": item[_DELIVERY_STATE]},
            }
        }
        return self._write([put])

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
            if any(self._names.are_in_text(value["S"]) for value in item.values() if "S" in value)
            or any(fnmatchcase(arn, item[SORT_KEY]["S"]) for arn in self._arns)  # of a budget
        ]

    def _delete_audited(self, item: Item) -> bool:
        self._client.delete_item(TableName=self._governance, Key=_read_key(item))
        return True

    def _write(self, actions: Sequence[TransactWriteItemTypeDef]) -> bool:
        return write_unless_changed(self._client, actions)

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

    def _make_pseudonyms(self, pseudonym: str) -> dict[str, str]:
        """Make the pseudonym of the identity, and that of its principal."""
        own = read_principal(pseudonym)
        return {arn: pseudonym if arn == self._identity else own for arn in self._arns}

    def _get_own_principal(self) -> str:
        """Get the principal if it is the person: that of a session is a role."""
        principal = read_principal(self._identity)
        is_role = ":role/" in principal
        return self._identity if is_role else principal

    def _scan_governance(self) -> Iterator[Item]:
        conditions, values = list[str](), dict[str, Any]()
        for number, arn in enumerate(self._arns):
            values |= {f":arn{number}": {"S": arn}, f":digest{number}": {"S": digest_value(arn)}}
            conditions += [
                f"contains({SORT_KEY}, :digest{number})",
                *(
                    f"contains({text}, :arn{number})"
                    for text in ("content", "#definition", "#event")
                ),
            ]
        names = {"#definition": "definition", "#event": "event"}
        found = self._scan(self._governance, " OR ".join(conditions), values, names)
        return (item for item in found if self._names.are_in(item))

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


def _is_delivery(item: Item) -> bool:
    return item[PARTITION_KEY]["S"].startswith(WEBHOOK_DELIVERIES_PREFIX)


def _read_key(item: Item) -> Item:
    return {name: item[name] for name in (PARTITION_KEY, SORT_KEY)}
