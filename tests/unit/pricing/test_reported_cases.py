"""Situations reported in public: each call costs what AWS bills, or is unpriced."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.pricing import Cost, Pricing, Unpriced, shipped_prices
from lambdas.domain.pricing.call_pricing import price_call
from tests.infrastructure.synthesis import ROOT

CASES = ROOT / "tests" / "fixtures" / "cases"
OTHER_UNITS = Unpriced.BILLED_IN_OTHER_UNITS
EXPECTED: dict[str, list[str | Unpriced]] = {
    # Ten images at 0.0001.
    "04-cohere-embed-v3-image-free": ["0.0001"] * 10,
    # Nova Pro and Llama 405B as served fast; the 70B asked for it and was served as usual.
    "05-latency-optimized": ["0.18", "0.033", "0.00792"],
    "06-regional-price-falls-back-to-us": [
        "0.323",
        "0.21",
        "1.442",
        "1.582",
        "1.344",
        "1",
        "0.331",
        "0.321",
    ],
    "08-nova-cache-writes-cost-nothing": ["0.0024", "0.0276"],
    "18-rerank": [OTHER_UNITS] * 4,
    # 33 tokens in and 2 out of Haiku 4.5, and two guardrail units at 0.15 a thousand.
    "26-guardrail-units": ["0.000343"],
    "28-retired-models-lost-from-book": ["4.5", "0.65", "0.375", "0.084", "0.02"],
}


@pytest.fixture(scope="module")
def pricing() -> Pricing:
    return Pricing(shipped_prices())


@pytest.mark.parametrize("case", EXPECTED)
def test_a_reported_call_has_its_hand_calculated_cost(case: str, pricing: Pricing) -> None:
    found: list[Decimal | Unpriced | None] = []
    for line in (CASES / case / "input.ndjson").read_text().splitlines():
        record = read_message(line)
        assert isinstance(record, UsageRecord)
        cost = price_call(record, pricing)
        found.append(cost.effective_usd if isinstance(cost, Cost) else cost)
    expected = EXPECTED[case]
    assert found == [each if isinstance(each, Unpriced) else Decimal(each) for each in expected]
