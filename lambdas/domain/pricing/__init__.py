"""What tokens cost: dated prices, what was agreed on instead, and the cost of a call."""

from lambdas.domain.pricing.areas import price_areas
from lambdas.domain.pricing.cost import (
    CallCost,
    Cost,
    CostLine,
    PricedTokens,
    Pricing,
    Unpriced,
    tokens_by_kind,
)
from lambdas.domain.pricing.negotiated import NegotiatedPrice, NegotiatedPrices
from lambdas.domain.pricing.price import Price, Rates, TokenKind, UsdPerMillion
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
    "UsdPerMillion",
    "price_areas",
    "shipped_prices",
    "tokens_by_kind",
]
