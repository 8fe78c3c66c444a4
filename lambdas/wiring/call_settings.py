"""Settings of functions that price and attribute calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.pricing import Pricing
from lambdas.wiring.attribution_rules import AttributionSetting
from lambdas.wiring.contracted_prices import ContractedPriceSetting, pricing_with
from lambdas.wiring.environment import EnvironmentSettings, from_json_text


class PricingSettings(EnvironmentSettings):
    """The prices of calls.

    Attributes:
        contracted_prices: The contracted prices, as a JSON list.
        assume_prices: True if a call whose place has no price gets the highest listed price of the
            partition; otherwise such calls are unpriced.
        price_bucket: The bucket of price editions; empty for the shipped prices alone.
    """

    contracted_prices: Annotated[
        tuple[ContractedPriceSetting, ...], BeforeValidator(from_json_text)
    ] = ()
    assume_prices: bool = True
    price_bucket: str = ""

    @property
    def pricing(self) -> Pricing:
        """The pricing of calls by shipped and by contracted prices."""
        return pricing_with(self.contracted_prices, assume_prices=self.assume_prices)


class CallSettings(PricingSettings):
    """The prices of calls, and how calls are attributed to projects.

    Attributes:
        account_id: The account whose profiles, roles and users have tags.
        state_table: The DynamoDB table of the meter's own state, with the tags of resources.
        attribution: The rules of attribution, as JSON.
    """

    account_id: str = Field(min_length=1)
    state_table: str = Field(min_length=3)
    attribution: Annotated[AttributionSetting, BeforeValidator(from_json_text)] = (
        AttributionSetting()
    )

    @property
    def attribution_rules(self) -> AttributionRules:
        """The rules by which calls are attributed."""
        return self.attribution.to_domain()
