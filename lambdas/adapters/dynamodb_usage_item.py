"""How a call lies in the ledger table: one item, a pure function of the record."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from lambdas.domain.invocations import RequestMetadata, TokenCounts, UsageRecord
from lambdas.domain.metering.ledger_table import CALL_PREFIX, EXPIRES_AT, PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item: TypeAlias = dict[str, AttributeValueTypeDef]

_TEXTS = (
    "account_id",
    "region",
    "request_id",
    "operation",
    "model_id",
    "invoked_model_id",
    "identity_arn",
    "error_code",
    "inference_region",
    "service_tier",
)
_COUNTS = TokenCounts._fields
# An item holds 400 KB and a key 2,048 bytes. Nothing that AWS writes comes near, but others can
# write to a log group too, and one record must not stop its batch.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_LONGEST_TEXT = 2048
_LONGEST_KEY_BYTES = 1024


def to_item(record: UsageRecord, retention: timedelta) -> Item:
    """Write a record as an item that DynamoDB takes; the same record always gives the same item.

    Absent values are left out, and texts are cut where no real one ends. The item expires a
    retention after the call was made, whenever it is written.
    """
    expires_at = int(record.timestamp.timestamp() + retention.total_seconds())
    item: Item = {
        PARTITION_KEY: {"S": CALL_PREFIX + call_key(record)},
        "timestamp": {"S": record.timestamp.isoformat()},
        EXPIRES_AT: {"N": str(expires_at)},
    }
    for name in _TEXTS:
        text = getattr(record, name)
        if text:
            item[name] = {"S": text[:_LONGEST_TEXT]}
    for name, count in zip(_COUNTS, record.tokens, strict=True):
        if count is not None:
            item[name] = {"N": str(count)}
    if record.latency_ms is not None:
        item["latency_ms"] = {"N": str(record.latency_ms)}
    if record.request_metadata:  # of bounded size, see `read_metadata`
        pairs = {name: {"S": text} for name, text in record.request_metadata}
        item["request_metadata"] = {"M": pairs}
    return item


def call_key(record: UsageRecord) -> str:
    """What a call is called in keys: its own, behind a prefix, and those of notes about it."""
    return _short("#".join(map(_escaped, record.key)))


def _escaped(part: str) -> str:
    """A part of a key without the sign between parts."""
    return part.replace("%", "%25").replace("#", "%23")


def _short(key: str) -> str:
    """A key that fits, and is another one for every other call."""
    if len(key.encode()) <= _LONGEST_KEY_BYTES:
        return key
    return f"sha256#{hashlib.sha256(key.encode()).hexdigest()}"


def from_item(item: Item) -> UsageRecord:
    """Read a record back from an item, or from an image in the table's stream.

    Raises:
        KeyError, TypeError, ValueError: It holds no call.
    """

    def text(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    def number(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    def pairs(name: str) -> RequestMetadata:
        texts = item[name]["M"] if name in item else {}
        return tuple(sorted((key, text["S"]) for key, text in texts.items()))

    timestamp = datetime.fromisoformat(item["timestamp"]["S"])
    if timestamp.tzinfo is None:
        message = "a timestamp without a time zone"
        raise ValueError(message)
    return UsageRecord(
        account_id=text("account_id") or "",
        region=text("region") or "",
        request_id=item["request_id"]["S"],
        timestamp=timestamp,
        operation=item["operation"]["S"],
        model_id=item["model_id"]["S"],
        invoked_model_id=item["invoked_model_id"]["S"],
        identity_arn=item["identity_arn"]["S"],
        tokens=TokenCounts(*map(number, _COUNTS)),
        error_code=text("error_code"),
        inference_region=text("inference_region"),
        latency_ms=number("latency_ms"),
        request_metadata=pairs("request_metadata"),
        service_tier=text("service_tier"),
    )
