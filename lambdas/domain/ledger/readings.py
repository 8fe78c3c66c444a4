"""Joins the readings of one call into one record, so that no reading lowers what another reports.

The join is commutative, associative and idempotent: the same readings give the same record in any
order and however often each of them comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any, TypeVar

from lambdas.domain.invocations import (
    CONFLICTING_IDENTITY,
    UNKNOWN_IDENTITY,
    BilledUnits,
    CallVariant,
    Conflicts,
    RequestMetadata,
    TokenCounts,
    UsageDoubt,
    UsageRecord,
)
from lambdas.domain.invocations.usage_record import MAX_CONFLICT_VALUES, OTHER
from lambdas.domain.pricing import BilledUnit

MAX_TEXT_LENGTH = 1024
"""Characters of a text that are kept. Nothing that AWS writes is longer, but others can write to a
log group too, and all conflicts of a call have to fit into one item of the ledger."""

MAX_UNITS = 32
"""Different units that are kept of a call: all that may have a price, and some that do not."""

_KEY = ("account_id", "region", "request_id")
RECORD_TEXTS = (
    *_KEY,
    "operation",
    "model_id",
    "invoked_model_id",
    "identity_arn",
    "error_code",
    "inference_region",
    "service_tier",
    "prompt_router",
)
"""The fields of a record that are texts."""

Value = TypeVar("Value")
_KNOWN_UNITS = frozenset(BilledUnit)
_NO_CONFLICTS = Conflicts()
_DETAILS = attrgetter(
    *("operation", "inference_region", "latency_ms", "request_metadata", "usage_doubt"),
    *("prompt_router", "largest_sampling_tokens"),
)
"""The fields that keep one value, as opposed to a list or the larger count."""
_DOUBTS = (None, UsageDoubt.UNVERIFIED, UsageDoubt.AMBIGUOUS)  # the lesser first


def join_readings(records: Iterable[UsageRecord]) -> dict[tuple[str, str, str], UsageRecord]:
    """Join the readings of each call, in order of the calls' first readings."""
    joined: dict[tuple[str, str, str], UsageRecord] = {}
    for record in map(bound_reading, records):
        known = joined.get(record.key)
        joined[record.key] = record if known is None else join(known, record)
    return joined


def join(first: UsageRecord, second: UsageRecord) -> UsageRecord:
    """Join two readings of one call, or what several readings were joined into.

    A value that is present goes before an absent one, and of two counts the larger one stands.
    Models, service tiers, callers, times and errors keep every different value. Bedrock writes one
    log a call: readings that differ in anything at all have `conflicts`.

    Args:
        first: A reading that `bound_reading` returned, or a join.
        second: Another one.
    """
    if first == second:
        return first
    values = _union(_all_values(first), _all_values(second))
    if (first.tokens, first.billed_units) != (second.tokens, second.billed_units):
        values = values._replace(are_counts_disputed=True)
    if _details(first) != _details(second):
        values = values._replace(are_details_disputed=True)
    model_id, invoked_model_id, service_tier = values.variants[0]
    return first._replace(
        timestamp=values.timestamps[0],
        operation=min(first.operation, second.operation, key=_operation_order),
        model_id=model_id,
        invoked_model_id=invoked_model_id,
        service_tier=service_tier,
        identity_arn=_read_identity(values.identity_arns),
        tokens=TokenCounts(*map(_larger, first.tokens, second.tokens)),
        error_code=values.error_codes[0] or None,
        inference_region=_present(min, first.inference_region, second.inference_region),
        latency_ms=_larger(first.latency_ms, second.latency_ms),
        request_metadata=max(first.request_metadata, second.request_metadata, key=_metadata_order),
        billed_units=_larger_units(first.billed_units, second.billed_units),
        usage_doubt=min(first.usage_doubt, second.usage_doubt, key=_DOUBTS.index),
        conflicts=_leave_out_single_values(values),
        prompt_router=_present(max, first.prompt_router, second.prompt_router),
        largest_sampling_tokens=_larger_sampling(first, second),
    )


def bound_reading(record: UsageRecord) -> UsageRecord:
    """Cut a reading to what is kept of it: texts by their length, and cache writes of an hour.

    A part of the call's key that is cut ends in a digest, so that different calls stay different.
    """
    cut: dict[str, Any] = {
        name: _cut_key(text) if name in _KEY else text[:MAX_TEXT_LENGTH]
        for name in RECORD_TEXTS
        if (text := getattr(record, name)) is not None and len(text) > MAX_TEXT_LENGTH
    }
    if cut:
        record = record._replace(**cut)
    hour, written = record.tokens.cache_write_1h, record.tokens.cache_write
    if hour is not None and (written is None or hour > written):
        record = record._replace(tokens=record.tokens._replace(cache_write_1h=written))
    return record


def _cut_key(text: str) -> str:
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{text[: MAX_TEXT_LENGTH - len(digest) - 1]}~{digest}"


def latest_timestamp(record: UsageRecord) -> datetime:
    """The latest time that any reading of a call reports."""
    return _all_values(record).timestamps[-1]


def _all_values(record: UsageRecord) -> Conflicts:
    """The values of a record, also of fields with a single value.

    A record without a caller reports no value, and empty text means success.
    """
    conflicts = record.conflicts or _NO_CONFLICTS
    variant = CallVariant(record.model_id, record.invoked_model_id, record.service_tier)
    identity = record.identity_arn
    return Conflicts(
        variants=conflicts.variants or (variant,),
        identity_arns=conflicts.identity_arns
        or ((identity,) if identity != UNKNOWN_IDENTITY else ()),
        timestamps=conflicts.timestamps or (record.timestamp,),
        error_codes=conflicts.error_codes or (record.error_code or "",),
        is_cut_off=conflicts.is_cut_off,
        are_counts_disputed=conflicts.are_counts_disputed,
        are_details_disputed=conflicts.are_details_disputed,
    )


def _details(record: UsageRecord) -> tuple[Any, ...]:
    """The fields that have no list in `Conflicts`, and if any reading names a caller."""
    return (*_DETAILS(record), record.identity_arn == UNKNOWN_IDENTITY)


def _union(first: Conflicts, second: Conflicts) -> Conflicts:
    variants = sorted({*first.variants, *second.variants}, key=_variant_order)
    identities = sorted({*first.identity_arns, *second.identity_arns})
    timestamps = sorted({*first.timestamps, *second.timestamps})
    errors = sorted({*first.error_codes, *second.error_codes})
    most = max(len(variants), len(identities), len(timestamps), len(errors))
    if len(timestamps) > MAX_CONFLICT_VALUES:  # the latest one decides when the call expires
        timestamps = [*timestamps[: MAX_CONFLICT_VALUES - 1], timestamps[-1]]
    return Conflicts(
        tuple(variants[:MAX_CONFLICT_VALUES]),
        tuple(identities[:MAX_CONFLICT_VALUES]),
        tuple(timestamps),
        tuple(errors[:MAX_CONFLICT_VALUES]),
        first.is_cut_off or second.is_cut_off or most > MAX_CONFLICT_VALUES,
        first.are_counts_disputed or second.are_counts_disputed,
        first.are_details_disputed or second.are_details_disputed,
    )


def _leave_out_single_values(values: Conflicts) -> Conflicts | None:
    conflicts = Conflicts(
        _several(values.variants),
        _several(values.identity_arns),
        _several(values.timestamps),
        _several(values.error_codes),
        values.is_cut_off,
        values.are_counts_disputed,
        values.are_details_disputed,
    )
    return None if conflicts == _NO_CONFLICTS else conflicts


def _several(values: tuple[Value, ...]) -> tuple[Value, ...]:
    return values if len(values) > 1 else ()


def _read_identity(identity_arns: tuple[str, ...]) -> str:
    if len(identity_arns) > 1:
        return CONFLICTING_IDENTITY
    return identity_arns[0] if identity_arns else UNKNOWN_IDENTITY


def _present(
    choose: Callable[[Value, Value], Value], first: Value | None, second: Value | None
) -> Value | None:
    if first is None or second is None:
        return second if first is None else first
    return choose(first, second)


def _larger(first: int | None, second: int | None) -> int | None:
    return _present(max, first, second)


def _larger_sampling(first: UsageRecord, second: UsageRecord) -> int | None:
    """The larger of the largest samplings; a reading of a single sampling has the largest."""
    sizes = first.largest_sampling_tokens, second.largest_sampling_tokens
    return None if None in sizes else _larger(*sizes)


def _larger_units(first: BilledUnits, second: BilledUnits) -> BilledUnits:
    counts = dict(first)
    for unit, count in second:
        counts[unit] = max(count, counts.get(unit, count))
    kept = sorted(counts, key=_unit_order)[:MAX_UNITS]
    return tuple(sorted((unit, counts[unit]) for unit in kept))


def _variant_order(variant: CallVariant) -> tuple[str, str, bool, str]:
    model_id, invoked_model_id, tier = variant
    return model_id, invoked_model_id, tier is not None, tier or ""


def _unit_order(unit: str) -> tuple[bool, str]:
    """A unit that may have a price goes first."""
    return unit not in _KNOWN_UNITS, unit


def _operation_order(operation: str) -> tuple[bool, str]:
    """An operation that is known by its name goes first."""
    return operation == OTHER, operation


def _metadata_order(metadata: RequestMetadata) -> tuple[int, RequestMetadata]:
    """Order by the number of pairs, then by the pairs."""
    return len(metadata), metadata
