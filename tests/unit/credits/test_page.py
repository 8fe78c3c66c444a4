"""The example in `docs/credits.md` has the numbers that the rules give."""

from datetime import UTC, datetime
from pathlib import Path

from lambdas.domain.budgets import to_usd
from lambdas.domain.credits import (
    EXPIRED,
    VOIDED,
    Account,
    AccountKind,
    get_account,
    scope_key,
)
from lambdas.domain.money import PICODOLLARS
from tests.credit_books import Books, make_cell, make_grant, make_scope

PAGE = (Path(__file__).parents[3] / "docs" / "credits.md").read_text(encoding="utf-8")
CHAT = make_scope("chat")
OVERAGE = Account(AccountKind.OVERAGE, scope_key(CHAT))
NAMES = ("promo", "order-17", "order-18")


def at(text: str) -> datetime:
    """A time such as `30 20:15`: the day, of June if it is 30 and else of July."""
    day, clock = text.split()
    month = 6 if day == "30" else 7
    return datetime.strptime(f"2026 {month} {day} {clock}", "%Y %m %d %H:%M").replace(tzinfo=UTC)


class Example:
    """The steps of the example, which print the rows of its table."""

    def __init__(self) -> None:
        self.books = Books()

    def grant(self, name: str, usd: int, now: str, *, priority: int, until: str | None) -> None:
        created_at = at(now)
        grant = make_grant(
            name,
            usd * PICODOLLARS,
            scope=CHAT,
            priority=priority,
            effective_from=created_at.replace(minute=0),
            expires_at=None if until is None else at(until),
            created_at=created_at,
        )
        self.books.grant(grant)

    def use(self, hour: str, usd: int, now: str) -> None:
        cell = make_cell("chat")._replace(hour=at(hour))
        self.books.use({cell: usd * PICODOLLARS}, at(now))

    def write(self, now: str, event: str) -> str:
        """Write a row: the balances as of a time."""
        balances = self.books.balance_at(at(now))
        rests = [
            to_usd(balances[get_account(grant.grant)])
            if get_account(grant.grant) in balances
            else 0
            for grant in map(self.books.book.grants.get, NAMES)
            if grant is not None
        ]
        texts = [f"{rest:.0f}" for rest in rests]
        texts += ["-"] * (len(NAMES) - len(texts))
        others = (-balances.get(OVERAGE, 0), balances.get(EXPIRED, 0), balances.get(VOIDED, 0))
        texts += [f"{to_usd(other):.0f}" for other in others]
        return f"| {at(now):%d %B %H:%M} | {event} | {' | '.join(texts)} |"


def test_the_example_of_the_page_has_the_balances_of_the_rules() -> None:
    example = Example()
    rows = list[str]()
    example.grant("promo", 80, "30 20:15", priority=10, until="1 00:00")
    example.grant("order-17", 200, "30 20:15", priority=50, until=None)
    rows.append(example.write("30 20:15", "`promo` and `order-17` are granted"))
    example.use("30 21:00", 30, "30 22:00")
    rows.append(example.write("30 22:00", "the hour of 21:00 cost $30"))
    example.use("30 23:00", 45, "30 23:59")
    rows.append(example.write("30 23:59", "the hour of 23:00 cost $45"))
    example.use("30 23:00", 35, "1 00:30")
    rows.append(example.write("1 00:30", "a price is corrected: the hour of 23:00 cost $35"))
    example.use("30 22:00", 6, "1 01:30")
    rows.append(example.write("1 01:30", "the hour of 22:00 is counted late: it cost $6"))
    example.books.expire(at("1 03:00"))
    rows.append(example.write("1 03:00", "`promo` expires"))
    example.use("30 21:00", 28, "1 03:30")
    rows.append(example.write("1 03:30", "a correction: the hour of 21:00 cost $28"))
    example.use("1 05:00", 210, "1 06:00")
    rows.append(example.write("1 06:00", "the hour of 05:00 cost $210"))
    example.grant("order-18", 100, "1 06:10", priority=50, until=None)
    rows.append(example.write("1 06:10", "`order-18` is granted"))
    example.use("1 06:00", 5, "1 07:00")
    rows.append(example.write("1 07:00", "the hour of 06:00 cost $5"))
    example.books.void("order-18", at("1 07:20"))
    rows.append(example.write("1 07:20", "`order-18` is voided"))
    example.use("1 07:00", 3, "1 08:00")
    rows.append(example.write("1 08:00", "the hour of 07:00 cost $3"))
    shown = [line for line in PAGE.splitlines() if line.startswith(("| 30 June", "| 01 July"))]
    assert shown == rows


def test_balances_of_the_past_stay_as_they_were_on_the_page() -> None:
    """A row is the balance as of its time, whatever is booked later."""
    example = Example()
    example.grant("promo", 80, "30 20:15", priority=10, until="1 00:00")
    example.use("30 21:00", 30, "30 22:00")
    before = example.books.balance_at(at("30 22:00"))
    example.use("30 21:00", 28, "1 03:30")
    assert example.books.balance_at(at("30 22:00")) == before
