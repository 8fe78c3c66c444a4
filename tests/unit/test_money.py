"""Costs that mean different things look different."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.money import UNPRICED, cost_legend, count_places, dollars, signed_dollars


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "unpriced"),
        ("0", "$0"),
        ("0E-20", "$0"),
        ("0.00000000000000000001", "<$0.0001"),
        ("0.0000999", "<$0.0001"),
        ("0.0001", "$0.0001"),
        ("0.25", "$0.2500"),
        ("0.99994", "$0.9999"),
        ("0.99995", "$1.00"),
        ("0.99999", "$1.00"),
        ("2.87", "$2.87"),
        ("1234567.891", "$1,234,567.89"),
    ],
)
def test_zero_tiny_and_unknown_costs_look_different(usd: str | None, text: str) -> None:
    assert dollars(None if usd is None else Decimal(usd)) == text


@pytest.mark.parametrize(
    ("amounts", "column"),
    [
        (["28.98", "0.4867", "0.0099", "0"], ["$28.98", "$0.49", "<$0.01", "$0"]),
        (["0.4867", "0.0099", "0.00001"], ["$0.4867", "$0.0099", "<$0.0001"]),
        (["0.99996", "0.5"], ["$1.00", "$0.50"]),
    ],
)
def test_amounts_in_a_column_have_the_same_number_of_decimals(
    amounts: list[str], column: list[str]
) -> None:
    usd = [Decimal(amount) for amount in amounts]
    places = count_places(max(usd))
    assert [dollars(amount, places=places) for amount in usd] == column


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False), st.sampled_from([2, 4]))
def test_no_cost_in_a_column_is_rounded_to_nothing(usd: Decimal, places: int) -> None:
    shown = dollars(usd, places=places)
    assert shown == "$0" if usd == 0 else re.search("[1-9]", shown)


def test_an_assumed_price_marks_any_cost() -> None:
    amounts = [Decimal(0), Decimal("0.00001"), Decimal("1.2")]
    assert [dollars(usd, is_assumed=True) for usd in amounts] == ["~$0", "~<$0.0001", "~$1.20"]


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False))
def test_a_positive_cost_never_looks_free(usd: Decimal) -> None:
    assert (dollars(usd) == "$0") is (usd == 0)
    assert "0.0000" not in dollars(usd) or usd >= Decimal("0.0001")


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("1234.5", "+$1,234.50"),
        ("-1234.5", "-$1,234.50"),
        ("-0.001", "-<$0.01"),
        ("0", "$0"),
        (None, UNPRICED),
    ],
)
def test_a_difference_has_a_sign(usd: str | None, shown: str) -> None:
    difference = None if usd is None else Decimal(usd)
    assert signed_dollars(difference, places=2) == shown


def test_an_assumed_price_marks_a_difference_before_its_sign() -> None:
    assert signed_dollars(Decimal("-1.2"), is_assumed=True, places=2) == "~-$1.20"


def test_the_legend_explains_only_the_marks_that_occur() -> None:
    assert cost_legend(["$1.00", "-", "$10.00"]) == []
    lines = cost_legend(["~$1.00", "~<$0.0001", "$0", "<$0.01", UNPRICED])
    marks = ["$0", "<$0.01", "<$0.0001", "~", "unpriced"]
    assert [line.split()[0] for line in lines] == marks
    (assumed,) = cost_legend(["~$1.00"])
    assert "assumed price" in assumed
