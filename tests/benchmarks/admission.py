"""Concurrent admissions by gateways that crash: the highest use in any interval, and the writes.

The gateways are threads with DynamoDB's adapter over one table in memory. They stop after they have
reserved, and answers of the table are lost after it has written. Writes are counted on the same
table. Those that fail, and those for refused calls, are counted too.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import process_time, sleep
from typing import Any, cast

from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.domain.limits import (
    MAX_OPEN,
    SECOND,
    Amounts,
    CalendarUnit,
    CallReservation,
    LimitStore,
    LimitUnit,
    RollingWindow,
    StoredReservation,
    make_calendar_window,
    to_moment,
    to_time,
)
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.settle_calls import OpenCallSettler
from tests.benchmarks.figure import Figure
from tests.benchmarks.windows import Arrival, find_highest_use
from tests.budget_store import GOVERNANCE
from tests.limit_table import LimitTable, measure_item
from tests.limits import InlineExecutor, InMemoryRecords, limit, subject

_START = datetime(2026, 11, 29, 12, tzinfo=UTC)
_GATEWAYS = 16
_DECISIONS = 100_000
_COUNTED_DECISIONS = 4800
_TICK = SECOND // 5
_MAX_SKEW = SECOND // 20
_MAX_NEED = 400
_CRASHES = 0.01
_LOST_ANSWERS = 0.001  # what they reserve stays until it is given back, after an hour
_SWITCH_SECONDS = 1e-5
_ROUNDS_BETWEEN_SETTLERS = 50
_MINUTE = RollingWindow(60)
_DAY = make_calendar_window(CalendarUnit.DAY, "Europe/Berlin")
_MONTH = make_calendar_window(CalendarUnit.MONTH, "Europe/Berlin")
_LARGE = Amounts(quota_tokens=123_456, usd=1_234_567_890_123)
ANA = subject(
    limit(20_000, _MINUTE),
    limit(6000, RollingWindow(12), LimitUnit.OUTPUT),
    limit(10**9, _DAY),
    limit(60, unit=LimitUnit.CONCURRENT),
    name="ana",
)
TEAM = subject(limit(30_000, _MINUTE), limit(10**9, _DAY), name="team")
SUBJECTS = (ANA, TEAM)


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
        crashes: The number of gateways that stopped with a call that they never settle.
        lost_answers: The number of requests that may have been written or not.
    """

    decisions: int = 0
    reservations: int = 0
    uses: dict[str, list[Arrival]] = field(default_factory=lambda: {w.id: [] for w in SUBJECTS})
    writes: int = 0
    settlements: int = 0
    settling_writes: int = 0
    crashes: int = 0
    lost_answers: int = 0

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
        make_store: Callable[[], LimitStore],
        gateways: int = _GATEWAYS,
        tick: int = _TICK,
        table: LimitTable | None = None,
    ) -> None:
        """Make gateways.

        Args:
            make_store: Makes the store of a gateway that begins.
            gateways: The number of gateways.
            tick: The mean time between two decisions, in microseconds.
            table: The table of the stores, which counts writes and loses answers.
        """
        self.measured = Measured()
        self._records, self._table = InMemoryRecords(), table or LimitTable()
        self._settler = OpenCallSettler(make_store(), self._records)
        self._gateways = [_Gateway(make_store, seed, self._table) for seed in range(gateways)]
        self._source = random.Random(gateways)  # noqa: S311  # a seed
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
            loses_answer, self._table.loses_answer = self._table.loses_answer, lambda: False
            self._settler.settle(to_time(self._moment))
            self._table.loses_answer = loses_answer

    def _add_up(self) -> Measured:
        total = self.measured
        for part in (gateway.measured for gateway in self._gateways):
            total.decisions += part.decisions
            total.reservations += part.reservations
            total.writes += part.writes
            total.settlements += part.settlements
            total.settling_writes += part.settling_writes
            total.crashes += part.crashes
            total.lost_answers += part.lost_answers
            for name, uses in part.uses.items():
                total.uses[name] += uses
        return total


class _Gateway:
    """One process.

    Attributes:
        measured: Its totals.
        lost: What calls have used that it does not settle, by reservation.
    """

    def __init__(self, make_store: Callable[[], LimitStore], seed: int, table: LimitTable) -> None:
        self._source = random.Random(seed)  # noqa: S311  # a seed
        self._make_store, self._table = make_store, table
        self._admitter = self._make_admitter()
        self._skew = self._source.randint(-_MAX_SKEW, _MAX_SKEW)
        self._open: list[tuple[CallReservation, Amounts]] = []
        self.measured = Measured()
        self.lost: dict[str, Amounts] = {}

    def _make_admitter(self) -> CallAdmitter:
        return CallAdmitter(
            self._make_store(), lambda: f"{self._source.getrandbits(64):016x}", InlineExecutor()
        )

    def _count(self) -> int:
        return self._table.writes[threading.get_ident()]

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
        measured.lost_answers += len(admission.unchecked) + len(admission.left_open)
        if admission.reservation is None:
            return
        measured.reservations += len(admission.reservation.parts)
        for part in admission.reservation.parts:
            measured.uses[part.subject].append(Arrival(moment, used))
        amounts = Amounts(quota_tokens=used, output=used)
        if source.random() < _CRASHES:
            self.lost[admission.reservation.id] = amounts
            self.measured.crashes += 1
            self._admitter = self._make_admitter()
        else:
            self._open.append((admission.reservation, amounts))

    def _settle(self, moment: int) -> None:
        reservation, used = self._open.pop(self._source.randrange(len(self._open)))
        before = self._count()
        settled = self._admitter.settle(reservation, used, to_time(moment + self._skew))
        self.measured.settlements += settled.settled + len(settled.left_open)
        self.measured.lost_answers += len(settled.left_open)
        self.measured.settling_writes += self._count() - before


def figures() -> Iterator[Figure]:
    """Measure decisions, writes, and the size of a full item."""
    table = make_table()
    lost = random.Random(1)  # noqa: S311  # a seed
    table.loses_answer = lambda: lost.random() < _LOST_ANSWERS
    begin = process_time()
    with _switch_threads_often():
        measured = Gateways(partial(make_store, table), table=table).run_at_once(_DECISIONS)
    micros = (process_time() - begin) / measured.decisions * 1e6
    note = (
        f"{measured.decisions} decisions of {_GATEWAYS} threads whose clocks differ,"
        f" {measured.reservations} reservations, {measured.crashes} crashes after one,"
        f" {measured.lost_answers} lost answers, {table.failed} writes that failed; {micros:.0f} us"
        " each"
    )
    highest = measured.find_highest_percent()
    yield Figure("admission_highest_use_in_any_interval", highest, "percent", note)
    for rate in (1, 100):
        yield from _count_writes(f"{rate}_a_second", 16, SECOND // rate, is_at_once=False)
    for gateways in (1, 4, 16):
        yield from _count_writes(f"{gateways}_at_once", gateways, SECOND // 100, is_at_once=True)
    yield from _measure_items()


def make_table() -> LimitTable:
    """Make a table between whose requests other threads run."""
    table = LimitTable()
    table.before_update = lambda: sleep(0)
    return table


def make_store(table: LimitTable) -> DynamoDbLimits:
    """Make a store over a table."""
    return DynamoDbLimits(cast("Any", table), GOVERNANCE)


@contextmanager
def _switch_threads_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _count_writes(name: str, count: int, tick: int, *, is_at_once: bool) -> Iterator[Figure]:
    table = make_table()
    gateways = Gateways(partial(make_store, table), count, tick, table)
    with _switch_threads_often():
        run = gateways.run_at_once if is_at_once else gateways.run_one_at_a_time
        measured = run(_COUNTED_DECISIONS)
    note = (
        f"{measured.decisions} decisions of {count} gateways, {measured.reservations}"
        f" reservations, {table.failed} writes that failed, {table.reads} reads"
    )
    per_reservation = round(measured.writes / measured.reservations, 2)
    yield Figure(f"writes_a_reservation_{name}", per_reservation, "writes", note)
    per_settlement = round(measured.settling_writes / measured.settlements, 2)
    yield Figure(f"writes_a_settlement_{name}", per_settlement, "writes", note)


def _measure_items() -> Iterator[Figure]:
    """Measure the items of subjects with few and with all limits and open reservations."""
    windows = (RollingWindow(60), RollingWindow(3600), _DAY, _MONTH)
    all_limits = [
        limit(10**18, window, unit)
        for window in windows
        for unit in (LimitUnit.QUOTA_TOKENS, LimitUnit.USD)
    ]
    for limits, open_count in ((1, 1), (3, 10), (8, 10), (8, MAX_OPEN)):
        table = LimitTable()
        store, who = make_store(table), subject(*all_limits[:limits])
        for slot in range(13):  # all slots have an amount
            at = to_time(to_moment(_START) + slot * 300 * SECOND)
            decision = store.reserve(who, f"{slot}", _LARGE, at)
            assert decision.entry is not None
            store.settle(StoredReservation(who.id, f"{slot}", decision.entry), _LARGE, at)
        for number in range(open_count):
            store.reserve(who, f"{number:032x}", _LARGE, at)
        size = measure_item(table.items[who.id])
        note = f"with all slots in use; a write takes {-(-size // 1024)} write units"
        yield Figure(f"limit_item_{limits}_limits_{open_count}_open", size, "bytes", note)
