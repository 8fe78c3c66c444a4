"""Switches in the table `Governance`: each is one item, with who set it and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdas.adapters.dynamodb.brake_items import UNREADABLE, make_item_key
from lambdas.adapters.dynamodb.change_marks import make_mark, write_mark
from lambdas.domain.budgets.governance_table import IS_ON, SET_AT, SET_BY, SWITCH_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.brake_items import Item


class SwitchItem(NamedTuple):
    """The content of a switch.

    Attributes:
        is_on: True if it is on.
        by: Who set it.
        at: The time at which it was set.
    """

    is_on: bool
    by: str
    at: datetime


def read_switch_item(client: DynamoDBClient, table_name: str, partition: str) -> SwitchItem | None:
    """Read a switch with a consistent read; `None` if it was never set, or cannot be read."""
    answer = client.get_item(
        TableName=table_name, Key=make_item_key(partition, SWITCH_KEY), ConsistentRead=True
    )
    item = answer.get("Item")
    if item is None:
        return None
    try:
        return SwitchItem(
            item[IS_ON]["BOOL"], item[SET_BY]["S"], datetime.fromisoformat(item[SET_AT]["S"])
        )
    except UNREADABLE:
        return None


def put_switch_item(
    client: DynamoDBClient, table_name: str, partition: str, document: Mapping[str, Any]
) -> None:
    """Set a switch, with the mark by which the audit trail knows the actor.

    Args:
        client: A DynamoDB client.
        table_name: The table `Governance`.
        partition: The partition of the switch.
        document: The switch, as `write_switch` writes it.
    """
    item: Item = {
        **make_item_key(partition, SWITCH_KEY),
        IS_ON: {"BOOL": document[IS_ON]},
        SET_BY: {"S": document[SET_BY]},
        SET_AT: {"S": document[SET_AT]},
        **write_mark(make_mark(document[SET_BY])),
    }
    client.put_item(TableName=table_name, Item=item)
