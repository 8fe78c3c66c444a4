"""Prices a call for limits in US dollars: the most that it can cost, and what it has cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from lambdas.domain.bedrock_calls import CallNeed
from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts
from lambdas.domain.limit_policies.ports import PricesUnavailableError, TokenPrices
from lambdas.domain.money import PICODOLLARS, to_picodollars


@dataclass(frozen=True, slots=True)
class CallPricing:
    """Prices one call.

    Attributes:
        prices: The prices in force.
        asked: The call.
    """

    prices: TokenPrices
    asked: AskedCall

    def price_need(self, need: CallNeed) -> int | None:
        """Price the most expensive way in which a call may be billed.

        Bedrock may serve a call in the standard tier, whatever tier it asks for.

        Returns:
            Pico-dollars, rounded up; `None` if the price of its tier is not known.

        Raises:
            PricesUnavailableError: Prices cannot be read.
        """
        asked = self._price_dearest(self.asked, need)
        if asked is None or self.asked.service_tier is None:
            return asked
        standard = self._price_dearest(self.asked._replace(service_tier=None), need)
        return asked if standard is None else max(asked, standard)

    def price_use(self, used: TokenCounts, served: ServedCall | None = None) -> int | None:
        """Price what a call has used, exactly as the ledger does.

        Args:
            used: The tokens that it has used.
            served: How it was served; `None` for as it was asked.

        Returns:
            Pico-dollars; `None` if the price is not known, or cannot be read.
        """
        try:
            usd = self.prices.price(self.asked, used, served)
        except PricesUnavailableError:
            return None
        return None if usd is None else to_picodollars(usd)

    def _price_dearest(self, asked: AskedCall, need: CallNeed) -> int | None:
        plain, *others = [self.prices.price(asked, each) for each in _list_ways(need)]
        if plain is None:
            return None
        return _round_up(max([plain, *(usd for usd in others if usd is not None)]))


def _list_ways(need: CallNeed) -> Iterator[TokenCounts]:
    """List the ways in which the input may be billed: the plain one, and as each kind of cache."""
    read, output = need.input_tokens, need.output_tokens
    yield TokenCounts(read, output)
    yield TokenCounts(0, output, cache_read=read)
    yield TokenCounts(0, output, cache_write=read)
    yield TokenCounts(0, output, cache_write=read, cache_write_1h=read)


def _round_up(usd: Decimal) -> int:
    """Convert US dollars to pico-dollars, rounded up.

    >>> _round_up(Decimal("0.0000000000015"))
    2
    """
    return int((usd * PICODOLLARS).to_integral_value(ROUND_CEILING))
