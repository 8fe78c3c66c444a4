"""The state of credits, as `make doctor` reports it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdas.domain.budgets.governance_table import (
    CONTENT,
    CREDIT_EXHAUSTED,
    CREDIT_GRANTS,
    CREDITS,
    GRANT_PREFIX,
    IS_ON,
    PARTITION_KEY,
    SORT_KEY,
    SWITCH_KEY,
)
from lambdas.domain.counters.table import CHANGED_HOURS
from lambdas.domain.credits import GrantBalance, read_balance
from lambdas.domain.words import list_names, plural

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SOON = timedelta(days=7)
_UNREADABLE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)
_MAX_WAITING = 48
"""The hours that may wait to be booked: more are a backlog that grows."""


class CreditReport(NamedTuple):
    """The state of credits.

    Attributes:
        is_late: True if grants cannot be read, or many hours wait to be booked.
        text: A description for people.
    """

    is_late: bool
    text: str


def read_credit_state(
    dynamodb: DynamoDBClient, governance: str, counters: str, now: datetime
) -> CreditReport:
    """Read what is left of grants, which end soon, and what waits to be booked.

    Args:
        dynamodb: A DynamoDB client.
        governance: The table of the books.
        counters: The table of counters.
        now: The time.
    """
    grants, unreadable = _read_grants(dynamodb, governance)
    is_open = [balance for balance in grants if balance.is_open]
    ending = [
        balance.grant.id
        for balance in is_open
        if balance.picodollars
        and balance.grant.expires_at is not None
        and now <= balance.grant.expires_at < now + _SOON
    ]
    exhausted = sum(1 for _ in _query(dynamodb, governance, CREDIT_EXHAUSTED))
    waiting = len(
        {
            item[SORT_KEY]["S"].partition("#")[0]
            for item in _query(dynamodb, counters, CHANGED_HOURS)
        }
    )
    parts = [f"{plural(len(is_open), 'open grant')}."]
    if exhausted:
        parts.append(f"{plural(exhausted, 'scope')} without credits.")
    if ending:
        parts.append(f"Grants that end within {_SOON.days} days: {list_names(ending)}.")
    if waiting:
        parts.append(f"{plural(waiting, 'hour')} of usage to be booked.")
    if unreadable:
        parts.append(
            f"Grants that cannot be read, so that nothing is booked: {list_names(unreadable)}."
        )
    state = "are" if _is_switched_on(dynamodb, governance) else "are not"
    parts.append(f"Exhausted credits {state} enforced: bedrock-meter credits enforce status.")
    return CreditReport(bool(unreadable) or waiting > _MAX_WAITING, " ".join(parts))


def _read_grants(dynamodb: DynamoDBClient, table: str) -> tuple[list[GrantBalance], list[str]]:
    """Read the grants, and the names of those that cannot be read."""
    grants, unreadable = list[GrantBalance](), list[str]()
    for item in _query(dynamodb, table, CREDIT_GRANTS):
        try:
            grants.append(read_balance(json.loads(item[CONTENT]["S"])))
        except _UNREADABLE:
            unreadable.append(item[SORT_KEY]["S"].removeprefix(GRANT_PREFIX))
    return grants, unreadable


def _is_switched_on(dynamodb: DynamoDBClient, table: str) -> bool:
    answer = dynamodb.get_item(
        TableName=table, Key={PARTITION_KEY: {"S": CREDITS}, SORT_KEY: {"S": SWITCH_KEY}}
    )
    return answer.get("Item", {}).get(IS_ON, {}).get("BOOL") is True


def _query(dynamodb: DynamoDBClient, table: str, partition: str) -> Iterator[Mapping[str, Any]]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=f"{PARTITION_KEY} = :partition",
        ExpressionAttributeValues={":partition": {"S": partition}},
    )
    return (item for page in pages for item in page["Items"])
