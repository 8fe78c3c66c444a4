"""The usage of a call that decides on its cost, and its price."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import NamedTuple

from lambdas.domain.invocations import BilledUnits, CallVariant, TokenCounts, UsageRecord
from lambdas.domain.pricing.cost import Cost, CostLine, UnitLine, Unpriced, add_up, sum_lines
from lambdas.domain.pricing.price import GUARDRAIL_PREFIX, GUARDRAILS
from lambdas.domain.pricing.price_entry import PriceEntry, find_entry, tokens_by_kind
from lambdas.domain.pricing.pricing import Pricing

_GUARDRAILS = CallVariant(GUARDRAILS, GUARDRAILS, None)


class BilledUsage(NamedTuple):
    """All of a call that decides on its cost beside its model and tier.

    Attributes:
        day: The day of the call, UTC.
        region: The Region that was called.
        tokens: Its tokens.
        units: The other units that it is billed for.
        size_tokens: The input tokens that decide if it is a large call.
    """

    day: date
    region: str
    tokens: TokenCounts
    units: BilledUnits
    size_tokens: int


def read_usage(record: UsageRecord) -> BilledUsage:
    """Read the usage of a call; its size is that of its largest sampling."""
    size, largest = record.tokens.total_input or 0, record.largest_sampling_tokens
    return BilledUsage(
        record.timestamp.date(),
        record.region,
        record.tokens,
        record.billed_units,
        size if largest is None else min(size, largest),
    )


def add_up_usage(example: UsageRecord, calls: int, tokens: TokenCounts) -> BilledUsage:
    """Add up the usage of calls that differ in tokens alone; its size stays that of one call."""
    of_one = read_usage(example)
    units = tuple((unit, calls * count) for unit, count in of_one.units)
    return of_one._replace(tokens=tokens, units=units)


def price_usage(usage: BilledUsage, entry: PriceEntry, pricing: Pricing) -> Cost | Unpriced:
    """Price usage at the prices of an entry, and its guardrails at their own."""
    own, of_guardrails = _split_units(usage.units)
    lines = entry.token_lines(usage.tokens, own, usage.size_tokens)
    unit_lines = entry.unit_lines(own, usage.tokens)
    guardrail_lines: tuple[UnitLine, ...] | Unpriced = ()
    if of_guardrails:
        guardrails = replace(
            find_entry(pricing, _GUARDRAILS, usage.day, usage.region),
            leaves_out_unpriced=entry.leaves_out_unpriced,
        )
        guardrail_lines = guardrails.unit_lines(of_guardrails)
    if isinstance(lines, Unpriced):
        return lines
    if isinstance(unit_lines, Unpriced):
        return unit_lines
    if isinstance(guardrail_lines, Unpriced):
        return guardrail_lines
    return add_up(
        lines,
        (*unit_lines, *guardrail_lines),
        contracted=entry.contracted,
        edition=pricing.book.edition,
        variant=entry.variant,
    )


def price_alike(cost: Cost, tokens: TokenCounts) -> Cost:
    """Price a call like one that was priced, which differs from it in the numbers of tokens alone.

    Both use the same kinds of tokens at the same prices, and the same units.

    Args:
        cost: The cost of the first call.
        tokens: The tokens of the other.
    """
    used = list(tokens_by_kind(tokens))
    if len(used) != len(cost.lines):  # a kind has no line of its own
        kinds = {line.kind for line in cost.lines}
        used = [(kind, count) for kind, count in used if kind in kinds]
    lines = tuple(
        [
            CostLine(kind, count, list_usd, usd, listed)
            for (kind, _, list_usd, usd, listed), (_, count) in zip(cost.lines, used, strict=True)
        ]
    )
    return Cost(  # by position: this runs for every call of log files
        *sum_lines([*lines, *cost.unit_lines]),
        cost.price,
        cost.contracted,
        cost.basis,
        cost.edition,
        cost.variant,
        lines,
        cost.unit_lines,
    )


def _split_units(units: BilledUnits) -> tuple[BilledUnits, BilledUnits]:
    """The units of the model, and those of guardrails on top of it."""
    if not units:
        return (), ()
    billed = [(unit, count) for unit, count in units if count]
    own = tuple(pair for pair in billed if not pair[0].startswith(GUARDRAIL_PREFIX))
    return own, tuple(pair for pair in billed if pair[0].startswith(GUARDRAIL_PREFIX))
