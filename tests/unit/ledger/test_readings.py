"""Readings of one call join into the same record in any order, and never lower its counts."""

from datetime import timedelta
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import (
    CONFLICTING_IDENTITY,
    UNKNOWN_IDENTITY,
    CallVariant,
    Conflicts,
    TokenCounts,
    UsageDoubt,
    UsageRecord,
)
from lambdas.domain.ledger.readings import (
    MAX_TEXT_LENGTH,
    MAX_UNITS,
    bound_reading,
    join,
    join_readings,
    latest_timestamp,
)
from lambdas.domain.pricing import BilledUnit
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4, compute_cost, readings, usage_record

DAY = timedelta(days=1)


def joined(*records: UsageRecord) -> UsageRecord:
    """Join readings in every order; returns the one record."""
    results = {tuple(join_readings(order).values()) for order in permutations(records)}
    ((record,),) = results
    return record


def get_conflicts(record: UsageRecord) -> Conflicts:
    assert record.conflicts is not None
    return record.conflicts


bounded = readings.map(bound_reading)


@given(bounded, bounded, bounded)
def test_join_is_commutative_associative_and_idempotent(
    first: UsageRecord, second: UsageRecord, third: UsageRecord
) -> None:
    assert join(first, second) == join(second, first)
    assert join(join(first, second), third) == join(first, join(second, third))
    assert join(first, first) == first
    assert join(join(first, second), second) == join(first, second)


@given(st.lists(readings, min_size=1, max_size=24), st.data())
def test_any_order_and_any_repetition_gives_the_same_record(
    records: list[UsageRecord], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(records), max_size=8))
    shuffled = data.draw(st.permutations(records + again))
    assert join_readings(shuffled) == join_readings(records)
    halves = (join_readings(shuffled[::2]), join_readings(shuffled[1::2]))
    parts = [record for half in halves for record in half.values()]
    assert reduce(join, parts) == join_readings(records)[records[0].key]


@given(st.lists(readings, min_size=1, max_size=12))
def test_no_reading_lowers_a_count_that_another_reports(records: list[UsageRecord]) -> None:
    (record,) = join_readings(records).values()
    for reading in map(bound_reading, records):
        for kept, reported in zip(record.tokens, reading.tokens, strict=True):
            assert reported is None or (kept is not None and kept >= reported)
        kept_units = dict(record.billed_units)
        for unit, count in reading.billed_units:
            assert kept_units.get(unit, 0) >= count or unit not in set(BilledUnit)
    assert len(record.billed_units) <= MAX_UNITS
    hour, written = record.tokens.cache_write_1h, record.tokens.cache_write
    assert hour is None or (written is not None and hour <= written)


@given(st.lists(readings, min_size=1, max_size=24))
def test_conflicts_list_each_different_value_in_order(records: list[UsageRecord]) -> None:
    (record,) = join_readings(records).values()
    conflicts = record.conflicts or Conflicts()
    callers = {record.identity_arn for record in records} - {UNKNOWN_IDENTITY}
    moments = sorted({record.timestamp for record in records})
    errors = {record.error_code or "" for record in records}
    variants = {
        (record.model_id, record.invoked_model_id, record.service_tier) for record in records
    }
    assert conflicts.identity_arns == (tuple(sorted(callers)[:8]) if len(callers) > 1 else ())
    assert conflicts.error_codes == (tuple(sorted(errors)[:8]) if len(errors) > 1 else ())
    assert len(conflicts.variants) == (min(len(variants), 8) if len(variants) > 1 else 0)
    counts = {(record.tokens, record.billed_units) for record in map(bound_reading, records)}
    assert conflicts.are_counts_disputed == (len(counts) > 1)
    assert conflicts.is_cut_off == (max(map(len, (callers, moments, errors, variants))) > 8)
    assert record.timestamp == moments[0]
    assert latest_timestamp(record) == moments[-1]


def test_a_present_value_is_preferred_to_an_absent_one() -> None:
    bare = usage_record(
        identity_arn=UNKNOWN_IDENTITY, operation="other", tokens=TokenCounts(output=5)
    )
    full = usage_record(
        tokens=TokenCounts(input=10, cache_read=0),
        inference_region="us-west-2",
        latency_ms=7,
        request_metadata=(("project", "search"),),
        billed_units=(("image", 2),),
    )
    assert joined(bare, full) == full._replace(
        tokens=TokenCounts(10, 5, 0),
        conflicts=Conflicts(are_counts_disputed=True, are_details_disputed=True),
    )


@given(bounded, bounded)
def test_readings_that_differ_in_any_field_are_a_conflict(
    first: UsageRecord, second: UsageRecord
) -> None:
    assert (joined(first, second).conflicts is None) == (first == second)


@pytest.mark.parametrize(
    "forged",
    [
        {"request_metadata": (("department", "x"), ("project", "b"))},
        {"request_metadata": ()},
        {"identity_arn": UNKNOWN_IDENTITY},
        {"operation": "InvokeModel"},
        {"inference_region": "us-west-2"},
        {"latency_ms": 7},
        {"usage_doubt": UsageDoubt.AMBIGUOUS},
        {"prompt_router": "router"},
        {"largest_sampling_tokens": 5},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_a_duplicate_with_another_detail_is_a_conflict_and_changes_no_price(
    forged: dict[str, Any],
) -> None:
    real = usage_record(request_metadata=(("project", "a"),))
    record = joined(real, real._replace(**forged))
    assert record.conflicts == Conflicts(are_details_disputed=True)
    assert compute_cost(record) == compute_cost(real)


def test_identical_readings_are_not_a_conflict() -> None:
    assert joined(usage_record(), usage_record()) == usage_record()


def test_the_larger_count_of_each_kind_is_used() -> None:
    first = usage_record(tokens=TokenCounts(1, 50, None, 8, 8), billed_units=(("image", 1),))
    second = usage_record(
        tokens=TokenCounts(9, 5, 0, 3, 1), billed_units=(("image", 4), ("search_unit", 1))
    )
    record = joined(first, second)
    assert record.tokens == TokenCounts(9, 50, 0, 8, 8)
    assert record.billed_units == (("image", 4), ("search_unit", 1))
    assert record.conflicts == Conflicts(are_counts_disputed=True)


def test_a_reading_with_lower_counts_lowers_nothing_and_is_a_conflict() -> None:
    real = usage_record(tokens=TokenCounts(6_000_000, 9))
    forged = real._replace(tokens=TokenCounts(0, 0))
    record = joined(real, forged)
    assert record == real._replace(conflicts=Conflicts(are_counts_disputed=True))


def test_success_is_preferred_to_errors() -> None:
    failed = usage_record(error_code="ThrottlingException")
    record = joined(failed, usage_record())
    assert not record.is_failed
    assert get_conflicts(record).error_codes == ("", "ThrottlingException")


def test_several_callers_are_a_conflict() -> None:
    record = joined(usage_record(identity_arn=ANA), usage_record(identity_arn=BEN))
    assert record.identity_arn == CONFLICTING_IDENTITY
    assert get_conflicts(record).identity_arns == tuple(sorted([ANA, BEN]))


def test_a_record_without_a_caller_is_a_conflict_and_keeps_the_known_caller() -> None:
    record = joined(usage_record(), usage_record(identity_arn=UNKNOWN_IDENTITY))
    assert record == usage_record(conflicts=Conflicts(are_details_disputed=True))


def test_the_earliest_time_is_used_and_the_latest_is_kept() -> None:
    later = usage_record(timestamp=NOON + 2 * DAY)
    record = joined(usage_record(), later)
    assert record.timestamp == NOON
    assert latest_timestamp(record) == NOON + 2 * DAY


def test_the_latest_time_is_kept_beyond_the_limit() -> None:
    times = [NOON + number * DAY for number in range(30)]
    (record,) = join_readings([usage_record(timestamp=time) for time in times]).values()
    assert get_conflicts(record).timestamps == (*times[:7], times[-1])
    assert get_conflicts(record).is_cut_off


def test_each_model_and_tier_is_kept_for_pricing() -> None:
    record = joined(usage_record(), usage_record(model_id=SONNET_4, service_tier="flex"))
    cheap, dear = get_conflicts(record).variants
    assert (cheap, dear) == (
        CallVariant(HAIKU_3, HAIKU_3, None),
        CallVariant(SONNET_4, HAIKU_3, "flex"),
    )
    shown = record._replace(model_id=dear.model_id, service_tier=dear.service_tier)
    assert join(shown, record) == join(record, shown) == record


def test_truncated_variants_differ_from_other_truncated_values() -> None:
    models = [usage_record(model_id=model) for model in "abcdefghi"]
    callers = [usage_record(identity_arn=arn) for arn in "abcdefghi"]
    (by_model,) = join_readings(models).values()
    (by_caller,) = join_readings(callers).values()
    assert get_conflicts(by_model).are_variants_cut_off
    assert get_conflicts(by_caller).is_cut_off
    assert not get_conflicts(by_caller).are_variants_cut_off


@pytest.mark.parametrize(
    ("first", "second", "doubt"),
    [
        (UsageDoubt.AMBIGUOUS, UsageDoubt.UNVERIFIED, UsageDoubt.UNVERIFIED),
        (UsageDoubt.AMBIGUOUS, None, None),
        (UsageDoubt.UNVERIFIED, None, None),
    ],
)
def test_the_lesser_doubt_is_used(
    first: UsageDoubt, second: UsageDoubt | None, doubt: UsageDoubt | None
) -> None:
    record = joined(usage_record(usage_doubt=first), usage_record(usage_doubt=second))
    assert record.usage_doubt is doubt


@pytest.mark.parametrize(
    ("written", "hour", "kept"), [(5, 9, 5), (5, 3, 3), (None, 9, None), (0, 1, 0)]
)
def test_one_hour_cache_writes_never_exceed_all_cache_writes(
    written: int | None, hour: int, kept: int | None
) -> None:
    reading = usage_record(tokens=TokenCounts(1, 1, 1, written, hour))
    assert joined(reading).tokens == TokenCounts(1, 1, 1, written, kept)


@pytest.mark.parametrize("field", ["identity_arn", "model_id", "invoked_model_id", "error_code"])
def test_a_long_text_is_truncated_once_and_stays_equal_when_read_again(field: str) -> None:
    reading = usage_record(**{field: "\u00e9" * 9999})
    assert len(getattr(joined(reading, reading), field)) == MAX_TEXT_LENGTH


@pytest.mark.parametrize(
    "forged",
    [
        {"tokens": TokenCounts(0, 0), "identity_arn": "victim"},
        {"tokens": TokenCounts(1)},
        {"timestamp": NOON + 2 * DAY},
        {"timestamp": NOON.replace(year=9999)},
        {"error_code": "ValidationException"},
        {"model_id": "amazon.nova-micro-v1:0", "invoked_model_id": "amazon.nova-micro-v1:0"},
        {"service_tier": "flex"},
    ],
    ids=["zero tokens", "one token", "later", "far future", "error", "cheap model", "cheap tier"],
)
def test_forged_duplicates_before_and_after_hide_no_tokens(forged: dict[str, Any]) -> None:
    real = usage_record(model_id=SONNET_4, tokens=TokenCounts(6_000_000, 5))
    duplicate = real._replace(**forged)
    record = joined(duplicate, real, duplicate._replace(latency_ms=1))
    assert record.tokens == real.tokens
    assert record.timestamp == real.timestamp
    assert not record.is_failed
    variants = get_conflicts(record).variants if "model_id" in forged else (SONNET_4,)
    assert any(SONNET_4 in variant for variant in variants)
