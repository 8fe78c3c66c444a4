"""What every usage ledger promises, kept by each of them."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.preview.temporary_store import SqliteUsageLedger, open_temporary_store
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metering import LedgerChange, LedgerStream, UsageLedger
from tests.builders import usage_record, usage_records
from tests.fakes import InMemoryUsageLedger

OpenLedger: TypeAlias = Callable[[LedgerStream], UsageLedger]
"""Opens an empty ledger that tells a stream."""


@pytest.fixture(params=["in memory", "sqlite"])
def open_ledger(request: pytest.FixtureRequest) -> Iterator[OpenLedger]:
    if request.param == "in memory":
        yield InMemoryUsageLedger
        return
    with open_temporary_store() as store:
        yield lambda stream: SqliteUsageLedger(store, stream)


class Changes(list[LedgerChange]):
    """Remembers what a stream told."""


@pytest.fixture
def changes() -> Changes:
    return Changes()


def test_a_new_call_is_told_once(open_ledger: OpenLedger, changes: Changes) -> None:
    ledger = open_ledger(changes.extend)
    ledger.put([usage_record()])
    ledger.put([usage_record(), usage_record()])
    assert changes == [LedgerChange(usage_record())]


def test_another_reading_of_a_call_replaces_the_one_before(
    open_ledger: OpenLedger, changes: Changes
) -> None:
    ledger = open_ledger(changes.extend)
    first, second = usage_record(), usage_record(tokens=TokenCounts(input=99))
    ledger.put([first])
    ledger.put([second, first])
    assert changes == [
        LedgerChange(first),
        LedgerChange(second, replaced=first),
        LedgerChange(first, replaced=second),
    ]


@pytest.mark.parametrize("field", ["account_id", "region", "request_id"])
def test_a_call_in_another_account_or_region_is_another_call(
    open_ledger: OpenLedger, changes: Changes, field: str
) -> None:
    open_ledger(changes.extend).put([usage_record(), usage_record(**{field: "other"})])
    assert [change.replaced for change in changes] == [None, None]


def test_every_field_survives_being_stored(open_ledger: OpenLedger, changes: Changes) -> None:
    full = usage_record(
        tokens=TokenCounts(1, 2, 3, 4, 4),
        error_code="ThrottlingException",
        inference_region="us-west-2",
        latency_ms=7,
        request_metadata=(("note", ""), ("project", "s\u00fc\u00df")),
        timestamp=usage_record().timestamp.replace(microsecond=123_456),
    )
    ledger = open_ledger(changes.extend)
    ledger.put([full])
    ledger.put([full])
    ledger.put([usage_record()])
    assert changes[1:] == [LedgerChange(usage_record(), replaced=full)]


@given(st.lists(st.lists(usage_records, max_size=8), max_size=8))
def test_sqlite_tells_what_its_in_memory_twin_tells(batches: list[list[UsageRecord]]) -> None:
    expected, told = Changes(), Changes()
    twin = InMemoryUsageLedger(expected.extend)
    with open_temporary_store() as store:
        ledger = SqliteUsageLedger(store, told.extend)
        for batch in batches:
            twin.put(batch)
            ledger.put(batch)
    assert told == expected
