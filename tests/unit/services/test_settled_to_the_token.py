"""Whatever effect a gateway or the settler is stopped at, calls are settled to the token.

The ledger alone says what a call has used. In the end, counters by the calendar equal it in each
unit, and nothing stays open.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

import pytest

from lambdas.domain.calls import CallEnricher
from lambdas.domain.counters import UsageTotals, read_usage
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.limits import (
    Amounts,
    CalendarUnit,
    CallReservation,
    LimitUnit,
    StoredReservation,
    make_calendar_window,
)
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.settle_calls import LedgerUse, OpenCallSettler
from tests.builders import ANA as SOMEONE_ELSE
from tests.builders import NOON, PRICING
from tests.enriching import call_books
from tests.limits import CALLER_ROLE, InlineExecutor, gateway_call, limit, subject
from tests.unit.services.test_admission_crashes import CrashError, CrashingLimits

DAY = make_calendar_window(CalendarUnit.DAY, "Europe/Berlin")
UNITS = (
    *(LimitUnit.QUOTA_TOKENS, LimitUnit.TOTAL, LimitUnit.INPUT, LimitUnit.OUTPUT),
    *(LimitUnit.USD, LimitUnit.REQUESTS),
)
LIMITS = tuple(limit(10**15, DAY, unit) for unit in UNITS)
CALLER, TEAM = (
    subject(*LIMITS, limit(50, unit=LimitUnit.CONCURRENT), name=name) for name in ("caller", "team")
)
NEED = Amounts(9000, 9000, 4000, 5000, 10**12)
MAX_MOMENTS = 8
"""Of two reservations and two settlements: one before and one after each."""
LATER = timedelta(minutes=17)


class RecordedCalls:
    """The ledger, by reservation."""

    def __init__(self) -> None:
        self.records: dict[str, list[UsageRecord]] = {}

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Sequence[UsageRecord]]:
        return {each: self.records[each] for each in reservation_ids if each in self.records}


class Meter:
    """Gateways that stop, Bedrock, its log and the settler."""

    def __init__(self, skew: timedelta = timedelta(0)) -> None:
        self.store, self.ledger, self.skew = CrashingLimits(), RecordedCalls(), skew
        self._ids = (f"call-{number}" for number in range(1000))

    def call(self, tokens: TokenCounts, crash_at: int | None = None) -> None:
        """Make a call through a new gateway, which is stopped at a moment."""
        gateway = CallAdmitter(self.store, self._ids.__next__, InlineExecutor())
        self.store.crash_at = crash_at
        try:
            admission = gateway.admit([CALLER, TEAM], NEED, NOON + self.skew)
            assert admission.reservation is not None
            self.forward(admission.reservation, tokens)
            used = LedgerUse(self.ledger, CALLER_ROLE, call_books, lambda: NOON)
            amounts = used.find([admission.reservation.id])[admission.reservation.id]
            gateway.settle(admission.reservation, amounts, NOON + self.skew)
        except CrashError:
            pass
        finally:
            self.store.crash_at = None

    def forward(self, reservation: CallReservation, tokens: TokenCounts) -> None:
        record = gateway_call(reservation.id, tokens=tokens, timestamp=NOON)
        self.ledger.records[reservation.id] = [record]

    def settle(self, after: timedelta, crash_at: int | None = None) -> None:
        recorded = LedgerUse(self.ledger, CALLER_ROLE, call_books, lambda: NOON)
        self.store.crash_at = crash_at
        try:
            OpenCallSettler(self.store, recorded).settle(NOON + after)
        except CrashError:
            pass
        finally:
            self.store.crash_at = None

    def list_open(self) -> Iterator[StoredReservation]:
        return self.store.list_open(NOON + timedelta(days=9))

    def read_counters(self, name: str) -> dict[LimitUnit, int]:
        state = self.store.states[name]
        return {each.unit: state.get_total(each.key) for each in LIMITS if each.key is not None}

    def sum_ledger(self) -> dict[LimitUnit, int]:
        enricher = CallEnricher(PRICING)
        records = [record for found in self.ledger.records.values() for record in found]
        counted = (read_usage(enricher.enrich(each)).totals for each in records)
        totals = sum(counted, UsageTotals.ZERO)
        return {
            LimitUnit.QUOTA_TOKENS: totals.quota_tokens,
            LimitUnit.TOTAL: totals.total_tokens,
            LimitUnit.INPUT: totals.input_tokens,
            LimitUnit.OUTPUT: totals.output_tokens,
            LimitUnit.USD: totals.cost_picodollars,
            LimitUnit.REQUESTS: totals.calls,
        }


@pytest.mark.parametrize("skew_seconds", [-120, 0, 120])
@pytest.mark.parametrize("settler_crash_at", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("crash_at", [None, *range(MAX_MOMENTS)])
def test_counters_equal_the_ledger_whatever_was_stopped(
    crash_at: int | None, settler_crash_at: int | None, skew_seconds: int
) -> None:
    meter = Meter(timedelta(seconds=skew_seconds))
    meter.call(TokenCounts(100, 20))
    meter.call(TokenCounts(1234, 567), crash_at)
    meter.call(TokenCounts(7, 3))
    wait = LATER + timedelta(seconds=abs(skew_seconds))
    meter.settle(wait, settler_crash_at)
    meter.settle(wait)
    meter.settle(timedelta(hours=2))
    assert list(meter.list_open()) == []
    for name in ("caller", "team"):
        assert meter.read_counters(name) == meter.sum_ledger()


def test_every_moment_of_a_call_is_tried() -> None:
    """One call passes exactly `MAX_MOMENTS` moments before it is settled."""
    meter = Meter()
    meter.call(TokenCounts(1, 1), MAX_MOMENTS)
    assert list(meter.list_open()) == []
    meter.call(TokenCounts(1, 1), MAX_MOMENTS - 1)
    assert list(meter.list_open()) == []
    meter.call(TokenCounts(1, 1), MAX_MOMENTS - 2)
    assert len(list(meter.list_open())) == 1


def test_what_someone_else_names_changes_no_counter() -> None:
    meter = Meter()
    meter.call(TokenCounts(100, 20), crash_at=4)
    ((reservation, (record,)),) = meter.ledger.records.items()
    forged = record._replace(
        identity_arn=SOMEONE_ELSE, request_id="forged", tokens=TokenCounts(1, 1)
    )
    meter.ledger.records[reservation].append(forged)
    meter.settle(LATER)
    meter.ledger.records[reservation] = [record]
    assert meter.read_counters("caller") == meter.sum_ledger()


def test_a_running_call_is_left_alone_although_the_settlers_clock_is_ahead() -> None:
    meter = Meter(skew=-timedelta(seconds=30))
    meter.call(TokenCounts(100, 20), crash_at=4)
    meter.settle(timedelta(minutes=15, seconds=20))
    assert meter.read_counters("caller")[LimitUnit.TOTAL] == NEED.total
