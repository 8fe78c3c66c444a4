"""Builds rates, listings and books for tests of price updates."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lambdas.domain.pricing import BilledUnit, Price, PriceBook, Rates, Routing, TokenKind
from lambdas.domain.pricing.editions import ListedRate, Listing, RateKey
from lambdas.domain.pricing.overlay import get_prices_on

NOVA = "amazon.nova-pro-v1:0"
REGION = "eu-central-1"
NOW = datetime(2026, 11, 28, 6, 15, tzinfo=UTC)
TOMORROW = NOW.date() + timedelta(days=1)


def rate(usd: str, item: TokenKind | BilledUnit = TokenKind.INPUT, **changes: Any) -> ListedRate:
    """A rate of one model in one Region, but for the changes."""
    fields = {"model_id": NOVA, "routing": Routing.REGION, "place": REGION, "item": item}
    return ListedRate(**{**fields, **changes}, usd=Decimal(usd))


def listing(
    *rates: ListedRate, offer: str = "AmazonBedrock", unmapped_names: Iterable[str] = ()
) -> Listing:
    return Listing(
        offer=offer,
        region=REGION,
        version="20261127",
        rates=rates,
        unmapped_names=tuple(unmapped_names),
        left_out={"bedrock_mantle": 2},
    )


def price(
    usd: str = "1",
    item: TokenKind = TokenKind.INPUT,
    effective_from: date | None = None,
    **changes: Any,
) -> Price:
    """A shipped price of the same model and Region, but for the changes."""
    fields: dict[str, Any] = {
        "model_id": NOVA,
        "routing": Routing.REGION,
        "place": REGION,
        "effective_from": effective_from,
        "rates": (Rates(0, {item: Decimal(usd)}),),
        "source": "tests",
        "read_on": date(2026, 11, 1),
    }
    return Price(**{**fields, **changes})


def rates_on(book: Iterable[Price], day: date) -> dict[RateKey, Decimal]:
    """Every price that a book lists for a day, each in its own scope."""
    return {key: figure.usd for key, figure in get_prices_on(book, day).items()}


def book(*prices: Price) -> PriceBook:
    return PriceBook(prices, edition="shipped")
