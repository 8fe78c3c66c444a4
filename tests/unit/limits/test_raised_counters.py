"""A counter of a budget follows what was counted, and never goes below its own reservations."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdas.domain.limits import (
    MAX_CALL_SECONDS,
    CalendarUnit,
    SubjectState,
    advance,
    make_calendar_window,
    make_charges,
    raise_counter,
    reserve,
    set_aside,
    settle,
    to_moment,
)
from tests.builders import NOON
from tests.limits import limit, subject, tokens

AMOUNT, SECOND = 1000, 10**6
BUDGET = subject(limit(AMOUNT, make_calendar_window(CalendarUnit.MONTH)))
(LIMIT,) = BUDGET.limits
KEYS = make_charges(BUDGET, tokens(0))
assert LIMIT.key is not None
KEY = LIMIT.key


@dataclass(slots=True)
class Call:
    """A call of the gateway.

    Attributes:
        used: What it uses.
        at: The moment of its admission.
        is_running: True until it has ended.
        is_settled: True once it is settled. If its gateway was stopped, that is some time later.
        is_counted: True once the ledger has counted it.
    """

    used: int
    at: int
    is_running: bool = field(default=True)
    is_settled: bool = field(default=False)
    is_counted: bool = field(default=False)


class Budget(RuleBasedStateMachine):
    """Calls through the gateway and around it. All are counted, some time after their end.

    Attributes:
        seen: What the ledger had counted around the gateway, less what it lacked of settled calls,
            at the best moment since a stopped call was settled.
        doubled: The most that it had counted of calls that were open since then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state = SubjectState()
        self.moment = to_moment(NOON)
        self.calls: dict[str, Call] = {}
        self.around = self.around_counted = self.seen = self.doubled = 0
        self.is_known = True

    @property
    def counted(self) -> int:
        own = sum(call.used for call in self.calls.values() if call.is_counted)
        return own + self.around_counted

    @property
    def charged(self) -> int:
        """The amount that reservations have charged."""
        return sum(
            call.used if call.is_settled else self.state.entries[name].charges[KEY]
            for name, call in self.calls.items()
        )

    def list_calls(self, **properties: bool) -> list[str]:
        return [
            name
            for name, call in self.calls.items()
            if all(getattr(call, each) is value for each, value in properties.items())
        ]

    @rule(need=st.integers(0, 400), share=st.floats(0, 1), seconds=st.integers(0, 2))
    def admit(self, need: int, share: float, seconds: int) -> None:
        self.moment += seconds * SECOND
        name = str(len(self.calls))
        self.state, decision = reserve(self.state, BUDGET, name, tokens(need), self.moment)
        if decision.entry is not None:
            self.calls[name] = Call(int(need * share), self.moment)
            assert self.state.get_total(KEY) <= AMOUNT
            assert self.charged <= AMOUNT

    @precondition(lambda self: self.list_calls(is_running=True))
    @rule(data=st.data(), end=st.sampled_from(["settled", "settled", "set aside", "stopped"]))
    def end_call(self, data: st.DataObject, end: str) -> None:
        """A call ends. Its gateway knows its usage, or does not, or was stopped."""
        name = data.draw(st.sampled_from(self.list_calls(is_running=True)))
        call = self.calls[name]
        call.is_running = False
        if end == "set aside":
            self.state = set_aside(self.state, name)
        elif end == "settled":
            call.is_settled = True
            self.state = settle(self.state, name, tokens(call.used), self.moment)

    @precondition(lambda self: self.list_calls(is_running=False, is_counted=False))
    @rule(data=st.data())
    def count_call(self, data: st.DataObject) -> None:
        ended = self.list_calls(is_running=False, is_counted=False)
        self.calls[data.draw(st.sampled_from(ended))].is_counted = True

    @precondition(lambda self: self.list_calls(is_running=False, is_settled=False, is_counted=True))
    @rule()
    def settle_by_the_ledger(self) -> None:
        """The settler closes what it finds in the ledger and cannot run any more."""
        for name in self.list_calls(is_running=False, is_settled=False, is_counted=True):
            call, entry = self.calls[name], self.state.entries[name]
            is_stopped = entry.is_stopped(self.moment)
            if is_stopped or entry.has_ended:
                self.state = settle(self.state, name, tokens(call.used), self.moment)
                call.is_settled, self.is_known = True, self.is_known and not is_stopped

    @rule()
    def wait_until_no_call_runs(self) -> None:
        self.moment += MAX_CALL_SECONDS * SECOND
        for name in self.list_calls(is_running=True):
            self.calls[name].is_running = False

    @rule(amount=st.integers(0, 300), is_counted=st.booleans())
    def call_around_the_gateway(self, amount: int, is_counted: bool) -> None:
        self.around += amount
        if is_counted:
            self.around_counted = self.around

    @rule()
    def raise_to_counted(self) -> None:
        self.state = raise_counter(self.state, KEYS, KEY, self.counted, self.moment)
        now = advance(self.state, self.moment, KEYS)
        running = sum(entry.charges[KEY] for entry in now.open.values())
        assert now.get_total(KEY) >= max(self.charged, self.counted + running)
        uncounted = self.list_calls(is_settled=True, is_counted=False)
        lacking = sum(self.calls[name].used for name in uncounted)
        lacking += sum(entry.charges[KEY] for entry in now.late.values())
        counted = self.list_calls(is_counted=True)
        doubled = sum(self.calls[name].used for name in counted if name in now.open)
        if not self.is_known:
            self.seen = self.doubled = 0
        self.is_known = True
        self.seen = max(self.seen, self.around_counted - lacking)
        self.doubled = max(self.doubled, doubled)
        again = raise_counter(self.state, KEYS, KEY, self.counted, self.moment)
        assert again is self.state

    @invariant()
    def the_counter_has_all_that_reservations_have_charged(self) -> None:
        assert self.state.get_total(KEY) >= self.charged

    @invariant()
    def the_counter_forgets_nothing_that_was_counted_around_the_gateway(self) -> None:
        """It has that on top of what reservations have charged, however late the ledger is."""
        if self.is_known:
            assert self.state.get_total(KEY) >= self.charged + self.seen

    @invariant()
    def nothing_but_stopped_calls_is_counted_twice(self) -> None:
        """Those are, from the moment at which the ledger has them until they are settled."""
        most = self.charged + self.around_counted + self.doubled
        assert self.state.get_total(KEY) <= most

    def teardown(self) -> None:
        """Settle and count all: then the counter is the usage of all sources."""
        self.moment += MAX_CALL_SECONDS * SECOND
        for name in self.list_calls(is_settled=False):
            call = self.calls[name]
            self.state = settle(self.state, name, tokens(call.used), self.moment)
            call.is_settled = True
        for call in self.calls.values():
            call.is_counted = True
        self.around_counted = self.around
        self.state = raise_counter(self.state, KEYS, KEY, self.counted, self.moment)
        assert self.state.get_total(KEY) == self.charged + self.around


TestBudget = Budget.TestCase


def test_a_state_whose_clock_is_in_another_period_stays_as_it_is() -> None:
    next_month, _ = reserve(
        SubjectState(), BUDGET, "a", tokens(5), to_moment(NOON) + 40 * 86400 * SECOND
    )
    assert raise_counter(next_month, KEYS, KEY, 900, to_moment(NOON)) is next_month
