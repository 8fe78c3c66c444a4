"""Stores budgets in the table `Governance`; `governance_table` has its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.transactions import read_cancellation_codes
from lambdas.domain.budgets import (
    Budget,
    BudgetBook,
    BudgetChanges,
    BudgetsChangedError,
    BudgetState,
    StoredBudget,
    UnreadableBudget,
    UsageGap,
    read_budget,
    write_budget,
)
from lambdas.domain.budgets.governance_table import (
    ANNOUNCED_AT,
    BUDGET_PREFIX,
    BUDGETS,
    GAP,
    GENERATION,
    INTERRUPTED_AT,
    PARTITION_KEY,
    REVISION_KEY,
    SORT_KEY,
    STATE,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    Item = dict[str, AttributeValueTypeDef]

_DEFINITION, _FORMAT = "definition", "format"
_CURRENT_FORMAT = "1"
_MAX_READS = 5
_LOST_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, ArithmeticError)


class DynamoDbBudgetStore:
    """Stores each budget in an item, and the number of the last write in another one."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store budgets in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def read(self) -> BudgetBook:
        """Read all budgets as they were at one moment.

        A query may see a part of a transaction. The item with the revision is the last one, so
        nothing was written meanwhile if it is what it was before.

        Raises:
            BudgetsChangedError: Budgets changed at every attempt.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
        """
        for _ in range(_MAX_READS):
            before = self._read_revision()
            budgets, unreadable, revision = {}, {}, 0
            for item in self._query():
                if item[SORT_KEY]["S"] == REVISION_KEY:
                    revision = int(item[REVISION_KEY]["N"])
                else:
                    name = item[SORT_KEY]["S"].removeprefix(BUDGET_PREFIX)
                    try:
                        budgets[name] = _read_item(item)
                    except _UNREADABLE as error:
                        reason = str(error) or type(error).__name__
                        unreadable[name] = UnreadableBudget(reason, _read_manager(item))
            if revision == before:
                return BudgetBook(revision, budgets, unreadable)
        message = "budgets changed while they were read"
        raise BudgetsChangedError(message)

    def write(self, changes: BudgetChanges, revision: int) -> BudgetBook:
        """Write, amend and delete budgets in one transaction.

        Raises:
            BudgetsChangedError: Someone else has written since, or is writing now.
        """
        generation = revision + 1
        actions: list[TransactWriteItemTypeDef] = [self._raise_revision(revision)]
        for budget in changes.written:
            item = _make_item(StoredBudget(budget, generation))
            actions.append({"Put": {"TableName": self._table_name, "Item": item}})
        actions += map(self._amend, changes.amended)
        for name in changes.deleted:
            key = _make_key(BUDGET_PREFIX + name)
            actions.append({"Delete": {"TableName": self._table_name, "Key": key}})
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            codes = read_cancellation_codes(error)
            if codes and codes <= _LOST_RACES:
                message = f"budgets have changed since revision {revision}"
                raise BudgetsChangedError(message) from error
            raise
        return self.read()

    def announce(self, name: str, generation: int, now: datetime) -> bool:
        """Store the time at which a budget was seen first, unless one is stored."""
        return self._set(
            name,
            generation,
            ANNOUNCED_AT,
            f"if_not_exists({ANNOUNCED_AT}, :value)",
            _write_time(now),
        )

    def mark_active(self, name: str, generation: int) -> bool:
        """Mark a budget active, if it still has this generation."""
        return self._set(name, generation, STATE, ":value", {"S": BudgetState.ACTIVE})

    def mark_interrupted(self, name: str, since: datetime) -> None:
        """Note that a budget cannot be read, unless that is noted or it was deleted."""
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key=_make_key(BUDGET_PREFIX + name),
                UpdateExpression=f"SET {INTERRUPTED_AT} = :since",
                ConditionExpression=(
                    f"attribute_exists({PARTITION_KEY}) AND attribute_not_exists({INTERRUPTED_AT})"
                ),
                ExpressionAttributeValues={":since": _write_time(since)},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def resume(self, name: str, generation: int, gap: UsageGap) -> bool:
        """Let an interrupted budget go on with its sums, if it still has this generation."""
        times: AttributeValueTypeDef = {"L": [_write_time(time) for time in gap]}
        return self._set(name, generation, GAP, f":value REMOVE {INTERRUPTED_AT}", times)

    def restart(self, name: str, generation: int, revision: int) -> bool:
        """Let an interrupted budget build in a new generation, with the same definition."""
        changed: Item = {":before": {"N": str(generation)}, ":after": {"N": str(revision + 1)}}
        actions: list[TransactWriteItemTypeDef] = [
            {
                "Update": {
                    "TableName": self._table_name,
                    "Key": _make_key(REVISION_KEY),
                    "UpdateExpression": f"SET {REVISION_KEY} = :after",
                    "ConditionExpression": f"{REVISION_KEY} = :before",
                    "ExpressionAttributeValues": changed | {":before": {"N": str(revision)}},
                }
            },
            {
                "Update": {
                    "TableName": self._table_name,
                    "Key": _make_key(BUDGET_PREFIX + name),
                    "UpdateExpression": (
                        f"SET {GENERATION} = :after, #state = :building"
                        f" REMOVE {ANNOUNCED_AT}, {INTERRUPTED_AT}, {GAP}"
                    ),
                    "ConditionExpression": f"{GENERATION} = :before",
                    "ExpressionAttributeNames": {"#state": STATE},
                    "ExpressionAttributeValues": changed
                    | {":building": {"S": BudgetState.BUILDING}},
                }
            },
        ]
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            codes = read_cancellation_codes(error)
            if codes and codes <= _LOST_RACES:
                return False
            raise
        return True

    def _set(
        self, name: str, generation: int, attribute: str, new: str, value: AttributeValueTypeDef
    ) -> bool:
        """Set an attribute of a budget; returns false if it has another generation now."""
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key=_make_key(BUDGET_PREFIX + name),
                UpdateExpression=f"SET #attribute = {new}",
                ConditionExpression=f"{GENERATION} = :generation",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={
                    ":value": value,
                    ":generation": {"N": str(generation)},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _read_revision(self) -> int:
        answer = self._client.get_item(
            TableName=self._table_name, Key=_make_key(REVISION_KEY), ConsistentRead=True
        )
        return int(answer["Item"][REVISION_KEY]["N"]) if "Item" in answer else 0

    def _query(self) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=f"{PARTITION_KEY} = :budgets",
            ExpressionAttributeValues={":budgets": {"S": BUDGETS}},
            ConsistentRead=True,
        )
        return (item for page in pages for item in page["Items"])

    def _amend(self, budget: Budget) -> TransactWriteItemTypeDef:
        """Make the action that changes a definition alone, whatever else is written meanwhile."""
        return {
            "Update": {
                "TableName": self._table_name,
                "Key": _make_key(BUDGET_PREFIX + budget.name),
                "UpdateExpression": "SET #definition = :definition",
                "ConditionExpression": f"attribute_exists({PARTITION_KEY})",
                "ExpressionAttributeNames": {"#definition": _DEFINITION},
                "ExpressionAttributeValues": {":definition": {"S": _write_definition(budget)}},
            }
        }

    def _raise_revision(self, revision: int) -> TransactWriteItemTypeDef:
        """Make the action that all others depend on."""
        is_unchanged = f"{REVISION_KEY} = :before"
        is_first = f"attribute_not_exists({PARTITION_KEY})"
        return {
            "Put": {
                "TableName": self._table_name,
                "Item": _make_key(REVISION_KEY) | {REVISION_KEY: {"N": str(revision + 1)}},
                "ConditionExpression": (
                    is_unchanged if revision else f"{is_first} OR {is_unchanged}"
                ),
                "ExpressionAttributeValues": {":before": {"N": str(revision)}},
            }
        }


def check_building(table: str, stored: StoredBudget) -> TransactWriteItemTypeDef:
    """The check in a transaction that a budget is building in its generation."""
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": _make_key(BUDGET_PREFIX + stored.budget.name),
            "ConditionExpression": f"{GENERATION} = :generation AND #state = :building",
            "ExpressionAttributeNames": {"#state": STATE},
            "ExpressionAttributeValues": {
                ":generation": {"N": str(stored.generation)},
                ":building": {"S": BudgetState.BUILDING},
            },
        }
    }


def _make_key(sort_key: str) -> Item:
    return {PARTITION_KEY: {"S": BUDGETS}, SORT_KEY: {"S": sort_key}}


def _write_definition(budget: Budget) -> str:
    return json.dumps(write_budget(budget), separators=(",", ":"))


def _make_item(stored: StoredBudget) -> Item:
    return {
        **_make_key(BUDGET_PREFIX + stored.budget.name),
        _FORMAT: {"N": _CURRENT_FORMAT},
        _DEFINITION: {"S": _write_definition(stored.budget)},
        GENERATION: {"N": str(stored.generation)},
        STATE: {"S": stored.state},
    }


def _read_item(item: Item) -> StoredBudget:
    """Read a budget.

    Raises:
        ValueError: Another version stored it. An item that was changed by hand raises this too, or
            any other error of `_UNREADABLE`.
    """
    if item.get(_FORMAT) != {"N": _CURRENT_FORMAT}:
        message = "another version of the meter stored it: run make deploy"
        raise ValueError(message)
    definition: dict[str, Any] = json.loads(item[_DEFINITION]["S"])
    budget = read_budget(definition)
    if item[SORT_KEY]["S"] != BUDGET_PREFIX + budget.name:
        message = f"its definition has another name, {budget.name}"
        raise ValueError(message)
    return StoredBudget(
        budget,
        int(item[GENERATION]["N"]),
        BudgetState(item[STATE]["S"]),
        announced_at=_read_time(item, ANNOUNCED_AT),
        interrupted_at=_read_time(item, INTERRUPTED_AT),
        gap=UsageGap(*map(_parse_time, item[GAP]["L"])) if GAP in item else None,
    )


def _read_manager(item: Item) -> str | None:
    """Read the manager of a budget that cannot be read as a whole."""
    try:
        manager = json.loads(item[_DEFINITION]["S"])["managed_by"]
    except _UNREADABLE:
        return None
    return manager if isinstance(manager, str) else None


def _read_time(item: Item, attribute: str) -> datetime | None:
    return _parse_time(item[attribute]) if attribute in item else None


def _parse_time(value: AttributeValueTypeDef) -> datetime:
    return datetime.fromisoformat(value["S"])


def _write_time(moment: datetime) -> AttributeValueTypeDef:
    return {"S": moment.astimezone(UTC).isoformat()}
