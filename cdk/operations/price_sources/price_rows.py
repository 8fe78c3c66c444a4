"""Rows of a price book as figures by kind of tokens or unit, and back."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Self, TypeAlias

from lambdas.domain.pricing import BilledUnit, Price, Rates, Routing, TokenKind

Measure: TypeAlias = TokenKind | BilledUnit
Amounts: TypeAlias = dict[tuple[Measure, int], Decimal]
"""US dollars by kind of tokens or unit, and by the call size above which they apply."""


class PriceEntry(NamedTuple):
    """The model, scope and tier of a row."""

    model_id: str
    routing: Routing
    place: str
    service_tier: str | None

    @classmethod
    def from_price(cls, price: Price) -> Self:
        """Get the entry of a row."""
        return cls(price.model_id, price.routing, price.place, price.service_tier)


def read_amounts(price: Price) -> Amounts:
    """Get the figures of a row."""
    tokens = {
        (kind, rates.above_input_tokens): usd
        for rates in price.rates
        for kind, usd in rates.usd_per_million.items()
    }
    return tokens | {(unit, 0): usd for unit, usd in price.usd_per_unit.items()}


def build_row(entry: PriceEntry, amounts: Amounts, source: str, read_on: date) -> Price:
    """Build the row of an entry from its figures."""
    by_size: defaultdict[int, dict[TokenKind, Decimal]] = defaultdict(dict)
    units: dict[BilledUnit, Decimal] = {}
    for (measure, above), usd in amounts.items():
        if isinstance(measure, TokenKind):
            by_size[above][measure] = usd
        else:
            units[measure] = usd
    if by_size:
        by_size[0] = by_size[0]
    rates = tuple(Rates(above, by_size[above]) for above in sorted(by_size))
    model_id, routing, place, tier = entry
    return Price(model_id, routing, place, None, rates, source, read_on, tier, units)
