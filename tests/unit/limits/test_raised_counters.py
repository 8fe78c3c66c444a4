"""A counter of a budget follows what was counted, and never goes below its own reservations."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdas.domain.limits import (
    CalendarUnit,
    SubjectState,
    make_calendar_window,
    make_charges,
    raise_counter,
    reserve,
    settle,
    to_moment,
)
from tests.builders import NOON
from tests.limits import limit, subject, tokens

AMOUNT = 1000
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
        is_running: True until it is settled.
        is_counted: True once the ledger has counted it.
    """

    used: int
    is_running: bool = field(default=True)
    is_counted: bool = field(default=False)


class Budget(RuleBasedStateMachine):
    """Calls through the gateway and around it. All are counted, some time after their end."""

    def __init__(self) -> None:
        super().__init__()
        self.state = SubjectState()
        self.moment = to_moment(NOON)
        self.calls: dict[str, Call] = {}
        self.around = self.around_counted = 0

    @property
    def counted(self) -> int:
        own = sum(call.used for call in self.calls.values() if call.is_counted)
        return own + self.around_counted

    @property
    def charged(self) -> int:
        """The amount that reservations have charged."""
        return sum(
            call.used if not call.is_running else self.state.open[name].charges[KEY]
            for name, call in self.calls.items()
        )

    @rule(need=st.integers(0, 400), share=st.floats(0, 1), seconds=st.integers(0, 2))
    def admit(self, need: int, share: float, seconds: int) -> None:
        self.moment += seconds * 10**6
        name = str(len(self.calls))
        self.state, decision = reserve(self.state, BUDGET, name, tokens(need), self.moment)
        if decision.entry is not None:
            self.calls[name] = Call(int(need * share))
            assert self.state.get_total(KEY) <= AMOUNT
            assert self.charged <= AMOUNT

    @precondition(lambda self: any(call.is_running for call in self.calls.values()))
    @rule(data=st.data())
    def end_call(self, data: st.DataObject) -> None:
        running = [name for name, call in self.calls.items() if call.is_running]
        name = data.draw(st.sampled_from(running))
        self.calls[name].is_running = False
        self.state = settle(self.state, name, tokens(self.calls[name].used), self.moment)

    @precondition(lambda self: any(not call.is_running for call in self.calls.values()))
    @rule(data=st.data())
    def count_call(self, data: st.DataObject) -> None:
        ended = [call for call in self.calls.values() if not call.is_running]
        data.draw(st.sampled_from(ended)).is_counted = True

    @rule(amount=st.integers(0, 300), is_counted=st.booleans())
    def call_around_the_gateway(self, amount: int, is_counted: bool) -> None:
        self.around += amount
        if is_counted:
            self.around_counted = self.around

    @rule()
    def raise_to_counted(self) -> None:
        self.state = raise_counter(self.state, KEYS, KEY, self.counted, self.moment)
        running = sum(entry.charges[KEY] for entry in self.state.open.values())
        assert self.state.get_total(KEY) == max(self.charged, self.counted + running)
        again = raise_counter(self.state, KEYS, KEY, self.counted, self.moment)
        assert again is self.state

    @invariant()
    def the_counter_has_all_that_reservations_have_charged(self) -> None:
        assert self.state.get_total(KEY) >= self.charged

    @invariant()
    def what_only_the_gateway_uses_is_never_counted_twice(self) -> None:
        if not self.around:
            assert self.state.get_total(KEY) == self.charged

    def teardown(self) -> None:
        """Settle and count all: then the counter is the usage of all sources."""
        for name, call in self.calls.items():
            if call.is_running:
                self.state = settle(self.state, name, tokens(call.used), self.moment)
            call.is_running, call.is_counted = False, True
        self.around_counted = self.around
        self.state = raise_counter(self.state, KEYS, KEY, self.counted, self.moment)
        assert self.state.get_total(KEY) == self.charged + self.around


TestBudget = Budget.TestCase


def test_a_state_whose_clock_is_in_another_period_stays_as_it_is() -> None:
    next_month, _ = reserve(
        SubjectState(), BUDGET, "a", tokens(5), to_moment(NOON) + 40 * 86400 * 10**6
    )
    assert raise_counter(next_month, KEYS, KEY, 900, to_moment(NOON)) is next_month
