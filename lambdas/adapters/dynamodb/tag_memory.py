"""Remembers in the ledger table which tags resources had, and since when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from lambdas.domain.attribution import TagHistory, TagObservation
from lambdas.domain.attribution.ports import TagEntry
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY, TAGS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item: TypeAlias = dict[str, AttributeValueTypeDef]

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MAX_READ_ITEMS = 100
_KEPT = timedelta(days=430)  # past the last call that a ledger can hold, and that somebody looks up


class DynamoDbTagMemory:
    """Keeps an item for each resource; of two writers at once, the first one stands."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Remember in a table.

        Args:
            client: A DynamoDB client.
            table_name: The ledger table; the memory's keys are none of a call's.
        """
        self._client = client
        self._table_name = table_name

    def recall(self, arn: str) -> TagEntry | None:
        """What is remembered of a resource; `None` at first."""
        answer = self._client.get_item(
            TableName=self._table_name, Key=_key(arn), ConsistentRead=True
        )
        return _read(answer["Item"]) if "Item" in answer else None

    def recall_all(self, arns: Sequence[str]) -> Mapping[str, TagEntry | None]:
        """What is remembered of many resources, without those that one answer has no room for."""
        remaining = iter(arns)
        recalled: dict[str, TagEntry | None] = {}
        while batch := list(islice(remaining, _MAX_READ_ITEMS)):
            keys = [_key(arn) for arn in batch]
            answer = self._client.batch_get_item(
                RequestItems={self._table_name: {"Keys": keys, "ConsistentRead": True}}
            )
            left = answer["UnprocessedKeys"].get(self._table_name, {"Keys": []})["Keys"]
            unread = {_arn(key) for key in left}
            recalled |= dict.fromkeys((arn for arn in batch if arn not in unread), None)
            for item in answer["Responses"].get(self._table_name, []):
                recalled[_arn(item)] = _read(item)
        return recalled

    def remember(self, arn: str, entry: TagEntry, replaced: TagEntry | None) -> TagEntry:
        """Remember an entry in place of the one that was recalled; tell which one stands."""
        recalled = "" if replaced is None else replaced.checked_at.isoformat()
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=_key(arn) | _write(entry),
                ConditionExpression="attribute_not_exists(checked_at) OR checked_at = :recalled",
                ExpressionAttributeValues={":recalled": {"S": recalled}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.recall(arn) or entry
        return entry


def _key(arn: str) -> Item:
    return {PARTITION_KEY: {"S": TAGS_PREFIX + arn}}


def _arn(item: Mapping[str, Any]) -> str:
    key: str = item[PARTITION_KEY]["S"]
    return key.removeprefix(TAGS_PREFIX)


def _write(entry: TagEntry) -> Item:
    observations = [[since.isoformat(), tags] for since, tags in entry.history.observations]
    item: Item = {
        "checked_at": {"S": entry.checked_at.isoformat()},
        "observations": {"S": json.dumps(observations, ensure_ascii=False)},
        "names": {"S": json.dumps(sorted(entry.names), ensure_ascii=False)},
        EXPIRES_AT: {"N": str(int((entry.checked_at + _KEPT).timestamp()))},
    }
    if entry.history.model_id is not None:
        item["model_id"] = {"S": entry.history.model_id}
        item["is_global"] = {"BOOL": entry.history.is_global}
    return item


def _read(item: Item) -> TagEntry:
    observations = tuple(
        TagObservation(datetime.fromisoformat(since), tuple((name, text) for name, text in tags))
        for since, tags in json.loads(item["observations"]["S"])
    )
    model_id = item["model_id"]["S"] if "model_id" in item else None
    is_global = item["is_global"]["BOOL"] if "is_global" in item else False
    return TagEntry(
        TagHistory(observations, model_id, is_global),
        datetime.fromisoformat(item["checked_at"]["S"]),
        frozenset(json.loads(item["names"]["S"]) if "names" in item else ()),
    )
