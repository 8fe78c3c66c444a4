"""Counters equal the ledger at one edition of prices, whatever comes twice, late or half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.counters import (
    AccumulatorKey,
    CellSpan,
    EditionBooks,
    SumUp,
    UsageChange,
    UsageTotals,
)
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import LedgerChange, StreamedChange
from lambdas.domain.pricing import Routing, TokenKind
from lambdas.domain.pricing.editions import Edition, PriceChange, PriceUpdates
from lambdas.services.count_usage import UsageCounter
from lambdas.services.recount_usage import UsageRecounter
from tests.builders import (
    HAIKU_3,
    NOON,
    PRICING,
    SONNET_4,
    usage_records,
)
from tests.counters import InMemoryCounters, Killed, cells_of, streamed, true_cells
from tests.enriching import call_books
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


def sum_by_identity(changes: Sequence[UsageChange]) -> dict[AccumulatorKey, UsageTotals]:
    """An accumulator for each identity, as a budget has it."""
    sums: dict[AccumulatorKey, UsageTotals] = {}
    for change in changes:
        key = AccumulatorKey(change.labels.identity_arn, NOON + timedelta(days=99))
        sums[key] = sums.get(key, UsageTotals.ZERO) + change.totals
    return sums


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
        assert cells_of(self.store) == truth
        by_identity: dict[str, UsageTotals] = {}
        for key, totals in truth.items():
            if key.span is CellSpan.DAY:
                arn = key.labels.identity_arn
                by_identity[arn] = by_identity.get(arn, UsageTotals.ZERO) + totals
        if state.generation == 1:  # budgets begin a generation of their own
            counted = {key.name: total for key, total in self.store.accumulators.items() if total}
            assert counted == by_identity


def _read(batch: Sequence[Any]) -> Sequence[StreamedChange]:
    return batch


Step = Callable[[World], None]
shards = st.integers(0, 1)
writes = st.lists(usage_records, min_size=1, max_size=5).map(
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
quiet = st.one_of(writes, writes, batches, batches, recounts, publications, waits)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(quiet, max_size=40),
    st.sets(st.integers(1, 80), max_size=12),
    st.lists(st.one_of(writes, recounts), max_size=6),
)
def test_counters_equal_the_ledger_after_any_faults(
    steps: list[Step], kills_at: set[int], interleaved: list[Step]
) -> None:
    world = World()
    world.store.kills_at = kills_at
    world.store.interleaved = [_bind(step, world) for step in interleaved]
    for step in steps:
        step(world)
    world.settle()
    world.check()


def _bind(step: Step, world: World) -> Callable[[], None]:
    return lambda: step(world)
