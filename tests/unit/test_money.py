"""Costs that mean different things look different."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.money import UNPRICED, cost_legend, dollars


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


def test_an_assumed_price_marks_any_cost() -> None:
    amounts = [Decimal(0), Decimal("0.00001"), Decimal("1.2")]
    assert [dollars(usd, is_assumed=True) for usd in amounts] == ["~$0", "~<$0.0001", "~$1.20"]


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False))
def test_a_positive_cost_never_looks_free(usd: Decimal) -> None:
    assert (dollars(usd) == "$0") is (usd == 0)
    assert "0.0000" not in dollars(usd) or usd >= Decimal("0.0001")


def test_the_legend_explains_only_the_marks_that_occur() -> None:
    assert cost_legend(["$1.00", "-", "$10.00"]) == []
    lines = cost_legend(["~$1.00", "~<$0.0001", "$0", UNPRICED])
    assert [line.split()[0] for line in lines] == ["$0", "<$0.0001", "~", "unpriced"]
    (assumed,) = cost_legend(["~$1.00"])
    assert "assumed price" in assumed
