"""Items of limits: the state of a subject, with short names, since each kilobyte is a write unit.

| attribute | what |
|---|---|
| `m` | the moment at which the newest slot began |
| `v` | the revision of the counters |
| `CODE.t` | the sum of a counter's live slots |
| `CODE.N` | if several are live, the amount of each: its number, modulo the number of live slots |
| `CODE.x` | what no reservation has charged: the number of a slot, and the amount |
| `open`, `late` | the open reservations, by id: `MOMENT`, then `CODE=AMOUNT` for each counter |
| `expires_at` | the time at which the item says nothing any more |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lambdas.domain.limits import (
    SECOND,
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
_TOTAL, _RAISED = ".t", ".x"
_KEPT_SECONDS = 2 * 24 * 3600  # for reservations whose use the ledger has to say


def make_item_key(subject_id: str) -> dict[str, AttributeValueTypeDef]:
    """Make the key of a subject's item."""
    return {PARTITION_KEY: {"S": choose_partition(subject_id)}, SORT_KEY: {"S": subject_id}}


def name_total(key: CounterKey) -> str:
    """Name the attribute with the sum of a counter."""
    return f"{key.code}{_TOTAL}"


def name_raised(key: CounterKey) -> str:
    """Name the attribute with the part of a counter that no reservation has charged."""
    return f"{key.code}{_RAISED}"


def name_slot(key: CounterKey, number: int) -> str:
    """Name the attribute with the amount of a slot."""
    return f"{key.code}.{number % key.window.live_slots}"


def write_entry(entry: OpenReservation) -> str:
    """Write an open reservation."""
    charges = (f"{key.code}={amount}" for key, amount in entry.charges.items())
    return " ".join([str(entry.at), *charges])


def write_raised(raised: RaisedAmount) -> str:
    """Write the part of a counter that no reservation has charged."""
    return f"{raised.number} {raised.amount}"


def read_state(item: Item) -> SubjectState:
    """Read the state of a subject."""
    moment = int(item[MOMENT]["N"])
    keys = [read_counter_key(name.removesuffix(_TOTAL)) for name in item if name.endswith(_TOTAL)]
    return SubjectState(
        moment=moment,
        counters={key: _read_slots(item, key, moment) for key in keys},
        open=_read_entries(item, OPEN),
        late=_read_entries(item, LATE),
        revision=int(item[REVISION]["N"]),
        raised={key: _read_raised(item, key) for key in keys if name_raised(key) in item},
    )


def find_expiry(state: SubjectState) -> int:
    """Find the second after which a state says nothing any more."""
    ends = [key.window.leaves_at(key.window.number_at(state.moment)) for key in state.counters]
    return max([state.moment, *ends]) // SECOND + _KEPT_SECONDS


def _read_slots(item: Item, key: CounterKey, moment: int) -> dict[int, int]:
    newest, live = key.window.number_at(moment), key.window.live_slots
    if live == 1:
        amounts = {newest: int(item[name_total(key)]["N"])}
    else:
        numbers = range(newest - live + 1, newest + 1)
        amounts = {number: int(item[name_slot(key, number)]["N"]) for number in numbers}
    return {number: amount for number, amount in amounts.items() if amount}


def _read_raised(item: Item, key: CounterKey) -> RaisedAmount:
    number, amount = item[name_raised(key)]["S"].split(" ")
    return RaisedAmount(int(number), int(amount))


def _read_entries(item: Item, name: str) -> dict[str, OpenReservation]:
    return {each: _read_entry(text["S"]) for each, text in item[name]["M"].items()}


def _read_entry(text: str) -> OpenReservation:
    at, *charges = text.split(" ")
    pairs = (charge.rpartition("=") for charge in charges)
    return OpenReservation(
        int(at), {read_counter_key(code): int(amount) for code, _, amount in pairs}
    )
