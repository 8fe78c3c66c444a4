"""List prices, contracted prices, and the cost of a call."""

from lambdas.domain.pricing.call_models import CallModels, read_models
from lambdas.domain.pricing.contracted import ContractedPrice, ContractedPrices
from lambdas.domain.pricing.cost import (
    UNPRICED_MEANINGS,
    CallCost,
    Cost,
    CostLine,
    UnitLine,
    Unpriced,
)
from lambdas.domain.pricing.price import (
    BATCH_TIER,
    GUARDRAILS,
    BilledUnit,
    Price,
    PriceBasis,
    Rates,
    Routing,
    TokenKind,
    UsdPerMillion,
)
from lambdas.domain.pricing.price_book import (
    CallPrices,
    ListRate,
    PriceBook,
    PriceConflictError,
)
from lambdas.domain.pricing.price_entry import tokens_by_kind
from lambdas.domain.pricing.pricing import DatedPrices, Pricing
from lambdas.domain.pricing.routes import Route, read_route
from lambdas.domain.pricing.shipped import shipped_prices

__all__ = [
    "BATCH_TIER",
    "GUARDRAILS",
    "UNPRICED_MEANINGS",
    "BilledUnit",
    "CallCost",
    "CallModels",
    "CallPrices",
    "ContractedPrice",
    "ContractedPrices",
    "Cost",
    "CostLine",
    "DatedPrices",
    "ListRate",
    "Price",
    "PriceBasis",
    "PriceBook",
    "PriceConflictError",
    "Pricing",
    "Rates",
    "Route",
    "Routing",
    "TokenKind",
    "UnitLine",
    "Unpriced",
    "UsdPerMillion",
    "read_models",
    "read_route",
    "shipped_prices",
    "tokens_by_kind",
]
