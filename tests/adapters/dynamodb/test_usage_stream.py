"""The ledger's stream: changes by the meter, and changes that only others can make."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.dynamodb.usage_item import to_item
from lambdas.adapters.dynamodb.usage_stream import read_change
from lambdas.domain.invocations import UNKNOWN_IDENTITY, Conflicts, UsageDoubt, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.readings import bound_reading, join, join_readings
from lambdas.domain.ledger.tampering import TamperedCall, Tampering
from tests.builders import readings, usage_record

RETENTION = timedelta(days=90)
HOUR = timedelta(hours=1)


def modification(after: UsageRecord, before: UsageRecord) -> LedgerChange | TamperedCall:
    images = {"NewImage": to_item(after, RETENTION), "OldImage": to_item(before, RETENTION)}
    return read_change({"eventName": "MODIFY", "dynamodb": images}, RETENTION)


def insertion(item: Any) -> LedgerChange | TamperedCall:
    images = {"NewImage": item}
    return read_change({"eventName": "INSERT", "dynamodb": images}, RETENTION)


def is_tampering(change: LedgerChange | TamperedCall) -> bool:
    return isinstance(change, TamperedCall) or not change.is_possible


def changed(record: UsageRecord, **values: Any) -> UsageRecord:
    return record._replace(**values)


def with_conflicts(record: UsageRecord, **values: Any) -> UsageRecord:
    conflicts = (record.conflicts or Conflicts())._replace(**values)
    return record._replace(conflicts=None if conflicts == Conflicts() else conflicts)


def lower_each_value(record: UsageRecord) -> Iterator[UsageRecord]:
    """Every way to lower or remove one value of a call."""
    yield from with_lower_counts(record)
    yield from with_fewer_conflicts(record)
    for name in ("inference_region", "latency_ms", "prompt_router"):
        yield changed(record, **{name: None})
    yield changed(record, request_metadata=())
    yield changed(record, identity_arn=UNKNOWN_IDENTITY)
    yield changed(record, error_code=record.error_code or "ThrottlingException")
    yield changed(record, usage_doubt=UsageDoubt.AMBIGUOUS)
    yield changed(record, timestamp=record.timestamp + HOUR)
    yield changed(record, timestamp=record.timestamp + HOUR, conflicts=None)


def with_lower_counts(record: UsageRecord) -> Iterator[UsageRecord]:
    for name, count in record.tokens._asdict().items():
        for less in {None, 0, max(0, (count or 0) - 1)} if count is not None else set[int]():
            yield changed(record, tokens=record.tokens._replace(**{name: less}))
    for place, (unit, count) in enumerate(record.billed_units):
        others = record.billed_units[:place] + record.billed_units[place + 1 :]
        yield changed(record, billed_units=others)
        fewer = sorted([*others, (unit, max(0, count - 1))])
        yield changed(record, billed_units=tuple(fewer))


def with_fewer_conflicts(record: UsageRecord) -> Iterator[UsageRecord]:
    conflicts = record.conflicts or Conflicts()
    yield changed(record, conflicts=None)
    for name in ("variants", "identity_arns", "timestamps", "error_codes"):
        values = getattr(conflicts, name)
        for place in range(len(values)):
            left = values[:place] + values[place + 1 :]
            yield with_conflicts(record, **{name: left if len(left) > 1 else ()})
    for name in ("is_cut_off", "are_counts_disputed", "are_details_disputed"):
        yield with_conflicts(record, **{name: False})


@given(st.lists(readings, min_size=1, max_size=12))
def test_no_sequence_of_readings_counts_as_tampering(made: list[UsageRecord]) -> None:
    records = [bound_reading(made[0])]
    for reading in map(bound_reading, made[1:]):
        records.append(join(records[-1], reading))
    assert not is_tampering(insertion(to_item(records[0], RETENTION)))
    assert not any(is_tampering(modification(after, before)) for before, after in pairwise(records))
    assert not is_tampering(modification(records[-1], records[0]))


@given(st.lists(readings, min_size=1, max_size=10))
def test_a_change_that_lowers_or_removes_a_value_is_tampering(made: list[UsageRecord]) -> None:
    (record,) = join_readings(made).values()
    for less in lower_each_value(record):
        if bound_reading(less) != record:
            assert is_tampering(modification(less, record)), less


@given(readings, readings)
def test_raised_counts_without_a_recorded_conflict_are_tampering(
    first: UsageRecord, second: UsageRecord
) -> None:
    before, joined = bound_reading(first), join(bound_reading(first), bound_reading(second))
    if joined.conflicts and joined.conflicts.are_counts_disputed:
        hidden = joined._replace(conflicts=joined.conflicts._replace(are_counts_disputed=False))
        if joined.tokens != before.tokens or joined.billed_units != before.billed_units:
            assert is_tampering(modification(hidden, before))


@pytest.mark.parametrize(
    "damage",
    [
        lambda item: item.pop("model_id"),
        lambda item: item.update(input={"N": "-1"}),
        lambda item: item.update(timestamp={"S": "yesterday"}),
        lambda item: item.update(conflicts={"M": {"variants": {"L": [{"S": "x"}]}}}),
    ],
)
@pytest.mark.parametrize("name", ["INSERT", "MODIFY"])
def test_an_item_that_no_longer_holds_a_call_is_tampering(
    damage: Callable[[dict[str, Any]], object], name: str
) -> None:
    item: dict[str, Any] = dict(to_item(usage_record(), RETENTION))
    damage(item)
    images = {"NewImage": item, "OldImage": to_item(usage_record(), RETENTION)}
    change = read_change({"eventName": name, "dynamodb": images}, RETENTION)
    assert change == TamperedCall(Tampering.UNREADABLE, usage_record())


def test_an_unknown_attribute_is_tampering() -> None:
    """Time to Live could use it and delete the call as if it had expired."""
    item: Any = to_item(usage_record(), RETENTION)
    images = {"NewImage": {**item, "x": {"N": "1700000000"}}, "OldImage": item}
    change = read_change({"eventName": "MODIFY", "dynamodb": images}, RETENTION)
    assert change == TamperedCall(Tampering.CHANGED, usage_record())


def test_a_new_call_may_have_attributes_of_a_later_version() -> None:
    """The functions are deployed one after the other, and metrics omit no call in between."""
    item: Any = to_item(usage_record(), RETENTION)
    assert insertion({**item, "x": {"N": "1"}}) == LedgerChange(usage_record())


def test_a_call_under_another_call_s_key_is_tampering() -> None:
    other = usage_record(request_id="other")
    item = {**to_item(usage_record(), RETENTION), "pk": to_item(other, RETENTION)["pk"]}
    assert insertion(item) == TamperedCall(Tampering.MISPLACED, usage_record())


def test_a_call_that_replaces_an_unreadable_item_is_new() -> None:
    """Otherwise, inserting such an item before a call would keep the call out of the metrics."""
    images = {"NewImage": to_item(usage_record(), RETENTION), "OldImage": {"pk": {"S": "1"}}}
    change = read_change({"eventName": "MODIFY", "dynamodb": images}, RETENTION)
    assert change == LedgerChange(usage_record())


@pytest.mark.parametrize("before", [to_item(usage_record(), RETENTION), {"pk": {"S": "1"}}])
def test_any_removed_item_is_tampering(before: Any) -> None:
    record = usage_record() if "timestamp" in before else None
    change = read_change({"eventName": "REMOVE", "dynamodb": {"OldImage": before}}, RETENTION)
    assert change == TamperedCall(Tampering.REMOVED, record)
