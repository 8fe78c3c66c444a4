"""The contract of stores of limits, run on each of them."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.adapters.dynamodb.limit_items import PARTITION_KEY, SORT_KEY, make_item_key
from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.domain.limits import (
    MAX_CALL_SECONDS,
    MAX_CALLS_A_SECOND,
    MAX_OPEN,
    NO_USE,
    Amounts,
    CalendarUnit,
    CountedLimits,
    CounterKey,
    Decision,
    LimitMode,
    LimitStore,
    LimitStoreError,
    LimitSubject,
    LimitUnit,
    RefusalReason,
    RollingWindow,
    StoredReservation,
    SubjectState,
    UnreadableSubjectError,
    make_calendar_window,
    to_time,
)
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.limit_table import LimitTable
from tests.limits import InMemoryLimits, limit, subject, tokens
from tests.simulation.cloud.dynamodb import SimulatedDynamoDb
from tests.simulation.cloud.table import Table
from tests.simulation.world import World

SECOND = timedelta(seconds=1)
MONTH = make_calendar_window(CalendarUnit.MONTH, "Europe/Berlin")
ANA = subject(limit(1000), limit(5000, MONTH))


def make_dynamodb_store() -> DynamoDbLimits:
    return DynamoDbLimits(boto3.client("dynamodb"), GOVERNANCE)


class Store(LimitStore, CountedLimits, Protocol):
    """Both ports of a store."""


def make_simulated_store() -> DynamoDbLimits:
    """A store over the DynamoDB of `tests/simulation`."""
    world = World(0, frozenset())
    table = Table(world, (PARTITION_KEY, SORT_KEY))
    client: Any = SimulatedDynamoDb(world, {GOVERNANCE: table})
    return DynamoDbLimits(client, GOVERNANCE)


@pytest.fixture(
    params=["in memory", "simulated", "table", "dynamodb", "dynamodb of several processes"],
)
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "in memory":
        return InMemoryLimits()
    if request.param == "simulated":
        return make_simulated_store()
    if request.param == "table":
        return DynamoDbLimits(cast("Any", LimitTable()), GOVERNANCE)
    request.getfixturevalue("aws")
    create_governance_table()
    if request.param == "dynamodb":
        return make_dynamodb_store()
    return cast("Store", SeveralProcesses([make_dynamodb_store() for _ in range(3)]))


class SeveralProcesses:
    """Several stores with images of their own, and each request takes the next one."""

    def __init__(self, stores: list[DynamoDbLimits]) -> None:
        self._stores = itertools.cycle(stores)

    def __getattr__(self, name: str) -> Any:
        return getattr(next(self._stores), name)


def stored(decision: Decision, reservation_id: str) -> StoredReservation:
    assert decision.entry is not None, decision
    return StoredReservation(decision.subject, reservation_id, decision.entry)


def reserve(
    store: LimitStore, name: str, amount: int, at: datetime, who: LimitSubject = ANA
) -> Decision:
    return store.reserve(who, name, tokens(amount), at)


def totals(store: LimitStore, at: datetime, who: LimitSubject = ANA) -> list[int]:
    """The counter of each limit, as the next call sees it."""
    decision = store.reserve(who, f"look-{at}", NO_USE, at)
    if decision.entry is not None:
        store.settle(stored(decision, f"look-{at}"), NO_USE, at)
    return [status.used for status in decision.statuses]


def test_a_call_is_admitted_until_the_limit_is_reached(store: LimitStore) -> None:
    assert [status.used for status in reserve(store, "a", 600, NOON).statuses] == [600, 600]
    assert [status.remaining for status in reserve(store, "b", 300, NOON).statuses] == [100, 4100]
    refused = reserve(store, "c", 200, NOON)
    assert refused.entry is None
    assert refused.refusal is RefusalReason.LIMIT_REACHED
    assert refused.retry_at is not None
    assert to_time(refused.retry_at) == NOON + 5 * SECOND  # calls that run may give it back
    assert reserve(store, "d", 100, NOON).entry is not None
    latest_at = refused.statuses[0].latest_at
    assert latest_at is not None
    retry_at = to_time(latest_at)
    assert NOON + 60 * SECOND < retry_at <= NOON + 65 * SECOND
    assert reserve(store, "e", 200, retry_at - timedelta(microseconds=1)).entry is None
    assert reserve(store, "f", 200, retry_at).entry is not None


def test_a_settlement_gives_back_what_was_not_used(store: LimitStore) -> None:
    decision = reserve(store, "a", 900, NOON)
    assert store.settle(stored(decision, "a"), tokens(50), NOON + SECOND)
    assert totals(store, NOON + SECOND) == [50, 50]
    assert reserve(store, "b", 950, NOON + SECOND).entry is not None


def test_a_settlement_counts_once(store: LimitStore) -> None:
    reservation = stored(reserve(store, "a", 900, NOON), "a")
    assert store.settle(reservation, tokens(50), NOON)
    assert not store.settle(reservation, tokens(50), NOON)
    assert totals(store, NOON) == [50, 50]


def test_a_repeated_reservation_counts_once(store: LimitStore) -> None:
    first = reserve(store, "a", 700, NOON)
    assert reserve(store, "a", 700, NOON) == first
    assert totals(store, NOON) == [700, 700]


def test_a_reservation_above_the_limit_can_never_be_admitted(store: LimitStore) -> None:
    refused = reserve(store, "a", 1001, NOON)
    assert (refused.refusal, refused.retry_at) == (RefusalReason.NEED_ABOVE_LIMIT, None)
    assert totals(store, NOON) == [0, 0]


def test_use_above_the_estimate_stays_as_debt(store: LimitStore) -> None:
    reservation = stored(reserve(store, "a", 100, NOON), "a")
    store.settle(reservation, tokens(1800), NOON + SECOND)
    refused = reserve(store, "b", 1, NOON + 30 * SECOND)
    assert refused.refusal is RefusalReason.LIMIT_REACHED
    assert [status.remaining for status in refused.statuses] == [0, 3200]
    assert totals(store, NOON + 66 * SECOND) == [0, 1800]


def test_debt_of_a_call_that_outlasts_its_window_counts_from_its_end(store: LimitStore) -> None:
    reservation = stored(reserve(store, "a", 100, NOON), "a")
    reserve(store, "b", 1, NOON + 90 * SECOND)
    store.settle(reservation, tokens(900), NOON + 91 * SECOND)
    assert totals(store, NOON + 91 * SECOND) == [801, 901]
    assert totals(store, NOON + 160 * SECOND) == [0, 901]


def test_a_long_call_that_used_less_changes_only_the_month(store: LimitStore) -> None:
    reservation = stored(reserve(store, "a", 100, NOON), "a")
    reserve(store, "b", 10, NOON + 90 * SECOND)
    store.settle(reservation, tokens(40), NOON + 91 * SECOND)
    assert totals(store, NOON + 91 * SECOND) == [10, 50]


def test_an_amount_that_is_not_known_stays_as_reserved(store: LimitStore) -> None:
    who = subject(limit(1000), limit(100, unit=LimitUnit.REQUESTS))
    reservation = stored(reserve(store, "a", 900, NOON, who), "a")
    store.settle(reservation, Amounts(), NOON)
    assert totals(store, NOON, who) == [900, 1]


def test_a_month_ends_by_the_clocks_of_its_zone(store: LimitStore) -> None:
    who = subject(limit(1000, MONTH))
    last = datetime.fromisoformat("2026-03-31T23:59:59+02:00")
    reserve(store, "a", 1000, last, who)
    refused = reserve(store, "b", 1, last, who)
    assert refused.retry_at is not None
    assert to_time(refused.retry_at) == last + SECOND
    assert reserve(store, "c", 1000, last + SECOND, who).entry is not None


def test_a_call_of_last_month_settles_there(store: LimitStore) -> None:
    who = subject(limit(1000, MONTH))
    last = datetime.fromisoformat("2026-03-31T23:59:59+02:00")
    reservation = stored(reserve(store, "a", 1000, last, who), "a")
    reserve(store, "b", 300, last + SECOND, who)
    store.settle(reservation, tokens(2000), last + 2 * SECOND)
    assert totals(store, last + 2 * SECOND, who) == [300]


def test_calls_at_the_same_time_are_limited_until_they_are_settled(store: LimitStore) -> None:
    who = subject(limit(2, unit=LimitUnit.CONCURRENT))
    first = stored(reserve(store, "a", 1, NOON, who), "a")
    reserve(store, "b", 1, NOON, who)
    assert reserve(store, "c", 1, NOON, who).refusal is RefusalReason.LIMIT_REACHED
    store.settle(first, NO_USE, NOON)
    assert reserve(store, "d", 1, NOON, who).entry is not None


def test_a_crashed_call_is_not_running_after_the_longest_call(store: LimitStore) -> None:
    who = subject(limit(2, unit=LimitUnit.CONCURRENT), limit(1000, MONTH))
    crashed = stored(reserve(store, "a", 400, NOON, who), "a")
    later = NOON + MAX_CALL_SECONDS * SECOND
    reserve(store, "b", 1, later - SECOND, who)
    assert reserve(store, "c", 1, later - SECOND, who).entry is None
    assert [status.used for status in reserve(store, "d", 1, later, who).statuses] == [2, 402]
    assert store.settle(crashed, NO_USE, later)
    assert not store.settle(crashed, NO_USE, later)
    assert [status.used for status in reserve(store, "e", 0, later, who).statuses] == [2, 2]


def test_a_hundred_reservations_are_open_at_most(store: LimitStore) -> None:
    for number in range(MAX_OPEN):
        assert reserve(store, str(number), 1, NOON).entry is not None
    refused = reserve(store, "more", 1, NOON)
    assert refused.refusal is RefusalReason.TOO_MANY_OPEN
    assert refused.retry_at is not None


def test_a_subject_with_too_many_calls_a_second_has_a_reason_of_its_own() -> None:
    store, who = InMemoryLimits(), subject(limit(10**9))
    for number in range(5 * MAX_CALLS_A_SECOND):
        store.settle(
            stored(reserve(store, str(number), 1, NOON, who), str(number)), tokens(1), NOON
        )
    refused = reserve(store, "more", 1, NOON, who)
    assert refused.refusal is RefusalReason.TOO_MANY_CALLS_A_SECOND
    assert refused.retry_at is not None
    assert to_time(refused.retry_at) == NOON + 5 * SECOND


def test_shadow_limits_report_and_never_refuse(store: LimitStore) -> None:
    who = subject(limit(100, mode=LimitMode.SHADOW), limit(1000))
    assert reserve(store, "a", 90, NOON, who).statuses[0].refusal is None
    second = reserve(store, "b", 20, NOON, who)
    assert second.entry is not None
    assert second.statuses[0].refusal is RefusalReason.LIMIT_REACHED
    assert second.statuses[0].retry_at is not None
    assert [status.used for status in second.statuses] == [110, 110]
    third = reserve(store, "c", 101, NOON, who)
    assert third.statuses[0].refusal is RefusalReason.NEED_ABOVE_LIMIT


def test_a_need_that_is_not_known_is_refused_by_an_enforced_limit(store: LimitStore) -> None:
    usd = limit(10**12, unit=LimitUnit.USD)
    refused = reserve(store, "a", 10, NOON, subject(usd))
    assert refused.refusal is RefusalReason.NEED_UNKNOWN
    shadow = subject(limit(10**12, unit=LimitUnit.USD, mode=LimitMode.SHADOW))
    decision = reserve(store, "b", 10, NOON, shadow)
    assert decision.statuses[0].refusal is RefusalReason.NEED_UNKNOWN
    store.settle(stored(decision, "b"), tokens(10, usd=7), NOON)
    assert totals(store, NOON, subject(usd)) == [7]


def test_a_clock_that_is_behind_takes_the_clock_of_the_item(store: LimitStore) -> None:
    reserve(store, "a", 600, NOON + 20 * SECOND)
    decision = reserve(store, "b", 400, NOON)
    assert decision.entry is not None
    assert reserve(store, "c", 1, NOON + 60 * SECOND).entry is None
    store.settle(stored(decision, "b"), tokens(100), NOON + SECOND)
    assert totals(store, NOON + 60 * SECOND) == [700, 700]


def test_limits_can_change_while_counters_go_on(store: LimitStore) -> None:
    reserve(store, "a", 600, NOON)
    wider = subject(limit(2000), limit(90, RollingWindow(10), LimitUnit.OUTPUT))
    decision = reserve(store, "b", 50, NOON + SECOND, wider)
    assert [status.used for status in decision.statuses] == [650, 50]
    assert reserve(store, "c", 50, NOON + SECOND, wider).entry is None
    assert totals(store, NOON + 2 * SECOND) == [650, 600]


def test_a_counter_without_a_limit_leaves_with_its_window(store: LimitStore) -> None:
    decision = reserve(store, "a", 600, NOON)
    other = subject(limit(10, unit=LimitUnit.REQUESTS))
    reserve(store, "b", 1, NOON + 70 * SECOND, other)
    state = store.read("ana")
    assert state is not None
    codes = sorted(key.code for key in state.counters)
    assert codes == ["qmonth@Europe/Berlin", "r5f", "r60"]
    store.settle(stored(decision, "a"), tokens(700), NOON + 71 * SECOND)
    assert totals(store, NOON + 71 * SECOND) == [0, 700]


def test_open_reservations_of_all_subjects_are_listed(store: LimitStore) -> None:
    first = stored(reserve(store, "a", 1, NOON), "a")
    other = subject(limit(10), name="ben")
    second = stored(reserve(store, "a", 1, NOON + SECOND, other), "a")
    settled = stored(reserve(store, "b", 1, NOON), "b")
    store.settle(settled, tokens(1), NOON)
    listed = sorted(store.list_open(NOON + 2 * SECOND), key=lambda each: each.subject)
    assert listed == [first, second]
    assert list(store.list_open(NOON + SECOND)) == [first]


def test_a_call_that_has_ended_does_not_run_and_waits_for_its_usage(store: LimitStore) -> None:
    who = subject(limit(1000, MONTH), limit(1, unit=LimitUnit.CONCURRENT))
    ended = stored(reserve(store, "a", 400, NOON, who), "a")
    assert store.set_aside(ended)
    assert not store.set_aside(ended)
    running = stored(reserve(store, "b", 10, NOON, who), "b")
    (listed,) = store.list_open(NOON)
    assert (listed.id, listed.entry.at) == ("a", ended.entry.at)
    assert listed.entry.has_ended
    later = NOON + 2 * MAX_CALL_SECONDS * SECOND
    assert store.settle(listed, tokens(30), NOON)
    assert not store.settle(listed, tokens(30), NOON)
    assert not store.set_aside(ended)
    assert store.settle(running, tokens(10), later)
    assert totals(store, later, who) == [40, 1]  # the look itself


def test_calls_count_for_limits_that_others_of_their_subject_have(store: LimitStore) -> None:
    keys = tuple(each.key for each in ANA.limits if each.key is not None)
    other = replace(subject(limit(9000, unit=LimitUnit.OUTPUT)), counted=keys)
    decision = reserve(store, "a", 2000, NOON, other)
    assert len(decision.statuses) == 1
    assert totals(store, NOON) == [2000, 2000]
    store.settle(stored(decision, "a"), tokens(700), NOON)
    assert totals(store, NOON) == [700, 700]


def test_a_subject_whose_item_is_full_and_refuses_nothing_is_not_counted(store: LimitStore) -> None:
    shadow = subject(limit(10, mode=LimitMode.SHADOW))
    for number in range(MAX_OPEN):
        assert reserve(store, str(number), 1, NOON, shadow).entry is not None
    decision = reserve(store, "more", 1, NOON, shadow)
    assert (decision.entry, decision.refusal) == (None, None)
    assert not store.expects_refusal(shadow, tokens(1), NOON)


BUDGET = subject(limit(1000, MONTH), name="budget#team#1")


def raise_budget(store: Store, counted: int, at: datetime) -> bool:
    return store.raise_counter(BUDGET, BUDGET.limits[0], counted, at)


def test_a_raised_counter_refuses_calls_and_goes_down_with_what_was_counted(store: Store) -> None:
    assert raise_budget(store, 900, NOON)
    assert not raise_budget(store, 900, NOON)
    assert totals(store, NOON, BUDGET) == [900]
    assert reserve(store, "a", 101, NOON, BUDGET).refusal is RefusalReason.LIMIT_REACHED
    assert reserve(store, "b", 100, NOON, BUDGET).entry is not None
    assert raise_budget(store, 50, NOON)
    assert totals(store, NOON, BUDGET) == [150]


def test_a_counter_is_raised_by_what_reservations_lack(store: Store) -> None:
    first = stored(reserve(store, "a", 300, NOON, BUDGET), "a")
    reserve(store, "b", 100, NOON + SECOND, BUDGET)
    store.settle(first, tokens(200), NOON + SECOND)
    assert not raise_budget(store, 200, NOON + 2 * SECOND)  # the gateway's own, as it was settled
    assert raise_budget(store, 450, NOON + 2 * SECOND)
    assert totals(store, NOON + 2 * SECOND, BUDGET) == [550]


def test_a_counter_does_not_forget_what_the_ledger_counts_late(store: Store) -> None:
    raise_budget(store, 500, NOON)
    own = stored(reserve(store, "a", 400, NOON, BUDGET), "a")
    store.settle(own, tokens(400), NOON)
    assert not raise_budget(store, 500, NOON + SECOND)  # it lacks the gateway's own call
    assert totals(store, NOON + SECOND, BUDGET) == [900]
    assert raise_budget(store, 950, NOON + 2 * SECOND)  # it has that, and 50 more around it
    assert totals(store, NOON + 2 * SECOND, BUDGET) == [950]
    assert raise_budget(store, 930, NOON + 3 * SECOND)
    assert totals(store, NOON + 3 * SECOND, BUDGET) == [930]


def test_a_stopped_call_that_was_counted_while_it_was_open_counts_once(store: Store) -> None:
    reserve(store, "a", 300, NOON, BUDGET)
    assert raise_budget(store, 100, NOON + SECOND)  # the call's own usage
    assert totals(store, NOON + SECOND, BUDGET) == [400]
    later = NOON + (MAX_CALL_SECONDS + 1) * SECOND
    (left,) = store.list_open(later)
    assert store.settle(left, tokens(100), later)
    assert raise_budget(store, 100, later)
    assert totals(store, later, BUDGET) == [100]


def test_a_period_begins_without_what_the_one_before_was_raised_by(store: Store) -> None:
    raise_budget(store, 900, NOON)
    later = NOON + timedelta(days=40)
    assert totals(store, later, BUDGET) == [0]
    assert raise_budget(store, 30, later)
    assert totals(store, later + SECOND, BUDGET) == [30]


def test_a_counter_is_raised_after_calls_became_late(store: Store) -> None:
    reserve(store, "a", 300, NOON, BUDGET)
    later = NOON + (MAX_CALL_SECONDS + 1) * SECOND
    assert raise_budget(store, 500, later)
    (left,) = store.list_open(later)
    assert store.settle(left, tokens(10), later)
    assert raise_budget(store, 500, later)
    assert totals(store, later, BUDGET) == [500]


def test_a_limit_of_concurrent_calls_is_not_raised(aws: None) -> None:
    with pytest.raises(ValueError, match="concurrent has no counter"):
        make_dynamodb_store().raise_counter(BUDGET, limit(3, unit=LimitUnit.CONCURRENT), 1, NOON)


def list_amounts(store: LimitStore) -> list[tuple[str, int]]:
    """The total of each counter of Ana, those of empty ones left out."""
    state = store.read("ana") or SubjectState()
    totals = [(key.code, state.get_total(key)) for key in state.counters]
    return sorted((code, total) for code, total in totals if total)


def test_stores_agree_on_random_calls(aws: None) -> None:
    create_governance_table()
    random_source = random.Random(7)  # noqa: S311  # a seed
    twin, processes = InMemoryLimits(), [make_dynamodb_store() for _ in range(2)]
    simulated = make_simulated_store()
    stores: list[Callable[[], Store]] = [
        lambda: twin,
        lambda: simulated,
        lambda: random_source.choice(processes),
    ]
    calendar = make_calendar_window(CalendarUnit.HOUR, "Asia/Kathmandu")
    windows = [RollingWindow(10), RollingWindow(60), calendar, MONTH]
    open_now: list[StoredReservation] = []
    now = datetime.fromisoformat("2026-03-29T00:59:30+00:00")
    for number in range(400):
        now += random_source.choice([0, 0, 0.4, 3, 40, 700]) * SECOND
        at = now - random_source.choice([0, 0, 2]) * SECOND
        chosen = random_source.sample(windows, 2)
        who = subject(
            *(limit(random_source.choice([300, 900, 5000]), window) for window in chosen),
            limit(4, unit=LimitUnit.CONCURRENT),
        )
        other = CounterKey(LimitUnit.QUOTA_TOKENS, random_source.choice(windows))
        who = replace(who, counted=(other,) if random_source.random() < 0.3 else ())
        need = tokens(random_source.randint(0, 300))
        decisions = [choose().reserve(who, str(number), need, at) for choose in stores]
        assert decisions[0] == decisions[1] == decisions[2]
        if decisions[0].entry is not None:
            open_now.append(stored(decisions[0], str(number)))
        if open_now and random_source.random() < 0.2:
            ended = random_source.choice(open_now)
            aside = [choose().set_aside(ended) for choose in stores]
            assert aside[0] is aside[1] is aside[2]
        if open_now and random_source.random() < 0.6:
            ended = open_now.pop(random_source.randrange(len(open_now)))
            used = tokens(random_source.choice([0, 40, 300, 500]))
            settled = [choose().settle(ended, used, now) for choose in stores]
            assert settled[0] is settled[1] is settled[2]
        each = random_source.choice(who.limits)
        if each.window in {MONTH, calendar}:
            counted = random_source.randint(0, 6000)
            raised = [choose().raise_counter(who, each, counted, at) for choose in stores]
            assert raised[0] is raised[1] is raised[2]
        assert list_amounts(twin) == list_amounts(processes[0]) == list_amounts(simulated)


def test_an_image_of_an_item_expects_a_refusal_until_the_limit_has_room(aws: None) -> None:
    create_governance_table()
    store = make_dynamodb_store()
    assert not store.expects_refusal(ANA, tokens(5000), NOON)
    reserve(store, "a", 900, NOON)
    assert not store.expects_refusal(ANA, tokens(100), NOON)
    assert store.expects_refusal(ANA, tokens(101), NOON)
    assert not store.expects_refusal(ANA, tokens(101), NOON + 65 * SECOND)


def test_a_timeout_after_the_write_reserves_once(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store, lost = DynamoDbLimits(client, GOVERNANCE), list[bool]()

    def lose_answer(**_: Any) -> None:
        if not lost:
            lost.append(True)
            raise ReadTimeoutError(endpoint_url="dynamodb")

    store.reserve(ANA, "first", tokens(10), NOON)
    client.meta.events.register("after-call.dynamodb.UpdateItem", lose_answer)
    with pytest.raises(LimitStoreError, match="ReadTimeout"):
        store.reserve(ANA, "a", tokens(500), NOON)
    assert store.reserve(ANA, "a", tokens(500), NOON).entry is not None
    assert totals(store, NOON) == [510, 510]


@pytest.mark.parametrize(
    "change",
    [
        {"tday@Mars/Base.t": {"N": "5"}},
        {"z60.t": {"N": "5"}},
        {".t": {"N": "5"}},
        {"open": {"M": {"a": {"S": "x"}}}},
        {"m": {"S": "soon"}},
    ],
)
def test_an_item_that_cannot_be_read_stops_its_own_calls_alone(
    aws: None, change: dict[str, Any]
) -> None:
    create_governance_table()
    client, store = boto3.client("dynamodb"), make_dynamodb_store()
    ben = subject(limit(10), name="ben")
    store.reserve(ANA, "a", tokens(1), NOON)
    store.reserve(ben, "a", tokens(1), NOON)
    key = make_item_key("ana")
    item: Any = client.get_item(TableName=GOVERNANCE, Key=key)["Item"]
    client.put_item(TableName=GOVERNANCE, Item=item | change)
    fresh = make_dynamodb_store()
    with pytest.raises(UnreadableSubjectError):
        fresh.read("ana")
    with pytest.raises(UnreadableSubjectError):
        fresh.reserve(ANA, "b", tokens(1), NOON)
    listed = fresh.list_open(NOON + SECOND)
    assert next(listed).subject == "ben"
    with pytest.raises(UnreadableSubjectError, match=r"^ana$"):
        next(listed)
    assert fresh.reserve(ben, "b", tokens(1), NOON).entry is not None


def test_a_table_that_is_not_there_is_an_error_of_the_store(aws: None) -> None:
    store = make_dynamodb_store()
    with pytest.raises(LimitStoreError, match="ResourceNotFound"):
        store.reserve(ANA, "a", tokens(1), NOON)
    with pytest.raises(LimitStoreError, match="ResourceNotFound"):
        list(store.list_open(NOON))
