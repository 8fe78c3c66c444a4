"""Settings of prices: list prices, their updates, and contracted prices."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from cdk.config.setting_types import Json
from lambdas.domain.pricing import Pricing
from lambdas.functions.price_updater.settings import AWS_PRICE_LIST, PriceListUrl
from lambdas.wiring.allowed_values import SettingsModel, check
from lambdas.wiring.contracted_prices import ContractedPriceSetting, pricing_with


class PriceSettings(SettingsModel):
    """The prices of calls.

    Attributes:
        contracted_prices: Contracted prices, which replace list prices, by model and date.
        assume_prices: Use the highest listed price where the scope of a call has no price;
            otherwise such calls are unpriced.
        price_updates: Update list prices from the AWS Price List.
        price_list_url: The address of the AWS Price List, or of its substitute in a local cloud.
    """

    contracted_prices: Annotated[tuple[ContractedPriceSetting, ...], Json] = ()
    assume_prices: bool = True
    price_updates: bool = True
    price_list_url: PriceListUrl = AWS_PRICE_LIST

    @model_validator(mode="after")
    def _contracts_each_price_once(self) -> Self:
        keys = [
            (price.model, price.effective_from, price.service_tier)
            for price in self.contracted_prices
        ]
        check(
            "contracted_prices",
            "one for each model, day and service tier",
            is_so=len(set(keys)) == len(keys),
        )
        return self

    @property
    def pricing(self) -> Pricing:
        """The pricing of calls by shipped and by contracted prices."""
        return pricing_with(self.contracted_prices, assume_prices=self.assume_prices)
