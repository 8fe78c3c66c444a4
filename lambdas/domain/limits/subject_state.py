"""The state of a subject: its counters and its open reservations, as one item stores them.

All counters have one clock, the moment at which the newest of their slots began. It never goes
back: a caller whose clock is behind takes the item's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lambdas.domain.limits.amounts import NO_USE, Amounts
from lambdas.domain.limits.limit import CounterKey
from lambdas.domain.limits.moments import SECOND

MAX_OPEN = 100
"""The open reservations of a subject, and again as many that are late."""
MAX_CALL_SECONDS = 16 * 60
"""No call runs longer: Lambda ends a function after 15 minutes."""


@dataclass(frozen=True, slots=True)
class OpenReservation:
    """The reservation of a call whose use is not settled yet.

    Attributes:
        at: The moment of admission, by the item's clock.
        charges: The amounts, by counter.
        has_ended: True if the call has ended, and the ledger has to say what it has used.
    """

    at: int
    charges: Mapping[CounterKey, int]
    has_ended: bool = False

    def is_stopped(self, at: int) -> bool:
        """Say if its gateway was stopped: the call is not settled, and cannot run any more."""
        return not self.has_ended and self.at + MAX_CALL_SECONDS * SECOND <= at


class RaisedAmount(NamedTuple):
    """The part of a counter that no reservation has charged: usage that was counted elsewhere.

    Attributes:
        number: The slot that it is in.
        amount: The amount.
        counted: What was counted in the period then; `None` if the amount may be too high, since a
            call that had stopped was settled.
    """

    number: int
    amount: int
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The state of a subject.

    Attributes:
        moment: The moment at which the newest slot began.
        counters: The amounts of live slots, by counter and number.
        open: The reservations of calls that may be running, by id.
        late: The reservations of calls that do not run any more: they have ended without a usage,
            or are open for longer than a call can last. They do not count as concurrent; what they
            reserved still counts.
        revision: A number that rises when a counter is added or removed.
        raised: What counters were raised by, in the slot in which they were raised last.
    """

    moment: int = 0
    counters: Mapping[CounterKey, Mapping[int, int]] = field(default_factory=dict)
    open: Mapping[str, OpenReservation] = field(default_factory=dict)
    late: Mapping[str, OpenReservation] = field(default_factory=dict)
    revision: int = 0
    raised: Mapping[CounterKey, RaisedAmount] = field(default_factory=dict)

    def get_total(self, key: CounterKey) -> int:
        """The sum of a counter's live slots."""
        return sum(self.counters.get(key, {}).values())

    def get_raised(self, key: CounterKey, number: int) -> int:
        """The part of a slot that no reservation has charged."""
        raised = self.raised.get(key)
        return raised.amount if raised is not None and raised.number == number else 0

    @property
    def entries(self) -> Mapping[str, OpenReservation]:
        """All reservations that are not settled, by id."""
        return {**self.open, **self.late}


def advance(state: SubjectState, at: int, keys: Iterable[CounterKey]) -> SubjectState:
    """Advance a state to a time: slots leave, and reservations become late.

    Args:
        state: The state.
        at: The time. An earlier one than the state's changes nothing.
        keys: The counters that are needed. Others are removed once they have no live slot.
    """
    at, keys = max(at, state.moment), list(keys)
    moment = max(
        (key.window.begins_at(key.window.number_at(at)) for key in {*keys, *state.counters}),
        default=state.moment,
    )
    counters = {
        key: {number: amount for number, amount in slots.items() if _is_live(key, number, moment)}
        for key, slots in state.counters.items()
    }
    kept = {key: slots for key, slots in counters.items() if slots or key in keys}
    kept |= {key: {} for key in keys if key not in kept}
    expired = [name for name, entry in state.open.items() if entry.is_stopped(at)]
    return SubjectState(
        moment=max(moment, state.moment),
        counters=kept,
        open={name: entry for name, entry in state.open.items() if name not in expired},
        late={**state.late, **{name: state.open[name] for name in expired}},
        revision=state.revision + (kept.keys() != state.counters.keys()),
        raised={key: raised for key, raised in state.raised.items() if key in kept},
    )


def add_reservation(
    state: SubjectState, reservation_id: str, charges: Mapping[CounterKey, int], at: int
) -> SubjectState:
    """Charge a reservation to an advanced state.

    Args:
        state: The state.
        reservation_id: The id.
        charges: The amounts, by counter.
        at: The time.
    """
    counters = dict(state.counters)
    for key, amount in charges.items():
        counters[key] = _add(counters[key], key.window.number_at(state.moment), amount)
    entry = OpenReservation(max(at, state.moment), charges)
    return replace(state, counters=counters, open={**state.open, reservation_id: entry})


def settle(state: SubjectState, reservation_id: str, used: Amounts, at: int) -> SubjectState:
    """Replace what a reservation charged by what its call has used.

    An amount that is not known stays as reserved. To settle again changes nothing.

    Args:
        state: The state.
        reservation_id: The id.
        used: What the call has used.
        at: The time.
    """
    entry = state.entries.get(reservation_id)
    if entry is None:
        return state
    at = max(at, state.moment)
    counters = dict(state.counters)
    for change in list_changes(entry, used, at):
        if change.key not in counters:  # it is no longer a limit
            continue
        number = change.number
        if number is None:
            number = change.key.window.number_at(state.moment)
        counters[change.key] = _add(counters[change.key], number, change.difference)
    return replace(
        state,
        counters=counters,
        open={name: each for name, each in state.open.items() if name != reservation_id},
        late={name: each for name, each in state.late.items() if name != reservation_id},
        raised={
            key: raised._replace(counted=None)
            if key in entry.charges and entry.is_stopped(at)
            else raised
            for key, raised in state.raised.items()
        },
    )


def set_aside(state: SubjectState, reservation_id: str) -> SubjectState:
    """Note that a call has ended, and that what it has used is not known yet.

    It no longer counts as running, and what it reserved counts until it is settled. A reservation
    that is not open stays as it is.
    """
    entry = state.open.get(reservation_id)
    if entry is None:
        return state
    return replace(
        state,
        open={name: each for name, each in state.open.items() if name != reservation_id},
        late={**state.late, reservation_id: replace(entry, has_ended=True)},
    )


def give_back(state: SubjectState, reservation_id: str, at: int) -> SubjectState:
    """Give all of a reservation back: its call was not made, or failed."""
    return settle(state, reservation_id, NO_USE, at)


def raise_counter(
    state: SubjectState, keys: Iterable[CounterKey], key: CounterKey, counted: int, at: int
) -> SubjectState:
    """Raise the counter of a calendar period to what was counted in it, from all sources.

    The counter has what reservations have charged, and on top of that what they lack. Calls that
    run are not counted yet. So the counter is never below either. Calls that were settled may be
    counted minutes later, and until then the counted usage lacks them. So what the counter was
    raised by becomes less only by as much as was counted less. It is computed anew after a call
    that had stopped was settled: that was counted while its reservation seemed to be running.

    Args:
        state: The state.
        keys: The counters that are needed, the counter among them.
        key: The counter.
        counted: What was counted in its period.
        at: The time, in the period.
    """
    now = advance(state, at, keys)
    number = key.window.number_at(now.moment)
    if key.window.number_at(at) != number:  # the item's clock is in another period
        return state
    before = now.get_raised(key, number)
    charged = now.counters[key].get(number, 0) - before
    running = sum(
        entry.charges.get(key, 0)
        for entry in now.open.values()
        if key.window.number_at(entry.at) == number
    )
    amount = max(0, counted + running - charged)
    known = now.raised.get(key)
    if before and known is not None and known.counted is not None:
        amount = max(amount, before - max(0, known.counted - counted))
    after = RaisedAmount(number, amount, counted)
    if amount == before and (not amount or after == known):
        return state
    counters = {**now.counters, key: _add(now.counters[key], number, amount - before)}
    return replace(now, counters=counters, raised={**now.raised, key: after})


@dataclass(frozen=True, slots=True)
class SettledChange:
    """A change of a counter by a settlement.

    Attributes:
        key: The counter.
        number: The slot of the reservation; `None` for the newest slot, which takes what a call
            used above its reservation when the slot of that has left.
        difference: The amount.
    """

    key: CounterKey
    number: int | None
    difference: int


def list_changes(entry: OpenReservation, used: Amounts, at: int) -> list[SettledChange]:
    """List the changes of counters by which a reservation is settled.

    Args:
        entry: The reservation.
        used: What its call has used.
        at: The time.
    """
    changes = []
    for key, charged in entry.charges.items():
        amount = used.get(key.unit)
        difference = 0 if amount is None else amount - charged
        number = key.window.number_at(entry.at)
        if not difference:
            continue
        if at < key.window.leaves_at(number):
            changes.append(SettledChange(key, number, difference))
        elif difference > 0 and key.window.keeps_debt:
            changes.append(SettledChange(key, None, difference))
    return changes


def _is_live(key: CounterKey, number: int, moment: int) -> bool:
    return number > key.window.number_at(moment) - key.window.live_slots


def _add(slots: Mapping[int, int], number: int, amount: int) -> dict[int, int]:
    changed = {**slots, number: slots.get(number, 0) + amount}
    return {each: total for each, total in changed.items() if total}
