"""What tokens cost: dated prices, what was agreed on instead, and the cost of a call."""

from lambdas.domain.pricing.cost import (
    CallCost,
    Cost,
    CostLine,
    PricedTokens,
    Pricing,
    Unpriced,
)
from lambdas.domain.pricing.negotiated import NegotiatedPrice, NegotiatedPrices
from lambdas.domain.pricing.price import Price, Rates, TokenKind
from lambdas.domain.pricing.price_book import PriceBook, PriceConflictError
from lambdas.domain.pricing.shipped import shipped_prices

__all__ = [
    "CallCost",
    "Cost",
    "CostLine",
    "NegotiatedPrice",
    "NegotiatedPrices",
    "Price",
    "PriceBook",
    "PriceConflictError",
    "PricedTokens",
    "Pricing",
    "Rates",
    "TokenKind",
    "Unpriced",
    "shipped_prices",
]
