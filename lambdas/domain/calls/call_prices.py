"""Prices calls that are not in the log yet, as the log will have them priced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from lambdas.domain.calls.enricher import CallEnricher
from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts, UsageRecord
from lambdas.domain.invocations.identity import UNKNOWN_IDENTITY
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.pricing import Cost, DatedPrices


@dataclass(frozen=True, slots=True)
class CallPrices:
    """Prices calls in a Region.

    Attributes:
        get_prices: Gets the prices in force. They are loaded with the first call that needs them.
        region: The Region.
    """

    get_prices: Callable[[], DatedPrices]
    region: str

    def price(
        self, asked: AskedCall, tokens: TokenCounts, served: ServedCall | None = None
    ) -> Decimal | None:
        """Price a call; `None` if a price is not known. That does not mean free.

        Args:
            asked: The call.
            tokens: The tokens.
            served: How it was served; `None` for as it is asked.
        """
        served = ServedCall(asked.service_tier) if served is None else served
        record = UsageRecord(
            account_id="",
            region=self.region,
            request_id="",
            timestamp=asked.at,
            operation=asked.operation,
            model_id=foundation_model_id(asked.invoked_model_id),
            invoked_model_id=asked.invoked_model_id,
            identity_arn=UNKNOWN_IDENTITY,
            tokens=tokens,
            service_tier=served.service_tier,
            billed_units=served.billed_units,
            largest_sampling_tokens=served.largest_sampling_tokens,
        )
        enricher = CallEnricher(self.get_prices())
        cost = enricher.price(record, enricher.find_models(record))
        return cost.effective_usd if isinstance(cost, Cost) else None
