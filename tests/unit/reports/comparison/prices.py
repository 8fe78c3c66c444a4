"""A made-up price book: a dear model, a cheap one, one without a cache, tiers, dates, areas."""

from datetime import date
from decimal import Decimal

from lambdas.domain.pricing import (
    NegotiatedPrice,
    NegotiatedPrices,
    Price,
    PriceBook,
    Pricing,
    Rates,
    Routing,
    TokenKind,
)

DEAR = "maker.dear-v1:0"
CHEAP = "maker.cheap-v1:0"
CACHELESS = "maker.cacheless-v1:0"
TIERED = "maker.tiered-v1:0"
GLOBAL_ONLY = "maker.worldwide-v1:0"
EMBEDDING = "maker.embed-v1:0"
DEAR_EMBEDDING = "maker.dear-embed-v1:0"


def usd(*values: str) -> dict[TokenKind, Decimal]:
    """Rates in the order input, output, cache read, cache write of 5 minutes, of an hour."""
    return dict(zip(TokenKind, map(Decimal, values), strict=False))


def _price(
    model: str,
    *values: str,
    routing: Routing = Routing.REGION,
    since: date | None = None,
    more: tuple[Rates, ...] = (),
    tier: str | None = None,
) -> Price:
    rates = (Rates(0, usd(*values)), *more)
    return Price(model, routing, "us-east-1", since, rates, "tests", date(2026, 1, 1), tier)


BOOK = PriceBook(
    [
        _price(DEAR, "3", "15", "0.3", "3.75", "6"),
        _price(DEAR, "2.7", "13.5", "0.27", "3.375", "5.4", routing=Routing.GLOBAL),
        _price(CHEAP, "2", "10", "0.2", "2.5", "4"),
        _price(CHEAP, "1", "5", "0.1", "1.25", "2", since=date(2026, 9, 8)),
        _price(CHEAP, "0.5", "2.5", "0.05", "0.75", "1", tier="flex"),
        _price(CACHELESS, "0.5", "1.5"),
        _price(
            TIERED,
            "1",
            "4",
            "0.1",
            "1.2",
            "2",
            more=(Rates(1000, usd("2", "6", "0.2", "2.4", "4")),),
        ),
        _price(GLOBAL_ONLY, "0.1", "0.2", routing=Routing.GLOBAL),
        _price(EMBEDDING, "0.1"),
        _price(DEAR_EMBEDDING, "0.4"),
    ]
)
PRICING = Pricing(BOOK)
NEGOTIATED = Pricing(
    BOOK,
    NegotiatedPrices(
        [
            NegotiatedPrice("maker.*", date(2026, 9, 8), {}, Decimal("12.5")),
            NegotiatedPrice(DEAR, date(2026, 1, 1), {TokenKind.OUTPUT: Decimal("7.77")}),
        ]
    ),
)
