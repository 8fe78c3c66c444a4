"""Contracted prices as settings write them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from lambdas.domain.invocations.service_tier import STANDARD_TIER, read_service_tier
from lambdas.domain.pricing import (
    ContractedPrice,
    ContractedPrices,
    Pricing,
    TokenKind,
    shipped_prices,
)
from lambdas.wiring.allowed_values import IsoDate, SettingsModel, check
from lambdas.wiring.model_names import called_model

# So many places that what a month costs is exact in the 28 digits of a `Decimal`.
_Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=9)]
_Percent = Annotated[Decimal, Field(ge=0, lt=100, decimal_places=4)]


class ContractedPriceSetting(SettingsModel):
    """A price that is paid instead of the list price.

    Attributes:
        model: The foundation model's id; one that ends in `*` is of all models that begin so.
        effective_from: The first day, UTC.
        usd_per_million: Contracted rates in US dollars for a million tokens, by kind; 0 for what is
            paid otherwise, as provisioned and imported models are.
        discount_percent: The discount on the list price of the other kinds.
        service_tier: `flex`, `priority` or the like, if it is of such calls alone. Without it,
            rates are of the standard tier, and a discount alone is of all tiers.
    """

    model: Annotated[str, Field(max_length=255), AfterValidator(called_model)]
    effective_from: IsoDate
    usd_per_million: dict[TokenKind, _Usd] = Field(default_factory=dict)
    discount_percent: _Percent = Decimal(0)
    service_tier: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        check(
            "price",
            "usd_per_million, discount_percent or both",
            is_so=bool(self.usd_per_million or self.discount_percent),
        )
        tier = self.service_tier
        check(
            "service_tier",
            "flex, priority or the like; leave service_tier out for the standard tier",
            is_so=tier is None or read_service_tier(tier) not in {None, STANDARD_TIER},
        )
        return self

    def to_domain(self) -> ContractedPrice:
        """The same as the price book takes it."""
        return ContractedPrice(
            self.model,
            self.effective_from,
            self.usd_per_million,
            self.discount_percent,
            self.service_tier,
        )


def write_contracted_prices(prices: Iterable[ContractedPriceSetting]) -> list[dict[str, Any]]:
    """Write contracted prices as the audit trail records them, with decimals as text."""
    return [price.model_dump(mode="json", exclude_none=True) for price in prices]


def pricing_with(
    contracted: Iterable[ContractedPriceSetting], *, assume_prices: bool = True
) -> Pricing:
    """The pricing of calls by shipped and by contracted prices.

    Args:
        contracted: Contracted prices.
        assume_prices: True if a call whose place has no price gets that of another place.
    """
    prices = ContractedPrices([setting.to_domain() for setting in contracted])
    return Pricing(shipped_prices(), prices, assume_prices)
