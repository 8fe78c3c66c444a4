"""Concurrent admissions by gateways that crash: the highest use in any interval, and the writes."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import process_time
from typing import Any, cast

import boto3
from moto import mock_aws

from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.domain.limits import (
    SECOND,
    Amounts,
    CalendarUnit,
    CallReservation,
    LimitStore,
    LimitUnit,
    RollingWindow,
    make_calendar_window,
    to_moment,
    to_time,
)
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.settle_calls import OpenCallSettler
from tests.benchmarks.figure import Figure
from tests.benchmarks.windows import Arrival, find_highest_use
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.limits import InlineExecutor, InMemoryLimits, InMemoryRecords, limit, subject

_START = datetime(2026, 11, 29, 12, tzinfo=UTC)
_GATEWAYS = 16
_DECISIONS = 100_000
_STORED_DECISIONS = 240
_TICK = SECOND // 5
_MAX_SKEW = SECOND // 20
_MAX_NEED = 400
_CRASHES = 0.01
_ROUNDS_BETWEEN_SETTLERS = 50
_MINUTE = RollingWindow(60)
_DAY = make_calendar_window(CalendarUnit.DAY, "Europe/Berlin")
ANA = subject(
    limit(20_000, _MINUTE),
    limit(6000, RollingWindow(12), LimitUnit.OUTPUT),
    limit(10**9, _DAY),
    limit(60, unit=LimitUnit.CONCURRENT),
    name="ana",
)
TEAM = subject(limit(30_000, _MINUTE), limit(10**9, _DAY), name="team")
SUBJECTS = (ANA, TEAM)


class OneAtATime:
    """A client of DynamoDB whose requests are atomic, which moto's are not.

    Attributes:
        updates: The number of updates, by thread.
        reads: The number of reads.
    """

    def __init__(self, client: Any) -> None:
        self.updates: Counter[int] = Counter()
        self.reads = 0
        self.exceptions = client.exceptions
        self._client = client
        self._lock = threading.Lock()

    def update_item(self, **request: Any) -> Any:
        """Update an item."""
        with self._lock:
            self.updates[threading.get_ident()] += 1
            return self._client.update_item(**request)

    def get_item(self, **request: Any) -> Any:
        """Read an item."""
        with self._lock:
            self.reads += 1
            return self._client.get_item(**request)


@dataclass(slots=True)
class Measured:
    """Totals of gateways.

    Attributes:
        decisions: The number of decisions.
        reservations: The number of reservations of calls, of each subject one.
        uses: What was used by calls of each subject, with the time of admission.
        writes: The writes for these reservations.
        settlements: The number of settled reservations.
        settling_writes: The writes for these.
    """

    decisions: int = 0
    reservations: int = 0
    uses: dict[str, list[Arrival]] = field(default_factory=lambda: {w.id: [] for w in SUBJECTS})
    writes: int = 0
    settlements: int = 0
    settling_writes: int = 0

    def find_highest_percent(self) -> float:
        """Find the highest use in any interval of a window's length, in percent of the limit.

        Clocks differ by twice the skew at most, so intervals are shorter by that.
        """
        highest = max(
            find_highest_use(
                sorted(self.uses[who.id]), each.window.seconds * SECOND - 2 * _MAX_SKEW
            )
            / each.amount
            for who in SUBJECTS
            for each in who.limits
            if isinstance(each.window, RollingWindow)
        )
        return round(100 * highest, 1)


class Gateways:
    """Processes that admit calls. Where one stops after an admission, the call is never settled.

    Attributes:
        measured: Their totals.
    """

    def __init__(
        self,
        stores: Sequence[LimitStore],
        tick: int = _TICK,
        count: Callable[[], int] = lambda: 0,
    ) -> None:
        """Make a gateway over each store.

        Args:
            stores: The stores, which may be one.
            tick: The mean time between two decisions, in microseconds.
            count: Counts the writes of the thread that asks.
        """
        self.measured = Measured()
        self._records = InMemoryRecords()
        self._settler = OpenCallSettler(stores[0], self._records)
        self._gateways = [_Gateway(store, seed, count) for seed, store in enumerate(stores)]
        self._source = random.Random(len(stores))  # noqa: S311  # a seed
        self._moment, self._tick, self._rounds = to_moment(_START), tick, 0

    def run_one_at_a_time(self, decisions: int) -> Measured:
        """Let gateways that are chosen at random decide, one after another."""
        for _ in range(decisions):
            self._pass_time(1)
            self._source.choice(self._gateways).decide(self._moment)
        return self._add_up()

    def run_at_once(self, decisions: int) -> Measured:
        """Let all gateways decide in the same moment, then the next moment, and so on."""
        rounds = decisions // len(self._gateways)
        barrier = threading.Barrier(
            len(self._gateways), lambda: self._pass_time(len(self._gateways))
        )

        def run(gateway: _Gateway) -> None:
            try:
                for _ in range(rounds):
                    barrier.wait()
                    gateway.decide(self._moment)
            except BaseException:
                barrier.abort()
                raise

        with ThreadPoolExecutor(len(self._gateways)) as threads:
            list(threads.map(run, self._gateways))
        return self._add_up()

    def _pass_time(self, decisions: int) -> None:
        self._moment += self._source.randint(0, 2 * decisions * self._tick)
        self._rounds += 1
        if self._rounds % _ROUNDS_BETWEEN_SETTLERS == 0 and decisions > 1:
            for gateway in self._gateways:
                self._records.uses |= gateway.lost
                gateway.lost.clear()
            self._settler.settle(to_time(self._moment))

    def _add_up(self) -> Measured:
        total = self.measured
        for part in (gateway.measured for gateway in self._gateways):
            total.decisions += part.decisions
            total.reservations += part.reservations
            total.writes += part.writes
            total.settlements += part.settlements
            total.settling_writes += part.settling_writes
            for name, uses in part.uses.items():
                total.uses[name] += uses
        return total


class _Gateway:
    """One process.

    Attributes:
        measured: Its totals.
        lost: What calls have used that it does not settle, by reservation.
    """

    def __init__(self, store: LimitStore, seed: int, count: Callable[[], int]) -> None:
        self._source = random.Random(seed)  # noqa: S311  # a seed
        self._admitter = CallAdmitter(
            store, lambda: f"{self._source.getrandbits(64):016x}", InlineExecutor()
        )
        self._skew, self._count = self._source.randint(-_MAX_SKEW, _MAX_SKEW), count
        self._open: list[tuple[CallReservation, Amounts]] = []
        self.measured = Measured()
        self.lost: dict[str, Amounts] = {}

    def decide(self, moment: int) -> None:
        """Decide on a call, and settle some of those before."""
        self._admit(moment)
        while self._open and self._source.random() < 0.7:
            self._settle(moment)

    def _admit(self, moment: int) -> None:
        measured, source = self.measured, self._source
        tokens = source.randint(1, _MAX_NEED)
        used = source.randint(0, tokens)
        before, at = self._count(), to_time(moment + self._skew)
        who = source.choice([[ANA], [ANA, TEAM], [TEAM]])
        admission = self._admitter.admit(who, Amounts(quota_tokens=tokens, output=tokens), at)
        measured.decisions += 1
        measured.writes += self._count() - before
        if admission.reservation is None:
            return
        measured.reservations += len(admission.reservation.parts)
        for part in admission.reservation.parts:
            measured.uses[part.subject].append(Arrival(moment, used))
        amounts = Amounts(quota_tokens=used, output=used)
        if source.random() < _CRASHES:
            self.lost[admission.reservation.id] = amounts
        else:
            self._open.append((admission.reservation, amounts))

    def _settle(self, moment: int) -> None:
        reservation, used = self._open.pop(self._source.randrange(len(self._open)))
        before = self._count()
        settled = self._admitter.settle(reservation, used, to_time(moment + self._skew))
        self.measured.settlements += settled.settled
        self.measured.settling_writes += self._count() - before


def figures() -> Iterator[Figure]:
    """Measure decisions in memory, and writes in DynamoDB as moto has it."""
    begin = process_time()
    measured = Gateways([InMemoryLimits()] * _GATEWAYS).run_at_once(_DECISIONS)
    micros = (process_time() - begin) / measured.decisions * 1e6
    note = (
        f"{measured.decisions} decisions of {_GATEWAYS} threads whose clocks differ,"
        f" {measured.reservations} reservations, {_CRASHES:.0%} of calls settled by the ledger"
        f" alone, {micros:.0f} us each"
    )
    highest = measured.find_highest_percent()
    yield Figure("admission_highest_use_in_any_interval", highest, "percent", note)
    for rate in (1, 100):
        yield from _count_writes(f"{rate}_a_second", SECOND // rate, Gateways.run_one_at_a_time)
    yield from _count_writes("16_at_once", SECOND // 100, Gateways.run_at_once)


def _count_writes(
    name: str, tick: int, run: Callable[[Gateways, int], Measured]
) -> Iterator[Figure]:
    with mock_aws():
        boto3.setup_default_session(region_name="us-east-1")
        create_governance_table()
        client = OneAtATime(boto3.client("dynamodb"))
        stores = [DynamoDbLimits(cast("Any", client), GOVERNANCE) for _ in range(_GATEWAYS)]
        gateways = Gateways(stores, tick, lambda: client.updates[threading.get_ident()])
        measured = run(gateways, _STORED_DECISIONS)
    note = (
        f"{measured.decisions} decisions of {_GATEWAYS} processes, {measured.reservations}"
        f" reservations, {client.reads} reads; writes that fail and those of refused calls included"
    )
    per_reservation = round(measured.writes / measured.reservations, 2)
    yield Figure(f"writes_a_reservation_{name}", per_reservation, "writes", note)
    per_settlement = round(measured.settling_writes / measured.settlements, 2)
    yield Figure(f"writes_a_settlement_{name}", per_settlement, "writes", note)
