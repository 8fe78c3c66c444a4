"""Stores of counters keep one contract: in memory, and in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.counter_items import PARTS, cell_key, identity_key, sum_key
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.counters import (
    AccumulatorKey,
    AffectedCalls,
    AlreadyCountedError,
    CellKey,
    CellSpan,
    Checkpoint,
    Chunk,
    CounterReader,
    CountersUnavailableError,
    CountingState,
    Gap,
    Mark,
    MarkedMeanwhileError,
    NewMark,
    PriceEdition,
    Recount,
    RecountStore,
    StateChangedError,
    Sums,
    TooManyValuesError,
    UsageLabels,
    UsageTotals,
)
from lambdas.domain.counters.table import IDENTITY_INDEX, IDENTITY_KEY, IDENTITY_SORT_KEY, SORT_KEY
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY
from tests.aws import LEDGER
from tests.builders import ANA, BEN, HAIKU_3, NOON, usage_record
from tests.counters import InMemoryCounters
from tests.fakes import InMemoryUsageLedger

COUNTERS = "usage-counters"
RETENTION = timedelta(days=90)
LONG_NUMBER = 10**39  # sequence numbers have up to 40 digits
STATE = CountingState(
    generation=1,
    deployment="stack",
    prices=PriceEdition("shipped", "20260908T061500Z-00000000"),
    recounts=(
        Recount(1, None, AffectedCalls(), NOON, None, NOON),
        Recount(
            2,
            PriceEdition("shipped"),
            AffectedCalls(NOON, frozenset({"anthropic.claude-3-haiku"})),
            NOON,
            "a place",
        ),
    ),
    counted_since=NOON,
    last_number=2,
    revision=1,
)


class Store(RecountStore, CounterReader, Protocol):
    """All that a table of counters does."""


class Stored:
    """A store, and the ledger beside it."""

    def __init__(self, store: Store, write: Callable[[UsageRecord], None]) -> None:
        self.store = store
        self.write_call = write


def create_table() -> None:
    """Create the table of counters, as the deployment does."""
    boto3.client("dynamodb").create_table(
        TableName=COUNTERS,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in (PARTITION_KEY, SORT_KEY, IDENTITY_KEY, IDENTITY_SORT_KEY)
        ],
        KeySchema=_keys(PARTITION_KEY, SORT_KEY),
        GlobalSecondaryIndexes=[
            {
                "IndexName": IDENTITY_INDEX,
                "KeySchema": _keys(IDENTITY_KEY, IDENTITY_SORT_KEY),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def _keys(partition: str, sort: str) -> Any:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


@pytest.fixture
def dynamodb(aws: None) -> Stored:
    create_table()
    client = boto3.client("dynamodb")
    ledger = DynamoDbUsageLedger(client, LEDGER, RETENTION)
    store = DynamoDbUsageCounters(client, COUNTERS, LEDGER, pause=lambda _: None)
    return Stored(store, lambda record: ledger.write([record]))


@pytest.fixture(params=["memory", "dynamodb"])
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    if request.param == "dynamodb":
        yield request.getfixturevalue("dynamodb")
    else:
        ledger = InMemoryUsageLedger()
        store = InMemoryCounters(ledger.records)
        yield Stored(store, lambda record: ledger.write([record]))


def labels(identity_arn: str = ANA) -> UsageLabels:
    return UsageLabels(
        *(identity_arn, "chat", "support", "unattributed"),
        *(HAIKU_3, "anthropic", "us-east-1", "standard"),
    )


def cell(
    start: datetime = NOON, span: CellSpan = CellSpan.HOUR, identity_arn: str = ANA
) -> CellKey:
    return CellKey(span, start, labels(identity_arn))


ONE_CALL = UsageTotals(calls=1, input_tokens=10, output_tokens=5, total_tokens=15)


def chunk(
    first: int = 1,
    last: int = 1,
    *,
    shard: str = "shard-1",
    key: CellKey | None = None,
    totals: UsageTotals = ONE_CALL,
    marks: tuple[NewMark, ...] = (),
    **accumulators: UsageTotals,
) -> Chunk:
    sums = Sums(
        {key or cell(): totals},
        {AccumulatorKey(name, "", NOON + RETENTION): total for name, total in accumulators.items()},
    )
    return Chunk(1, shard, first, last, sums, marks, NOON)


def read(stored: Stored, span: CellSpan = CellSpan.HOUR) -> dict[CellKey, UsageTotals]:
    return dict(stored.store.read_cells(1, span, NOON, NOON + timedelta(hours=2)))


def test_a_chunk_adds_to_cells_and_accumulators(stored: Stored) -> None:
    stored.store.commit(chunk(1, 3, budget=ONE_CALL))
    stored.store.commit(chunk(4, 9, totals=ONE_CALL + ONE_CALL, budget=ONE_CALL))
    assert read(stored) == {cell(): ONE_CALL + ONE_CALL + ONE_CALL}
    assert stored.store.read_accumulators(1, ["budget", "other"]) == {"budget": ONE_CALL + ONE_CALL}
    assert stored.store.read_checkpoint("shard-1").number == 9


def test_accumulators_are_apart_by_generation_and_value(stored: Stored) -> None:
    for number, (generation, value) in enumerate([(1, ANA), (1, BEN), (1, BEN), (2, ANA)]):
        key = AccumulatorKey("each", value, NOON + RETENTION)
        sums = Sums(accumulators={key: ONE_CALL})
        stored.store.commit(Chunk(generation, "shard-1", number, number, sums, (), NOON))
    assert stored.store.read_values(1, "each") == {ANA: ONE_CALL, BEN: ONE_CALL + ONE_CALL}
    assert stored.store.read_values(2, "each") == {ANA: ONE_CALL}
    assert len(stored.store.read_values(1, "each", 2)) == 2
    with pytest.raises(TooManyValuesError):
        stored.store.read_values(1, "each", 1)
    assert stored.store.read_values(1, "other") == {}


def test_a_cell_can_be_read_as_it_was_before_a_revision(stored: Stored) -> None:
    sums = [
        Sums({cell(): ONE_CALL}),
        Sums({cell(): ONE_CALL}, {}, {(cell(), 3): ONE_CALL}),
        Sums({}, {}, {(cell(), 3): ONE_CALL, (cell(), 4): -ONE_CALL}),  # the cell itself stays
        Sums({cell(): ONE_CALL}, {}, {(cell(), 12): ONE_CALL}),
    ]
    for number, each in enumerate(sums):
        assert len(each) == 1
        stored.store.commit(Chunk(1, "shard-1", number, number, each, (), NOON))

    def read_before(revision: int | None) -> UsageTotals:
        hour = timedelta(hours=1)
        (found,) = stored.store.read_cells(1, CellSpan.HOUR, NOON, NOON + hour, revision)
        return found.totals

    two = ONE_CALL + ONE_CALL
    assert read_before(None) == read_before(13) == two + ONE_CALL
    assert read_before(5) == read_before(12) == two
    assert read_before(4) == two + ONE_CALL
    assert read_before(3) == ONE_CALL


def test_a_cell_and_a_sum_keep_their_size_however_many_calls_they_have(dynamodb: Stored) -> None:
    """A set of request ids in one item is full after some 11,000 calls."""
    sizes = []
    for number in range(1, 4):
        dynamodb.store.commit(chunk(number, number, budget=ONE_CALL))
        sizes.append([sorted(item) for item in get_items()])
    assert sizes[0] == sizes[1] == sizes[2]
    many = UsageTotals(calls=10**9, input_tokens=10**13, total_tokens=10**13)
    dynamodb.store.commit(chunk(9, 9, totals=many, budget=many))
    assert read(dynamodb)[cell()].calls == 10**9 + 3


def test_a_figure_can_go_below_zero_and_is_exact(stored: Stored) -> None:
    most = UsageTotals(cost_picodollars=-(10**30) - 1)
    stored.store.commit(chunk(1, totals=most))
    assert read(stored) == {cell(): most}


@pytest.mark.parametrize(("first", "last"), [(1, 3), (3, 3), (3, 9)])
def test_a_chunk_that_begins_at_the_checkpoint_or_before_changes_nothing(
    stored: Stored, first: int, last: int
) -> None:
    stored.store.commit(chunk(1, 3))
    with pytest.raises(AlreadyCountedError):
        stored.store.commit(chunk(first, last, budget=ONE_CALL))
    assert read(stored) == {cell(): ONE_CALL}
    assert not stored.store.read_accumulators(1, ["budget"])
    assert stored.store.read_checkpoint("shard-1").number == 3


def test_sequence_numbers_compare_as_numbers(stored: Stored) -> None:
    stored.store.commit(chunk(9, 9))
    stored.store.commit(chunk(10, LONG_NUMBER))
    assert stored.store.read_checkpoint("shard-1").number == LONG_NUMBER
    with pytest.raises(AlreadyCountedError):
        stored.store.commit(chunk(LONG_NUMBER - 1, LONG_NUMBER + 1))


def test_each_shard_has_a_checkpoint_of_its_own(stored: Stored) -> None:
    stored.store.commit(chunk(5, 5, shard="shard-1"))
    stored.store.commit(chunk(1, 1, shard="shard-2"))
    assert read(stored) == {cell(): ONE_CALL + ONE_CALL}
    assert stored.store.read_checkpoint("shard-3").number == -1


def test_cells_of_a_range_are_read_in_order(stored: Stored) -> None:
    hour, day = timedelta(hours=1), CellSpan.DAY
    keys = [cell(NOON + hour), cell(NOON - hour), cell(NOON, identity_arn=BEN), cell(NOON)]
    keys += [cell(NOON + 2 * hour), cell(NOON.replace(hour=0), day)]
    for number, key in enumerate(keys):
        stored.store.commit(chunk(number, number, key=key))
    found = list(stored.store.read_cells(1, CellSpan.HOUR, NOON, NOON + 2 * hour))
    assert [found_cell.key.start for found_cell in found] == [NOON, NOON, NOON + hour]
    assert {found_cell.key for found_cell in found} == {keys[0], keys[2], keys[3]}
    midnight = NOON.replace(hour=0)
    (of_day,) = stored.store.read_cells(1, day, midnight, midnight + timedelta(days=1))
    assert of_day == (keys[-1], ONE_CALL)
    assert not list(stored.store.read_cells(2, CellSpan.HOUR, NOON, NOON + 2 * hour))


def test_cells_of_one_identity_are_read_by_themselves(stored: Stored) -> None:
    hour = timedelta(hours=1)
    keys = [cell(NOON + hour), cell(NOON, identity_arn=BEN), cell(NOON), cell(NOON + 2 * hour)]
    for number, key in enumerate(keys):
        stored.store.commit(chunk(number, number, key=key))
    found = stored.store.read_identity_cells(1, ANA, CellSpan.HOUR, NOON, NOON + 2 * hour)
    assert list(found) == [(keys[2], ONE_CALL), (keys[0], ONE_CALL)]


def test_a_chunk_marks_calls_that_have_no_mark(stored: Stored) -> None:
    record = usage_record()
    assert stored.store.read_marks([record], [1, 2]) == {}
    stored.store.commit(chunk(1, marks=(NewMark(1, record),)))
    assert stored.store.read_marks([record], [1, 2]) == {record.key: {1: Mark(None)}}
    with pytest.raises(MarkedMeanwhileError):
        stored.store.commit(chunk(2, marks=(NewMark(1, record),)))
    assert read(stored) == {cell(): ONE_CALL}
    assert stored.store.read_checkpoint("shard-1").number == 1


def test_a_recount_marks_a_call_as_the_ledger_has_it(stored: Stored) -> None:
    record = usage_record()
    stored.write_call(record)
    stored.store.commit_recount(1, 7, [record], Sums({cell(): ONE_CALL}), NOON)
    assert stored.store.read_marks([record], [7]) == {record.key: {7: Mark(record)}}
    assert read(stored) == {cell(): ONE_CALL}
    with pytest.raises(MarkedMeanwhileError):
        stored.store.commit_recount(1, 7, [record], Sums({cell(): ONE_CALL}), NOON)
    assert read(stored) == {cell(): ONE_CALL}


def test_a_recount_changes_nothing_where_the_ledger_has_another_state(stored: Stored) -> None:
    record = usage_record()
    for absent in (record, record._replace(request_id="another")):
        with pytest.raises(MarkedMeanwhileError):
            stored.store.commit_recount(1, 7, [absent], Sums({cell(): ONE_CALL}), NOON)
    stored.write_call(record)
    stored.write_call(record._replace(tokens=TokenCounts(11, 5)))
    with pytest.raises(MarkedMeanwhileError):
        stored.store.commit_recount(1, 7, [record], Sums({cell(): ONE_CALL}), NOON)
    assert read(stored) == {}
    (standing,) = stored.store.read_calls([record, usage_record(request_id="absent")])
    assert standing.tokens.input == 11
    stored.store.commit_recount(1, 7, [standing], Sums(), NOON)


def test_the_state_is_replaced_by_its_follower_alone(stored: Stored) -> None:
    assert stored.store.read_state() is None
    stored.store.write_state(STATE)
    assert stored.store.read_state() == STATE
    following = STATE.following(generation=2)
    stored.store.write_state(following)
    assert stored.store.read_state() == following
    for other in (STATE, following, replace(following, revision=4)):
        with pytest.raises(StateChangedError):
            stored.store.write_state(other)
    assert stored.store.read_state() == following


# DynamoDB alone


def get_items() -> list[dict[str, Any]]:
    return boto3.client("dynamodb").scan(TableName=COUNTERS)["Items"]


def test_every_item_but_the_state_expires(dynamodb: Stored) -> None:
    record = usage_record()
    dynamodb.store.write_state(STATE)
    dynamodb.store.commit(chunk(1, marks=(NewMark(1, record),), budget=ONE_CALL))
    dynamodb.store.commit(chunk(2, key=cell(NOON.replace(hour=0), CellSpan.DAY)))
    days = {
        item[PARTITION_KEY]["S"].partition("#")[0]: int(item[EXPIRES_AT]["N"])
        for item in get_items()
        if EXPIRES_AT in item
    }
    assert days.keys() == {"cell", "checkpoint", "mark", "sum"}
    hour, day = cell().expires_at, cell(NOON.replace(hour=0), CellSpan.DAY).expires_at
    assert hour == NOON + timedelta(days=40)
    assert day == NOON.replace(hour=0) + timedelta(days=400)
    expiries = {int(item[EXPIRES_AT]["N"]) for item in get_items() if EXPIRES_AT in item}
    assert {int(hour.timestamp()), int(day.timestamp())} <= expiries


def test_cells_of_an_hour_are_spread_over_partitions() -> None:
    keys = {cell_key(1, cell(identity_arn=f"{ANA}{number}"))["pk"]["S"] for number in range(200)}
    assert len(keys) == PARTS


def test_no_name_makes_a_key_too_long() -> None:
    arn = "é" * 1024
    assert len(cell_key(1, cell(identity_arn=arn))["pk"]["S"].encode()) < 1024
    assert len(identity_key(1, arn)) < 1024
    key = sum_key(1, "budget", arn)
    assert len(key["sk"]["S"].encode()) < 1024
    assert key != sum_key(1, "budget", f"{arn}#")


class BusyClient:
    """A DynamoDB client whose transactions are canceled for some reasons first."""

    def __init__(self, *reasons: list[str]) -> None:
        self.client = boto3.client("dynamodb")
        self.reasons = list(reasons)
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def transact_write_items(self, **request: Any) -> None:
        self.tries += 1
        if self.reasons:
            answer: Any = {
                "Error": {"Code": "TransactionCanceledException"},
                "CancellationReasons": [{"Code": code} for code in self.reasons.pop(0)],
            }
            raise self.client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")
        self.client.transact_write_items(**request)


CONFLICT, NONE = "TransactionConflict", "None"


def test_conflicts_and_throttles_are_tried_again_with_a_pause(dynamodb: Stored) -> None:
    pauses: list[float] = []
    client = BusyClient([NONE, CONFLICT], ["ThrottlingError", NONE], [CONFLICT, CONFLICT])
    store: Any = DynamoDbUsageCounters(client, COUNTERS, LEDGER, pause=pauses.append)  # type: ignore[arg-type]
    store.commit(chunk(1))
    assert read(dynamodb) == {cell(): ONE_CALL}
    assert len(pauses) == 3
    assert pauses == sorted(pauses)


def test_a_failed_condition_beside_a_conflict_is_a_failed_condition(dynamodb: Stored) -> None:
    client = BusyClient(["ConditionalCheckFailed", CONFLICT])
    store: Any = DynamoDbUsageCounters(client, COUNTERS, LEDGER, pause=lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(AlreadyCountedError):
        store.commit(chunk(1))
    assert client.tries == 1


def test_endless_conflicts_leave_the_chunk_for_later(dynamodb: Stored) -> None:
    client = BusyClient(*[[NONE, CONFLICT]] * 20)
    store: Any = DynamoDbUsageCounters(client, COUNTERS, LEDGER, pause=lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(CountersUnavailableError, match="TransactionConflict at every attempt"):
        store.commit(chunk(1))
    assert read(dynamodb) == {}


def test_any_other_reason_is_an_error(dynamodb: Stored) -> None:
    client = BusyClient([NONE, "ValidationError"])
    store: Any = DynamoDbUsageCounters(client, COUNTERS, LEDGER, pause=lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(ClientError):
        store.commit(chunk(1))
    assert client.tries == 1


def test_a_checkpoint_has_its_time_and_gaps(stored: Stored) -> None:
    gaps = (Gap(-1, 5), Gap(7, LONG_NUMBER))
    made = replace(chunk(5, 7), changed_at=NOON, gaps=gaps, forgotten=LONG_NUMBER, replaces=-1)
    stored.store.commit(made)
    assert stored.store.read_checkpoint("shard-1") == Checkpoint(7, NOON, gaps, LONG_NUMBER)
    assert stored.store.read_checkpoint("shard-2") == Checkpoint()


@pytest.mark.parametrize("replaces", [-1, 6])
def test_a_chunk_that_was_made_for_another_checkpoint_is_refused(
    stored: Stored, replaces: int
) -> None:
    stored.store.commit(chunk(5, 7))
    with pytest.raises(AlreadyCountedError):
        stored.store.commit(replace(chunk(9, 9), replaces=replaces))
    stored.store.commit(replace(chunk(9, 9), replaces=7))
    assert read(stored) == {cell(): ONE_CALL + ONE_CALL}


def test_a_change_in_a_gap_is_added_once_and_the_checkpoint_stays(stored: Stored) -> None:
    stored.store.commit(chunk(9, 9))
    stored.store.commit_missed(chunk(3, 3))
    with pytest.raises(AlreadyCountedError):
        stored.store.commit_missed(chunk(3, 3))
    stored.store.commit_missed(chunk(4, 4))
    assert stored.store.read_checkpoint("shard-1").number == 9
    assert read(stored) == {cell(): ONE_CALL + ONE_CALL + ONE_CALL}
