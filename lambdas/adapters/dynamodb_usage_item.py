"""How a call lies in the ledger table: one item, a pure function of the record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from lambdas.domain.invocations import TokenCounts, UsageRecord
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
)
_COUNTS = TokenCounts._fields


def to_item(record: UsageRecord, retention: timedelta) -> Item:
    """Write a record as an item; the same record always gives the same item.

    Absent values are left out. The item expires a retention after the call was made, whenever it
    is written.
    """
    expires_at = int((record.timestamp + retention).timestamp())
    item: Item = {
        PARTITION_KEY: {"S": CALL_PREFIX + "#".join(record.key)},
        "timestamp": {"S": record.timestamp.isoformat()},
        EXPIRES_AT: {"N": str(expires_at)},
    }
    for name in _TEXTS:
        text = getattr(record, name)
        if text:
            item[name] = {"S": text}
    for name, count in zip(_COUNTS, record.tokens, strict=True):
        if count is not None:
            item[name] = {"N": str(count)}
    if record.latency_ms is not None:
        item["latency_ms"] = {"N": str(record.latency_ms)}
    return item


def from_item(item: Item) -> UsageRecord:
    """Read a record back from an item, or from an image in the table's stream."""

    def text(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    def number(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    return UsageRecord(
        account_id=text("account_id") or "",
        region=text("region") or "",
        request_id=item["request_id"]["S"],
        timestamp=datetime.fromisoformat(item["timestamp"]["S"]),
        operation=item["operation"]["S"],
        model_id=item["model_id"]["S"],
        invoked_model_id=item["invoked_model_id"]["S"],
        identity_arn=item["identity_arn"]["S"],
        tokens=TokenCounts(*map(number, _COUNTS)),
        error_code=text("error_code"),
        inference_region=text("inference_region"),
        latency_ms=number("latency_ms"),
    )
