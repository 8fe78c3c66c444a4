"""The state of stored budgets, as `make doctor` reports it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lambdas.domain.budgets import BudgetState
from lambdas.domain.budgets.governance_table import (
    ANNOUNCED_AT,
    BUDGET_PREFIX,
    BUDGETS,
    PARTITION_KEY,
    SORT_KEY,
    STATE,
)
from lambdas.domain.words import list_names, plural

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_BUILDING = timedelta(minutes=30)


class BudgetReport(NamedTuple):
    """The state of budgets.

    Attributes:
        is_late: True if a budget has been building for longer than it should.
        text: A description for people.
    """

    is_late: bool
    text: str


def read_budget_state(dynamodb: DynamoDBClient, table: str, now: datetime) -> BudgetReport:
    """Read how many budgets are active, and which are still building."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=f"{PARTITION_KEY} = :budgets AND begins_with({SORT_KEY}, :budget)",
        ExpressionAttributeValues={":budgets": {"S": BUDGETS}, ":budget": {"S": BUDGET_PREFIX}},
    )
    active, building, late = 0, [], []
    for item in (item for page in pages for item in page["Items"]):
        if item[STATE]["S"] == BudgetState.ACTIVE:
            active += 1
            continue
        name = item[SORT_KEY]["S"].removeprefix(BUDGET_PREFIX)
        building.append(name)
        if ANNOUNCED_AT in item:
            announced_at = datetime.fromisoformat(item[ANNOUNCED_AT]["S"])
            late += [name] if now - announced_at > _MAX_BUILDING else []
    parts = [f"{plural(active, 'active budget')}."]
    if building:
        parts.append(f"Building: {list_names(building)}.")
    if late:
        parts.append(
            f"For more than {_MAX_BUILDING.total_seconds() / 60:.0f} minutes:"
            f" {list_names(late)}; the log of BudgetBuilder has the reason."
        )
    return BudgetReport(bool(late), " ".join(parts))
