"""Usage takes money or tokens of a budget, and unknown prices count at a ceiling."""

from decimal import Decimal

import pytest
from hypothesis import given

from lambdas.domain.budgets import BudgetAmount, BudgetUnit, UnpricedCeiling, to_usd
from lambdas.domain.counters import UsageTotals
from lambdas.domain.pricing import BilledUnit, TokenKind, shipped_prices
from tests.unit.budgets.builders import DOLLAR, budget, budgets, totals, usage


def test_a_call_without_a_price_counts_at_the_ceiling() -> None:
    made = budget(unpriced_ceiling=UnpricedCeiling(Decimal("2.5"), Decimal(10)))
    unpriced = UsageTotals(
        calls=1, unpriced_calls=1, unpriced_input_tokens=1_000_000, unpriced_output_tokens=100_000
    )
    assert made.read_usage(unpriced) == 3_500_000_000_000
    assert made.read_usage(unpriced + usage(0.25)) == 3_750_000_000_000


def test_no_shipped_price_is_above_the_default_ceiling() -> None:
    rates = [rate for price in shipped_prices()._prices for rate in price.rates]  # noqa: SLF001  # all of them
    highest = {
        kind: max(rate.usd_per_million.get(kind, Decimal(0)) for rate in rates)
        for kind in TokenKind
    }
    assert highest.pop(TokenKind.OUTPUT) <= UnpricedCeiling().output_usd
    assert max(highest.values()) <= UnpricedCeiling().input_usd


def test_no_shipped_price_of_a_unit_is_above_the_default_ceiling() -> None:
    ceiling = UnpricedCeiling()
    ceilings = {
        BilledUnit.IMAGE: ceiling.image_usd,
        BilledUnit.VIDEO_SECOND: ceiling.video_second_usd,
    }
    prices = [pair for price in shipped_prices() for pair in price.usd_per_unit.items()]
    assert {unit for unit, _ in prices} >= ceilings.keys()
    assert all(usd <= ceilings.get(unit, ceiling.other_unit_usd) for unit, usd in prices)


def test_images_without_a_price_count_at_the_ceiling_and_never_at_nothing() -> None:
    made = budget(unpriced_ceiling=UnpricedCeiling(image_usd=Decimal("0.14")))
    unpriced = UsageTotals(calls=1, unpriced_calls=1, unpriced_images=3)
    assert to_usd(made.read_usage(unpriced)) == Decimal("0.42")
    others = UsageTotals(unpriced_calls=1, unpriced_video_seconds=2, unpriced_other_units=5)
    assert to_usd(budget().read_usage(others)) == Decimal("3.05")


def test_two_thousand_small_calls_are_not_rounded_away() -> None:
    one = usage(0, cost_picodollars=250_000)  # one token at $0.25 a million
    total = UsageTotals.ZERO
    for _ in range(2000):
        total += one
    assert to_usd(budget().read_usage(total)) == Decimal("0.0005")


@pytest.mark.parametrize(
    ("unit", "used"), [(BudgetUnit.TOTAL_TOKENS, 30), (BudgetUnit.QUOTA_TOKENS, 70)]
)
def test_budgets_of_tokens_read_tokens(unit: BudgetUnit, used: int) -> None:
    made = budget(amount=BudgetAmount(unit, 1000))
    assert made.read_usage(usage(5, total_tokens=30, quota_tokens=70)) == used


@given(budgets, totals, totals)
def test_usage_of_a_sum_is_the_sum_of_usages(
    made: object, first: UsageTotals, second: UsageTotals
) -> None:
    read = made.read_usage  # type: ignore[attr-defined]
    assert read(first + second) == read(first) + read(second)


@pytest.mark.parametrize(
    ("used", "percent", "is_reached"),
    [
        (DOLLAR * 50 - 1, "50", False),
        (DOLLAR * 50, "50", True),
        (DOLLAR * 33 + DOLLAR * 33 // 100, "33.33", True),
        (DOLLAR * 120, "120", True),
        (-DOLLAR, "0.01", False),
    ],
)
def test_a_threshold_is_reached_to_the_picodollar(
    used: int, percent: str, is_reached: bool
) -> None:
    assert budget().amount.is_reached(used, Decimal(percent)) is is_reached


def test_amounts_are_written_in_their_unit() -> None:
    dollars = BudgetAmount.from_usd(Decimal(500))
    assert dollars.describe() == "$500.00"
    assert dollars.describe(-DOLLAR // 2) == "-$0.5000"
    assert BudgetAmount(BudgetUnit.TOTAL_TOKENS, 5000).describe() == "5,000 tokens"
    assert BudgetAmount(BudgetUnit.QUOTA_TOKENS, 1).describe() == "1 quota token"
