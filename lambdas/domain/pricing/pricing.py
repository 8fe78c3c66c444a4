"""The prices in force: list prices, contracted prices, and whether prices may be assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from lambdas.domain.pricing.contracted import ContractedPrices
from lambdas.domain.pricing.price import PriceBasis, UsdPerMillion
from lambdas.domain.pricing.price_book import PriceBook
from lambdas.domain.pricing.routes import Route


class DatedPrices(Protocol):
    """The prices of calls, by the time of the call."""

    def get(self, called_at: datetime) -> Pricing:
        """Get the prices of calls of a time."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """List prices, contracted prices, and the rule for assumed prices.

    Attributes:
        book: List prices.
        contracted: Contracted prices.
        assume_prices: Whether the highest listed price of the partition is assumed where the place
            of a call has no price.
    """

    book: PriceBook
    contracted: ContractedPrices = field(default_factory=ContractedPrices)
    assume_prices: bool = True

    def get(self, called_at: datetime) -> Pricing:  # noqa: ARG002
        """Return these prices, for any time; see `DatedPrices`."""
        return self

    @property
    def size_steps(self) -> tuple[int, ...]:
        """The input tokens of a call above which any price changes, in order.

        Below and between them, a call's cost is the sum of its tokens at prices per token.
        """
        return self.book.size_steps

    def knows(self, model_id: str) -> bool:
        """Say if calls of a model can have a cost at any time, in any scope."""
        return self.book.knows(model_id) or any(
            price.usd_per_million and price.applies_to(model_id) for price in self.contracted
        )

    def rates_in(
        self,
        model_id: str,
        route: Route,
        day: date,
        total_input_tokens: int,
        service_tier: str | None = None,
    ) -> UsdPerMillion:
        """Get the prices of a model's tokens in calls like these, as `price_call` takes them.

        Args:
            model_id: The foundation model.
            route: The way and the Region in which it is called.
            day: The day of the calls, UTC.
            total_input_tokens: The tokens that each call reads, cached ones included.
            service_tier: The tier that serves them; `None` for the standard one.

        Returns:
            Prices; a kind that is left out has no known price.
        """
        prices = self.book.get_prices(model_id, route, day, service_tier)
        contracted = self.contracted.get_price(model_id, day, service_tier)
        listed = {
            kind: rate.usd
            for kind, rate in prices.token_rates(total_input_tokens).items()
            if self.assume_prices or rate.basis is not PriceBasis.ASSUMED
        }
        return listed if contracted is None else contracted.apply_to(listed)
