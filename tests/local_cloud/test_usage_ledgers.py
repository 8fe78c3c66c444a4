"""The pure join and every ledger satisfy the same contract."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import permutations
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lambdas.domain.invocations import Conflicts, TokenCounts, UsageDoubt, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.readings import bound_reading, join, join_readings
from tests.builders import ANA, BEN, NOON, SONNET_4, readings, usage_record, usage_records
from tests.examples import percent_of_examples
from tests.local_cloud.ledgers import (
    OpenLedger,
    Table,
    Turns,
    make_table_in_memory,
    open_in_memory,
    open_pure_ledger,
    open_sqlite,
    open_table,
    tables_in_cloud,
)

Open: TypeAlias = Callable[[], OpenLedger]
MakeTable: TypeAlias = Callable[[], Table]
IN_CLOUD = "local cloud"
ANY_FIXTURE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
batches_of_calls = st.lists(st.lists(usage_records | readings, max_size=8), max_size=6)


@pytest.fixture(params=["pure", "in memory", "sqlite", "dynamodb", IN_CLOUD])
def open_ledger(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens an empty ledger each time."""
    with ExitStack() as stack:
        match request.param:
            case "pure":
                yield open_pure_ledger
            case "in memory":
                yield open_in_memory
            case "sqlite":
                yield lambda: stack.enter_context(contextmanager(open_sqlite)())
            case "dynamodb":
                yield lambda: open_table(make_table_in_memory())
            case _:
                make = tables_in_cloud(request.getfixturevalue("cloud"))
                yield lambda: open_table(make())


@pytest.fixture(params=["dynamodb", IN_CLOUD])
def make_table(request: pytest.FixtureRequest) -> MakeTable:
    """Makes an empty table each time."""
    if request.param != IN_CLOUD:
        return make_table_in_memory
    return tables_in_cloud(request.getfixturevalue("cloud"))


def test_a_new_call_is_streamed_once_despite_repeated_writes(open_ledger: Open) -> None:
    ledger = open_ledger()
    ledger.write([usage_record()])
    ledger.write([usage_record(), usage_record()])
    assert ledger.changes() == [LedgerChange(usage_record())]


def test_a_further_reading_is_joined_and_streamed_as_a_correction(open_ledger: Open) -> None:
    first, second = usage_record(), usage_record(tokens=TokenCounts(input=99), latency_ms=7)
    ledger = open_ledger()
    ledger.write([first])
    ledger.write([second])
    joined = usage_record(
        tokens=TokenCounts(99, 5),
        latency_ms=7,
        conflicts=Conflicts(are_counts_disputed=True, are_details_disputed=True),
    )
    assert ledger.changes() == [LedgerChange(first), LedgerChange(joined, replaced=first)]
    assert ledger.stored() == {first.key: joined}


def test_a_reading_with_lower_counts_lowers_nothing_and_is_one_conflict(
    open_ledger: Open,
) -> None:
    ledger = open_ledger()
    ledger.write([usage_record()])
    ledger.write([usage_record(tokens=TokenCounts(0, 0))])
    ledger.write([usage_record(tokens=TokenCounts(0, 0))])
    disputed = usage_record(conflicts=Conflicts(are_counts_disputed=True))
    assert ledger.changes() == [
        LedgerChange(usage_record()),
        LedgerChange(disputed, replaced=usage_record()),
    ]


def test_readings_of_one_batch_are_joined_before_they_are_written(open_ledger: Open) -> None:
    other = usage_record(identity_arn=BEN)
    ledger = open_ledger()
    ledger.write([usage_record(), other, usage_record()])
    (change,) = ledger.changes()
    assert change == LedgerChange(join(usage_record(), other))
    assert change.is_conflict


@pytest.mark.parametrize("field", ["account_id", "region", "request_id"])
def test_the_same_id_in_another_account_or_region_is_another_call(
    open_ledger: Open, field: str
) -> None:
    ledger = open_ledger()
    ledger.write([usage_record(), usage_record(**{field: "other"})])
    assert [change.replaced for change in ledger.changes()] == [None, None]


def test_every_field_is_stored_and_read_back(open_ledger: Open) -> None:
    full = usage_record(
        tokens=TokenCounts(1, 2, 3, 4, 4),
        error_code="ThrottlingException",
        inference_region="us-west-2",
        latency_ms=7,
        request_metadata=(("note", ""), ("project", "s\u00fc\u00df")),
        timestamp=usage_record().timestamp.replace(microsecond=123_456),
        service_tier="flex",
        billed_units=(("image", 3), ("search_unit", 0)),
        usage_doubt=UsageDoubt.AMBIGUOUS,
        prompt_router="router",
    )
    other = full._replace(
        model_id=SONNET_4, service_tier=None, identity_arn=BEN, timestamp=NOON, error_code=None
    )
    ledger = open_ledger()
    ledger.write([full])
    ledger.write([full])
    ledger.write([other])
    assert ledger.changes() == [LedgerChange(full), LedgerChange(join(full, other), replaced=full)]


@pytest.mark.parametrize(
    "forged",
    [
        {"tokens": TokenCounts(0, 0)},
        {"tokens": TokenCounts(1), "identity_arn": "victim"},
        {"timestamp": NOON.replace(day=10)},
        {"error_code": "ValidationException"},
        {"model_id": "amazon.nova-micro-v1:0", "service_tier": "flex"},
    ],
    ids=["zero tokens", "another user", "later", "error", "cheap model"],
)
def test_forged_duplicates_in_any_order_hide_no_call(
    open_ledger: Open, forged: dict[str, Any]
) -> None:
    real = usage_record(model_id=SONNET_4, tokens=TokenCounts(6_000_000, 5))
    for order in permutations([real, real._replace(**forged), real._replace(**forged)]):
        ledger = open_ledger()
        for reading in order:
            ledger.write([reading])
        (record,) = ledger.stored().values()
        assert record == join(real, real._replace(**forged))
        assert (record.tokens, record.timestamp) == (real.tokens, NOON)
        assert not record.is_failed


@settings(max_examples=percent_of_examples(20), suppress_health_check=ANY_FIXTURE)
@given(batches=batches_of_calls, data=st.data())
def test_any_order_and_repetition_match_the_pure_join(
    open_ledger: Open, batches: list[list[UsageRecord]], data: st.DataObject
) -> None:
    records = [record for batch in batches for record in batch]
    in_order, shuffled = open_ledger(), open_ledger()
    for batch in batches:
        in_order.write(batch)
    again = data.draw(st.lists(st.sampled_from(records), max_size=5)) if records else []
    order = data.draw(st.permutations(records + again))
    for start in range(0, len(order), 4):
        shuffled.write(order[start : start + 4])
    assert in_order.stored() == shuffled.stored() == join_readings(records)


@settings(max_examples=percent_of_examples(20), suppress_health_check=ANY_FIXTURE)
@given(batches=batches_of_calls)
def test_every_ledger_streams_the_same_changes(
    open_ledger: Open, batches: list[list[UsageRecord]]
) -> None:
    twin, ledger = open_in_memory(), open_ledger()
    for batch in batches:
        twin.write(batch)
        ledger.write(batch)
    assert by_call(ledger.changes()) == by_call(twin.changes())


def by_call(changes: list[LedgerChange]) -> dict[object, list[LedgerChange]]:
    """Changes by call: a stream keeps the order of the changes of one item alone."""
    found: dict[object, list[LedgerChange]] = {}
    for change in changes:
        found.setdefault(change.record.key, []).append(change)
    return found


def write_in_turns(table: Table, batches: list[list[UsageRecord]], order: list[int]) -> None:
    """Two writers write a batch each; their requests follow an order."""
    turns = Turns(order)

    def write(writer: int) -> None:
        try:
            table.ledger(turns.make_client(writer, table.client)).write(batches[writer])
        finally:
            turns.end(writer)

    with ThreadPoolExecutor(2) as writers:
        list(writers.map(write, range(2)))


def is_unbroken(changes: list[LedgerChange]) -> bool:
    """Check that each change starts from the result of the previous one, and lowers nothing."""
    standing: UsageRecord | None = None
    for change in changes:
        if change.replaced != standing:
            return False
        if standing is not None and join(change.record, standing) != change.record:
            return False
        standing = change.record
    return True


ORDERS = sorted(set(permutations([0, 0, 0, 1, 1, 1])))
"""Every order in which two writers make three requests each: insert, read, write back."""
FIRST = usage_record(tokens=TokenCounts(100, 1, 7), identity_arn=ANA)
SECOND = usage_record(tokens=TokenCounts(1, 100, None, 7), identity_arn=BEN, latency_ms=3)


@pytest.mark.parametrize("standing", [None, usage_record()], ids=["new call", "known call"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, SECOND),
        (usage_record(latency_ms=3), usage_record(inference_region="us-west-2")),
        (usage_record(identity_arn=BEN), usage_record(error_code="ThrottlingException")),
    ],
    ids=["other counts", "other absent fields", "other conflicts"],
)
def test_two_writers_lose_no_reading_in_any_order_of_their_requests(
    make_table: MakeTable, first: UsageRecord, second: UsageRecord, standing: UsageRecord | None
) -> None:
    expected = join(first, second) if standing is None else join(standing, join(first, second))
    for order in ORDERS:
        table = make_table()
        if standing is not None:
            table.ledger().write([standing])
        write_in_turns(table, [[first], [second]], list(order))
        assert table.stored() == {expected.key: expected}
        changes = table.changes()
        assert is_unbroken(changes)
        assert changes[-1].record == expected


def test_another_writer_between_any_two_requests_loses_nothing(make_table: MakeTable) -> None:
    for place in range(4):
        table = make_table()
        table.ledger().write([usage_record()])
        write_in_turns(table, [[FIRST], [SECOND]], [0] * place + [1] * 9)
        assert list(table.stored().values()) == [join(usage_record(), join(FIRST, SECOND))]


@settings(max_examples=percent_of_examples(40), suppress_health_check=ANY_FIXTURE)
@given(
    batches=st.lists(
        st.lists(usage_records | readings, min_size=1, max_size=5), min_size=3, max_size=3
    ),
    order=st.lists(st.integers(0, 1), max_size=14),
)
@example(batches=[[usage_record()], [FIRST], [SECOND]], order=[0, 1] * 7)
def test_two_writers_of_any_readings_store_their_join(
    make_table: MakeTable, batches: list[list[UsageRecord]], order: list[int]
) -> None:
    table = make_table()
    table.ledger().write(batches[0])
    write_in_turns(table, batches[1:], order)
    records = [bound_reading(record) for batch in batches for record in batch]
    assert table.stored() == join_readings(records)
    shown = table.changes()
    assert all(is_unbroken(changes) for changes in by_call(shown).values())


def test_a_repeated_batch_writes_nothing(make_table: MakeTable) -> None:
    table = make_table()
    calls = [usage_record(request_id=str(number)) for number in range(60)]
    table.ledger().write(calls)
    before = table.changes()
    table.ledger().write(calls[::-1])
    assert len(before) == 60
    assert table.changes() == before
