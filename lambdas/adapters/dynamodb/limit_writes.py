"""Writes of limits: one conditional update of a subject's item each.

Writes add to what is stored, so that many can be made at a time. Conditions name only what the
decision rests on: that the clock is not ahead, the sums of limits that are enforced, and slots that
have left and make room. Of gateways that begin the same slot at once, each one's write succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdas.adapters.dynamodb.limit_items import (
    LATE,
    MAX_LEFT,
    MAX_STEPS,
    MOMENT,
    OPEN,
    REVISION,
    StoredSubject,
    find_expiry,
    find_oldest,
    has_slots,
    name_counted,
    name_raised,
    name_slot,
    name_total,
    write_entry,
    write_raised,
)
from lambdas.domain.governance_keys import EXPIRES_AT
from lambdas.domain.limits import (
    HOT_LIMIT,
    MAX_OPEN,
    CounterKey,
    LimitSubject,
    OpenReservation,
    SettledChange,
    SubjectState,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class _Charge(NamedTuple):
    key: CounterKey
    amount: int
    bound: int | None  # the lowest amount that is enforced


@dataclass(slots=True)
class LimitWrite:
    """The expressions of an update, with placeholders for names and values."""

    _conditions: list[str] = field(default_factory=list, init=False)
    _sets: list[str] = field(default_factory=list, init=False)
    _additions: list[str] = field(default_factory=list, init=False)
    _removals: list[str] = field(default_factory=list, init=False)
    _names: dict[str, str] = field(default_factory=dict, init=False)
    _values: dict[str, AttributeValueTypeDef] = field(default_factory=dict, init=False)
    _numbers: dict[int, str] = field(default_factory=dict, init=False)

    def require(self, condition: str) -> None:
        """Add a condition."""
        self._conditions.append(condition)

    def set(self, path: str, value: str) -> None:
        """Set an attribute to a value."""
        self._sets.append(f"{path} = {value}")

    def add(self, name: str, amount: int) -> None:
        """Add an amount to the attribute with a name."""
        if amount:
            self._additions.append(f"{self.name(name)} {self.number(amount)}")

    def remove(self, path: str) -> None:
        """Remove an attribute."""
        self._removals.append(path)

    def name(self, name: str) -> str:
        """Make the placeholder of a name."""
        return self._names.setdefault(name, f"#{len(self._names)}")

    def number(self, value: int) -> str:
        """Make the placeholder of a number, the same for equal ones."""
        placeholder = self._numbers.get(value)
        if placeholder is None:
            placeholder = self._numbers[value] = self.value({"N": str(value)})
        return placeholder

    def value(self, value: AttributeValueTypeDef) -> str:
        """Make the placeholder of a value."""
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def make_request(self) -> dict[str, Any]:
        """Make the arguments of the request."""
        parts = {
            "SET": self._sets,
            "ADD": self._additions,
            "REMOVE": self._removals,
        }
        update = " ".join(f"{verb} {', '.join(items)}" for verb, items in parts.items() if items)
        values = {"ExpressionAttributeValues": self._values} if self._values else {}
        return {
            "UpdateExpression": update,
            "ConditionExpression": " AND ".join(self._conditions),
            "ExpressionAttributeNames": {mark: name for name, mark in self._names.items()},
            **values,
        }


def create_item(after: SubjectState) -> LimitWrite:
    """Create the item of a subject."""
    write = LimitWrite()
    write.require(f"attribute_not_exists({write.name(MOMENT)})")
    _set_clock(write, after)
    for name, entries in ((OPEN, after.open), (LATE, after.late)):
        texts: Mapping[str, AttributeValueTypeDef] = {
            each: {"S": write_entry(entry)} for each, entry in entries.items()
        }
        write.set(write.name(name), write.value({"M": texts}))
    for key in after.counters:
        _create_counter(write, key, after, after.get_total(key))
    for key in after.raised:
        _set_raised(write, key, after)
    return write


def is_exact(before: StoredSubject, after: SubjectState) -> bool:
    """True if a write to this state has to replace counters, so that no other may come between.

    That is so if the counters of the subject change, if a period of a calendar ends, and after a
    pause of some slots.
    """
    state = before.state
    if after.revision != state.revision:
        return True
    for key in after.counters:
        steps = key.window.number_at(after.moment) - key.window.number_at(state.moment)
        if steps > (MAX_STEPS if has_slots(key) else 0):
            return True
    return False


def add_reservation(
    before: StoredSubject, after: SubjectState, subject: LimitSubject, reservation_id: str
) -> LimitWrite:
    """Add a reservation to the item of a subject, and advance its clock if it has to.

    Args:
        before: The subject as it was read.
        after: The state with the reservation.
        subject: The subject.
        reservation_id: The id.
    """
    write = LimitWrite()
    moved = _move_late(write, before.state, after)
    _add_entry(write, after, subject, reservation_id, moved)
    bounds = _find_bounds(subject)
    charges = after.open[reservation_id].charges
    _charge_counters(
        write,
        before,
        after,
        [_Charge(key, amount, bounds.get(key)) for key, amount in charges.items()],
    )
    return write


def raise_total(before: StoredSubject, after: SubjectState, key: CounterKey) -> LimitWrite:
    """Raise a counter to what was counted elsewhere, and advance the clock if it has to.

    Args:
        before: The subject as it was read.
        after: The state with the raised counter.
        key: The counter.
    """
    write, state = LimitWrite(), before.state
    _move_late(write, state, after)
    raised = write.name(name_raised(key))
    if key in state.raised:
        text = write.value({"S": write_raised(state.raised[key])})
        write.require(f"{raised} = {text}")
    else:
        write.require(f"attribute_not_exists({raised})")
    if key in state.raised:
        _require_counted(write, key, state.raised[key].counted)
    _set_raised(write, key, after)
    number = key.window.number_at(after.moment)
    difference = after.raised[key].amount - state.get_raised(key, number)
    _charge_counters(write, before, after, [_Charge(key, difference, None)])
    return write


def settle_reservation(
    reservation_id: str,
    entry: OpenReservation,
    changes: Sequence[SettledChange],
    state: SubjectState,
    at: int,
) -> LimitWrite:
    """Settle a reservation.

    Args:
        reservation_id: The id.
        entry: The reservation.
        changes: The changes of counters.
        state: The state as far as it is known: its clock, and if the reservation is late.
        at: The time.
    """
    write = LimitWrite()
    path = (
        f"{write.name(LATE if reservation_id in state.late else OPEN)}.{write.name(reservation_id)}"
    )
    write.require(f"attribute_exists({path})")
    write.remove(path)
    if entry.is_stopped(at):
        for key in entry.charges:
            if not has_slots(key):  # only counters of calendar periods are raised
                write.remove(write.name(name_counted(key)))
    for change in changes:
        number = change.number
        if number is None:
            write.require(f"{write.name(MOMENT)} = {write.number(state.moment)}")
            number = change.key.window.number_at(state.moment)
        else:
            leaves_at = change.key.window.leaves_at(change.key.window.number_at(entry.at))
            write.require(f"{write.name(MOMENT)} < {write.number(leaves_at)}")
        total = name_total(change.key)
        write.require(f"attribute_exists({write.name(total)})")
        write.add(total, change.difference)
        _add_to_slot(write, change.key, number, change.difference)
    return write


def set_aside(reservation_id: str, entry: OpenReservation) -> LimitWrite:
    """Move an open reservation to the late ones, since its call has ended.

    Args:
        reservation_id: The id.
        entry: The reservation.
    """
    write = LimitWrite()
    path = f"{write.name(OPEN)}.{write.name(reservation_id)}"
    write.require(f"attribute_exists({path})")
    write.remove(path)
    text = write.value({"S": write_entry(replace(entry, has_ended=True))})
    write.set(f"{write.name(LATE)}.{write.name(reservation_id)}", text)
    return write


def _set_clock(write: LimitWrite, after: SubjectState) -> None:
    write.set(write.name(MOMENT), write.number(after.moment))
    write.set(write.name(REVISION), write.number(after.revision))
    write.set(write.name(EXPIRES_AT), write.number(find_expiry(after)))


def _set_raised(write: LimitWrite, key: CounterKey, after: SubjectState) -> None:
    raised = after.raised[key]
    write.set(write.name(name_raised(key)), write.value({"S": write_raised(raised)}))
    if raised.counted is not None:
        write.set(write.name(name_counted(key)), write.number(raised.counted))


def _require_counted(write: LimitWrite, key: CounterKey, counted: int | None) -> None:
    """Require that no call that had stopped was settled since a counter was read."""
    name = write.name(name_counted(key))
    if counted is None:
        write.require(f"attribute_not_exists({name})")
    else:
        write.require(f"{name} = {write.number(counted)}")


def _move_late(write: LimitWrite, before: SubjectState, after: SubjectState) -> int:
    """Move the reservations that became late; returns their number."""
    moved = after.late.keys() - before.late.keys()
    for each in sorted(moved):
        path = f"{write.name(OPEN)}.{write.name(each)}"
        write.require(f"attribute_exists({path})")
        write.remove(path)
        text = write.value({"S": write_entry(after.late[each])})
        write.set(f"{write.name(LATE)}.{write.name(each)}", text)
    return len(moved)


def _add_entry(
    write: LimitWrite, after: SubjectState, subject: LimitSubject, reservation_id: str, moved: int
) -> None:
    """Add the open reservation; those that move to the late ones leave room for it."""
    opened, late, mark = write.name(OPEN), write.name(LATE), write.name(reservation_id)
    concurrent = [limit.amount for limit in subject.limits if limit.is_enforced and not limit.key]
    max_open = min([MAX_OPEN, *concurrent]) + moved
    write.require(f"attribute_not_exists({opened}.{mark})")
    write.require(f"size({opened}) < {write.number(max_open)}")
    write.require(f"size({late}) < {write.number(MAX_OPEN)}")
    entry = write_entry(after.open[reservation_id])
    write.set(f"{opened}.{mark}", write.value({"S": entry}))


def _find_bounds(subject: LimitSubject) -> dict[CounterKey, int]:
    """Find the lowest amount that is enforced, of each counter."""
    bounds: dict[CounterKey, int] = {}
    for limit in (*subject.limits, HOT_LIMIT):
        if limit.key is not None and limit.is_enforced:
            bounds[limit.key] = min(limit.amount, bounds.get(limit.key, limit.amount))
    return bounds


def _charge_counters(
    write: LimitWrite, before: StoredSubject, after: SubjectState, charges: Sequence[_Charge]
) -> None:
    """Add charges to counters, and advance the clock if it has to."""
    state, moment = before.state, write.name(MOMENT)
    by_key = {charge.key: charge for charge in charges}
    write.require(f"{write.name(REVISION)} = {write.number(state.revision)}")
    if not is_exact(before, after):
        write.require(f"{moment} <= {write.number(after.moment)}")
        if after.moment != state.moment:
            _set_clock(write, after)
        for key in state.counters:
            charge = by_key.get(key, _Charge(key, 0, None))
            _charge_counter(write, before, after.moment, charge)
        return
    write.require(f"{moment} = {write.number(state.moment)}")
    _set_clock(write, after)
    for key in {**state.counters, **after.counters}:
        charge = by_key.get(key, _Charge(key, 0, None))
        if key not in after.counters:
            _remove_counter(write, before, key)
        elif key not in state.counters:
            write.require(f"attribute_not_exists({write.name(name_total(key))})")
            _create_counter(write, key, after, charge.amount)
        elif find_oldest(key, after.moment) > key.window.number_at(state.moment):
            _replace_counter(write, before, after, charge)
        else:
            _charge_counter(write, before, after.moment, charge)


def _charge_counter(write: LimitWrite, before: StoredSubject, moment: int, charge: _Charge) -> None:
    """Add a charge to the newest slot of a counter. Slots that have left make room for it.

    They are removed when the oldest of them has left a while ago.
    """
    key = charge.key
    left = before.list_left(key, moment)
    is_old = any(number < find_oldest(key, moment) - MAX_LEFT for number in left)
    for number, amount in left.items():
        name = name_slot(key, number)
        if is_old:
            write.require(f"{write.name(name)} = {write.number(amount)}")
            write.remove(write.name(name))
        elif amount and charge.bound is not None:
            write.require(f"{write.name(name)} >= {write.number(amount)}")
    room = sum(left.values())
    total = name_total(key)
    if charge.bound is not None:
        bound = write.number(charge.bound - charge.amount + room)
        write.require(f"{write.name(total)} <= {bound}")
    write.add(total, charge.amount - (room if is_old else 0))
    _add_to_slot(write, key, key.window.number_at(moment), charge.amount)


def _add_to_slot(write: LimitWrite, key: CounterKey, number: int, amount: int) -> None:
    if has_slots(key):
        write.add(name_slot(key, number), amount)


def _create_counter(write: LimitWrite, key: CounterKey, after: SubjectState, amount: int) -> None:
    """Set a counter to an amount of the newest slot."""
    write.set(write.name(name_total(key)), write.number(amount))
    if has_slots(key):
        newest = name_slot(key, key.window.number_at(after.moment))
        write.set(write.name(newest), write.number(amount))


def _replace_counter(
    write: LimitWrite, before: StoredSubject, after: SubjectState, charge: _Charge
) -> None:
    """Set a counter whose slots have all left to a charge of the newest slot."""
    key = charge.key
    _create_counter(write, key, after, charge.amount)
    newest = name_slot(key, key.window.number_at(after.moment))
    for name in _list_slots(before, key) - {newest}:
        write.remove(write.name(name))


def _remove_counter(write: LimitWrite, before: StoredSubject, key: CounterKey) -> None:
    """Remove a counter whose slots have all left, if nothing was added since."""
    total = write.name(name_total(key))
    if has_slots(key):
        write.require(f"{total} = {write.number(sum(before.slots[key].values()))}")
    for name in (name_raised(key), name_counted(key), *sorted(_list_slots(before, key))):
        write.remove(write.name(name))
    write.remove(total)


def _list_slots(before: StoredSubject, key: CounterKey) -> set[str]:
    """List the attributes of slots, with the newest one: it may have been added since."""
    if not has_slots(key):
        return set()
    numbers = {*before.slots[key], key.window.number_at(before.state.moment)}
    return {name_slot(key, number) for number in numbers}
