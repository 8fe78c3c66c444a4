"""Counters equal the ledger at one edition of prices, whatever comes twice, late or half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.counters import (
    MAX_ACCUMULATORS_OF_A_CALL,
    MAX_RACES,
    Accumulated,
    AccumulatorKey,
    AlreadyCountedError,
    CellSpan,
    Chunk,
    EditionBooks,
    MissedTooLongAgoError,
    OtherDeploymentError,
    SumUp,
    UsageChange,
    UsageTotals,
)
from lambdas.domain.counters.chunks import ChunkTooLargeError
from lambdas.domain.counters.recounts import MARK_RETENTION, MARKS_MATTER, MAX_SCAN
from lambdas.domain.invocations import CONFLICTING_IDENTITY, TokenCounts, UsageRecord
from lambdas.domain.ledger import LedgerChange, StreamedChange, TamperedCall, Tampering
from lambdas.domain.pricing import Routing, TokenKind
from lambdas.domain.pricing.editions import Edition, PriceChange, PriceUpdates
from lambdas.domain.words import OUT_OF_TIME
from lambdas.services.count_usage import CountOutcome, UsageCounter
from lambdas.services.recount_usage import UsageRecounter
from tests.builders import (
    BEN,
    HAIKU_3,
    NOON,
    PRICING,
    SONNET_4,
    usage_record,
    usage_records,
)
from tests.counters import InMemoryCounters, Killed, get_cells, streamed, true_cells
from tests.enriching import call_books
from tests.examples import percent_of_examples
from tests.fakes import InMemoryPriceEditions, InMemoryRecordedCalls, InMemoryUsageLedger

HOURS = (CellSpan.HOUR, CellSpan.DAY)
NAMES = [f"20260908T06150{number}Z-0000000{number}" for number in range(4)]
BEGINNING = date.min


def price(model_id: str, kind: TokenKind, usd: str, edition: str, day: date) -> PriceChange:
    return PriceChange(
        model_id=model_id,
        routing=Routing.REGION,
        place="us-east-1",
        item=kind,
        usd=Decimal(usd),
        effective_from=day,
        edition=edition,
        offer="AmazonBedrock",
        read_on=NOON.date(),
    )


def first_prices(edition: str, usd: str, *kinds: TokenKind) -> list[PriceChange]:
    return [price(SONNET_4, kind, usd, edition, BEGINNING) for kind in kinds or TokenKind]


EDITIONS = {
    NAMES[0]: first_prices(NAMES[0], "3"),
    NAMES[1]: [
        *first_prices(NAMES[0], "3"),
        price(HAIKU_3, TokenKind.INPUT, "0.1", NAMES[1], NOON.date()),
    ],
    NAMES[2]: [price(HAIKU_3, TokenKind.INPUT, "9", NAMES[2], NOON.date() + timedelta(days=1))],
    NAMES[3]: first_prices(NAMES[3], "5", TokenKind.INPUT, TokenKind.OUTPUT),
}
"""Each as if the ones that it does not have had been superseded."""


def sum_by_identity(changes: Sequence[UsageChange]) -> Accumulated:
    """An accumulator for each identity, as a budget has it."""
    sums: dict[AccumulatorKey, UsageTotals] = {}
    for change in changes:
        key = AccumulatorKey("each", change.labels.identity_arn, NOON + timedelta(days=99))
        sums[key] = sums.get(key, UsageTotals.ZERO) + change.totals
    return Accumulated(sums)


class World:
    """A ledger, its stream in two shards, the counters, and editions of prices."""

    def __init__(self, deployed: str = "shipped", deployment: str = "stack") -> None:
        self.now = NOON
        self.shards: list[list[StreamedChange]] = [[], []]
        self.positions = [0, 0]
        self.ledger = InMemoryUsageLedger(self._stream)
        self.store = InMemoryCounters(self.ledger.records)
        self.editions = InMemoryPriceEditions()
        self.sums = SumUp(HOURS, sum_by_identity)
        self.deploy(deployed, deployment)

    def deploy(self, deployed: str, deployment: str) -> None:
        books = call_books()
        self.books = EditionBooks(books.tags, AttributionRules(), PRICING, deployed, self.editions)
        self.deployment = deployment

    def _stream(self, changes: Sequence[LedgerChange]) -> None:
        for change in changes:
            shard = self.shards[crc32(change.record.request_id.encode()) % len(self.shards)]
            shard += streamed([change], self.now, 10 * len(shard))

    @property
    def counter(self) -> UsageCounter:
        return UsageCounter(
            read=_read,
            store=self.store,
            books=self.books,
            sums=self.sums,
            deployment=self.deployment,
        )

    def write(self, *records: UsageRecord) -> None:
        self.ledger.write(records)

    def count(self, shard: int, size: int = 1000, *, again: int = 0) -> None:
        """Deliver a batch; a killed or partial one comes again."""
        start = max(0, self.positions[shard] - again)
        batch: Any = self.shards[shard][start : start + size]
        try:
            outcome = self.counter.count(batch, f"shard-{shard}", self.now)
        except Killed:
            return
        if outcome.first_uncounted is None:
            self.positions[shard] = max(self.positions[shard], start + len(batch))

    def recount(self, pages: int = 1000) -> None:
        """Run the recounter for some steps; it may be killed."""
        left = [None] * (2 * pages)
        recounter = UsageRecounter(
            calls=InMemoryRecordedCalls(self.ledger.records.values()),
            store=self.store,
            books=self.books,
            sums=self.sums,
            deployment=self.deployment,
        )
        try:
            recounter.recount(self.now, lambda: bool(left and [left.pop()]))
        except Killed:
            return

    def publish(self, name: str) -> None:
        """Publish an edition of prices."""
        self.editions.write_edition(
            Edition(
                id=name,
                published_at=self.now,
                first_day=self.now.date(),
                changes=tuple(EDITIONS[name]),
            )
        )
        replaces = self.editions.read_pointer().version
        self.editions.publish(PriceUpdates(edition=name), replaces)

    def settle(self) -> None:
        """Let everything come to its end, without faults."""
        self.store.kills_at, self.store.interleaved = (), []
        self.store.busy = 0
        for _ in range(4):
            for shard in range(len(self.shards)):
                self.count(shard)
            self.now += timedelta(minutes=6)
            self.recount()

    def check(self) -> None:
        """Compare all cells and accumulators with the ledger at the edition in force."""
        edition, records = self.books.get_current(), self.ledger.records.values()
        if not records:
            return
        state = self.store.state
        assert state is not None
        assert state.prices == edition
        assert state.scanning is None
        assert state.incomplete_since is None
        truth = true_cells(records, self.books, edition, HOURS, self.now)
        assert get_cells(self.store) == truth
        by_identity: dict[str, UsageTotals] = {}
        for key, totals in truth.items():
            if key.span is CellSpan.DAY:
                arn = key.labels.identity_arn
                by_identity[arn] = by_identity.get(arn, UsageTotals.ZERO) + totals
        accumulators = self.store.read_values(state.generation, "each")
        assert {value: total for value, total in accumulators.items() if total} == by_identity


def _read(batch: Sequence[Any]) -> Sequence[StreamedChange]:
    return batch


Step = Callable[[World], None]
few_calls = st.builds(
    lambda record, number: record._replace(request_id=f"request-{number}"),
    usage_records,
    st.integers(0, 5),
)
shards = st.integers(0, 1)
writes = st.lists(few_calls, min_size=1, max_size=4).map(
    lambda records: lambda world: world.write(*records)
)
batches = st.builds(
    lambda shard, size, again: lambda world: world.count(shard, size, again=again),
    shards,
    st.integers(1, 9),
    st.sampled_from([0, 0, 0, 2, 5]),
)
recounts = st.integers(1, 3).map(lambda pages: lambda world: world.recount(pages))
publications = st.sampled_from(NAMES).map(lambda name: lambda world: world.publish(name))


def wait(minutes: int) -> Step:
    def step(world: World) -> None:
        world.now += timedelta(minutes=minutes)

    return step


waits = st.sampled_from([1, 6, 60]).map(wait)
steps = st.lists(
    st.one_of(writes, writes, batches, batches, recounts, publications, waits), max_size=30
)
steps_of_a_recount = st.lists(st.one_of(writes, batches, recounts), max_size=12)
kills = st.sets(st.integers(1, 60), max_size=10)
interleavings = st.lists(st.one_of(writes, recounts), max_size=6)
fast = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def set_faults(world: World, kills_at: set[int], interleaved: list[Step]) -> None:
    """Let processes die at some writes, and let others do something just before some."""
    world.store.effects, world.store.kills_at = 0, kills_at
    world.store.interleaved = [partial(step, world) for step in interleaved]


@settings(fast, max_examples=percent_of_examples(60))
@given(steps, kills, interleavings)
def test_counters_equal_the_ledger_after_any_faults(
    steps: list[Step], kills_at: set[int], interleaved: list[Step]
) -> None:
    world = World()
    set_faults(world, kills_at, interleaved)
    for step in steps:
        step(world)
    world.settle()
    world.check()


@settings(fast, max_examples=percent_of_examples(60))
@given(steps_of_a_recount, steps_of_a_recount, st.sampled_from(NAMES), kills, interleavings)
def test_counters_equal_the_ledger_whatever_happens_during_a_recount(
    before: list[Step],
    during: list[Step],
    edition: str,
    kills_at: set[int],
    interleaved: list[Step],
) -> None:
    world = World()
    world.write(*[call(number) for number in range(6)])
    world.settle()
    for step in before:
        step(world)
    world.publish(edition)
    world.recount()
    world.now += timedelta(minutes=6)
    set_faults(world, kills_at, interleaved)
    for step in during:
        step(world)
    world.settle()
    world.check()


def call(number: int, **changes: Any) -> UsageRecord:
    return usage_record(request_id=f"request-{number}", **changes)


def cost(world: World) -> int:
    """The cost in all day cells."""
    cells = get_cells(world.store)
    return sum(total.cost_picodollars for key, total in cells.items() if key.span is CellSpan.DAY)


def during_a_recount() -> World:
    """A call without a price has been counted, and its model has a price; it is about to count."""
    world = World()
    world.write(call(1, model_id=SONNET_4))
    world.settle()
    assert cost(world) == 0
    world.publish(NAMES[0])
    world.recount()
    world.now += timedelta(minutes=6)
    return world


SONNET_COST = 15 * 3_000_000
LARGER = call(1, model_id=SONNET_4, tokens=TokenCounts(11, 5))


def test_a_first_price_reaches_calls_that_were_counted_without_one() -> None:
    world = during_a_recount()
    world.recount()
    assert cost(world) == SONNET_COST
    (totals, *_) = get_cells(world.store).values()
    assert totals.unpriced_calls == 0
    world.check()


def test_a_recount_that_outlasts_its_marks_becomes_a_new_count_of_all_calls() -> None:
    world = during_a_recount()
    set_faults(world, {2}, [])  # the call is counted and marked, and the place is not saved
    world.recount()
    assert cost(world) == SONNET_COST
    world.store.marks.clear()  # DynamoDB has deleted them
    world.now += MARK_RETENTION
    world.write(call(2, model_id=SONNET_4))
    world.settle()
    assert cost(world) == 2 * SONNET_COST
    world.check()


def test_the_stream_begins_the_new_count_where_the_recounter_does_not_run() -> None:
    world = during_a_recount()
    generation = world.store.state.generation if world.store.state else 0
    world.now += MAX_SCAN
    world.write(LARGER)
    world.count(0)
    world.count(1)
    assert world.store.state is not None
    assert world.store.state.generation == generation + 1
    assert world.store.state.incomplete_since == world.now
    world.settle()
    world.check()


def test_marks_last_as_long_as_they_matter() -> None:
    assert MAX_SCAN + MARKS_MATTER < MARK_RETENTION


def test_a_correction_before_the_recount_comes_by_counts_at_the_old_edition() -> None:
    world = during_a_recount()
    world.write(LARGER)
    world.count(0)
    world.count(1)
    assert cost(world) == 0
    world.recount()
    assert cost(world) == SONNET_COST + 3_000_000
    world.check()


def test_a_correction_that_the_stream_shows_after_the_recount_counts_once() -> None:
    world = during_a_recount()
    world.write(LARGER)
    world.recount()
    world.settle()
    assert cost(world) == SONNET_COST + 3_000_000
    world.check()


def test_a_correction_after_the_recount_counts_at_the_new_edition() -> None:
    world = during_a_recount()
    world.recount()
    world.write(LARGER)
    world.settle()
    assert cost(world) == SONNET_COST + 3_000_000
    world.check()


def test_a_call_that_changes_while_it_is_recounted_is_read_again() -> None:
    world = during_a_recount()

    def correct_and_count() -> None:
        world.write(LARGER)
        world.count(0)
        world.count(1)

    world.store.interleaved = [correct_and_count]
    world.recount()
    world.settle()
    assert cost(world) == SONNET_COST + 3_000_000
    world.check()


def test_a_call_that_is_recounted_while_a_batch_counts_it_counts_once() -> None:
    world = during_a_recount()
    world.write(call(2, model_id=SONNET_4))
    world.store.interleaved = [world.recount]
    world.count(0)
    world.count(1)
    world.settle()
    assert cost(world) == 2 * SONNET_COST
    world.check()


def test_a_new_call_during_a_recount_counts_once_at_the_new_edition() -> None:
    world = during_a_recount()
    world.write(call(2, model_id=SONNET_4))
    world.count(0)
    world.count(1)
    assert cost(world) == SONNET_COST
    world.recount()
    assert cost(world) == 2 * SONNET_COST
    world.check()


def test_a_recount_waits_until_no_batch_can_be_without_it() -> None:
    world = World()
    world.write(call(1))
    world.recount()
    world.now += timedelta(minutes=4)
    world.recount()
    assert not world.store.cells
    state = world.store.state
    assert state is not None
    assert state.incomplete_since == NOON
    world.now += timedelta(minutes=1)
    world.recount()
    assert get_cells(world.store)


def test_calls_from_before_the_counters_were_switched_on_are_counted_from_the_ledger() -> None:
    world = World()
    world.write(call(1), call(2))
    for shard in world.shards:
        shard.clear()  # the stream has no such records any more
    world.write(call(3))
    world.settle()
    world.check()


def test_prices_of_coming_days_need_no_recount() -> None:
    world = World()
    world.write(call(1))
    world.settle()
    world.publish(NAMES[2])
    world.recount()
    state = world.store.state
    assert state is not None
    assert state.prices.published == NAMES[2]
    assert state.scanning is None
    world.check()


def test_a_deployment_with_other_settings_counts_all_calls_again() -> None:
    world = World()
    world.write(call(1))
    world.settle()
    world.deploy("other settings", "stack")
    world.write(call(2))
    world.settle()
    world.check()
    state = world.store.state
    assert state is not None
    assert state.generation == 2


def test_switching_the_counters_off_and_on_counts_all_calls_again() -> None:
    world = World()
    world.write(call(1))
    world.settle()
    world.write(call(2))
    for shard in world.shards:
        shard.clear()
    world.positions = [0, 0]
    world.store.checkpoints.clear()
    world.now += timedelta(days=9)
    world.deploy("shipped", "another stack")
    world.settle()
    world.check()


def test_a_process_of_the_deployment_before_waits() -> None:
    world = World()
    world.write(call(1))
    world.count(0)
    world.count(1)
    world.deploy("older settings", "stack")
    world.write(*map(call, range(2, 12)))
    with pytest.raises(OtherDeploymentError, match="older settings"):
        world.count(0)


def test_two_shards_add_to_one_cell() -> None:
    world = World()
    world.write(*[call(number) for number in range(20)])
    assert all(world.shards)
    world.settle()
    assert {total.calls for total in get_cells(world.store).values()} == {20}
    world.check()


def test_a_batch_is_cut_into_transactions() -> None:
    world = World()
    hours = [NOON - timedelta(hours=hour) for hour in range(200)]
    world.write(*[call(number, timestamp=hour) for number, hour in enumerate(hours)])
    world.count(0)
    world.count(1)
    assert world.store.effects > 1 + 4
    world.settle()
    world.check()


def test_a_part_of_a_batch_comes_again_where_time_is_up_or_the_store_is_busy() -> None:
    world = World()
    hours = [NOON - timedelta(hours=hour) for hour in range(200)]
    world.write(*[call(number, timestamp=hour) for number, hour in enumerate(hours)])
    batch: Any = world.shards[0]
    left = [True]
    outcome = world.counter.count(batch, "shard-0", NOON, lambda: bool(left and left.pop()))
    assert 0 < outcome.counted < len(batch)
    assert outcome.first_uncounted == batch[outcome.counted].number
    world.store.busy = 1
    refused = world.counter.count(batch, "shard-0", NOON)
    assert refused.first_uncounted == outcome.first_uncounted
    assert refused.repeated == outcome.counted
    world.settle()
    world.check()


class Overtaken(InMemoryCounters):
    """Others write a chunk before each of ours, and the checkpoint is read as it was before."""

    def commit(self, chunk: Chunk) -> None:  # noqa: ARG002  # the port has it
        raise AlreadyCountedError


def test_a_batch_that_always_loses_a_race_comes_again_before_its_time_is_up() -> None:
    world = World()
    world.write(call(1), call(2))
    world.store = Overtaken(world.ledger.records)
    batch: Any = [*world.shards[0], *world.shards[1]]
    time_left = [True] * 10 * MAX_RACES
    outcome = world.counter.count(
        batch, "shard-0", NOON, lambda: bool(time_left and time_left.pop())
    )
    assert outcome.first_uncounted == batch[0].number
    assert outcome.reason == "other processes counted the same shard all the time"
    assert time_left


def test_tampered_calls_are_left_out_and_reported() -> None:
    world = World()
    less = LedgerChange(call(1), call(1, tokens=TokenCounts(999, 5)))
    gone = TamperedCall(Tampering.REMOVED, call(2))
    batch: Any = [
        *streamed([less], NOON),
        StreamedChange("2", NOON, gone),
        *streamed([LedgerChange(call(3))], NOON, first_number=3),
    ]
    outcome = world.counter.count(batch, "shard-0", NOON)
    assert (outcome.counted, outcome.tampered, outcome.first_uncounted) == (1, 2, None)
    assert {total.calls for total in get_cells(world.store).values()} == {1}


def test_a_batch_without_changes_writes_nothing() -> None:
    world = World()
    assert world.counter.count([], "shard-0", NOON).counted == 0
    assert world.store.state is None


def test_a_call_that_changes_too_many_sums_is_an_error_that_says_what_to_do() -> None:
    world = World()
    many = {AccumulatorKey(str(number), "", NOON): UsageTotals(calls=1) for number in range(98)}
    world.sums = SumUp(HOURS, lambda _: Accumulated(many))
    world.write(*map(call, range(10)))
    with pytest.raises(ChunkTooLargeError, match="fewer budgets"):
        world.count(0)


def test_a_correction_of_a_call_in_as_many_sums_as_allowed_fits_a_transaction() -> None:
    def in_many(changes: Sequence[UsageChange]) -> Accumulated:
        names = (
            (f"{change.labels.identity_arn}{number}", change.totals)
            for change in changes
            for number in range(MAX_ACCUMULATORS_OF_A_CALL)
        )
        return Accumulated({AccumulatorKey(name, "", NOON): totals for name, totals in names})

    world = World()
    world.sums = SumUp(HOURS, in_many, notes_hours=True)
    world.write(call(1))
    world.settle()
    world.publish(NAMES[3])
    world.recount()
    world.write(call(1, identity_arn=BEN))
    world.settle()
    conflicting = get_cells(world.store)
    assert {key.labels.identity_arn for key in conflicting} == {CONFLICTING_IDENTITY}
    counted = [key for key, total in world.store.accumulators.items() if total]
    assert len(counted) == MAX_ACCUMULATORS_OF_A_CALL


def test_cells_of_a_quarter_of_an_hour_replace_those_of_an_hour() -> None:
    world = World()
    world.sums = SumUp((CellSpan.QUARTER, CellSpan.DAY))
    world.write(call(1, timestamp=NOON.replace(minute=44)))
    world.settle()
    starts = {key.span: key.start for key in get_cells(world.store)}
    assert starts == {
        CellSpan.QUARTER: NOON.replace(minute=30),
        CellSpan.DAY: NOON.replace(hour=0),
    }


def test_a_late_call_changes_no_cell_that_has_expired() -> None:
    world = World()
    world.write(call(1, timestamp=NOON - timedelta(days=41)))
    world.settle()
    assert {key.span for key in get_cells(world.store)} == {CellSpan.DAY}


class GivenUp:
    """A shard with a part that Lambda gives up, and whose later changes are counted."""

    def __init__(self) -> None:
        self.world = World()
        self.world.settle()

    def write(self, *numbers: int) -> Sequence[StreamedChange]:
        """Write calls of one shard; returns their changes."""
        before = len(self.world.shards[0])
        self.world.write(*map(call, numbers))
        self.world.shards[1].clear()
        return self.world.shards[0][before:]

    def count(self, changes: Sequence[StreamedChange]) -> CountOutcome:
        batch: Any = changes
        return self.world.counter.count(batch, "shard-0", self.world.now)

    def wait(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)

    def check(self) -> None:
        """Compare the counters with the whole ledger, after a last recount."""
        self.world.positions = [len(shard) for shard in self.world.shards]
        self.world.settle()
        self.world.check()


OF_ONE_SHARD = [
    number for number in range(40) if crc32(str(call(number).request_id).encode()) % 2 == 0
]


@pytest.mark.parametrize("is_first", [True, False], ids=["a new shard", "a known shard"])
def test_a_batch_that_was_given_up_is_counted_once_afterwards(*, is_first: bool) -> None:
    meter = GivenUp()
    if not is_first:
        meter.count(meter.write(*OF_ONE_SHARD[:2]))
    given_up = meter.write(*OF_ONE_SHARD[2:6])
    meter.wait(23)
    meter.count(meter.write(*OF_ONE_SHARD[6:8]))
    assert meter.count(given_up).counted == 4
    assert meter.count(given_up).repeated == 4
    meter.check()


def test_batches_that_were_given_up_can_come_in_any_order_and_before_others() -> None:
    meter = GivenUp()
    meter.count(meter.write(*OF_ONE_SHARD[:2]))
    first, second = meter.write(*OF_ONE_SHARD[2:4]), meter.write(*OF_ONE_SHARD[4:6])
    meter.wait(23)
    assert meter.count(second).counted == 2  # redriven before the stream goes on
    meter.count(meter.write(OF_ONE_SHARD[6]))
    assert meter.count(first).counted == 2
    assert meter.count([*first, *second]).repeated == 4
    meter.check()


def test_a_batch_that_was_given_up_is_counted_also_if_the_stream_goes_on_meanwhile() -> None:
    meter = GivenUp()
    meter.count(meter.write(*OF_ONE_SHARD[:2]))
    given_up, later = meter.write(*OF_ONE_SHARD[2:6]), meter.write(*OF_ONE_SHARD[6:8])
    meter.wait(23)

    def go_on() -> None:
        meter.count(later)

    meter.world.store.interleaved = [go_on]
    outcome = meter.count(given_up)
    assert (outcome.counted, outcome.repeated) == (4, 0)
    assert meter.count(given_up).repeated == 4
    meter.check()


def test_the_part_of_a_batch_that_was_counted_before_is_left_out() -> None:
    meter = GivenUp()
    given_up = meter.write(*OF_ONE_SHARD[:4])
    meter.count(given_up[:1])  # and the function died
    meter.wait(23)
    meter.count(meter.write(OF_ONE_SHARD[5]))
    outcome = meter.count(given_up)
    assert (outcome.counted, outcome.repeated) == (3, 1)
    meter.check()


def test_prices_that_changed_meanwhile_apply_to_a_batch_that_was_given_up() -> None:
    meter = GivenUp()
    meter.count(meter.write(*OF_ONE_SHARD[:2]))
    given_up = meter.write(*OF_ONE_SHARD[2:6])
    meter.wait(23)
    meter.count(meter.write(OF_ONE_SHARD[6]))
    meter.world.publish(NAMES[3])
    for _ in range(3):
        meter.world.now += timedelta(minutes=6)
        meter.world.recount()
    meter.count(given_up)
    meter.check()


def test_a_new_count_of_all_calls_already_has_a_batch_that_was_given_up() -> None:
    meter = GivenUp()
    meter.count(meter.write(*OF_ONE_SHARD[:2]))
    given_up = meter.write(*OF_ONE_SHARD[2:6])
    meter.wait(23)
    meter.count(meter.write(OF_ONE_SHARD[6]))
    meter.world.deploy("other prices", "other stack")
    meter.world.settle()
    meter.count(given_up)
    meter.check()


def test_a_batch_that_was_given_up_too_long_ago_is_refused() -> None:
    meter = GivenUp()
    given_up = meter.write(*OF_ONE_SHARD[:2])
    meter.wait(23)
    meter.count(meter.write(OF_ONE_SHARD[5]))
    meter.wait(25)
    before = dict(meter.world.store.cells)
    with pytest.raises(MissedTooLongAgoError):
        meter.count(given_up)
    assert meter.world.store.cells == before


def test_a_busy_store_leaves_the_rest_of_a_batch_that_was_given_up() -> None:
    meter = GivenUp()
    given_up = meter.write(*OF_ONE_SHARD[:3])
    meter.wait(23)
    meter.count(meter.write(OF_ONE_SHARD[5]))
    meter.world.store.busy = 1
    assert meter.count(given_up).first_uncounted == given_up[0].number
    assert meter.count(given_up).counted == 3
    meter.check()


def test_gaps_are_noted_only_where_a_batch_may_have_been_given_up() -> None:
    meter = GivenUp()
    for number in OF_ONE_SHARD[:5]:
        meter.count(meter.write(number))
        meter.wait(1)
    checkpoint = meter.world.store.read_checkpoint("shard-0")
    assert len(checkpoint.gaps) == 1  # the beginning of the shard


def test_a_batch_of_many_chunks_does_not_hide_what_was_given_up_before_it() -> None:
    meter = GivenUp()
    meter.count(meter.write(*OF_ONE_SHARD[:2]))
    given_up = meter.write(*OF_ONE_SHARD[2:6])
    meter.wait(23)
    numbers = count()
    meter.world.sums = SumUp(HOURS, lambda _: _make_full_chunk(next(numbers)))
    late = [
        number for number in range(100, 400) if crc32(call(number).request_id.encode()) % 2 == 0
    ]
    assert len(late) > 100
    assert meter.count(meter.write(*late)).counted == len(late)
    assert len(meter.world.store.read_checkpoint("shard-0").gaps) == 2
    assert meter.count(given_up).counted == 4


def _make_full_chunk(number: int) -> Accumulated:
    """Sums of one change that leave no room for another change in its transaction."""
    names = (f"{number}-{part}" for part in range(60))
    return Accumulated({AccumulatorKey(name, "", NOON): UsageTotals(calls=1) for name in names})


def test_a_batch_that_always_loses_to_others_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = GivenUp()

    def lose(chunk: Chunk) -> None:
        raise AlreadyCountedError(chunk.shard)

    monkeypatch.setattr(meter.world.store, "commit", lose)
    batch: Any = meter.write(*OF_ONE_SHARD[:2])
    time_left = [True] * 100
    outcome = meter.world.counter.count(
        batch, "shard-0", meter.world.now, lambda: bool(time_left and time_left.pop())
    )
    assert outcome.first_uncounted == batch[0].number
    assert outcome.reason != OUT_OF_TIME


def test_a_change_is_refused_if_it_is_no_longer_known_whether_it_was_counted() -> None:
    meter = GivenUp()
    meter.count(meter.write(*OF_ONE_SHARD[:2]))
    given_up = meter.write(*OF_ONE_SHARD[2:4])
    late = [
        number for number in range(100, 400) if crc32(call(number).request_id.encode()) % 2 == 0
    ]
    batches = [meter.write(number) for number in late[:101]]
    meter.wait(23)
    for batch in batches:
        assert meter.count(batch).counted == 1
    before = dict(meter.world.store.cells)
    with pytest.raises(MissedTooLongAgoError):
        meter.count(given_up)
    assert meter.world.store.cells == before
    assert meter.count(batches[-1]).repeated == 1
    assert meter.count(batches[0]).repeated == 1  # right after the last gap that is forgotten
