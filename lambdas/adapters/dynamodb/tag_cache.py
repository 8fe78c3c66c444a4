"""Stores the tags of resources in the state table, with the time from which each applies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import MAX_READS, TableItems, batches, make_key
from lambdas.domain.attribution import TagHistory, TagObservation
from lambdas.domain.attribution.ports import TagEntry
from lambdas.domain.ledger.state_table import TAGS_PREFIX
from lambdas.domain.ledger.table import EXPIRES_AT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.items import Item

_RETENTION = timedelta(days=430)  # longer than a ledger can keep calls


class DynamoDbTagCache:
    """Stores an item for each resource; of two writers at once, the first one wins."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store entries in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
        """
        self._items = TableItems(client, table_name)

    def load(self, arn: str) -> TagEntry | None:
        """Load the entry of a resource; `None` at first."""
        item = self._items.get(TAGS_PREFIX + arn)
        return None if item is None else _read(item)

    def load_all(self, arns: Sequence[str]) -> Mapping[str, TagEntry | None]:
        """Load the entries of many resources, except those that one answer has no room for."""
        entries: dict[str, TagEntry | None] = {}
        for batch in batches(arns, MAX_READS):
            items, unread = self._items.get_batch([TAGS_PREFIX + arn for arn in batch])
            for arn in batch:
                key = TAGS_PREFIX + arn
                if key not in unread:
                    entries[arn] = _read(items[key]) if key in items else None
        return entries

    def save(self, arn: str, entry: TagEntry, replaced: TagEntry | None) -> TagEntry:
        """Save an entry in place of the one that was loaded; return the one that is stored."""
        loaded = "" if replaced is None else replaced.checked_at.isoformat()
        is_saved = self._items.put_if(
            "attribute_not_exists(checked_at) OR checked_at = :loaded",
            make_key(TAGS_PREFIX + arn) | _write(entry),
            values={":loaded": {"S": loaded}},
        )
        return entry if is_saved else self.load(arn) or entry


def _write(entry: TagEntry) -> Item:
    observations = [[since.isoformat(), tags] for since, tags in entry.history.observations]
    item: Item = {
        "checked_at": {"S": entry.checked_at.isoformat()},
        "observations": {"S": json.dumps(observations, ensure_ascii=False)},
        "names": {"S": json.dumps(sorted(entry.names), ensure_ascii=False)},
        EXPIRES_AT: {"N": str(int((entry.checked_at + _RETENTION).timestamp()))},
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
