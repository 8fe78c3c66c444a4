"""Measures a call in all units of limits: before it is made, and by its use."""

from __future__ import annotations

from typing import NamedTuple

from lambdas.domain.bedrock_calls import CallNeed
from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts
from lambdas.domain.invocations.model import foundation_model_id, is_foundation_model
from lambdas.domain.invocations.quota import MAX_OUTPUT_BURNDOWN, output_burndown, quota_tokens
from lambdas.domain.limit_policies.call_pricing import CallPricing
from lambdas.domain.limit_policies.ports import PricesUnavailableError, TokenPrices
from lambdas.domain.limit_policies.subjects import (
    PolicySubject,
    has_usd_limit,
    leave_usd_unchecked,
    refuses_usd_unchecked,
)
from lambdas.domain.limits import Amounts


class MeasuredNeed(NamedTuple):
    """The need of a call, and the subjects that check it.

    Attributes:
        need: The most that the call needs.
        pricing: Prices the call; `None` where no limit is in US dollars.
        subjects: The subjects of the call.
        unchecked: The ids of those whose limits in US dollars are not checked, because prices
            cannot be read.
    """

    need: Amounts
    pricing: CallPricing | None
    subjects: tuple[PolicySubject, ...]
    unchecked: tuple[str, ...] = ()


def measure_call(
    need: CallNeed, asked: AskedCall, subjects: tuple[PolicySubject, ...], prices: TokenPrices
) -> MeasuredNeed:
    """Measure a call in the units of its subjects.

    Args:
        need: The tokens that it needs at most.
        asked: The call.
        subjects: Its subjects.
        prices: The prices of calls, which are loaded for the first limit in US dollars.

    Raises:
        PricesUnavailableError: A limit in US dollars cannot be checked, and refuses calls then.
    """
    model = foundation_model_id(asked.invoked_model_id)
    if not has_usd_limit(subjects):
        return MeasuredNeed(measure_amounts(need, model, None), None, subjects)
    pricing = CallPricing(prices, asked)
    try:
        return MeasuredNeed(measure_amounts(need, model, pricing), pricing, subjects)
    except PricesUnavailableError:
        if any(map(refuses_usd_unchecked, subjects)):
            raise
    passed = tuple(map(leave_usd_unchecked, subjects))
    unchecked = tuple(
        before.subject.id
        for before, after in zip(subjects, passed, strict=True)
        if before is not after
    )
    return MeasuredNeed(measure_amounts(need, model, None), pricing, passed, unchecked)


def measure_amounts(need: CallNeed, model: str, pricing: CallPricing | None) -> Amounts:
    """Measure the most that a call needs.

    Args:
        need: The tokens that it needs at most.
        model: The foundation model, or what hides it.
        pricing: Prices the call; `None` where no limit is in US dollars.

    Raises:
        PricesUnavailableError: Prices cannot be read.
    """
    burndown = output_burndown(model) if is_foundation_model(model) else MAX_OUTPUT_BURNDOWN
    return Amounts(
        quota_tokens=need.input_tokens + burndown * need.output_tokens,
        total=need.input_tokens + need.output_tokens,
        input=need.input_tokens,
        output=need.output_tokens,
        usd=None if pricing is None else pricing.price_need(need),
    )


def count_amounts(
    used: TokenCounts,
    model: str,
    pricing: CallPricing | None,
    served: ServedCall | None = None,
) -> Amounts:
    """Count what a call has used. What its answer does not report is `None`, and not 0.

    Args:
        used: The tokens that it has used.
        model: The foundation model, or what hides it.
        pricing: Prices the call; `None` where no limit is in US dollars.
        served: How it was served; `None` for as it was asked.
    """
    is_whole = used.input is not None and used.output is not None
    return Amounts(
        quota_tokens=quota_tokens(used, model) if is_whole else None,
        total=used.total if is_whole else None,
        input=used.input,
        output=used.output,
        usd=pricing.price_use(used, served) if pricing is not None and is_whole else None,
    )
