"""Measures a call in all units of limits: before it is made, and by its use."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import TypeAlias

from lambdas.domain.bedrock_calls import CallNeed
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.invocations.model import is_foundation_model
from lambdas.domain.invocations.quota import MAX_OUTPUT_BURNDOWN, output_burndown, quota_tokens
from lambdas.domain.limits import Amounts

PICODOLLARS = 10**12
"""The pico-dollars of a US dollar."""
PriceTokens: TypeAlias = Callable[[TokenCounts], Decimal | None]
"""The cost of tokens of a call in US dollars; `None` where it is not known."""


def measure_amounts(need: CallNeed, model: str, price: PriceTokens | None) -> Amounts:
    """Measure the most that a call needs.

    Args:
        need: The tokens that it needs at most.
        model: The foundation model, or what hides it.
        price: Prices tokens; `None` where no limit is in US dollars.
    """
    burndown = output_burndown(model) if is_foundation_model(model) else MAX_OUTPUT_BURNDOWN
    return Amounts(
        quota_tokens=need.input_tokens + burndown * need.output_tokens,
        total=need.input_tokens + need.output_tokens,
        input=need.input_tokens,
        output=need.output_tokens,
        usd=None if price is None else _price_need(need, price),
    )


def count_amounts(used: TokenCounts, model: str, price: PriceTokens | None) -> Amounts:
    """Count what a call has used. What its answer does not report is `None`, and not 0.

    Args:
        used: The tokens that it has used.
        model: The foundation model, or what hides it.
        price: Prices tokens; `None` where no limit is in US dollars.
    """
    is_whole = used.input is not None and used.output is not None
    return Amounts(
        quota_tokens=quota_tokens(used, model) if is_whole else None,
        total=used.total if is_whole else None,
        input=used.input,
        output=used.output,
        usd=to_picodollars(price(used)) if price is not None and is_whole else None,
    )


def to_picodollars(usd: Decimal | None) -> int | None:
    """Convert US dollars, rounded up.

    >>> to_picodollars(Decimal("0.0000000000015"))
    2
    """
    if usd is None:
        return None
    return int((usd * PICODOLLARS).to_integral_value(ROUND_CEILING))


def _price_need(need: CallNeed, price: PriceTokens) -> int | None:
    """Price the most expensive way in which the input may be billed: plain, or as a cache write."""
    read, output = need.input_tokens, need.output_tokens
    plain = TokenCounts(read, output)
    for_minutes = TokenCounts(0, output, cache_write=read)
    for_an_hour = TokenCounts(0, output, cache_write=read, cache_write_1h=read)
    prices = [to_picodollars(price(each)) for each in (plain, for_minutes, for_an_hour)]
    return None if prices[0] is None else max(each for each in prices if each is not None)
