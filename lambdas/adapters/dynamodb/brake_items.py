"""Parts of items of the brake in the table `Governance`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambdas.domain.governance_keys import PARTITION_KEY, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

UNREADABLE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)
"""The errors of content that another version wrote, or that someone has changed."""


def make_item_key(partition: str, sort_key: str) -> Item:
    """Make the key of an item."""
    return {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort_key}}


def write_json(content: Mapping[str, Any]) -> AttributeValueTypeDef:
    """Write the content of an item."""
    return {"S": json.dumps(content, separators=(",", ":"))}


def write_time(moment: datetime) -> str:
    """Write a time so that texts are in order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def query_partition(
    client: DynamoDBClient, table_name: str, partition: str, *, is_reversed: bool = False
) -> Iterator[Item]:
    """List the items of a partition by sort key, with a consistent read."""
    pages = client.get_paginator("query").paginate(
        TableName=table_name,
        KeyConditionExpression=f"{PARTITION_KEY} = :partition",
        ExpressionAttributeValues={":partition": {"S": partition}},
        ConsistentRead=True,
        ScanIndexForward=not is_reversed,
    )
    return (item for page in pages for item in page["Items"])
