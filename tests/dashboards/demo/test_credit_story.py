"""The story of `make demo` says what is left of credits, and what was checked."""

from __future__ import annotations

from dashboards.demo.company_credits import AMOUNT_USD, CreditState
from dashboards.demo.credit_story import describe_credit_alert, describe_credits, describe_grant
from lambdas.domain.credits import (
    Burn,
    BurnRates,
    CreditAlert,
    CreditLevel,
    list_scopes,
)
from lambdas.domain.credits.alerts import CreditFigures, write_credit_detail, write_credit_notice
from tests.builders import NOON
from tests.credit_books import Books, make_cell, make_grant

PICODOLLARS_PER_CENT = 10**10
STATE = CreditState(
    calls=5,
    granted="0.02",
    burned_picodollars=16_875_000_000,
    balance="0.003125",
    overage="0",
    days_left=0.185,
)


def write_alert(level: CreditLevel, used: int, days_left: float | None) -> dict[str, str]:
    """Write the message about a grant of 10 cents after some use, as the meter sends it."""
    books = Books()
    books.grant(make_grant("pilot", 10 * PICODOLLARS_PER_CENT))
    books.use({make_cell("chat"): used})
    (scope,) = list_scopes(books.book, NOON)
    figures = CreditFigures(
        scope=scope,
        rates=BurnRates(used, used),
        burned=Burn(used),
        days_left=days_left,
        overage_picodollars=0,
    )
    detail = write_credit_detail(
        CreditAlert(scope.key, level, NOON, scope.balance_picodollars), figures, 20
    )
    notice = write_credit_notice(detail, "https://console.example.com/credits")
    return {"Subject": notice.subject, "Message": notice.text}


def test_the_grant_is_described_with_its_command() -> None:
    assert f"credits grant pilot-order {AMOUNT_USD} --project pilot" in describe_grant()


def test_low_credits_have_the_rest_and_the_days_left() -> None:
    message = write_alert(CreditLevel.LOW, 9 * PICODOLLARS_PER_CENT, 0.111)
    event = describe_credit_alert(message, NOON)
    assert event.name.startswith("Bedrock credits low: ")
    assert event.why == "$0.0100 of $0.1000 left, for 0.1 days"


def test_exhausted_credits_have_no_days_left() -> None:
    message = write_alert(CreditLevel.EXHAUSTED, 10 * PICODOLLARS_PER_CENT, 0)
    event = describe_credit_alert(message, NOON)
    assert event.name.startswith("Bedrock credits exhausted: ")
    assert event.why == "$0 of $0.1000 left"


def test_a_message_without_figures_is_shown_as_it_is() -> None:
    event = describe_credit_alert({"Subject": "Bedrock credits", "Message": "text"}, NOON)
    assert event.why == "text"


def test_the_balance_is_exact() -> None:
    assert describe_credits(STATE).startswith(
        "After 5 calls: $0.02 granted, $0.016875 burned, $0.003125 left, $0 overage, days left:"
        " 0.2. Checked: booked = counted"
    )


def test_days_left_without_usage_are_unknown() -> None:
    assert "days left: unknown" in describe_credits(STATE._replace(days_left=None))
