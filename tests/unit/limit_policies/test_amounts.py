"""A call reserves no less than it uses, in any unit, as far as its tokens are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.bedrock_calls import CallNeed
from lambdas.domain.invocations import AskedCall, TokenCounts
from lambdas.domain.limit_policies import CallPricing, count_amounts, measure_amounts
from lambdas.domain.limits import Amounts, LimitUnit
from tests.builders import NOON
from tests.policies import PRICES

MODELS = (
    "anthropic.claude-sonnet-4-20250514-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "amazon.nova-lite-v1:0",
)
HIDDEN = "application-inference-profile/p24qm5pye2qr"
UNITS = [unit for unit in LimitUnit if unit is not LimitUnit.CONCURRENT]
COUNTS = st.integers(0, 400_000)


def get_pricing(model: str) -> CallPricing:
    return CallPricing(PRICES, AskedCall(model, "Converse", None, NOON))


@given(
    st.sampled_from(MODELS),
    st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
    st.tuples(COUNTS, COUNTS),
    st.booleans(),
)
def test_a_call_never_uses_more_than_it_reserves(
    model: str, used: tuple[int, int, int, int], spare: tuple[int, int], is_priced: bool
) -> None:
    read, output, cache_read, cache_write = used
    need = CallNeed(read + cache_read + cache_write + spare[0], output + spare[1], is_certain=True)
    pricing = get_pricing(model) if is_priced else None
    reserved = measure_amounts(need, model, pricing)
    counted = count_amounts(TokenCounts(read, output, cache_read, cache_write), model, pricing)
    for unit in UNITS:
        known = counted.get(unit)
        if known is not None:
            limit = reserved.get(unit)
            assert limit is not None
            assert known <= limit, unit


@given(COUNTS, COUNTS)
def test_a_hidden_model_reserves_the_quota_of_every_model(read: int, output: int) -> None:
    need = CallNeed(read, output, is_certain=False)
    hidden = measure_amounts(need, HIDDEN, None).quota_tokens
    known = [measure_amounts(need, model, None).quota_tokens for model in MODELS]
    assert hidden == max(amount for amount in known if amount is not None)


@pytest.mark.parametrize("used", [TokenCounts(), TokenCounts(5), TokenCounts(output=5)])
def test_what_is_not_reported_is_not_zero(used: TokenCounts) -> None:
    counted = count_amounts(used, MODELS[0], get_pricing(MODELS[0]))
    assert counted == Amounts(input=used.input, output=used.output)


def test_an_unknown_price_is_no_amount() -> None:
    need = CallNeed(5, 5, is_certain=True)
    assert measure_amounts(need, HIDDEN, get_pricing(HIDDEN)).usd is None
    assert measure_amounts(need, MODELS[0], None).usd is None
