"""Grants that cannot be added are refused with what to change."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from lambdas.domain.credits import (
    MAX_GRANTS,
    CreditBook,
    GrantBalance,
    GrantError,
    check_grant,
    floor_hour,
    read_amount,
)
from tests.builders import NOON
from tests.credit_books import HOUR, make_grant, make_scope

MINUTE = timedelta(minutes=1)
INDIA = timezone(timedelta(hours=5, minutes=30))
WEST = timezone(timedelta(hours=-5))
HALF_HOUR = datetime(2026, 9, 8, 20, tzinfo=INDIA)
"""A whole hour in India, and half past two in UTC."""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "June"}, "give an id of up to 64 lower-case letters"),
        ({"name": "june\n"}, "give an id of up to 64 lower-case letters"),
        ({"name": "x" * 65}, "give an id of up to 64 lower-case letters"),
        ({"amount": 0}, "give an amount above 0"),
        ({"amount": 10**21 + 1}, "of at most 1,000,000,000 US dollars"),
        ({"priority": -1}, "give a priority from 0 to 1,000"),
        ({"note": "x" * 201}, "give a note of one line with up to 200 characters"),
        ({"note": "a\nb"}, "give a note of one line"),
        ({"scope": make_scope("x" * 1024)}, "use patterns, or several grants"),
        ({"scope": make_scope("\N{MUSICAL SYMBOL G CLEF}" * 90)}, "takes more than 1,024 bytes"),
        ({"effective_from": NOON + MINUTE}, "give whole hours"),
        ({"expires_at": NOON + MINUTE}, "give whole hours"),
        ({"effective_from": NOON - HOUR}, "give 2026-09-08T12:00:00Z or a later hour"),
        ({"expires_at": NOON}, "give an end after 2026-09-08T12:00:00Z, or leave it out"),
        ({"effective_from": HALF_HOUR}, "give whole hours of UTC"),
        ({"expires_at": HALF_HOUR + HOUR}, "give whole hours of UTC"),
        ({"expires_at": datetime(9999, 12, 31, 23, tzinfo=UTC)}, "leave the end out for never"),
        ({"expires_at": datetime(9999, 12, 31, 23, tzinfo=WEST)}, "until before 9000-01-01T00"),
        ({"effective_from": datetime(9999, 12, 31, 23, tzinfo=WEST)}, "give times from 2000"),
        ({"effective_from": datetime(1, 1, 1, tzinfo=INDIA)}, "give times from 2000-01-01T00"),
    ],
)
def test_each_problem_says_what_to_change(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(GrantError, match=problem.replace("+", r"\+")):
        check_grant(make_grant(**changes))


def test_whole_hours_of_utc_can_be_named_in_any_zone() -> None:
    start = datetime(2026, 9, 8, 17, 30, tzinfo=INDIA)
    assert start == NOON
    check_grant(make_grant(effective_from=start, expires_at=start + HOUR))
    assert floor_hour(start + 59 * MINUTE) == NOON


def test_all_problems_are_named() -> None:
    with pytest.raises(GrantError) as refused:
        check_grant(make_grant("June", 0, expires_at=NOON))
    assert str(refused.value).count("give ") == 3


def test_a_grant_of_the_current_hour_is_allowed() -> None:
    created_at = NOON + 59 * MINUTE
    assert floor_hour(created_at) == NOON
    check_grant(make_grant(created_at=created_at))


def test_used_up_and_closed_grants_leave_room_for_others() -> None:
    balances = [
        GrantBalance(grant=make_grant(f"grant-{number}"), picodollars=1)
        for number in range(MAX_GRANTS)
    ]
    full = CreditBook({balance.grant.id: balance for balance in balances})
    with pytest.raises(GrantError, match="at most 500 are possible: void some"):
        check_grant(make_grant(), full)
    check_grant(make_grant("grant-1"), full)
    used = GrantBalance(grant=make_grant("grant-0"), picodollars=0)
    check_grant(make_grant(), CreditBook({**full.grants, "grant-0": used}))


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "0", "-1", "NaN", "Infinity", "1e10", "0.0000000000001"),
        *("1_000", " 5", "5\n", "\N{FULLWIDTH DIGIT ONE}", "\N{ARABIC-INDIC DIGIT THREE}"),
    ],
)
def test_amounts_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(GrantError, match="give "):
        read_amount(text)


def test_an_amount_is_read_to_the_pico_dollar() -> None:
    assert read_amount("250.500000000001") == 250_500_000_000_001
