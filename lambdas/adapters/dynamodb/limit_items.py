"""Items of limits: the state of a subject, with short names, since each kilobyte is a write unit.

| attribute | what |
|---|---|
| `m` | the moment at which the newest slot began |
| `v` | the revision of the counters |
| `CODE.t` | the sum of a counter's slots: of those that are live, and those that have left |
| `CODE.N` | the amount of a slot: its number, modulo 32. A calendar period has its sum alone |
| `CODE.x` | what no reservation has charged: the number of a slot, and the amount |
| `CODE.k` | what was counted in the period when `CODE.x` was written |
| `open`, `late` | the open reservations, by id: `MOMENT`, then `CODES=AMOUNT` of counters |
| `expires_at` | the time at which the item says nothing any more |

A `.` after the `MOMENT` of a reservation says that its call has ended.

Slots that have left stay for a while, so that to begin a slot changes nothing that others rely on:
many gateways can do that at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas.domain.limits import (
    SECOND,
    CalendarWindow,
    CounterKey,
    OpenReservation,
    RaisedAmount,
    SubjectState,
    choose_partition,
    read_counter_key,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = Mapping[str, AttributeValueTypeDef]

PARTITION_KEY, SORT_KEY = "pk", "sk"
MOMENT, REVISION, OPEN, LATE = "m", "v", "open", "late"
MAX_STEPS = 12
"""The slots by which a write may advance a counter without replacing it."""
MAX_LEFT = 4
"""The age, in slots, up to which slots that have left stay."""
_SLOT_NAMES = 32  # more than a ring's 13 live slots, MAX_STEPS and MAX_LEFT
_TOTAL, _RAISED, _COUNTED = ".t", ".x", ".k"
_ENDED = "."
_KEPT_SECONDS = 2 * 24 * 3600  # for reservations whose use the ledger has to say


@dataclass(frozen=True, slots=True)
class StoredSubject:
    """A subject as its item has it.

    Attributes:
        state: Its state.
        slots: All stored slots, by counter and number: also empty ones, and those that have left.
    """

    state: SubjectState = field(default_factory=SubjectState)
    slots: Mapping[CounterKey, Mapping[int, int]] = field(default_factory=dict)

    def list_left(self, key: CounterKey, moment: int) -> dict[int, int]:
        """List the stored slots of a counter that are no longer live at a moment."""
        oldest = find_oldest(key, moment)
        slots = self.slots.get(key, {})
        return {number: amount for number, amount in slots.items() if number < oldest}


def has_slots(key: CounterKey) -> bool:
    """True if slots are stored apart. The periods of a calendar are long: their sum is enough."""
    return not isinstance(key.window, CalendarWindow)


def find_oldest(key: CounterKey, moment: int) -> int:
    """Find the number of the oldest slot that is live at a moment."""
    return key.window.number_at(moment) - key.window.live_slots + 1


def make_item_key(subject_id: str) -> dict[str, AttributeValueTypeDef]:
    """Make the key of a subject's item."""
    return {PARTITION_KEY: {"S": choose_partition(subject_id)}, SORT_KEY: {"S": subject_id}}


def name_total(key: CounterKey) -> str:
    """Name the attribute with the sum of a counter."""
    return f"{key.code}{_TOTAL}"


def name_raised(key: CounterKey) -> str:
    """Name the attribute with the part of a counter that no reservation has charged."""
    return f"{key.code}{_RAISED}"


def name_counted(key: CounterKey) -> str:
    """Name the attribute with what was counted when a counter was raised."""
    return f"{key.code}{_COUNTED}"


def name_slot(key: CounterKey, number: int) -> str:
    """Name the attribute with the amount of a slot."""
    return f"{key.code}.{number % _SLOT_NAMES}"


def write_entry(entry: OpenReservation) -> str:
    """Write an open reservation. Counters with the same charge of a unit share its text."""
    windows = defaultdict[tuple[str, int], list[str]](list)
    for key, amount in entry.charges.items():
        windows[key.code[0], amount].append(key.code[1:])
    charges = (f"{unit}{','.join(codes)}={amount}" for (unit, amount), codes in windows.items())
    mark = _ENDED if entry.has_ended else ""
    return " ".join([f"{entry.at}{mark}", *charges])


def write_raised(raised: RaisedAmount) -> str:
    """Write the part of a counter that no reservation has charged."""
    return f"{raised.number} {raised.amount}"


def read_subject(item: Item) -> StoredSubject:
    """Read a subject."""
    moment = int(item[MOMENT]["N"])
    keys = [read_counter_key(name.removesuffix(_TOTAL)) for name in item if name.endswith(_TOTAL)]
    slots = {key: _read_slots(item, key, moment) for key in keys if has_slots(key)}
    state = SubjectState(
        moment=moment,
        counters={key: _read_counter(item, key, moment, slots.get(key)) for key in keys},
        open=_read_entries(item, OPEN),
        late=_read_entries(item, LATE),
        revision=int(item[REVISION]["N"]),
        raised={key: _read_raised(item, key) for key in keys if name_raised(key) in item},
    )
    return StoredSubject(state, slots)


def find_expiry(state: SubjectState) -> int:
    """Find the second after which a state says nothing any more."""
    ends = [key.window.leaves_at(key.window.number_at(state.moment)) for key in state.counters]
    return max([state.moment, *ends]) // SECOND + _KEPT_SECONDS


def _read_slots(item: Item, key: CounterKey, moment: int) -> dict[int, int]:
    newest = key.window.number_at(moment)
    numbers = range(newest - _SLOT_NAMES + 1, newest + 1)
    names = {number: name_slot(key, number) for number in numbers}
    return {number: int(item[name]["N"]) for number, name in names.items() if name in item}


def _read_counter(
    item: Item, key: CounterKey, moment: int, slots: Mapping[int, int] | None
) -> dict[int, int]:
    """Read the live slots of a counter, without empty ones."""
    if slots is None:
        slots = {key.window.number_at(moment): int(item[name_total(key)]["N"])}
    oldest = find_oldest(key, moment)
    return {number: slots[number] for number in slots if number >= oldest and slots[number]}


def _read_raised(item: Item, key: CounterKey) -> RaisedAmount:
    number, amount = item[name_raised(key)]["S"].split(" ")
    name = name_counted(key)
    counted = int(item[name]["N"]) if name in item else None
    return RaisedAmount(int(number), int(amount), counted)


def _read_entries(item: Item, name: str) -> dict[str, OpenReservation]:
    return {each: _read_entry(text["S"]) for each, text in item[name]["M"].items()}


def _read_entry(text: str) -> OpenReservation:
    at, *charges = text.split(" ")
    amounts: dict[CounterKey, int] = {}
    for charge in charges:
        codes, _, amount = charge.rpartition("=")
        for window in codes[1:].split(","):
            amounts[read_counter_key(codes[0] + window)] = int(amount)
    return OpenReservation(int(at.removesuffix(_ENDED)), amounts, has_ended=at.endswith(_ENDED))
