"""Gateways whose requests come between those of others, on one table."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.domain.limits import (
    NO_USE,
    LimitUnit,
    RollingWindow,
    StoredReservation,
    to_moment,
)
from tests.benchmarks.windows import Arrival, find_highest_use
from tests.budget_store import GOVERNANCE
from tests.builders import NOON
from tests.limit_table import LimitTable
from tests.limits import limit, subject, tokens

SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
ANA = subject(
    limit(1000), limit(300, RollingWindow(12)), limit(10**6, RollingWindow(12), LimitUnit.TOTAL)
)


def make_stores(number: int) -> tuple[LimitTable, list[DynamoDbLimits]]:
    table = LimitTable()
    return table, [DynamoDbLimits(cast("Any", table), GOVERNANCE) for _ in range(number)]


def reserve_at_once(
    table: LimitTable, stores: Sequence[DynamoDbLimits], seconds: float, need: int = 1
) -> list[bool]:
    """Let stores reserve so that each has read the item before any of them writes."""
    waiting, admitted = [*enumerate(stores)], list[bool]()

    def reserve_next() -> None:
        if waiting:
            number, store = waiting.pop()
            name = f"{seconds}-{number}"
            decision = store.reserve(ANA, name, tokens(need), NOON + seconds * SECOND)
            admitted.append(decision.entry is not None)

    table.before_update = reserve_next
    reserve_next()
    return admitted


def test_sixteen_gateways_that_begin_a_slot_at_once_write_once_each() -> None:
    table, stores = make_stores(16)
    reserve_at_once(table, stores[:1], 0)
    for seconds in (0.5, 1, 2.2, 3, 5, 5.1, 6, 11, 13, 14):
        before = sum(table.writes.values())
        assert all(reserve_at_once(table, stores, seconds, 0))
        assert sum(table.writes.values()) == before + 16
        for name in list(table.items["ana"]["open"]["M"]):
            settle(stores[0], name, seconds)
    assert table.failed == 0


def settle(store: DynamoDbLimits, name: str, seconds: float) -> None:
    state = store.read("ana")
    assert state is not None
    used = StoredReservation("ana", name, state.entries[name])
    assert store.settle(used, NO_USE, NOON + seconds * SECOND)


def test_gateways_that_begin_a_slot_at_once_share_what_has_left() -> None:
    table, stores = make_stores(16)
    assert reserve_at_once(table, stores[:1], 0, 290) == [True]
    # With the slot of noon, 290 tokens have left: there is room for three times a hundred.
    assert sum(reserve_at_once(table, stores, 13.5, 100)) == 3


def test_what_leaves_makes_no_more_room_than_it_has_when_it_is_settled_in_between() -> None:
    table, (ours, other) = make_stores(2)
    reserve_at_once(table, [ours], 0, 290)
    reserve_at_once(table, [ours], 1.5, 10)
    (name, *_) = table.items["ana"]["open"]["M"]
    settled = list[bool]()

    def settle_between() -> None:
        if not settled:
            settled.append(True)
            settle(other, name, 12.5)  # its clock is behind: the slot is live there

    table.before_update = settle_between
    admitted = [
        ours.reserve(ANA, f"late-{number}", tokens(100), NOON + 13.2 * SECOND).entry is not None
        for number in range(4)
    ]
    assert admitted == [True, True, False, False]
    assert table.failed == 1


def test_a_call_that_is_overtaken_by_a_later_one_is_charged_to_the_later_slot() -> None:
    table, (slow, fast) = make_stores(2)
    reserve_at_once(table, [slow], 0)
    overtaken = list[bool]()

    def overtake() -> None:
        if not overtaken:
            overtaken.append(True)
            fast.reserve(ANA, "fast", tokens(1), NOON + 9 * SECOND)

    table.before_update = overtake
    decision = slow.reserve(ANA, "slow", tokens(100), NOON)
    assert decision.entry is not None
    assert decision.entry.at == to_moment(NOON + 9 * SECOND)
    assert table.failed == 1


def test_slots_that_have_left_are_removed_once() -> None:
    table, (ours, other) = make_stores(2)
    for seconds in (0, 1, 10):
        reserve_at_once(table, [ours], seconds, 20)
    assert reserve_at_once(table, [ours, other], 18, 20) == [True, True]
    assert table.failed == 1
    check_sums(table.items["ana"])


def test_a_long_pause_replaces_what_has_left() -> None:
    table, (ours, other) = make_stores(2)
    for seconds in (0, 1, 2, 3, 70, 71, 4000):
        assert reserve_at_once(table, [ours, other], seconds, 20) == [True, True]
    # Six attributes of the item, three sums of limits and one of calls, a slot of each.
    assert len(table.items["ana"]) == 7 + 4 + 4


@given(source=st.randoms(use_true_random=False))
def test_no_interval_has_more_than_the_limit_whatever_comes_between(source: Random) -> None:
    table, stores = make_stores(4)
    open_now, uses, numbers = list[tuple[str, int]](), list[Arrival](), count()
    seconds, depth = 0.0, 0

    def act() -> None:
        nonlocal depth
        depth += 1
        store, at = source.choice(stores), NOON + seconds * SECOND
        if open_now and source.random() < 0.4:
            name, used = open_now.pop(source.randrange(len(open_now)))
            state = store.read("ana")
            assert state is not None
            store.settle(StoredReservation("ana", name, state.entries[name]), tokens(used), at)
        else:
            name, need = f"call-{next(numbers)}", source.randint(0, 150)
            if store.reserve(ANA, name, tokens(need), at).entry is not None:
                used = source.randint(0, need)
                uses.append(Arrival(to_moment(at), used))
                open_now.append((name, used))
        depth -= 1

    def act_between() -> None:
        if depth < 3 and source.random() < 0.4:
            act()

    table.before_update = act_between
    for _ in range(15):
        seconds += source.choice([0, 0, 0.4, 1, 1, 2.5, 6, 14, 70])
        act()
        check_sums(table.items.get("ana", {}))
    uses.sort()
    for each in ANA.limits:
        assert isinstance(each.window, RollingWindow)
        length = each.window.seconds * SECOND // MICROSECOND
        assert find_highest_use(uses, length) <= each.amount


def check_sums(item: dict[str, Any]) -> None:
    """Each sum has to be that of its stored slots."""
    for name in item:
        if name.endswith(".t"):
            counter = name.removesuffix("t")
            slots = [
                int(value["N"])
                for each, value in item.items()
                if each.startswith(counter) and each[len(counter) :].isdigit()
            ]
            assert int(item[name]["N"]) == sum(slots)
            assert min(slots, default=0) >= 0
