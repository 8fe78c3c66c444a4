"""Hand-calculated costs of calls with the shipped book: one per basis, and reported ones."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.pricing import Cost, PriceBasis, Pricing, Unpriced, shipped_prices
from lambdas.domain.pricing.call_pricing import price_call
from tests.builders import usage_record
from tests.unit.invocations.records import answered, read_record

MILLION = 1_000_000
TENTH = 100_000
PRICING = Pricing(shipped_prices())
STRICT = Pricing(shipped_prices(), assume_prices=False)


def compute_cost(
    invoked_model_id: str,
    region: str,
    tokens: TokenCounts,
    tier: str | None = None,
    *units: tuple[str, int],
    pricing: Pricing = PRICING,
    at: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC),
) -> Cost | Unpriced:
    cost = price_call(
        usage_record(
            model_id=foundation_model_id(invoked_model_id),
            invoked_model_id=invoked_model_id,
            region=region,
            tokens=tokens,
            service_tier=tier,
            billed_units=units,
            timestamp=at,
        ),
        pricing,
    )
    assert cost is not None
    return cost


def usd_and_basis(cost: Cost | Unpriced) -> tuple[Decimal, PriceBasis | None]:
    assert isinstance(cost, Cost)
    return cost.effective_usd, cost.basis


@pytest.mark.parametrize(
    ("invoked_model_id", "region", "tokens", "usd", "basis"),
    [
        # In Region: gpt-oss in London costs 0.23 and 0.93 a million.
        ("openai.gpt-oss-120b-1:0", "eu-west-2", (MILLION, TENTH), "0.323", "region"),
        ("openai.gpt-oss-120b-1:0", "us-east-1", (MILLION, TENTH), "0.21", "region"),
        ("amazon.nova-pro-v1:0", "us-west-1", (MILLION, TENTH), "1.442", "region"),
        ("amazon.nova-pro-v1:0", "eu-west-2", (MILLION, TENTH), "1.582", "region"),
        ("amazon.nova-pro-v1:0", "ap-northeast-1", (MILLION, TENTH), "1.344", "region"),
        ("amazon.titan-embed-image-v1", "eu-central-1", (MILLION,), "1", "region"),
        ("nvidia.nemotron-super-3-120b", "eu-west-2", (MILLION, TENTH), "0.331", "region"),
        ("qwen.qwen3-next-80b-a3b", "eu-west-1", (MILLION, TENTH), "0.321", "region"),
        # Through `eu.`, billed in the Region that was called: 1.05 and 4.2, 0.92 and 3.68.
        ("eu.amazon.nova-pro-v1:0", "eu-central-1", (MILLION, TENTH), "1.47", "region"),
        ("eu.amazon.nova-pro-v1:0", "eu-west-1", (MILLION, TENTH), "1.288", "region"),
        # Through `us.`, at the Region's standard rate.
        ("us.amazon.nova-pro-v1:0", "us-east-1", (MILLION, TENTH), "1.12", "region"),
        # Through `global.`, at the price of the Region that was called: 0.36 and 3.01 in Tokyo,
        # 0.481 and 4.1 in Milan, 0.3 and 2.5 in Virginia.
        ("global.amazon.nova-2-lite-v1:0", "ap-northeast-1", (MILLION, TENTH), "0.661", "global"),
        ("global.amazon.nova-2-lite-v1:0", "eu-south-1", (MILLION, TENTH), "0.891", "global"),
        ("global.amazon.nova-2-lite-v1:0", "us-east-1", (MILLION, TENTH), "0.55", "global"),
        # A geography's price where the Region has no price: a one-hour cache write in Frankfurt.
        (
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu-central-1",
            (0, 0, 0, MILLION // 10, MILLION // 10),
            "0.66",
            "geography",
        ),
        # Assumed: the model is listed in us-east-1 and us-west-2 alone.
        ("cohere.command-r-plus-v1:0", "eu-west-1", (MILLION, TENTH), "4.5", "assumed"),
        # Models that were retired stay in the book, and context suffixes change no price.
        ("cohere.command-r-plus-v1:0", "us-east-1", (MILLION, TENTH), "4.5", "region"),
        ("cohere.command-r-v1:0", "us-east-1", (MILLION, TENTH), "0.65", "region"),
        (
            "anthropic.claude-3-haiku-20240307-v1:0:200k",
            "us-east-1",
            (MILLION, TENTH),
            "0.375",
            "region",
        ),
        ("amazon.nova-lite-v1:0:300k", "us-east-1", (MILLION, TENTH), "0.084", "region"),
        ("amazon.titan-embed-text-v2:0:8k", "us-east-1", (MILLION,), "0.02", "region"),
        # Nova's cache writes are listed at 0.
        ("us.amazon.nova-pro-v1:0", "us-east-1", (1000, 500, 0, 50_000), "0.0024", "region"),
        ("us.amazon.nova-pro-v1:0", "us-east-1", (10_000, 500, 90_000, 0), "0.0276", "region"),
    ],
)
def test_a_call_has_its_hand_calculated_cost(
    invoked_model_id: str, region: str, tokens: tuple[int, ...], usd: str, basis: str
) -> None:
    cost = compute_cost(invoked_model_id, region, TokenCounts(*tokens))
    assert usd_and_basis(cost) == (Decimal(usd), basis)


def test_a_gov_cloud_call_without_a_price_is_unpriced() -> None:
    # Listed in every large commercial Region, and in no source for GovCloud.
    tokens = TokenCounts(MILLION, TENTH)
    for region in ("us-gov-west-1", "us-gov-east-1"):
        assert compute_cost("mistral.mistral-large-2402-v1:0", region, tokens) is Unpriced.NO_PRICE
    assert isinstance(compute_cost("mistral.mistral-large-2402-v1:0", "us-east-1", tokens), Cost)


def test_a_call_is_unpriced_if_assuming_is_switched_off() -> None:
    call = ("cohere.command-r-plus-v1:0", "eu-west-1", TokenCounts(MILLION, TENTH))
    assert compute_cost(*call, pricing=STRICT) is Unpriced.ONLY_ASSUMED
    in_region = ("cohere.command-r-plus-v1:0", "us-east-1", TokenCounts(MILLION, TENTH))
    assert compute_cost(*in_region, pricing=STRICT) == compute_cost(*in_region)


@pytest.mark.parametrize(
    ("invoked_model_id", "region", "tier", "tokens", "usd"),
    [
        ("us.amazon.nova-pro-v1:0", "us-east-1", "latency-optimized", (100_000, 20_000), "0.18"),
        (
            "us.meta.llama3-1-405b-instruct-v1:0",
            "us-east-2",
            "latency-optimized",
            (10_000, 1000),
            "0.033",
        ),
        ("us.meta.llama3-1-70b-instruct-v1:0", "us-east-2", None, (10_000, 1000), "0.00792"),
        (
            "us.anthropic.claude-3-5-haiku-20241022-v1:0",
            "us-east-2",
            "latency-optimized",
            (MILLION, MILLION),
            "6",
        ),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "us-east-2", None, (MILLION, MILLION), "4.8"),
    ],
)
def test_latency_optimized_serving_has_a_separate_price(
    invoked_model_id: str, region: str, tier: str | None, tokens: tuple[int, int], usd: str
) -> None:
    cost = compute_cost(invoked_model_id, region, TokenCounts(*tokens), tier)
    assert usd_and_basis(cost)[0] == Decimal(usd)


def test_images_of_an_embedding_are_billed_per_image() -> None:
    cost = compute_cost("cohere.embed-english-v3", "us-east-1", TokenCounts(0), None, ("image", 1))
    assert usd_and_basis(cost) == (Decimal("0.0001"), PriceBasis.REGION)
    unknown = compute_cost("cohere.embed-english-v3", "us-east-1", TokenCounts(0))
    assert unknown is Unpriced.BILLED_IN_OTHER_UNITS


@pytest.mark.parametrize("tokens", [TokenCounts(), TokenCounts(0, 0)])
@pytest.mark.parametrize("model_id", ["cohere.rerank-v3-5:0", "amazon.rerank-v1:0"])
def test_reranking_is_unpriced_not_free(model_id: str, tokens: TokenCounts) -> None:
    assert compute_cost(model_id, "us-west-2", tokens) is Unpriced.BILLED_IN_OTHER_UNITS


def test_guardrail_units_are_billed_in_addition_to_the_tokens() -> None:
    cost = compute_cost(
        "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        "us-east-1",
        TokenCounts(33, 2),
        None,
        ("guardrail_content_unit", 1),
        ("guardrail_topic_unit", 1),
    )
    # 33 x 1 + 2 x 5 a million, and two units at 0.15 a thousand.
    assert usd_and_basis(cost)[0] == Decimal("0.000343")


@pytest.mark.parametrize(
    ("model_id", "region", "day", "usd"),
    [
        # Extended access since December 2025, where the pricing page names the Region.
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "us-east-1", (2025, 11, 30), "18"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "us-east-1", (2025, 12, 1), "36"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "eu-central-2", (2025, 12, 1), "36"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "ap-northeast-1", (2025, 12, 1), "18"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "us-west-2", (2025, 12, 1), "36"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "eu-west-1", (2025, 12, 1), "18"),
        # Cuts of 80 and of 20 percent.
        ("openai.gpt-5.6-luna", "us-east-1", (2026, 7, 29), "7.7"),
        ("openai.gpt-5.6-luna", "us-east-1", (2026, 7, 30), "1.54"),
        ("openai.gpt-5.6-terra", "us-east-1", (2026, 7, 29), "19.25"),
        ("openai.gpt-5.6-terra", "us-east-1", (2026, 7, 30), "15.4"),
    ],
)
def test_a_price_applies_from_its_first_day(
    model_id: str, region: str, day: tuple[int, int, int], usd: str
) -> None:
    at = datetime(*day, 12, tzinfo=UTC)
    small = [TokenCounts(TENTH, 0), TokenCounts(0, TENTH)]
    costs = [usd_and_basis(compute_cost(model_id, region, tokens, at=at)) for tokens in small]
    assert sum(found for found, _ in costs) * 10 == Decimal(usd)
    assert {basis for _, basis in costs} == {PriceBasis.REGION}


@pytest.mark.parametrize(
    ("day", "usd"), [((2026, 8, 2), "0.22"), ((2026, 8, 3), "0.44"), ((2026, 11, 20), "0.44")]
)
def test_a_price_of_large_calls_applies_from_its_first_day(
    day: tuple[int, int, int], usd: str
) -> None:
    at = datetime(*day, 12, tzinfo=UTC)
    cost = compute_cost("openai.gpt-5.6-luna", "us-east-1", TokenCounts(MILLION, 0), at=at)
    assert usd_and_basis(cost)[0] == Decimal(usd)


@pytest.mark.parametrize(
    ("model_id", "region", "size", "usd"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1", 200_000, "0.66"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1", 200_001, "1.3200066"),
        ("anthropic.claude-haiku-5-5", "ap-northeast-1", 100_001, "0.05500055"),
        ("openai.gpt-5.4", "eu-west-2", 272_001, "1.4960055"),
    ],
)
def test_a_large_call_has_the_price_of_large_calls_in_its_region(
    model_id: str, region: str, size: int, usd: str
) -> None:
    cost = compute_cost(model_id, region, TokenCounts(size, 0))
    assert usd_and_basis(cost)[0] == Decimal(usd)


# Where public sources differ: the likelier figure for a million input and a million output
# tokens, or of cache reads or writes alone.
LIKELIER = [
    ("amazon.titan-embed-text-v2:0", "eu-central-1", (MILLION,), "0.2"),
    ("amazon.titan-embed-text-v2:0", "sa-east-1", (MILLION,), "0.2"),
    ("amazon.titan-embed-text-v2:0", "ca-central-1", (MILLION,), "0.1"),
    ("amazon.titan-embed-text-v2:0", "eu-west-2", (MILLION,), "0.1"),
    ("amazon.titan-embed-text-v2:0", "us-gov-west-1", (MILLION,), "0.11"),
    ("amazon.nova-pro-v1:0", "ap-northeast-1", (0, 0, MILLION), "0.24"),
    ("amazon.nova-pro-v1:0", "eu-west-1", (0, 0, 0, MILLION), "0"),
    ("amazon.nova-lite-v1:0", "us-east-2", (0, 0, 0, MILLION), "0"),
    ("anthropic.claude-sonnet-5-5", "eu-central-1", (0, 0, MILLION), "0.11"),
    ("global.anthropic.claude-sonnet-5-5", "eu-central-1", (0, 0, MILLION), "0.1"),
    ("anthropic.claude-fable-5", "ap-northeast-1", (MILLION, MILLION), "66"),
    ("amazon.nova-2-lite-v1:0", "us-east-1", (MILLION, MILLION), "3.08"),
    ("global.amazon.nova-2-lite-v1:0", "us-east-1", (MILLION, MILLION), "2.8"),
    ("anthropic.claude-3-5-haiku-20241022-v1:0", "us-east-2", (MILLION, MILLION), "4.8"),
    ("qwen.qwen3-next-80b-a3b", "us-east-1", (MILLION, MILLION), "1.35"),
    ("qwen.qwen3-next-80b-a3b", "us-west-2", (MILLION, MILLION), "1.35"),
    ("qwen.qwen3-next-80b-a3b", "ap-south-1", (MILLION, MILLION), "1.59"),
    ("meta.llama3-8b-instruct-v1:0", "us-gov-east-1", (MILLION, MILLION), "0.9"),
    ("meta.llama3-8b-instruct-v1:0", "us-gov-west-1", (MILLION, MILLION), "0.9"),
    ("meta.llama3-70b-instruct-v1:0", "us-gov-east-1", (MILLION, MILLION), "6.15"),
    ("openai.gpt-5.4", "us-gov-east-1", (TENTH, TENTH), "2.31"),
    ("anthropic.claude-instant-v1", "ap-northeast-1", (MILLION, MILLION), "3.2"),
    ("anthropic.claude-instant-v1", "eu-central-1", (MILLION, MILLION), "3.2"),
    ("amazon.titan-embed-image-v1", "us-east-1", (MILLION,), "0.8"),
    ("amazon.nova-micro-v1:0", "ap-southeast-2", (MILLION, MILLION), "0.185"),
    ("zai.glm-4.7-flash", "ap-southeast-2", (MILLION,), "0.07"),
    ("qwen.qwen3-coder-next", "ap-southeast-2", (MILLION,), "0.52"),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-east-1", (TENTH, TENTH), "2.16"),
]


@pytest.mark.parametrize(("invoked_model_id", "region", "tokens", "usd"), LIKELIER)
def test_the_book_follows_the_more_likely_of_two_sources(
    invoked_model_id: str, region: str, tokens: tuple[int, ...], usd: str
) -> None:
    cost = compute_cost(invoked_model_id, region, TokenCounts(*tokens))
    assert usd_and_basis(cost)[0] == Decimal(usd)


@pytest.mark.parametrize(
    ("model_id", "region", "tier", "usd"),
    [
        ("amazon.nova-pro-v1:0", "eu-central-1", "flex", "2.625"),
        ("mistral.ministral-3-8b-instruct", "ap-northeast-1", "priority", "0.64"),
    ],
)
def test_a_tier_outside_the_united_states_has_its_listed_price(
    model_id: str, region: str, tier: str, usd: str
) -> None:
    cost = compute_cost(model_id, region, TokenCounts(MILLION, MILLION), tier)
    assert usd_and_basis(cost) == (Decimal(usd), PriceBasis.REGION)


@pytest.mark.parametrize("region", ["sa-east-1", "ap-south-1", "ap-southeast-1"])
def test_a_global_price_is_assumed_in_a_region_without_its_price(region: str) -> None:
    sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    tokens = TokenCounts(TENTH, 0)
    assert usd_and_basis(compute_cost(f"global.{sonnet}", region, tokens))[1] is PriceBasis.GLOBAL
    cost = usd_and_basis(compute_cost(sonnet, region, tokens))
    assert cost == (Decimal("0.33"), PriceBasis.ASSUMED)


def test_large_calls_are_judged_by_each_sampling() -> None:
    """Two samplings of 180,000 and 23,000 tokens, each below the 200,000 of a large call."""
    model_id = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    usage = {
        "input_tokens": 23_000,
        "output_tokens": 1_000,
        "iterations": [
            {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
            {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
        ],
    }
    record = read_record(answered({"usage": usage}) | {"modelId": model_id})
    cost = price_call(record, PRICING)
    assert isinstance(cost, Cost)
    assert cost.effective_usd == (203_000 * Decimal(3) + 4_500 * Decimal(15)) / 10**6
