"""The amounts of a call by which limits of the gateway count it, as counters count it."""

from __future__ import annotations

from collections.abc import Iterable

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.counters.usage import read_usage
from lambdas.domain.limits import NO_USE, Amounts, LimitUnit
from lambdas.domain.money import to_picodollars
from lambdas.domain.pricing import Cost


def measure_amounts(calls: Iterable[EnrichedCall]) -> Amounts:
    """Measure what the calls of one reservation have used together.

    A failed call uses nothing. An amount is `None` if it is not known of a call: its tokens if its
    log reports none, its cost if it has no price.
    """
    used = NO_USE
    for call in calls:
        used = _add(used, _measure(call))
    return used


def _measure(call: EnrichedCall) -> Amounts:
    if call.record.is_failed:
        return NO_USE
    usd = to_picodollars(call.cost.effective_usd) if isinstance(call.cost, Cost) else None
    if call.record.tokens.is_missing:
        return Amounts(usd=usd)
    totals = read_usage(call).totals
    return Amounts(
        quota_tokens=totals.quota_tokens,
        total=totals.total_tokens,
        input=totals.input_tokens,
        output=totals.output_tokens,
        usd=usd,
    )


def _add(first: Amounts, second: Amounts) -> Amounts:
    def add(unit: LimitUnit) -> int | None:
        one, other = first.get(unit), second.get(unit)
        return None if one is None or other is None else one + other

    return Amounts(
        quota_tokens=add(LimitUnit.QUOTA_TOKENS),
        total=add(LimitUnit.TOTAL),
        input=add(LimitUnit.INPUT),
        output=add(LimitUnit.OUTPUT),
        usd=add(LimitUnit.USD),
        requests=first.requests + second.requests,
    )
