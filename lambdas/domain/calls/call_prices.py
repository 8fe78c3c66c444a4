"""Prices the tokens of calls that are not in the log yet, as the log will have them priced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lambdas.domain.calls.enricher import CallEnricher
from lambdas.domain.invocations import TokenCounts, UsageRecord
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
        self,
        invoked_model_id: str,
        operation: str,
        service_tier: str | None,
        at: datetime,
        tokens: TokenCounts,
    ) -> Decimal | None:
        """Price the tokens of a call; `None` if a price is not known. That does not mean free.

        Args:
            invoked_model_id: The id or ARN that the caller named.
            operation: The operation, as invocation logs name it.
            service_tier: The tier; `None` for the standard one.
            at: The time of the call.
            tokens: The tokens.
        """
        record = UsageRecord(
            account_id="",
            region=self.region,
            request_id="",
            timestamp=at,
            operation=operation,
            model_id=foundation_model_id(invoked_model_id),
            invoked_model_id=invoked_model_id,
            identity_arn=UNKNOWN_IDENTITY,
            tokens=tokens,
            service_tier=service_tier,
        )
        enricher = CallEnricher(self.get_prices())
        cost = enricher.price(record, enricher.find_models(record))
        return cost.effective_usd if isinstance(cost, Cost) else None
