"""Items of the table of counters: cells, accumulators, checkpoints, marks and the state."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zlib import crc32

from lambdas.adapters.dynamodb.items import make_key
from lambdas.adapters.dynamodb.usage_item import call_key, from_item, to_item
from lambdas.domain.counters import (
    FIGURE_NAMES,
    MARK_RETENTION,
    AccumulatorKey,
    AffectedCalls,
    Cell,
    CellKey,
    CellSpan,
    Checkpoint,
    CountingState,
    Gap,
    Mark,
    PriceEdition,
    Recount,
    UsageLabels,
    UsageTotals,
)
from lambdas.domain.counters.table import (
    CELL_PREFIX,
    CHANGED_HOURS,
    CHECKPOINT_PREFIX,
    IDENTITY_KEY,
    IDENTITY_SORT_KEY,
    MARK_PREFIX,
    MISSED_PREFIX,
    SORT_KEY,
    STATE_KEY,
    SUM_PREFIX,
)
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

    from lambdas.adapters.dynamodb.items import Item

PARTS = 8
"""Parts of the cells of a time. One partition of a table takes 1,000 writes a second, and all calls
of an hour are written to its cells:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
NUMBER = "number"
_CHANGED_AT, _GAPS, _FORGOTTEN = "changed_at", "gaps", "forgotten"
REVISION = "revision"
_CALL = "call"
_STATE = "state"
_NO_SORT = "-"
_DIGITS = 40
"""Sequence numbers have up to 40 digits, and numbers in DynamoDB up to 38:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html"""
_CHECKPOINT_RETENTION = timedelta(days=8)  # a stream keeps records for 24 hours
VALUE = "value"
TOKEN = "token"  # noqa: S105  # the name of an attribute
_HAS_BASE = "has_base"
_NOTED = "@"
"""Stands between the name of a figure and the revision that a cell notes it for."""


def single_key(key: str) -> Item:
    """The key of an item that is alone in its partition."""
    return make_key(key) | {SORT_KEY: {"S": _NO_SORT}}


def cell_update(
    table: str, generation: int, cell: Cell, noted: Mapping[int, UsageTotals] | None = None
) -> UpdateTypeDef:
    """The update that adds totals to a cell, and to the parts that it notes by revision."""
    labels = cell.key.labels
    return _addition(
        table,
        cell_key(generation, cell.key),
        _name_figures(cell.totals, noted or {}),
        {
            **{name: {"S": text} for name, text in labels._asdict().items()},
            EXPIRES_AT: write_time(cell.key.expires_at),
            IDENTITY_KEY: {"S": identity_key(generation, labels.identity_arn)},
            IDENTITY_SORT_KEY: {
                "S": f"{begins_at(cell.key.span, cell.key.start)}#{digest_labels(labels)}"
            },
        },
    )


def sum_update(
    table: str, generation: int, key: AccumulatorKey, totals: UsageTotals
) -> UpdateTypeDef:
    """The update that adds totals to an accumulator."""
    return _addition(
        table,
        sum_key(generation, key.name, key.value),
        _name_figures(totals, {}),
        {VALUE: {"S": key.value}, EXPIRES_AT: write_time(key.expires_at)},
    )


def base_update(
    table: str, generation: int, key: AccumulatorKey, totals: UsageTotals
) -> UpdateTypeDef:
    """The update that completes an accumulator, on condition that it was not completed before."""
    update = sum_update(table, generation, key, totals)
    names = update.get("ExpressionAttributeNames", {})
    values = update.get("ExpressionAttributeValues", {})
    return {
        **update,
        "UpdateExpression": update["UpdateExpression"].replace("SET ", "SET #base = :base, ", 1),
        "ConditionExpression": "attribute_not_exists(#base)",
        "ExpressionAttributeNames": {**names, "#base": _HAS_BASE},
        "ExpressionAttributeValues": {**values, ":base": {"BOOL": True}},
    }


def move_cell(
    table: str, item: Mapping[str, Any], identity_arn: str
) -> list[TransactWriteItemTypeDef]:
    """The actions that add a cell to that of another identity, unless it has changed meanwhile."""
    cell, generation = read_cell(item), _read_generation(item)
    key = cell.key._replace(labels=cell.key.labels._replace(identity_arn=identity_arn))
    addition = cell_update(table, generation, Cell(key, cell.totals), _read_noted_parts(item))
    return [_deletion(table, item), {"Update": addition}]


def move_sum(table: str, item: Mapping[str, Any], value: str) -> list[TransactWriteItemTypeDef]:
    """The actions that add a sum to that of another value, unless it has changed meanwhile."""
    _, _, rest = item[PARTITION_KEY]["S"].partition("#")
    name = rest.partition("#")[2].rpartition("#")[0]
    expires_at = datetime.fromtimestamp(int(item[EXPIRES_AT]["N"]), UTC)
    update = base_update if _HAS_BASE in item else sum_update
    key = AccumulatorKey(name, value, expires_at)
    addition = update(table, _read_generation(item), key, read_totals(item))
    return [_deletion(table, item), {"Update": addition}]


def checkpoint_item(shard: str, checkpoint: Checkpoint, now: datetime) -> Item:
    """The item of a checkpoint."""
    item = {
        **single_key(CHECKPOINT_PREFIX + shard),
        NUMBER: {"S": write_number(checkpoint.number)},
        EXPIRES_AT: write_time(now + _CHECKPOINT_RETENTION),
    }
    if checkpoint.changed_at is not None:
        item[_CHANGED_AT] = {"S": checkpoint.changed_at.isoformat()}
    if checkpoint.gaps:
        item[_GAPS] = {"S": json.dumps(checkpoint.gaps)}
    if checkpoint.forgotten >= 0:
        item[_FORGOTTEN] = {"S": write_number(checkpoint.forgotten)}
    return item


def read_checkpoint(item: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint."""
    gaps = json.loads(item[_GAPS]["S"]) if _GAPS in item else ()
    return Checkpoint(
        int(item[NUMBER]["S"]),
        datetime.fromisoformat(item[_CHANGED_AT]["S"]) if _CHANGED_AT in item else None,
        tuple(Gap(*gap) for gap in gaps),
        int(item[_FORGOTTEN]["S"]) if _FORGOTTEN in item else -1,
    )


def changed_hour_item(hour: datetime, writer: str, now: datetime) -> Item:
    """The note that the cost of an hour has changed. Its token differs each time."""
    return {
        **changed_hour_key(hour, writer),
        TOKEN: {"S": uuid4().hex},
        _CHANGED_AT: {"S": now.isoformat()},
        EXPIRES_AT: write_time(hour + CellSpan.HOUR.retention),
    }


def changed_hour_key(hour: datetime, writer: str) -> Item:
    """The key of the note of an hour, which each writer has of its own."""
    return make_key(CHANGED_HOURS) | {SORT_KEY: {"S": f"{hour.isoformat()}#{writer}"}}


def read_changed_hour(item: Mapping[str, Any]) -> tuple[datetime, str, str, datetime]:
    """Read the hour, token, writer and time of a note."""
    hour, _, writer = item[SORT_KEY]["S"].partition("#")
    changed_at = datetime.fromisoformat(item[_CHANGED_AT]["S"])
    return datetime.fromisoformat(hour), item[TOKEN]["S"], writer, changed_at


def missed_item(shard: str, number: int, now: datetime) -> Item:
    """The note that a change in a gap is counted. It stays longer than the shard's checkpoint."""
    return {
        **single_key(f"{MISSED_PREFIX}{shard}#{number}"),
        EXPIRES_AT: write_time(now + 2 * _CHECKPOINT_RETENTION),
    }


def mark_item(recount: int, record: UsageRecord, mark: Mark, now: datetime) -> Item:
    """The item of a mark of a call."""
    item = {
        **single_key(mark_key(recount, record)),
        EXPIRES_AT: write_time(now + MARK_RETENTION),
    }
    if mark.state is not None:
        item[_CALL] = {"M": to_item(mark.state, timedelta(0))}
    return item


def read_mark(item: Mapping[str, Any]) -> Mark:
    """Read a mark."""
    return Mark(from_item(item[_CALL]["M"]) if _CALL in item else None)


def mark_key(recount: int, record: UsageRecord) -> str:
    """The key of a mark of a call."""
    return f"{MARK_PREFIX}{recount}#{call_key(record)}"


def sum_key(generation: int, name: str, value: str) -> Item:
    """The key of an accumulator."""
    digest = hashlib.sha256(value.encode()).hexdigest()[:32]
    part = crc32(digest.encode()) % PARTS if value else 0
    return make_key(sum_part_key(generation, name, part)) | {
        SORT_KEY: {"S": digest if value else _NO_SORT}
    }


def sum_part_key(generation: int, name: str, part: int) -> str:
    """The partition key of a part of the values of an accumulator."""
    return f"{SUM_PREFIX}{generation}#{name}#{part}"


def read_value(item: Mapping[str, Any]) -> str:
    """Read the value that an accumulator is for."""
    text: str = item[VALUE]["S"]
    return text


def cell_key(generation: int, key: CellKey) -> Item:
    """The key of a cell."""
    digest = digest_labels(key.labels)
    part = crc32(digest.encode()) % PARTS
    return make_key(part_key(generation, key.span, key.start, part)) | {SORT_KEY: {"S": digest}}


def part_key(generation: int, span: CellSpan, start: datetime, part: int) -> str:
    """The partition key of a part of the cells of a time."""
    return f"{CELL_PREFIX}{generation}#{begins_at(span, start)}#{part}"


def begins_at(span: CellSpan, start: datetime) -> str:
    """A text that orders the cells of a length by time."""
    return f"{span}#{start.astimezone(UTC):%Y-%m-%dT%H:%M}"


def identity_key(generation: int, identity_arn: str) -> str:
    """The key of an identity in the index: of bounded length, whatever the identity."""
    return f"{generation}#{hashlib.sha256(identity_arn.encode()).hexdigest()[:32]}"


def read_cell(item: Mapping[str, Any], before_revision: int | None = None) -> Cell:
    """Read a cell, without what it notes for a revision and later ones."""
    labels = UsageLabels(*(item[name]["S"] for name in UsageLabels._fields))
    span, start, _ = item[IDENTITY_SORT_KEY]["S"].split("#")
    begins = datetime.strptime(start, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    totals = read_totals(item)
    if before_revision is not None:
        totals -= _read_noted(item, before_revision)
    return Cell(CellKey(CellSpan(span), begins, labels), totals)


def read_totals(item: Mapping[str, Any]) -> UsageTotals:
    """Read totals; a figure that was never changed is 0."""
    return UsageTotals(
        **{name: int(item[name]["N"]) if name in item else 0 for name in FIGURE_NAMES}
    )


def _read_noted(item: Mapping[str, Any], first_revision: int) -> UsageTotals:
    """Read what a cell notes for a revision and all later ones."""
    figures = dict.fromkeys(FIGURE_NAMES, 0)
    for attribute, value in item.items():
        name, separator, revision = attribute.partition(_NOTED)
        if separator and int(revision) >= first_revision:
            figures[name] += int(value["N"])
    return UsageTotals(**figures)


def _read_noted_parts(item: Mapping[str, Any]) -> dict[int, UsageTotals]:
    """Read what a cell notes for each revision."""
    figures: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for attribute, value in item.items():
        name, separator, revision = attribute.partition(_NOTED)
        if separator:
            figures[int(revision)][name] = int(value["N"])
    return {revision: UsageTotals(**part) for revision, part in figures.items()}


def _read_generation(item: Mapping[str, Any]) -> int:
    """Read the generation of a cell or a sum, which follows the prefix of its key."""
    return int(item[PARTITION_KEY]["S"].split("#")[1])


def _deletion(table: str, item: Mapping[str, Any]) -> TransactWriteItemTypeDef:
    """The action that deletes an item, on condition that its figures are those that were read."""
    watched = {name: item.get(name) for name in (*FIGURE_NAMES, _HAS_BASE)}
    conditions = [
        f"attribute_not_exists(#{place})" if value is None else f"#{place} = :{place}"
        for place, value in enumerate(watched.values())
    ]
    return {
        "Delete": {
            "TableName": table,
            "Key": {name: item[name] for name in (PARTITION_KEY, SORT_KEY)},
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": {f"#{place}": name for place, name in enumerate(watched)},
            "ExpressionAttributeValues": {
                f":{place}": value for place, value in enumerate(watched.values()) if value
            },
        }
    }


def write_number(number: int) -> str:
    """Write a sequence number so that texts sort as numbers."""
    return f"{number:0{_DIGITS}}"


def write_time(moment: datetime) -> Any:  # noqa: ANN401  # an attribute
    """Write a time, in seconds since 1970."""
    return {"N": str(int(moment.timestamp()))}


def state_item(state: CountingState) -> Item:
    """The item of the counting state."""
    document = {
        "generation": state.generation,
        "deployment": state.deployment,
        "prices": list(state.prices),
        "recounts": [_write_recount(recount) for recount in state.recounts],
        "counted_since": state.counted_since.isoformat(),
        "last_number": state.last_number,
    }
    return {
        **single_key(STATE_KEY),
        REVISION: {"N": str(state.revision)},
        _STATE: {"S": json.dumps(document)},
    }


def read_state(item: Mapping[str, Any]) -> CountingState:
    """Read the counting state."""
    document = json.loads(item[_STATE]["S"])
    return CountingState(
        generation=document["generation"],
        deployment=document["deployment"],
        prices=PriceEdition(*document["prices"]),
        recounts=tuple(map(_read_recount, document["recounts"])),
        counted_since=datetime.fromisoformat(document["counted_since"]),
        last_number=document["last_number"],
        revision=int(item[REVISION]["N"]),
    )


def _write_recount(recount: Recount) -> dict[str, Any]:
    start, models = recount.calls
    return {
        "number": recount.number,
        "before": None if recount.before is None else list(recount.before),
        "start": None if start is None else start.isoformat(),
        "models": None if models is None else sorted(models),
        "begun_at": recount.begun_at.isoformat(),
        "cursor": recount.cursor,
        "scanned_at": None if recount.scanned_at is None else recount.scanned_at.isoformat(),
    }


def _read_recount(document: Mapping[str, Any]) -> Recount:
    start, models, scanned_at = (document[name] for name in ("start", "models", "scanned_at"))
    return Recount(
        number=document["number"],
        before=None if document["before"] is None else PriceEdition(*document["before"]),
        calls=AffectedCalls(
            None if start is None else datetime.fromisoformat(start),
            None if models is None else frozenset(models),
        ),
        begun_at=datetime.fromisoformat(document["begun_at"]),
        cursor=document["cursor"],
        scanned_at=None if scanned_at is None else datetime.fromisoformat(scanned_at),
    )


def _addition(
    table: str, key: Item, added: Mapping[str, int], values: Mapping[str, Any]
) -> UpdateTypeDef:
    """Add figures to an item, and set its other attributes, which are always the same."""
    figures = {name: {"N": str(figure)} for name, figure in added.items()}
    names = [*values, *figures]
    places = {name: place for place, name in enumerate(names)}
    sets = ", ".join(f"#{places[name]} = :{places[name]}" for name in values)
    adds = ", ".join(f"#{places[name]} :{places[name]}" for name in figures)
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": f"SET {sets} ADD {adds}",
        "ExpressionAttributeNames": {f"#{place}": name for name, place in places.items()},
        "ExpressionAttributeValues": {
            f":{place}": {**values, **figures}[name] for name, place in places.items()
        },
    }


def _name_figures(totals: UsageTotals, noted: Mapping[int, UsageTotals]) -> dict[str, int]:
    """Name the attributes of figures that are not 0."""
    parts = {"": totals, **{f"{_NOTED}{revision}": part for revision, part in noted.items()}}
    return {
        name + suffix: figure
        for suffix, part in parts.items()
        for name, figure in zip(FIGURE_NAMES, part.figures, strict=True)
        if figure
    }


def digest_labels(labels: UsageLabels) -> str:
    """A text of bounded length that differs for all other labels."""
    return hashlib.sha256(json.dumps(labels).encode()).hexdigest()[:32]
