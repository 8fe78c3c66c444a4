"""Stores budgets in the table `Governance`; `governance_table` has its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.change_marks import make_mark, write_mark
from lambdas.adapters.dynamodb.transactions import LOST_RACES, read_cancellation_codes
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
    CHANGE_ID,
    CHANGED_BY,
    DEFINITION,
    DELETED_BUDGETS,
    DELETED_NAMES,
    GAP,
    GENERATION,
    INTERRUPTED_AT,
    PARTITION_KEY,
    REVISION_KEY,
    SORT_KEY,
    STATE,
    write_revision,
)
from lambdas.domain.change_marks import ChangeMark
from lambdas.domain.ledger.table import EXPIRES_AT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    Item = dict[str, AttributeValueTypeDef]

_FORMAT = "format"
_CURRENT_FORMAT = "1"
_MAX_READS = 5
# Failed batches of the table's stream can be sent again for 30 days, and name who deleted a budget.
_DELETION_RETENTION = timedelta(days=60)
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, ArithmeticError)


class DynamoDbBudgetStore:
    """Stores each budget in an item, and the number of the last write in another one."""

    def __init__(
        self, client: DynamoDBClient, table_name: str, *, changed_by: str | None = None
    ) -> None:
        """Store budgets in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
            changed_by: The actor that changes have in the audit trail: the id of a person, or a
                part of the meter. `None` for readers, and for changes without an actor.
        """
        self._client = client
        self._table_name = table_name
        self._changed_by = changed_by

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
        generation, mark = revision + 1, self._make_mark()
        actions: list[TransactWriteItemTypeDef] = [self._raise_revision(revision)]
        for budget in changes.written:
            item = _make_item(StoredBudget(budget, generation)) | _write_mark(mark)
            actions.append({"Put": {"TableName": self._table_name, "Item": item}})
        actions += [self._amend(budget, mark) for budget in changes.amended]
        for name in changes.deleted:
            key = _make_key(BUDGET_PREFIX + name)
            actions.append({"Delete": {"TableName": self._table_name, "Key": key}})
        if changes.deleted:
            actions.append(self._name_deleted(changes.deleted, generation, mark))
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            codes = read_cancellation_codes(error)
            if codes and codes <= LOST_RACES:
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
            new=f"if_not_exists({ANNOUNCED_AT}, :value)",
            value=_write_time(now),
        )

    def mark_active(self, name: str, generation: int) -> bool:
        """Mark a budget active, if it still has this generation."""
        active: AttributeValueTypeDef = {"S": BudgetState.ACTIVE}
        return self._set(
            name, generation, STATE, new=":value", value=active, mark=self._make_mark()
        )

    def mark_interrupted(self, name: str, since: datetime) -> None:
        """Note that a budget cannot be read, unless that is noted or it was deleted."""
        mark = self._make_mark()
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key=_make_key(BUDGET_PREFIX + name),
                UpdateExpression=f"SET {INTERRUPTED_AT} = :since{_set_mark(mark)}",
                ConditionExpression=(
                    f"attribute_exists({PARTITION_KEY}) AND attribute_not_exists({INTERRUPTED_AT})"
                ),
                ExpressionAttributeValues={":since": _write_time(since), **_give_mark(mark)},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def resume(self, name: str, generation: int, gap: UsageGap) -> bool:
        """Let an interrupted budget go on with its sums, if it still has this generation."""
        times: AttributeValueTypeDef = {"L": [_write_time(time) for time in gap]}
        return self._set(
            *(name, generation, GAP),
            new=":value",
            value=times,
            mark=self._make_mark(),
            removed=INTERRUPTED_AT,
        )

    def restart(self, name: str, generation: int, revision: int) -> bool:
        """Let an interrupted budget build in a new generation, with the same definition."""
        mark = self._make_mark()
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
                        f"SET {GENERATION} = :after, #state = :building{_set_mark(mark)}"
                        f" REMOVE {ANNOUNCED_AT}, {INTERRUPTED_AT}, {GAP}"
                    ),
                    "ConditionExpression": f"{GENERATION} = :before",
                    "ExpressionAttributeNames": {"#state": STATE},
                    "ExpressionAttributeValues": changed
                    | {":building": {"S": BudgetState.BUILDING}}
                    | _give_mark(mark),
                }
            },
        ]
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            codes = read_cancellation_codes(error)
            if codes and codes <= LOST_RACES:
                return False
            raise
        return True

    def _set(  # noqa: PLR0913  # the parts of one update
        self,
        name: str,
        generation: int,
        attribute: str,
        *,
        new: str,
        value: AttributeValueTypeDef,
        mark: ChangeMark | None = None,
        removed: str | None = None,
    ) -> bool:
        """Set an attribute of a budget; returns false if it has another generation now."""
        removal = "" if removed is None else f" REMOVE {removed}"
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key=_make_key(BUDGET_PREFIX + name),
                UpdateExpression=f"SET #attribute = {new}{_set_mark(mark)}{removal}",
                ConditionExpression=f"{GENERATION} = :generation",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={
                    ":value": value,
                    ":generation": {"N": str(generation)},
                    **_give_mark(mark),
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _make_mark(self) -> ChangeMark | None:
        """Make the mark of a change, by which the audit trail knows its actor."""
        if self._changed_by is None:
            return None
        return make_mark(self._changed_by)

    def _name_deleted(
        self, names: Sequence[str], revision: int, mark: ChangeMark | None
    ) -> TransactWriteItemTypeDef:
        """Make the action that names the actor of deletions, which deleted items cannot do."""
        expires_at = int((datetime.now(UTC) + _DELETION_RETENTION).timestamp())
        key: Item = {
            PARTITION_KEY: {"S": DELETED_BUDGETS},
            SORT_KEY: {"S": write_revision(revision)},
        }
        content: Item = {DELETED_NAMES: {"SS": [*names]}, EXPIRES_AT: {"N": str(expires_at)}}
        item = key | content | _write_mark(mark)
        return {"Put": {"TableName": self._table_name, "Item": item}}

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

    def _amend(self, budget: Budget, mark: ChangeMark | None) -> TransactWriteItemTypeDef:
        """Make the action that changes a definition alone, whatever else is written meanwhile."""
        return {
            "Update": {
                "TableName": self._table_name,
                "Key": _make_key(BUDGET_PREFIX + budget.name),
                "UpdateExpression": f"SET #definition = :definition{_set_mark(mark)}",
                "ConditionExpression": f"attribute_exists({PARTITION_KEY})",
                "ExpressionAttributeNames": {"#definition": DEFINITION},
                "ExpressionAttributeValues": {
                    ":definition": {"S": _write_definition(budget)},
                    **_give_mark(mark),
                },
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


def _write_mark(mark: ChangeMark | None) -> Item:
    """Write the mark into a new item."""
    return {} if mark is None else write_mark(mark)


def _set_mark(mark: ChangeMark | None) -> str:
    """The end of an update's SET that writes a mark."""
    return "" if mark is None else f", {CHANGED_BY} = :changed_by, {CHANGE_ID} = :change_id"


def _give_mark(mark: ChangeMark | None) -> Item:
    """The values of the mark in an update."""
    return {f":{name}": value for name, value in _write_mark(mark).items()}


def _write_definition(budget: Budget) -> str:
    return json.dumps(write_budget(budget), separators=(",", ":"))


def _make_item(stored: StoredBudget) -> Item:
    return {
        **_make_key(BUDGET_PREFIX + stored.budget.name),
        _FORMAT: {"N": _CURRENT_FORMAT},
        DEFINITION: {"S": _write_definition(stored.budget)},
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
    definition: dict[str, Any] = json.loads(item[DEFINITION]["S"])
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
        manager = json.loads(item[DEFINITION]["S"])["managed_by"]
    except _UNREADABLE:
        return None
    return manager if isinstance(manager, str) else None


def _read_time(item: Item, attribute: str) -> datetime | None:
    return _parse_time(item[attribute]) if attribute in item else None


def _parse_time(value: AttributeValueTypeDef) -> datetime:
    return datetime.fromisoformat(value["S"])


def _write_time(moment: datetime) -> AttributeValueTypeDef:
    return {"S": moment.astimezone(UTC).isoformat()}
