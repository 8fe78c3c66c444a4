"""The grants that pay for usage, with examples that people can follow."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    EXPIRED,
    EXPIRY_DELAY,
    GRANTED,
    MAX_CELLS,
    MAX_GRANTS_OF_AN_ENTRY,
    VOIDED,
    Account,
    AccountKind,
    EntryKind,
    GrantBalance,
    GrantFinder,
    book_cells,
    has_credit,
    is_bookable,
    scope_key,
    void,
)
from tests.builders import NOON
from tests.credit_books import HOUR, Books, make_cell, make_grant, make_scope

CHAT = make_cell("chat")
ALL = scope_key(make_scope())
OVERAGE = Account(AccountKind.OVERAGE, ALL)
USAGE = Account(AccountKind.USAGE, ALL)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [{}, {"project": ("a",)}, {"project": ("a", "b*")}, {"model": ("n*",)}]
            ),
            st.integers(0, 2),
            st.integers(0, 2),
            st.booleans(),
        )
    ),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["nova", "claude"]))),
)
def test_grants_are_found_for_many_cells_as_for_one(
    grants: list[tuple[dict[str, Any], int, int, bool]], cells: list[tuple[str, str]]
) -> None:
    balances = {
        f"grant-{number}": GrantBalance(
            grant=make_grant(
                f"grant-{number}",
                scope=BudgetScope(**conditions),
                priority=priority,
                effective_from=NOON + hours * HOUR,
            ),
            picodollars=1,
            voided_at=NOON if is_voided else None,
        )
        for number, (conditions, priority, hours, is_voided) in enumerate(grants)
    }
    finder = GrantFinder(balances.values())
    for project, model in cells:
        labels = make_cell(project, model=model).labels
        expected = [
            balance
            for balance in sorted(balances.values(), key=lambda each: each.grant.burn_order)
            if not balance.is_voided
            and balance.grant.effective_from <= NOON + HOUR
            and balance.grant.scope.includes(labels)
        ]
        assert [*finder.find_governing(balances, NOON + HOUR, labels)] == expected


def test_scopes_are_compared_once_with_the_same_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    includes, compared = BudgetScope.includes, [0]

    def include_and_count(*arguments: Any) -> bool:
        compared[0] += 1
        return includes(*arguments)

    monkeypatch.setattr(BudgetScope, "includes", include_and_count)
    books = Books()
    for number in range(10):
        books.grant(make_grant(f"grant-{number}", scope=make_scope(f"project-{number}")))
    books.grant(make_grant("all", priority=60))
    cells = [make_cell(f"project-{n % 10}", model=f"model-{n}") for n in range(500)]
    books.use(dict.fromkeys(cells, 1))
    assert books.get_rest("grant-0") == 50
    assert compared[0] == 2 * (10 * 10 + 1)  # to find differences, then to book them


def open_books(**amounts: int) -> Books:
    """Open books with grants of the account that last, by name."""
    books = Books()
    for name, amount in amounts.items():
        books.grant(make_grant(name, amount))
    return books


def list_payments(books: Books, cell: object = CHAT) -> list[tuple[str, int]]:
    (booked,) = (booked for key, booked in books.cells.items() if key == cell)
    return [(account.name or account.kind, amount) for account, amount in booked.payments]


def test_usage_is_paid_by_priority_then_end_then_creation_then_id() -> None:
    books = Books()
    end = NOON + 9 * HOUR
    for grant in (
        make_grant("e-without-end", 1),
        make_grant("d-later-end", 1, expires_at=end + HOUR),
        make_grant("c-by-id", 1, expires_at=end),
        make_grant("b-by-id", 1, expires_at=end),
        make_grant("z-created-first", 1, expires_at=end, created_at=NOON - HOUR),
        make_grant("z-priority", 1, priority=1),
    ):
        books.grant(grant)
    books.use({CHAT: 6})
    paid = [name for name, _ in list_payments(books)]
    by_end = ["z-created-first", "b-by-id", "c-by-id", "d-later-end"]
    assert paid == ["z-priority", *by_end, "e-without-end"]


def test_what_no_grant_pays_is_overage_and_no_grant_falls_below_0() -> None:
    books = open_books(june=10)
    books.use({CHAT: 25})
    assert list_payments(books) == [("june", 10), (ALL, 15)]
    assert books.balance_at(NOON) == {GRANTED: -10, USAGE: 25, OVERAGE: -15}


def test_a_new_grant_does_not_repay_overage() -> None:
    books = open_books(june=10)
    books.use({CHAT: 25})
    books.grant(make_grant("july", 100))
    books.reconcile(NOON)
    assert books.get_rest("july") == 100
    books.use({CHAT: 30})
    assert books.get_rest("july") == 95


def test_a_cost_that_falls_gives_back_the_last_payments_first() -> None:
    books = open_books(june=10, may=10)
    books.use({CHAT: 25})
    books.use({CHAT: 12})
    assert list_payments(books) == [("june", 10), ("may", 2)]
    books.grant(make_grant("first", 5, priority=1))
    books.use({CHAT: 8})
    assert list_payments(books) == [("june", 8)]
    assert books.get_rest("first") == 5


def test_usage_that_moves_to_another_project_is_paid_by_what_it_gives_back() -> None:
    books = open_books(june=10)
    books.use({CHAT: 10})
    books.use({CHAT: 0, make_cell("batch"): 10})
    assert list_payments(books, make_cell("batch")) == [("june", 10)]
    assert books.entries[-1].postings == ()


def test_usage_of_another_scope_and_of_hours_before_a_grant_is_not_booked() -> None:
    books = Books()
    books.grant(make_grant(scope=make_scope("chat")))
    books.use({make_cell("batch"): 5, make_cell("chat", hours=-1): 5})
    assert not books.cells
    assert len(books.entries) == 1


def test_a_late_hour_is_paid_by_a_grant_that_has_ended_until_it_expires() -> None:
    end = NOON + HOUR
    books = Books()
    books.grant(make_grant(expires_at=end))
    books.expire(end + EXPIRY_DELAY - HOUR)
    books.use({CHAT: 7, make_cell(hours=1): 1}, end + HOUR)
    assert books.get_rest("june") == 93
    assert list_payments(books, make_cell(hours=1)) == [(ALL, 1)]
    books.expire(end + EXPIRY_DELAY)
    assert books.balance_at(end + EXPIRY_DELAY)[EXPIRED] == 93
    books.use({CHAT: 9}, end + EXPIRY_DELAY)
    assert list_payments(books) == [("june", 7), (ALL, 2)]


@pytest.mark.parametrize(("is_void", "account"), [(True, VOIDED), (False, EXPIRED)])
def test_what_goes_back_to_a_closed_grant_goes_on_in_the_same_entry(
    is_void: bool, account: Account
) -> None:
    books = Books()
    books.grant(make_grant(expires_at=NOON + HOUR))
    books.grant(make_grant("other", 5, priority=90))
    books.use({CHAT: 10})
    later = NOON + HOUR + EXPIRY_DELAY
    if is_void:
        books.void("june", later)
    else:
        books.expire(later)
    books.use({CHAT: 6}, later)
    assert books.get_rest("june") == 0
    assert books.balance_at(later)[account] == 94
    assert dict(books.entries[-1].postings) == {account: 4, USAGE: -4}


def test_voiding_loses_the_rest_and_keeps_what_was_paid() -> None:
    books = open_books(june=10)
    books.use({CHAT: 4})
    books.void("june", NOON + HOUR)
    balances = books.balance_at(NOON + HOUR)
    assert balances == {GRANTED: -10, USAGE: 4, VOIDED: 6}
    assert books.balance_at(NOON) == {GRANTED: -10, USAGE: 4, Account(AccountKind.GRANT, "june"): 6}
    assert void(books.book.grants["june"], NOON + HOUR) is None


def test_once_all_grants_are_voided_usage_is_not_booked_any_more() -> None:
    books = open_books(june=10)
    books.use({CHAT: 4})
    books.void("june", NOON)
    books.use({CHAT: 9})
    assert list_payments(books) == [("june", 4)]
    assert has_credit(books.book, *CHAT)


def test_after_an_expiry_usage_goes_on_as_overage() -> None:
    books = Books()
    books.grant(make_grant(expires_at=NOON + HOUR))
    books.expire(NOON + 9 * HOUR)
    books.use({make_cell(hours=9): 3}, NOON + 9 * HOUR)
    assert books.balance_at(NOON + 9 * HOUR)[OVERAGE] == -3
    assert not has_credit(books.book, *make_cell(hours=9))
    assert has_credit(books.book, *CHAT._replace(hour=NOON - HOUR))


def test_a_used_up_grant_is_closed_by_an_entry_without_postings() -> None:
    books = Books()
    books.grant(make_grant(expires_at=NOON + HOUR))
    books.use({CHAT: 100})
    books.expire(NOON + 9 * HOUR)
    assert (books.entries[-1].kind, books.entries[-1].postings) == (EntryKind.EXPIRY, ())
    assert not books.book.grants["june"].is_open


def test_overage_belongs_to_the_scope_of_the_grant_that_pays_last() -> None:
    books = Books()
    books.grant(make_grant("account", 1, priority=60))
    books.grant(make_grant("chat", 1, scope=make_scope("chat")))
    books.use({CHAT: 5})
    assert books.balance_at(NOON)[OVERAGE] == -3


def test_a_cell_with_more_grants_than_an_entry_has_is_booked_by_several() -> None:
    books = Books()
    for number in range(100):
        books.grant(make_grant(f"grant-{number:02}", 1))
    books.use({CHAT: 110})
    usage = [entry for entry in books.entries if entry.kind is EntryKind.USAGE]
    assert len(usage) == 3
    assert books.cells[CHAT].picodollars == 110
    assert books.cells[CHAT].version == 3
    assert books.balance_at(NOON) == {GRANTED: -100, USAGE: 110, OVERAGE: -10}
    books.use({CHAT: 0})
    assert books.cells[CHAT].payments == ()
    assert all(books.get_rest(f"grant-{number:02}") == 1 for number in range(100))


def test_many_cells_are_booked_by_as_many_entries_as_transactions_need() -> None:
    books = open_books(june=1000)
    cells = {make_cell(f"project-{number}"): 2 for number in range(130)}
    books.counted |= cells
    bookings = list(book_cells(books.book, books.find_differences(), NOON))
    assert [len(booking.cells) for booking in bookings] == [60, 60, 10]
    assert len({booking.entry.id for booking in bookings}) == 3
    assert all(1 + len(booking.cells) + len(booking.grants) <= 100 for booking in bookings)
    assert MAX_CELLS + MAX_GRANTS_OF_AN_ENTRY + 2 <= 100
    assert [booking.grants[0].version for booking in bookings] == [2, 3, 4]


def test_the_id_of_an_entry_comes_from_its_cause() -> None:
    first, second, later = open_books(june=9), open_books(june=9), open_books(june=9)
    first.use({CHAT: 5})
    second.use({CHAT: 5}, NOON + HOUR)
    later.use({CHAT: 6})
    assert first.entries[-1].id == second.entries[-1].id != later.entries[-1].id
    assert [books.entries[0].id for books in (first, second, later)] == ["grant-june"] * 3


def test_each_hour_has_entries_of_its_own() -> None:
    books = open_books(june=9)
    books.use({make_cell(hours=1): 2, CHAT: 1})
    assert [entry.hour for entry in books.entries[1:]] == [NOON, NOON + HOUR]


def test_an_hour_is_bookable_until_its_cells_are_deleted() -> None:
    assert is_bookable(NOON, NOON + 40 * 24 * HOUR - 2 * HOUR)
    assert not is_bookable(NOON, NOON + 40 * 24 * HOUR - HOUR)


def test_an_entry_that_does_not_sum_to_0_is_refused() -> None:
    books = open_books(june=9)
    with pytest.raises(ValueError, match="grant-june do not sum to 0"):
        replace(books.entries[0], postings=books.entries[0].postings[:1])
