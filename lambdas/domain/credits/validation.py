"""Checks of grants that people ask for, with errors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from lambdas.domain.counters import CellSpan
from lambdas.domain.credits.documents import read_usd
from lambdas.domain.credits.grants import MAX_GRANTS, CreditBook, CreditGrant
from lambdas.domain.credits.scopes import MAX_SCOPE_BYTES, measure_scope
from lambdas.domain.money import PICODOLLARS
from lambdas.domain.times import write_seconds

MAX_USD = 1_000_000_000
_MAX_PICODOLLARS: int = MAX_USD * PICODOLLARS
MAX_PRIORITY = 1000
MIN_TIME, MAX_TIME = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""The range of a grant's times: far enough from both ends of the calendar for all calculations."""
MAX_NOTE_LETTERS = 200
ID_PATTERN = "^[a-z0-9][a-z0-9-]{0,63}$"
_AMOUNT_FORM = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ID = re.compile(ID_PATTERN.removesuffix("$"))


class GrantError(ValueError):
    """A grant that cannot be added; the message says what to change."""

    def __init__(self, problems: Collection[str]) -> None:
        super().__init__("; ".join(problems))


def read_amount(text: str) -> int:
    """Read the amount of a grant in US dollars, as pico-dollars.

    Raises:
        GrantError: It is no number above 0, is too large or has more than 12 decimal places.
    """
    message = "give the amount in US dollars with at most 12 decimal places, such as 250.50"
    if not _AMOUNT_FORM.fullmatch(text):
        raise GrantError([message])
    try:
        picodollars = read_usd(text)
    except (ArithmeticError, ValueError) as error:
        raise GrantError([message]) from error
    if not _is_amount(picodollars):
        raise GrantError([_AMOUNT])
    return picodollars


def floor_hour(moment: datetime) -> datetime:
    """Round a time down to its hour, in UTC: the first that a new grant can be effective in."""
    return CellSpan.HOUR.get_start(moment)


def check_grant(grant: CreditGrant, book: CreditBook | None = None) -> None:
    """Check a new grant.

    Args:
        grant: The grant.
        book: All grants, to check that there is room for another; `None` to leave that out.

    Raises:
        GrantError: It cannot be added. The message names every problem.
    """
    problems = [*_find_problems(grant)]
    if book is not None and grant.id not in book.grants:
        open_ = sum(balance.is_open and balance.picodollars > 0 for balance in book.grants.values())
        if open_ >= MAX_GRANTS:
            problems.append(
                f"there are {open_:,} open grants, and at most {MAX_GRANTS:,} are possible: void"
                " some, or make fewer and larger ones"
            )
    if problems:
        raise GrantError(problems)


_AMOUNT = f"give an amount above 0 and of at most {MAX_USD:,} US dollars"


def _is_amount(picodollars: int) -> bool:
    return 0 < picodollars <= _MAX_PICODOLLARS


def _find_problems(grant: CreditGrant) -> Iterator[str]:
    if not _ID.fullmatch(grant.id):
        yield (
            "give an id of up to 64 lower-case letters, digits and hyphens that begins with a"
            " letter or a digit"
        )
    if not _is_amount(grant.picodollars):
        yield _AMOUNT
    if not 0 <= grant.priority <= MAX_PRIORITY:
        yield f"give a priority from 0 to {MAX_PRIORITY:,}; the lowest number pays first"
    if len(grant.note) > MAX_NOTE_LETTERS or not grant.note.isprintable():
        yield f"give a note of one line with up to {MAX_NOTE_LETTERS} characters"
    if measure_scope(grant.scope) > MAX_SCOPE_BYTES:
        yield (
            f"the scope takes more than {MAX_SCOPE_BYTES:,} bytes, and letters beyond English take"
            " several: use patterns, or several grants"
        )
    yield from _find_problems_of_times(grant)


def _find_problems_of_times(grant: CreditGrant) -> Iterator[str]:
    effective, expires = grant.effective_from, grant.expires_at
    times = [effective] if expires is None else [effective, expires]
    if not all(MIN_TIME <= time < MAX_TIME for time in times):
        yield (
            f"give times from {write_seconds(MIN_TIME)} until before {write_seconds(MAX_TIME)};"
            " leave the end out for never"
        )
        return
    earliest = floor_hour(grant.created_at)
    if any(floor_hour(time) != time for time in times):
        yield "give whole hours of UTC, such as 2026-07-01T00:00:00Z"
    if effective < earliest:
        yield (
            f"the grant would be effective before it exists: give {write_seconds(earliest)} or a"
            " later hour"
        )
    if expires is not None and expires <= effective:
        yield (
            "the grant would end before it begins: give an end after"
            f" {write_seconds(effective)}, or leave it out for never"
        )
