"""The item of a call in the ledger table: a pure function of the record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.items import make_key
from lambdas.domain.invocations import (
    BilledUnits,
    CallVariant,
    Conflicts,
    RequestMetadata,
    TokenCounts,
    UsageDoubt,
    UsageRecord,
)
from lambdas.domain.ledger import (
    RECORD_TEXTS,
    bound_reading,
    find_reservation,
    latest_timestamp,
)
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY, RESERVATION_KEY

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.items import Item

_COUNTS = TokenCounts._fields
_NUMBERS = ("latency_ms", "largest_sampling_tokens")
_FLAGS = ("is_cut_off", "are_counts_disputed", "are_details_disputed")
CALL_ATTRIBUTES = frozenset(
    {
        *(PARTITION_KEY, EXPIRES_AT, "timestamp", "request_metadata"),
        *("billed_units", "usage_doubt", "conflicts", RESERVATION_KEY),
        *RECORD_TEXTS,
        *_COUNTS,
        *_NUMBERS,
    }
)
"""The names of everything that an item of a call can hold."""
# An item holds 400 KB and a key 2,048 bytes. Nothing that AWS writes comes near, but others can
# write to a log group too, and one record must not stop its batch.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_MAX_KEY_BYTES = 1024
_MAX_STORED_COUNT = 10**18
"""A count above this was not written by the meter, and its cost has too many digits for reports."""


def to_item(record: UsageRecord, retention: timedelta, caller_role: str | None = None) -> Item:
    """Write a record as an item that DynamoDB takes; the same record always gives the same item.

    Absent values are left out, and the rest is cut as `bound_reading` does. The item expires a
    retention after the latest time that a reading of the call reports, whenever it is written.

    Args:
        record: The call.
        retention: The time for which the ledger keeps a call after it was made.
        caller_role: The name of the role of the gateway's calls, which are found by their
            reservations; `None` without a gateway.
    """
    record = bound_reading(record)
    item: Item = {
        **make_key(call_key(record)),
        "timestamp": {"S": record.timestamp.isoformat()},
        EXPIRES_AT: {"N": str(expiry(record, retention))},
    }
    for name in RECORD_TEXTS:
        text = getattr(record, name)
        if text:
            item[name] = {"S": text}
    numbers = {name: getattr(record, name) for name in _NUMBERS} | record.tokens._asdict()
    for name, number in numbers.items():
        if number is not None:
            item[name] = {"N": str(number)}
    if record.request_metadata:  # of bounded size, see `read_metadata`
        pairs = {name: {"S": text} for name, text in record.request_metadata}
        item["request_metadata"] = {"M": pairs}
    if record.billed_units:
        units = {unit: {"N": str(count)} for unit, count in record.billed_units}
        item["billed_units"] = {"M": units}
    if record.usage_doubt is not None:
        item["usage_doubt"] = {"S": record.usage_doubt.value}
    if record.conflicts is not None:
        item["conflicts"] = {"M": _write_conflicts(record.conflicts)}
    reservation = find_reservation(record, caller_role) if caller_role else None
    if reservation is not None:
        item[RESERVATION_KEY] = {"S": reservation}
    return item


def expiry(record: UsageRecord, retention: timedelta) -> int:
    """The time at which the item of a call expires, in seconds since 1970."""
    return int(latest_timestamp(record).timestamp() + retention.total_seconds())


def read_expiry(item: Item) -> Decimal:
    """Read when an item expires, in seconds since 1970: never where that is no number.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
    """
    return Decimal(item.get(EXPIRES_AT, {}).get("N", "Infinity"))


def _write_conflicts(conflicts: Conflicts) -> Item:
    written: Item = {name: {"BOOL": True} for name in _FLAGS if getattr(conflicts, name)}
    variants = [
        {"M": {name: {"S": text} for name, text in variant._asdict().items() if text is not None}}
        for variant in conflicts.variants
    ]
    lists = {
        "variants": variants,
        "identity_arns": _texts(conflicts.identity_arns),
        "timestamps": _texts(moment.isoformat() for moment in conflicts.timestamps),
        "error_codes": _texts(conflicts.error_codes),
    }
    written.update({name: {"L": values} for name, values in lists.items() if values})
    return written


def _texts(texts: Iterable[str]) -> list[Any]:
    return [{"S": text} for text in texts]


def call_key(record: UsageRecord) -> str:
    """The key of a call, which follows the prefix in keys of notes about it."""
    return _short("#".join(map(_escaped, record.key)))


def _escaped(part: str) -> str:
    """A part of a key without the sign between parts."""
    return part.replace("%", "%25").replace("#", "%23")


def _short(key: str) -> str:
    """A key that fits, and is another one for every other call."""
    if len(key.encode()) <= _MAX_KEY_BYTES:
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
        return _read_count(item[name]["N"]) if name in item else None

    def pairs(name: str) -> RequestMetadata:
        texts = item[name]["M"] if name in item else {}
        return tuple(sorted((key, text["S"]) for key, text in texts.items()))

    def units() -> BilledUnits:
        counts = item["billed_units"]["M"] if "billed_units" in item else {}
        return tuple(sorted((unit, _read_count(count["N"])) for unit, count in counts.items()))

    doubt = text("usage_doubt")
    record = UsageRecord(
        account_id=text("account_id") or "",
        region=text("region") or "",
        request_id=item["request_id"]["S"],
        timestamp=_read_timestamp(item["timestamp"]["S"]),
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
        billed_units=units(),
        usage_doubt=None if doubt is None else UsageDoubt(doubt),
        conflicts=_read_conflicts(item["conflicts"]["M"]) if "conflicts" in item else None,
        prompt_router=text("prompt_router"),
        largest_sampling_tokens=number("largest_sampling_tokens"),
    )
    return bound_reading(record)


def _read_conflicts(written: Mapping[str, Any]) -> Conflicts:
    def texts(name: str) -> Iterable[str]:
        return [value["S"] for value in written[name]["L"]] if name in written else ()

    def variant(fields: Mapping[str, Any]) -> CallVariant:
        tier = fields["service_tier"]["S"] if "service_tier" in fields else None
        return CallVariant(fields["model_id"]["S"], fields["invoked_model_id"]["S"], tier)

    variants = written["variants"]["L"] if "variants" in written else ()
    return Conflicts(
        variants=tuple(variant(value["M"]) for value in variants),
        identity_arns=tuple(texts("identity_arns")),
        timestamps=tuple(map(_read_timestamp, texts("timestamps"))),
        error_codes=tuple(texts("error_codes")),
        **{name: name in written for name in _FLAGS},
    )


def _read_count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= _MAX_STORED_COUNT:
        message = f"{text} is no count"
        raise ValueError(message)
    return count


def _read_timestamp(text: str) -> datetime:
    timestamp = datetime.fromisoformat(text)
    if timestamp.tzinfo is None:
        message = "a timestamp without a time zone"
        raise ValueError(message)
    return timestamp
