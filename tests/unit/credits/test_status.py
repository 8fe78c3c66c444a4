"""Levels, alerts, burn rates and days left of scopes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    MAX_DAYS_LEFT,
    BurnRates,
    CreditAlert,
    CreditLevel,
    ScopeCredits,
    count_days_left,
    describe_scope,
    find_credit_alerts,
    get_overage,
    list_scopes,
    measure_rates,
    read_scope_key,
    scope_key,
    status,
    sum_recent,
)
from tests.builders import NOON
from tests.credit_books import HOUR, Books, make_cell, make_grant, make_scope

DAY = timedelta(days=1)
CHAT = make_cell("chat")
ALL = scope_key(make_scope())


def open_books(**grants: dict[str, Any]) -> Books:
    books = Books()
    for name, changes in grants.items():
        books.grant(make_grant(name, **changes))
    return books


def find_scope(books: Books, at: Any = NOON) -> ScopeCredits:
    (scope,) = list_scopes(books.book, at)
    return scope


@pytest.mark.parametrize(
    ("used", "level"),
    [
        (79, CreditLevel.SUFFICIENT),
        (80, CreditLevel.LOW),
        (99, CreditLevel.LOW),
        (100, CreditLevel.EXHAUSTED),
        (101, CreditLevel.EXHAUSTED),
    ],
)
def test_the_level_falls_with_the_balance(used: int, level: CreditLevel) -> None:
    books = open_books(june={})
    books.use({CHAT: used})
    assert find_scope(books).find_level(20) is level


def test_a_new_grant_beside_a_used_up_one_is_not_low() -> None:
    books = open_books(june={"amount": 1000})
    books.use({CHAT: 1000})
    books.grant(make_grant("july", 100))
    scope = find_scope(books)
    assert scope.find_level(20) is CreditLevel.SUFFICIENT
    assert (scope.granted_picodollars, scope.balance_picodollars) == (1100, 100)


def test_grants_that_have_ended_or_not_begun_are_not_in_the_balance() -> None:
    books = open_books(
        ended={"expires_at": NOON + HOUR},
        later={"effective_from": NOON + 2 * HOUR},
    )
    scope = find_scope(books, NOON + HOUR)
    assert (scope.balance_picodollars, scope.find_level(20)) == (0, CreditLevel.EXHAUSTED)
    assert [balance.grant.id for balance in scope.grants] == ["ended"]
    assert find_scope(books, NOON + 2 * HOUR).balance_picodollars == 100


def test_scopes_without_a_grant_that_counts_are_not_listed() -> None:
    books = open_books(june={}, later={"scope": make_scope("a"), "effective_from": NOON + HOUR})
    books.void("june", NOON)
    assert list_scopes(books.book, NOON) == ()


def test_the_same_conditions_are_one_scope_in_any_order() -> None:
    first, second = (BudgetScope(project=names) for names in (("b", "a"), ("a", "b", "a")))
    books = open_books(june={"scope": first}, july={"scope": second})
    scope = find_scope(books)
    assert (scope.key, scope.granted_picodollars) == ('{"project":["a","b"]}', 200)
    assert (scope.name, scope.since) == ("project a, b", NOON)
    assert read_scope_key(scope.key) == scope.scope == BudgetScope(project=("a", "b"))
    assert describe_scope(BudgetScope()) == "the account"


names = st.lists(st.text(max_size=5), max_size=3).map(tuple)


@given(st.builds(BudgetScope, project=names, model=names), st.randoms())
def test_a_scope_is_read_from_its_key(scope: BudgetScope, random: Any) -> None:
    project = [*scope.project]
    random.shuffle(project)
    turned = BudgetScope(project=tuple(project), model=scope.model)
    assert scope_key(read_scope_key(scope_key(scope))) == scope_key(scope) == scope_key(turned)


def run_alerts(books: Books, *used: int) -> Iterator[list[CreditLevel]]:
    """Use amounts one after the other, and list the alerts that are due after each."""
    alerts = dict[str, CreditAlert]()
    for number, amount in enumerate(used):
        at = NOON + number * timedelta(minutes=1)
        books.use({CHAT: amount}, at)
        changed = list(find_credit_alerts(list_scopes(books.book, at), alerts, 20))
        alerts |= {alert.key: alert for alert in changed}
        yield [alert.level for alert in changed if not alert.is_sent]


def test_each_level_alerts_once_until_credits_are_sufficient_again() -> None:
    low, exhausted = [CreditLevel.LOW], [CreditLevel.EXHAUSTED]
    found = [*run_alerts(open_books(june={}), 50, 85, 90, 100, 99, 100, 50, 85)]
    assert found == [[], low, [], exhausted, [], [], [], low]


def test_a_new_grant_ends_an_alert_and_a_void_of_all_grants_too() -> None:
    books = open_books(june={})
    books.use({CHAT: 100})
    (alert,) = find_credit_alerts(list_scopes(books.book, NOON), {}, 20)
    assert alert == CreditAlert(ALL, CreditLevel.EXHAUSTED, NOON, 0)
    assert [*find_credit_alerts(list_scopes(books.book, NOON), {ALL: alert}, 20)] == []
    books.grant(make_grant("july", created_at=NOON + HOUR))
    (ended,) = find_credit_alerts(list_scopes(books.book, NOON), {ALL: alert}, 20)
    assert (ended.level, ended.is_sent) == (CreditLevel.SUFFICIENT, True)
    (ended,) = find_credit_alerts((), {ALL: alert}, 20)
    assert (ended.level, ended.is_sent) == (CreditLevel.SUFFICIENT, True)
    assert [*find_credit_alerts((), {ALL: ended}, 20)] == []


def test_a_balance_that_only_falls_is_low_once() -> None:
    """Also when the larger grant is used up, and a part of it is left."""
    books = open_books(june={"amount": 1000}, july={"amount": 100, "priority": 60})
    low, exhausted = [CreditLevel.LOW], [CreditLevel.EXHAUSTED]
    found = [*run_alerts(books, 900, 1000, 1085, 1100)]
    assert found == [low, [], [], exhausted]


def test_an_expiry_ends_no_alert() -> None:
    books = open_books(
        june={"amount": 1000, "expires_at": NOON + HOUR}, july={"amount": 100, "priority": 60}
    )
    books.use({CHAT: 900})
    (alert,) = find_credit_alerts(list_scopes(books.book, NOON), {}, 20)
    scopes = list_scopes(books.book, NOON + HOUR)
    assert scopes[0].find_level(20) is CreditLevel.SUFFICIENT
    assert [*find_credit_alerts(scopes, {ALL: alert}, 20)] == []


def test_a_small_grant_after_an_alert_can_be_low_again() -> None:
    books, alerts = open_books(june={"amount": 1000}), dict[str, CreditAlert]()

    def find(at: Any) -> list[CreditLevel]:
        changed = list(find_credit_alerts(list_scopes(books.book, at), alerts, 20))
        alerts.update({alert.key: alert for alert in changed})
        return [alert.level for alert in changed]

    books.use({CHAT: 900})
    assert find(NOON) == [CreditLevel.LOW]
    later = NOON + timedelta(minutes=1)
    books.grant(make_grant("july", 50, priority=60, created_at=later))
    assert find(later) == []
    books.use({CHAT: 1000}, later)
    assert find(later) == [CreditLevel.SUFFICIENT]
    books.use({CHAT: 1045}, later)
    assert find(later) == [CreditLevel.LOW]


@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=4),
    st.lists(st.integers(0, 4000), max_size=12),
    st.lists(st.integers(0, 9), min_size=4, max_size=4),
)
def test_usage_alone_sends_each_level_once(
    amounts: list[int], used: list[int], ends: list[int]
) -> None:
    books = open_books(
        **{
            f"grant-{number}": {
                "amount": amount,
                "expires_at": NOON + ends[number] * HOUR if ends[number] else None,
            }
            for number, amount in enumerate(amounts)
        }
    )
    alerts, sent = dict[str, CreditAlert](), list[CreditLevel]()
    for hours, amount in enumerate(sorted(used)):
        at = NOON + hours * HOUR
        books.use({CHAT: amount}, at)
        books.expire(at)
        for alert in find_credit_alerts(list_scopes(books.book, at), alerts, 20):
            alerts[alert.key] = alert
            assert not alert.is_sent
            sent.append(alert.level)
    assert sent == sorted(set(sent))


def test_rates_are_those_of_the_last_day_and_the_last_week() -> None:
    books = open_books(june={"amount": 100})
    for days, amount in enumerate([70, 7, 14]):
        books.use({make_cell(hours=24 * days): amount}, NOON + days * DAY)
    scope = find_scope(books, NOON + 2.5 * DAY)
    assert measure_rates(books.entries, [scope]) == {ALL: BurnRates(day=14, week=36)}
    scope = find_scope(books, NOON + 7.5 * DAY)
    assert measure_rates(books.entries, [scope]) == {ALL: BurnRates(day=0, week=3)}


def test_rates_of_many_scopes_sum_entries_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    books, sums = Books(), list[timedelta]()
    for number in range(20):
        books.grant(make_grant(f"grant-{number}", scope=make_scope(f"project-{number}")))
    books.use({make_cell(f"project-{number}"): number for number in range(20)})

    def sum_and_note(entries: Any, time: timedelta, at: datetime) -> Any:
        sums.append(time)
        return sum_recent(entries, time, at)

    monkeypatch.setattr(status, "sum_recent", sum_and_note)
    rates = measure_rates(books.entries, list_scopes(books.book, NOON + HOUR))
    assert sum(rate.day for rate in rates.values()) == sum(range(20))
    assert sums == [DAY, 7 * DAY]


def test_usage_that_the_same_run_has_booked_is_in_the_rates() -> None:
    books = open_books(june={"amount": 100})
    books.use({CHAT: 80}, NOON + HOUR)
    scope = find_scope(books, NOON + HOUR)
    assert measure_rates(books.entries, [scope]) == {ALL: BurnRates(day=80, week=80)}


def test_a_scope_without_usage_has_a_rate_of_0_and_no_days_left() -> None:
    scope = find_scope(open_books(june={}))
    assert measure_rates([], [scope]) == {ALL: BurnRates()}
    assert count_days_left(scope, 0) is None


def test_days_left_know_that_grants_end() -> None:
    books = open_books(
        first={"amount": 40, "expires_at": NOON + 2 * DAY},
        second={"amount": 30},
    )
    scope = find_scope(books)
    assert count_days_left(scope, 20) == 3.5
    assert count_days_left(scope, 10) == 5.0
    assert count_days_left(find_scope(open_books(june={"amount": 10**15})), 1) == MAX_DAYS_LEFT


@given(
    st.lists(st.tuples(st.integers(0, 10**15), st.integers(1, 99) | st.none())),
    st.integers(1, 10**14),
)
def test_days_left_are_at_most_those_of_grants_without_an_end(
    grants: list[tuple[int, int | None]], rate: int
) -> None:
    books = Books()
    for number, (amount, hours) in enumerate(grants):
        expires_at = None if hours is None else NOON + hours * HOUR
        books.grant(make_grant(f"grant-{number}", amount, expires_at=expires_at))
    for scope in list_scopes(books.book, NOON):
        days = count_days_left(scope, rate)
        assert days is not None
        assert 0 <= days <= scope.balance_picodollars / rate + 1e-6


def test_overage_is_read_as_a_number_above_0() -> None:
    books = open_books(june={})
    books.use({CHAT: 130})
    assert get_overage(books.balance_at(NOON), ALL) == 30
    assert get_overage({}, ALL) == 0
