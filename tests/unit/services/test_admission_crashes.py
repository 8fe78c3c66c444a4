"""No interval has more than the limit, whatever crashes, and whatever the clocks say.

Gateways with clocks that differ admit calls by several limits of several subjects. A gateway stops
before or after any effect; calls may use more than they reserved. The settler closes what is left
open. In the end the counters equal the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lambdas.domain.limits import (
    MAX_CALL_SECONDS,
    Amounts,
    CalendarUnit,
    CallReservation,
    CounterKey,
    Decision,
    LimitSubject,
    LimitUnit,
    RollingWindow,
    StoredReservation,
    advance,
    make_calendar_window,
    to_moment,
)
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.settle_calls import OpenCallSettler
from tests.benchmarks.windows import Arrival, find_highest_use
from tests.limits import InlineExecutor, InMemoryLimits, InMemoryRecords, limit, subject, tokens

SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
MAX_SKEW = 2 * SECOND
"""The most by which a gateway's clock is before or behind the time."""
# Clocks in Berlin go forward at 01:00 UTC; the day there has 23 hours.
START = datetime(2026, 3, 28, 22, 58, tzinfo=UTC)
HOUR = make_calendar_window(CalendarUnit.HOUR, "Asia/Kathmandu")
DAY = make_calendar_window(CalendarUnit.DAY, "Europe/Berlin")
ANA = subject(
    limit(300, RollingWindow(12)),
    limit(700, RollingWindow(60)),
    limit(4000, DAY),
    limit(5, unit=LimitUnit.CONCURRENT),
    name="ana",
)
BEN = subject(limit(400, RollingWindow(24)), limit(2000, HOUR), name="ben")
TEAM = subject(limit(500, RollingWindow(60)), limit(5000, DAY), name="team")
SUBJECTS = {each.id: each for each in (ANA, BEN, TEAM)}


class CrashError(Exception):
    """The gateway was stopped."""


class CrashingLimits(InMemoryLimits):
    """A store whose clients are stopped before or after an effect.

    Attributes:
        crash_at: The number of moments before and after effects until the stop; `None` for none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.crash_at: int | None = None

    def reserve(
        self, subject: LimitSubject, reservation_id: str, need: Amounts, at: datetime
    ) -> Decision:
        self._pass_moment()
        decision = super().reserve(subject, reservation_id, need, at)
        self._pass_moment()
        return decision

    def settle(self, reservation: StoredReservation, used: Amounts, at: datetime) -> bool:
        self._pass_moment()
        is_settled = super().settle(reservation, used, at)
        self._pass_moment()
        return is_settled

    def _pass_moment(self) -> None:
        if self.crash_at is not None:
            self.crash_at -= 1
            if self.crash_at < 0:
                self.crash_at = None
                raise CrashError


@dataclass(slots=True)
class ForwardedCall:
    """A call that Bedrock has answered or will answer.

    Attributes:
        at: When it was admitted.
        need: The tokens that it reserved.
        used: The tokens that it uses in the end.
        reservation: What was reserved.
        is_running: True until it ends.
    """

    at: datetime
    need: int
    used: int
    reservation: CallReservation
    is_running: bool = field(default=True)

    def has_subject(self, who: LimitSubject) -> bool:
        return any(part.subject == who.id for part in self.reservation.parts)


class Admission(RuleBasedStateMachine):
    """Gateways, whose store and ledger survive them."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.records = CrashingLimits(), InMemoryRecords()
        self.now = START
        self.calls: list[ForwardedCall] = []
        self.count = 0
        self.gateways: list[CallAdmitter] = []
        self.skews: list[timedelta] = []

    def make_gateway(self) -> CallAdmitter:
        return CallAdmitter(self.store, self.make_id, InlineExecutor())

    def make_id(self) -> str:
        self.count += 1
        return f"call-{self.count}"

    @initialize(skews=st.lists(st.sampled_from([0, 0, 0.3, 1, -1]), min_size=3, max_size=3))
    def start(self, skews: list[float]) -> None:
        self.gateways = [self.make_gateway() for _ in skews]
        self.skews = [skew * MAX_SKEW for skew in skews]

    @rule(seconds=st.sampled_from([0.001, 0.3, 1, 5, 11.9, 23.9, 59.9, 600, 3 * 3600]))
    def wait(self, seconds: float) -> None:
        self.now += seconds * SECOND

    @rule(
        number=st.integers(0, 2),
        who=st.sampled_from([[ANA], [BEN], [ANA, TEAM], [BEN, TEAM], [ANA, BEN, TEAM]]),
        need=st.integers(0, 320),
        share=st.sampled_from([0, 0.4, 1, 1, 1, 1.7]),
        crash_at=st.none() | st.integers(0, 8),
    )
    def call(
        self, number: int, who: list[LimitSubject], need: int, share: float, crash_at: int | None
    ) -> None:
        self.admit(number, who, need, share, crash_at)

    @rule(
        number=st.integers(0, 2),
        who=st.sampled_from([[ANA], [BEN], [ANA, TEAM], [BEN, TEAM]]),
        need=st.integers(10, 90),
    )
    def call_until_refused(self, number: int, who: list[LimitSubject], need: int) -> None:
        while self.admit(number, who, need, 1, None):
            call = self.calls[-1]
            call.is_running = False
            at = self.now + self.skews[number]
            self.gateways[number].settle(call.reservation, tokens(call.used), at)

    def admit(
        self, number: int, who: list[LimitSubject], need: int, share: float, crash_at: int | None
    ) -> bool:
        count, self.store.crash_at = self.count, crash_at
        try:
            at = self.now + self.skews[number]
            admission = self.gateways[number].admit(who, tokens(need), at)
        except CrashError:
            self.gateways[number] = self.make_gateway()
            return False
        finally:
            self.store.crash_at = None
        assert (admission.reservation is None) is not (admission.refusal is None)
        if admission.reservation is not None:
            used = round(need * share)
            self.calls.append(ForwardedCall(self.now, need, used, admission.reservation))
            self.records.uses[admission.reservation.id] = tokens(used)
        elif self.count > count:
            refused = f"call-{self.count}"
            assert not any(refused in state.entries for state in self.store.states.values())
        return admission.refusal is None

    @precondition(lambda self: any(call.is_running for call in self.calls))
    @rule(data=st.data(), number=st.integers(0, 2), crash_at=st.none() | st.integers(0, 6))
    def end_call(self, data: st.DataObject, number: int, crash_at: int | None) -> None:
        call = data.draw(st.sampled_from([call for call in self.calls if call.is_running]))
        call.is_running = False
        self.store.crash_at = crash_at
        try:
            at = self.now + self.skews[number]
            self.gateways[number].settle(call.reservation, tokens(call.used), at)
        except CrashError:
            self.gateways[number] = self.make_gateway()
        finally:
            self.store.crash_at = None

    @rule(crash_at=st.none() | st.integers(0, 4))
    def settle_open_calls(self, crash_at: int | None) -> None:
        self.store.crash_at = crash_at
        try:
            OpenCallSettler(self.store, self.records).settle(self.now)
        except CrashError:
            pass
        finally:
            self.store.crash_at = None

    @precondition(lambda self: self.skews)
    @invariant()
    def no_interval_has_more_than_the_limit(self) -> None:
        spread = max(self.skews) - min(self.skews)
        for who in SUBJECTS.values():
            for each in who.limits:
                if isinstance(each.window, RollingWindow):
                    length = (each.window.seconds * SECOND - spread) // MICROSECOND
                    assert find_highest_use(self.list_uses(who), length) <= each.amount

    @invariant()
    def no_period_has_more_than_the_limit(self) -> None:
        for who in SUBJECTS.values():
            for each in who.limits:
                if each.window in {DAY, HOUR} and each.key is not None:
                    periods = Counter[int]()
                    for call in self.calls:
                        for number in list_numbers(call, who, each.key):
                            periods[number] += min(call.used, call.need)
                    assert max(periods.values(), default=0) <= each.amount

    @invariant()
    def no_more_calls_run_than_the_limit(self) -> None:
        oldest = self.now - MAX_CALL_SECONDS * SECOND + MAX_SKEW * 2
        running = [call for call in self.calls if call.is_running and call.at > oldest]
        assert sum(call.has_subject(ANA) for call in running) <= 5

    @invariant()
    def nothing_is_open_for_more_calls_than_there_were(self) -> None:
        for state in self.store.states.values():
            assert len(state.entries) <= self.count

    def list_uses(self, who: LimitSubject) -> list[Arrival]:
        """The used part of each reservation, by the time of admission."""
        return [
            Arrival(to_moment(call.at), min(call.used, call.need))
            for call in self.calls
            if call.has_subject(who)
        ]

    def teardown(self) -> None:
        """Settle all: then the counters equal the ledger."""
        if not self.gateways:
            return
        end = self.now + timedelta(hours=2)
        OpenCallSettler(self.store, self.records).settle(end)
        for name, stored in self.store.states.items():
            assert not stored.entries
            who = SUBJECTS[name]
            keys = [each.key for each in who.limits if each.window in {DAY, HOUR} and each.key]
            state = advance(stored, to_moment(end), keys)
            for key in keys:
                current = key.window.number_at(state.moment)
                uses = [call.used for call in self.calls if current in list_numbers(call, who, key)]
                assert state.get_total(key) == sum(uses)


def list_numbers(call: ForwardedCall, who: LimitSubject, key: CounterKey) -> Iterator[int]:
    """List the period of a counter that a call was charged to: one, or none."""
    for part in call.reservation.parts:
        if part.subject == who.id:
            yield key.window.number_at(part.entry.at)


TestAdmission = Admission.TestCase
