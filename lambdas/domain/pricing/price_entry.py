"""The prices of calls of one model, route, day and tier, and what tokens and units cost at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lambdas.domain.invocations import BilledUnits, CallVariant, TokenCounts
from lambdas.domain.invocations.token_counts import UNKNOWN_COUNTS
from lambdas.domain.pricing.contracted import ContractedPrice
from lambdas.domain.pricing.cost import CostLine, UnitLine, Unpriced
from lambdas.domain.pricing.price import BilledUnit, PriceBasis, TokenKind
from lambdas.domain.pricing.price_book import CallPrices, ListRate
from lambdas.domain.pricing.pricing import Pricing
from lambdas.domain.pricing.routes import read_route
from lambdas.domain.pricing.unit_models import is_paid_by_the_hour, is_paid_by_units

RESERVED_TIER = "reserved"
"""The service tier that is paid by the hour, whatever is called in it. Source:
https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
"""

_UNITS = frozenset(unit.value for unit in BilledUnit)


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """The prices of calls of one model, route, day and tier.

    Attributes:
        variant: The model and tier.
        prices: Their list prices.
        contracted: Their contracted price.
        assume_prices: Whether a price of another place can stand in.
        has_standard_price: Whether the model has a price in the standard tier.
        is_of_any_model: Whether the prices are those of any model, whatever the variant is.
        leaves_out_unpriced: Whether a kind or unit without a price is left out, instead of making
            the whole call unpriced.
    """

    variant: CallVariant
    prices: CallPrices
    contracted: ContractedPrice | None
    assume_prices: bool
    has_standard_price: bool = False
    is_of_any_model: bool = False
    leaves_out_unpriced: bool = False

    def token_lines(
        self, tokens: TokenCounts, units: BilledUnits, size: int
    ) -> tuple[CostLine, ...] | Unpriced:
        """Price tokens. A call that is billed in other units may have no tokens."""
        used = _used(tokens)
        if self._is_reserved or self._lacks_units(used, units):
            return Unpriced.BILLED_IN_OTHER_UNITS
        if not used and units:
            return ()
        if tokens.is_missing:
            return Unpriced.NO_COUNTS
        listed = self.prices.token_rates(size)
        if self._is_paid_by_units:
            used = tuple((kind, count) for kind, count in used if kind in listed)
        elif not listed and not (self.contracted and self.contracted.usd_per_million):
            return self._missing_price
        elif not used and TokenKind.OUTPUT not in listed and TokenKind.INPUT in listed:
            return Unpriced.BILLED_IN_OTHER_UNITS  # an embedding of something else than text
        return self._lines(used, listed)

    def unit_lines(
        self, units: BilledUnits, tokens: TokenCounts = UNKNOWN_COUNTS
    ) -> tuple[UnitLine, ...] | Unpriced:
        """Price units; images of a model that is paid by tokens alone are part of its tokens."""
        rates = self.prices.unit_rates
        are_in_tokens = bool(_used(tokens)) and not (rates or self._is_paid_by_units)
        lines = []
        for name, count in units:
            unit = BilledUnit(name) if name in _UNITS else None
            rate = rates.get(unit) if unit else None
            if unit is BilledUnit.IMAGE and rate is None and are_in_tokens:
                continue
            if unit is None or rate is None or not self._is_allowed(rate):
                if self.leaves_out_unpriced:
                    continue
                return Unpriced.ONLY_ASSUMED if rate else Unpriced.BILLED_IN_OTHER_UNITS
            usd = rate.usd if self.contracted is None else rate.usd * self.contracted.share_paid
            lines.append(UnitLine(unit, count, self.variant.model_id, usd, rate))
        return tuple(lines)

    def _lines(
        self, used: Sequence[tuple[TokenKind, int]], listed: Mapping[TokenKind, ListRate]
    ) -> tuple[CostLine, ...] | Unpriced:
        lines = []
        for kind, count in used:
            rate = listed.get(kind)
            known = rate if rate is not None and self._is_allowed(rate) else None
            list_usd = known.usd if known else None
            usd = (
                list_usd
                if self.contracted is None
                else self.contracted.get_usd_per_million(kind, list_usd)
            )
            if usd is None and self.leaves_out_unpriced:
                continue
            if usd is None:
                return Unpriced.ONLY_ASSUMED if rate else Unpriced.NO_PRICE_OF_A_KIND
            lines.append(CostLine(kind, count, list_usd, usd, known))
        return tuple(lines)

    def _lacks_units(self, used: Sequence[object], units: BilledUnits) -> bool:
        """Return true when a call is billed in units and its log does not report them."""
        if units:
            return False
        return self._is_paid_by_units or bool(self.prices.unit_rates and not used)

    @property
    def _missing_price(self) -> Unpriced:
        """The reason why there is no price of tokens at all."""
        if self.has_standard_price:
            return Unpriced.NO_PRICE_OF_THE_TIER
        is_hourly = is_paid_by_the_hour(self.variant.model_id)
        return Unpriced.BILLED_IN_OTHER_UNITS if is_hourly else Unpriced.NO_PRICE

    @property
    def _is_reserved(self) -> bool:
        return not self.is_of_any_model and self.variant.service_tier == RESERVED_TIER

    @property
    def _is_paid_by_units(self) -> bool:
        return not self.is_of_any_model and is_paid_by_units(self.variant.model_id)

    def _is_allowed(self, rate: ListRate) -> bool:
        return self.assume_prices or rate.basis is not PriceBasis.ASSUMED


def find_entry(pricing: Pricing, variant: CallVariant, day: date, region: str) -> PriceEntry:
    """Find the prices of calls of a model and tier on a day."""
    model_id, invoked_model_id, tier = variant
    route = read_route(invoked_model_id, region)
    prices = pricing.book.get_prices(model_id, route, day, tier)
    contracted = pricing.contracted.get_price(model_id, day, tier)
    has_standard_price = tier is not None and bool(
        pricing.book.get_prices(model_id, route, day) or pricing.contracted.get_price(model_id, day)
    )
    return PriceEntry(variant, prices, contracted, pricing.assume_prices, has_standard_price)


def tokens_by_kind(tokens: TokenCounts) -> Iterator[tuple[TokenKind, int]]:
    """The tokens of a call by the kinds that have prices, without unused kinds.

    If the log does not say which cache writes are kept for an hour, all are priced as kept for
    five minutes, which is Bedrock's default.
    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
    """
    for_an_hour = tokens.cache_write_1h or 0
    for kind, count in (
        (TokenKind.INPUT, tokens.input),
        (TokenKind.OUTPUT, tokens.output),
        (TokenKind.CACHE_READ, tokens.cache_read),
        (TokenKind.CACHE_WRITE_5M, (tokens.cache_write or 0) - for_an_hour),
        (TokenKind.CACHE_WRITE_1H, for_an_hour),
    ):
        if count:
            yield kind, count


def _used(tokens: TokenCounts) -> tuple[tuple[TokenKind, int], ...]:
    return () if tokens.is_missing else tuple(tokens_by_kind(tokens))
