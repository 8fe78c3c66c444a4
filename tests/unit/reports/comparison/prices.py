"""A made-up price book: a dear model, a cheap one, one without a cache, tiers, dates, scopes."""

from datetime import date
from decimal import Decimal
from typing import Any

from lambdas.domain.pricing import (
    ContractedPrice,
    ContractedPrices,
    Price,
    PriceBook,
    Pricing,
    Rates,
    Routing,
    TokenKind,
)
from tests.builders import listed_price, usd_by_kind

DEAR = "maker.dear-v1:0"
CHEAP = "maker.cheap-v1:0"
CACHELESS = "maker.cacheless-v1:0"
TIERED = "maker.tiered-v1:0"
GLOBAL_ONLY = "maker.worldwide-v1:0"
EMBEDDING = "maker.embed-v1:0"
DEAR_EMBEDDING = "maker.dear-embed-v1:0"


def _price(model: str, *values: str, **changes: Any) -> Price:
    return listed_price(model, Rates(0, usd_by_kind(*values)), **changes)


BOOK = PriceBook(
    [
        _price(DEAR, "3", "15", "0.3", "3.75", "6"),
        _price(DEAR, "2.7", "13.5", "0.27", "3.375", "5.4", routing=Routing.GLOBAL),
        _price(CHEAP, "2", "10", "0.2", "2.5", "4"),
        _price(CHEAP, "1", "5", "0.1", "1.25", "2", effective_from=date(2026, 9, 8)),
        _price(CHEAP, "0.5", "2.5", "0.05", "0.75", "1", service_tier="flex"),
        _price(CACHELESS, "0.5", "1.5"),
        listed_price(
            TIERED,
            Rates(0, usd_by_kind("1", "4", "0.1", "1.2", "2")),
            Rates(1000, usd_by_kind("2", "6", "0.2", "2.4", "4")),
        ),
        _price(GLOBAL_ONLY, "0.1", "0.2", routing=Routing.GLOBAL),
        _price(EMBEDDING, "0.1"),
        _price(DEAR_EMBEDDING, "0.4"),
    ]
)
PRICING = Pricing(BOOK)
CONTRACTED = Pricing(
    BOOK,
    ContractedPrices(
        [
            ContractedPrice("maker.*", date(2026, 9, 8), {}, Decimal("12.5")),
            ContractedPrice(DEAR, date(2026, 1, 1), {TokenKind.OUTPUT: Decimal("7.77")}),
        ]
    ),
)
